/* SPDX-License-Identifier: MIT */
/* A terminal as the place for a table that changes: entered, drawn line by line where it differs, and left as it was.
 */
#ifndef REPLUG_WATCH_SCREEN_H
#define REPLUG_WATCH_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

#include "watch-out.h"
#include "watch-ports.h"

enum { SCREEN_LINE = 1024, SCREEN_EVENTS = 200 };

struct screen {
	const struct out *out;
	bool entered, colour, keys; /* keys: standard input is a terminal, too */
	struct termios before;
	unsigned rows, columns;
	char (*shown)[SCREEN_LINE]; /* what stands in each row */
	size_t known;               /* rows of them that are right; 0: draw all */
	char *event[SCREEN_EVENTS]; /* a ring of the latest ones */
	size_t events;              /* how many there ever were */
};

/* Whether standard output is a terminal that can be drawn on. */
bool screen_possible(void);

/* Takes the terminal. Returns 0 or a negative errno; screen_leave gives it back, whatever has happened. */
int screen_enter(struct screen *s, const struct out *out);
void screen_leave(struct screen *s);
void screen_free(struct screen *s);

void screen_event(struct screen *s, const struct event *e);

/*
 * Draws what has changed, all in one write. Returns what out_put does, and -ENOMEM. *next is when (of clock_ms) it
 * will look different without anything having happened, or UINT64_MAX.
 */
int screen_draw(struct screen *s, const struct ports *p, uint64_t *next);

/* Reads keys. Returns whether q was among them; ended: there will be no more. */
bool screen_quit(struct screen *s, bool *ended);

#endif
