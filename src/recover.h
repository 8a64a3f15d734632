/* SPDX-License-Identifier: MIT */
/* The story of one recovery, told in order. */
#ifndef REPLUG_RECOVER_H
#define REPLUG_RECOVER_H

#include "config.h"
#include "device.h"
#include "status.h"

enum recover_mode {
	RECOVER_EVENT, /* udev saw the device being added: the guard decides */
	RECOVER_HAND,  /* a person asks: all is forgiven, a running recovery is not waited for */
	RECOVER_RESET, /* a person asks for the reset alone */
	RECOVER_CHIP,  /* a person asks for the chip alone */
};

struct run {
	struct udev *udev;
	const struct config *config;
	enum recover_mode mode;
	struct conf_ladder ladder; /* of RECOVER_RESET */
	bool baud_set;             /* a person knows the chip's rate better than the configuration */
	unsigned baud;             /* 0: find out */
};

/*
 * Recovers the device in a port: lock, guard, reset, wait until it is back, initialise, verify, record, and one
 * line to the log; then what its section's `then` names. Signals must be blocked (wait_block_signals).
 */
enum status recover_port(const struct run *run, const char *port);

/*
 * Pays what is owed for a port (debt.h), if no run has it. Returns STATUS_DONE, STATUS_HELD (a run has it), or
 * STATUS_FAILED with the reason logged.
 */
enum status recover_settle(const char *port);

/*
 * A supervise's `stuck`: puts on record that the kernel keeps the run. From then on, events on the port are answered
 * at once, until it lets go.
 */
void recover_stuck(const char *port, pid_t pid);

/*
 * How long a run on a device of this section (NULL: none) may be kept by the kernel before it counts as stuck:
 * three times what the device may take to be back.
 */
uint32_t recover_stuck_ms(const struct device_conf *d);

/* The longest that recover_port may take on a port, in milliseconds, if the kernel keeps its own deadlines. */
uint32_t recover_budget_ms(const struct config *c);

/*
 * udev saw the device of a port removed: the outcome on record becomes "gone", unless a run is about to say so.
 * What the event knows of the device (udev's PRODUCT, our REPLUG_DEVICE; either may be NULL) begins a record for
 * one that vanished before a run could look at it.
 */
enum status recover_gone(struct udev *udev, const char *port, const char *product, const char *section);

#endif
