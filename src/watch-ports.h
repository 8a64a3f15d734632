/* SPDX-License-Identifier: MIT */
/* What is known of each port, and which news of it are events. */
#ifndef REPLUG_WATCH_PORTS_H
#define REPLUG_WATCH_PORTS_H

#include <stdbool.h>
#include <stddef.h>

#include "record.h"
#include "selector.h"
#include "watch-event.h"

struct watch_port {
	char port[DEVICE_PORT_SIZE];
	bool plugged;
	bool mine;        /* what is plugged there, or was last, is asked for */
	unsigned dev;     /* its number */
	struct event who; /* its names */
	bool recorded;
	struct record r;           /* with the state that a reader has to believe */
	enum record_state written; /* and the one that was in the file */
};

struct ports {
	const struct selector *sel; /* NULL: all */
	bool quiet;                 /* nothing is an event yet */
	void (*happened)(void *ctx, const struct event *e);
	void *ctx;
	struct watch_port *list; /* sorted by port */
	size_t n;
};

void ports_free(struct ports *p);

/* The one of that name, or NULL. */
struct watch_port *ports_find(struct ports *p, const char *port);

/* A device (its names in who) with this number is in the port. All these return 0 or -ENOMEM. */
int ports_plugged(struct ports *p, const struct event *who, unsigned dev, bool mine);

/* The one with this number (0: whichever) is not there any more. */
void ports_unplugged(struct ports *p, const char *port, unsigned dev);

/* The port's record: its state is what record_state_now made of the written one. */
int ports_recorded(struct ports *p, const struct record *r, enum record_state written);

/* The port's record was removed. */
void ports_forgotten(struct ports *p, const char *port);

/* Whether the port's record is asked for. */
bool ports_shown(const struct ports *p, const struct watch_port *w);

#endif
