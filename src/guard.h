/* SPDX-License-Identifier: MIT */
/* Whether a plug event may reset a port: what keeps a device that flaps, or our own resets, from going on for ever.
 */
#ifndef REPLUG_GUARD_H
#define REPLUG_GUARD_H

#include "config.h"
#include "record.h"

enum guard_answer {
	GUARD_RESET,  /* go ahead */
	GUARD_FINISH, /* this add may be the doing of our last reset: verify, and reset only if that fails */
	GUARD_DONE, /* this very device was recovered already, since it was plugged, or has just been tried in vain */
	GUARD_HELD, /* leave the port alone; held was set just now or before */
};

/*
 * Weighs a plug event at now (of clock_ms) of the device with number dev that was added at added, and notes it in
 * the record; both are 0 for a device that vanished before it could be looked at. The time from gone to added is
 * what is forgiven, not the time until somebody gets round to ask. Pure: no clock, no file. *fresh becomes true when
 * it is this event that led to GUARD_HELD: one warning is enough.
 */
enum guard_answer guard_event(
	struct record *r, const struct guard_conf *g, unsigned dev, uint64_t added, uint64_t now, bool *fresh);

/*
 * Weighs a recovery that nobody asked for and no plug caused, at now (of clock_ms): GUARD_RESET or GUARD_HELD, with
 * *fresh as above. That the device was recovered before is why it is looked at again, not a reason to leave it
 * alone; and nothing is forgiven here. Pure.
 */
enum guard_answer guard_checkup(struct record *r, const struct guard_conf *g, uint64_t now, bool *fresh);

/* Whether one more reset is allowed within the window. */
bool guard_allows(const struct record *r, const struct guard_conf *g, uint64_t now);

/* A reset is about to be made, or would have been had the device not vanished. */
void guard_note_reset(struct record *r, uint64_t now);

/* It was refused, and none at all. */
void guard_unnote_reset(struct record *r);

/*
 * A run has been at work from begun until now, and that time counts for neither the window nor the peace: where the
 * kernel takes a minute over each reset, no two would be within a window, and it would go on for ever.
 */
void guard_note_end(struct record *r, uint64_t begun, uint64_t now);

/* A person asks: everything is forgiven. */
void guard_forgive(struct record *r);

#endif
