/* SPDX-License-Identifier: MIT */
/* Where news of ports comes from: udev's messages about devices, and the records being replaced. */
#ifndef REPLUG_WATCH_SOURCE_H
#define REPLUG_WATCH_SOURCE_H

#include <libudev.h>

#include "config.h"
#include "watch-ports.h"

struct source {
	struct udev *udev;
	const struct config *config;
	struct ports *ports; /* is told of everything */

	struct udev_monitor *monitor;
	int monitor_fd, notify; /* readable when there is news */
	int folder, parent;     /* inotify's watches of the records and of where their folder will be; -1: none */
};

/*
 * Subscribes to both, and only then reads what is there, of which nothing is an event. udev, config and ports are
 * set. Returns 0, or a negative errno with why in words; source_close is called in either case.
 */
int source_open(struct source *s, char *why, size_t size);
void source_close(struct source *s);

/* Takes all news that there are, without waiting. Returns 0, or likewise. */
int source_read(struct source *s, char *why, size_t size);

/* Looks whether runs that have a port are still alive: the end of one that was killed is written nowhere. */
void source_look_after_runs(struct source *s);

/* Whether there are such. */
bool source_has_runs(const struct source *s);

#endif
