/* SPDX-License-Identifier: MIT */
/* Waiting with a deadline, and in such a way that a signal ends it. */
#ifndef REPLUG_WAIT_H
#define REPLUG_WAIT_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* How often state that tells nobody about its changes is looked at. */
enum { WAIT_POLL_MS = 20 };

/* Milliseconds of CLOCK_BOOTTIME: never set back, and time asleep counts, as a cool-down should. */
uint64_t clock_ms(void);

/*
 * The signals that ask a program to stop: SIGTERM, SIGINT, and SIGHUP where nobody has that ignored for it, as
 * nohup(1) does.
 */
void wait_stops(sigset_t *set);

/*
 * Blocks these for the whole process: from here on they arrive in wait_for only, so that no step is cut in two.
 * Returns 0 or a negative errno.
 */
int wait_block_signals(void);

/* Whether one of them has arrived, in whichever wait. */
bool wait_interrupted(void);

/*
 * Waits until fd has one of the poll events, or until the deadline (of clock_ms); fd -1 waits for time only.
 * Returns the events, 0 at the deadline, -EINTR when asked to stop, or another negative errno.
 */
int wait_for(int fd, short events, uint64_t deadline);

#endif
