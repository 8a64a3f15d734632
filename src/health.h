/* SPDX-License-Identifier: MIT */
/* Whether one device is well: signs of life, mildest first, that disturb nobody. */
#ifndef REPLUG_HEALTH_H
#define REPLUG_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device.h"
#include "record.h"
#include "use.h"

enum health {
	HEALTH_UNKNOWN, /* cannot tell: no permission, no answer in time, another run has it; or ill, and in use */
	HEALTH_WELL,
	HEALTH_AILING, /* answers on endpoint 0, but something above that does not */
	HEALTH_DEAD,   /* does not even do that */
};
extern const char *const health_name[]; /* NULL at the end */

/*
 * How long asking one device may take, in milliseconds: its endpoint 0 has 1 s, the chip 3 s, and the kernel gives
 * a capture chip 5 s for the format and 5 s more to say what is wrong with it.
 */
enum { HEALTH_MS = 15000 };

/*
 * Asks one device: GET_STATUS on endpoint 0; the nodes that its section expects; the capture node's format and the
 * CH9329's GET_INFO, each unless somebody else has that node open. r is the port's record, for the chip's rate.
 * Opens no other device. evidence (size bytes) says in words what the verdict rests on.
 */
enum health health_ask(
	const struct device *d, const struct use *use, const struct record *r, char *evidence, size_t size);

/*
 * Puts the verdict of a round on record, at now in seconds since 1970; the caller saves it. HEALTH_UNKNOWN changes
 * nothing. Returns whether the record changed; *turned becomes true when that is news: another verdict than the one
 * before, or a first one that is not well. Pure.
 */
bool health_note(struct record *r, enum health found, int64_t now, bool *turned);

/*
 * Whether a device that the kernel has suspended is to be woken for a question at now (of clock_ms): an idle capture
 * chip sleeps, and some do not stand being woken twice a minute. Not if it was well, and woken less than ten minutes
 * ago. Pure.
 */
bool health_wakes(const struct record *r, uint64_t now);

/* Whether it is suspended. Reading that wakes nobody. */
bool health_asleep(const struct device *d);

/*
 * Whether a device that bad rounds in a row (counted with the last one) found ailing or dead is to be recovered now:
 * at the second, and where that did not help after twice as many rounds each time, later each 128 (with a round
 * each 30 s, about an hour): what a reset did not heal five times is not healed by resets, and a chip may be without
 * power because the computer it belongs to is off. Pure.
 */
bool health_due(unsigned bad);

#endif
