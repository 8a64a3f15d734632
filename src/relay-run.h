/* SPDX-License-Identifier: MIT */
/*
 * One command to one contact. Two processes see to it: a hand in a session of its own, with none of the caller's
 * stdio, which talks to the board, and this one, which tells the outcome. Each of them opens the contact if the other
 * is killed while it is closed, and a board that hangs in the kernel hangs the hand alone.
 */
#ifndef REPLUG_RELAY_RUN_H
#define REPLUG_RELAY_RUN_H

#include "relay-target.h"

enum relay_verb { RELAY_GET, RELAY_ON, RELAY_OFF, RELAY_TOGGLE, RELAY_PULSE };

/* How long a get may take in all, so that kvmd's page does not stall; the others; and a board's return, in ms. */
enum { RELAY_GET_MS = 300, RELAY_SWITCH_MS = 3000, RELAY_RETURN_MS = 10000 };

struct relay_job {
	const struct relay_target *t;
	enum relay_verb verb;
	uint32_t pulse_ms;
	bool all;
	int contact; /* the descriptor of relay_take, for a pulse */
};

struct relay_outcome {
	enum status status; /* of get: DONE closed, FAILED open, UNKNOWN */
	int priority;       /* of syslog */
	char text[400];     /* in words, without the board's name */
};

/*
 * Runs the command, until the deadline (of clock_ms) but for a pulse, whose press has to be done by then: that
 * returns when the contact is open again, or when all that could be done about it has been done. Sets job->contact.
 */
void relay_run(struct relay_job *job, uint64_t deadline, struct relay_outcome *out);

#endif
