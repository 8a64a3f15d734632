/* SPDX-License-Identifier: MIT */
/* Which contact of which board is meant. */
#ifndef REPLUG_RELAY_TARGET_H
#define REPLUG_RELAY_TARGET_H

#include <libudev.h>

#include "device.h"
#include "relay-state.h"
#include "relay.h"
#include "status.h"

struct relay_target {
	struct device d;
	struct relay_conf conf; /* the section's, or made up of the options */
	const struct relay_driver *driver;
	unsigned channels;           /* of the board; 0: not known */
	char node[64], syspath[512]; /* of the node */
	char name[128];              /* "power (1-1.3 channel 1)": how it is named in every message */
};

/* What was said on the command line. */
struct relay_words {
	const char *target;
	unsigned channel, protocol; /* 0: not said */
	bool all;                   /* every channel: none need be said */
};

/*
 * Finds the board, by a section's name or a selector. Returns STATUS_DONE; STATUS_USAGE (no such section, several
 * boards, no such channel, a protocol that has to be said, a board that may be a CH9329); STATUS_NO_DEVICE;
 * STATUS_FAILED. Else than DONE it has told why.
 */
enum status relay_resolve(
	struct udev *udev, const struct config *c, const struct relay_words *words, struct relay_target *t);

/*
 * Where a contact is that was left pressed. Returns STATUS_DONE; STATUS_NO_DEVICE: nothing is in its port, or not its
 * board; or another one: its board cannot be spoken to now. Else than DONE, why is to be told.
 */
enum status relay_resolve_orphan(struct udev *udev, const struct config *c, const struct relay_orphan *o,
	struct relay_target *t, char *why, size_t size);

/*
 * Fills in driver, channels, node and name for the device t->d and the section t->conf. Returns as above, with why
 * (size bytes) to be told.
 */
enum status relay_describe(struct relay_target *t, bool all, char *why, size_t size);

#endif
