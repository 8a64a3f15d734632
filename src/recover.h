/* SPDX-License-Identifier: MIT */
/* The story of one recovery, told in order. */
#ifndef REPLUG_RECOVER_H
#define REPLUG_RECOVER_H

#include "config.h"
#include "device.h"
#include "status.h"
#include "supervise.h"

enum recover_mode {
	RECOVER_EVENT,   /* udev saw the device being added: the guard decides */
	RECOVER_CHECKUP, /* a timer found it due or ill: the guard decides, and whoever has the port is left alone */
	RECOVER_HAND,    /* a person asks: all is forgiven, a running recovery is not waited for */
	RECOVER_RESET,   /* a person asks for the reset alone */
	RECOVER_CHIP,    /* a person asks for the chip alone */
};

struct run {
	struct udev *udev;
	const struct config *config;
	enum recover_mode mode;
	struct conf_ladder ladder; /* of RECOVER_RESET */
	bool unasked;              /* a timer's doing: that it succeeded is worth a notice */
	bool baud_set;             /* a person knows the chip's rate better than the configuration */
	unsigned baud;             /* 0: find out */
};

/*
 * A supervise_job, its context a struct run. Recovers the device in a port: lock, guard, reset, wait until it is
 * back, initialise, verify, record, and one line to the log; then what its section's `then` names. Signals must be
 * blocked (wait_block_signals).
 */
enum status recover_port(void *run, const char *port);

/*
 * A port's lock for a person, as record_lock: a run that recovers the device is not waited for; a check-up, which has
 * the lock for HEALTH_MS at most, is.
 */
int recover_lock(const char *port);

/*
 * Pays what is owed for each of these ports (debt.h) that no run has, supervised, and notes the removals that a run
 * has missed because it was killed. Returns STATUS_DONE, STATUS_HELD
 * (a run has one of them), or STATUS_FAILED with the reason logged.
 */
enum status recover_settle(const char *const *port, size_t n);

/* A supervise's `stuck`: puts on record that the kernel keeps that process, at the port that it is at work on. */
void recover_stuck(const char *port, pid_t pid);

/*
 * Runs a job with run for its context on each port, side by side and supervised, then pays what one that was killed
 * has left owed. lost_look is run on the ports of which there are notes, or come to be while it is at work; n is 0.
 * One of named ports that the kernel keeps for longer than three times their longest `timeout` is given up: that is
 * put on record, and from then on events on its port are answered at once, until the kernel lets go of it. Returns
 * the worst status.
 */
enum status recover_ports(const char *const *port, size_t n, supervise_job *job, struct run *run);

#endif
