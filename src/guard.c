/* SPDX-License-Identifier: MIT */
#include "guard.h"

#include <string.h>

/* From the end of a run to the start of the unit for what it had enumerated anew, on a slow machine. */
enum { JUST_NOW_MS = 10000 };

void guard_forgive(struct record *r)
{
	r->held = false;
	r->resets = 0;
	r->last_reset_ms = 0;
}

static unsigned within(const struct record *r, uint64_t now, uint32_t ms)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->resets; i++)
		n += now - r->reset_ms[i] < ms;
	return n;
}

bool guard_allows(const struct record *r, const struct guard_conf *g, uint64_t now)
{
	return within(r, now, g->window_ms) < g->max_resets;
}

void guard_note_reset(struct record *r, uint64_t now)
{
	if (r->resets == GUARD_RESETS_MAX)
		memmove(r->reset_ms, r->reset_ms + 1, --r->resets * sizeof(r->reset_ms[0]));
	r->reset_ms[r->resets++] = r->last_reset_ms = now;
}

/* A time moved on, but not past now; never stays never. */
static uint64_t later(uint64_t t, uint64_t by, uint64_t now)
{
	return !t ? 0 : t + by < now ? t + by : now;
}

void guard_note_end(struct record *r, uint64_t begun, uint64_t now)
{
	for (unsigned i = 0; i < r->resets; i++)
		r->reset_ms[i] = later(r->reset_ms[i], now - begun, now);
	r->event_ms = later(r->event_ms, now - begun, now);
}

void guard_unnote_reset(struct record *r)
{
	if (r->resets)
		r->resets--;
	r->last_reset_ms = 0;
}

enum guard_answer guard_event(
	struct record *r, const struct guard_conf *g, unsigned dev, uint64_t added, uint64_t now, bool *fresh)
{
	uint64_t quiet_since = r->event_ms;
	bool gone = r->state == RECORD_GONE; /* and not silent: that was no unplug */

	*fresh = false;
	r->event_ms = now;
	if (!gone && r->state == RECORD_RECOVERED && r->dev == dev)
		return GUARD_DONE;
	/* Added by the very run that then could not help it: its event has waited for that run's end, or for udev.
	 * The kernel gives a number to no other device before it has been through all of them. */
	if (r->state == RECORD_FAILED && r->dev == dev && now - r->ended_ms < JUST_NOW_MS)
		return GUARD_DONE;
	if (gone && added >= r->gone_ms && added - r->gone_ms >= g->forgive_ms)
		guard_forgive(r);
	if (quiet_since && now - quiet_since >= g->window_ms)
		guard_forgive(r);
	if (r->held)
		return GUARD_HELD;
	if (r->last_reset_ms && now - r->last_reset_ms < g->cool_down_ms)
		return GUARD_FINISH;
	if (!guard_allows(r, g, now)) {
		r->held = *fresh = true;
		return GUARD_HELD;
	}
	return GUARD_RESET;
}

enum guard_answer guard_checkup(struct record *r, const struct guard_conf *g, uint64_t now, bool *fresh)
{
	*fresh = !r->held && !guard_allows(r, g, now);
	r->held |= *fresh;
	return r->held ? GUARD_HELD : GUARD_RESET;
}
