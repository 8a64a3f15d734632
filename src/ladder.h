/* SPDX-License-Identifier: MIT */
/* The reset methods, mildest first, and the sign of life that tells whether one helped. Knows no chips. */
#ifndef REPLUG_LADDER_H
#define REPLUG_LADDER_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "device.h"

/* The word for a method, as in the configuration. */
const char *ladder_name(enum reset_method method);

/* Whether a method can do anything for a port whose device the kernel has given up. */
bool ladder_needs_device(enum reset_method method);

/* One rung to be taken. */
struct rung {
	const struct device *d; /* as it is now; with no number where only its port is left */
	bool allow_ganged;      /* the other devices of a hub may lose their power, too */
	uint32_t power_off_ms;
	/* Puts on record what is owed from now on ("" for nothing), before it is. Returns 0 or a negative errno. */
	int (*owe)(void *ctx, const char *owed);
	void *ctx;
	bool renumbered; /* out: the kernel let the device go, and enumerates it anew if it still answers */
	bool tried;      /* out: something was done to the device, and not only refused */
	char *why;
	size_t size;
};

/*
 * Takes one rung on one device, and opens nothing but that device or its hub. Returns 0; -EOPNOTSUPP (refused, and
 * nothing was done), -ENODEV (it is gone already), -EACCES, -EIO (the kernel gave up, which drops the device sooner
 * or later), -EINTR (a signal came, what was off is on again), or another negative errno, with why in words. What
 * the kernel does meanwhile cannot be interrupted: the caller has a watchdog.
 */
int ladder_take(enum reset_method method, struct rung *r);

/*
 * Asks the device itself, by GET_STATUS on endpoint 0 with a deadline of one second: that the kernel lists it
 * does not mean that it answers. Returns 0, or a negative errno with why in words.
 */
int ladder_alive(const struct device *d, char *why, size_t size);

#endif
