/* SPDX-License-Identifier: MIT */
/* Who has a device's nodes open: what must not be reset under somebody's hands. Reads /proc and opens no node. */
#ifndef REPLUG_USE_H
#define REPLUG_USE_H

#include <stddef.h>

#include "device.h"

struct use {
	unsigned classes; /* whose nodes somebody has open, bits of 1 << enum node_class; 0: nobody */
	char who[160];    /* "kvmd (812), ustreamer (90)"; cut where it does not fit */
};

/*
 * Fills in use[i] for device[i], n of each, in one pass over /proc. Processes other than this one count, with nodes
 * of classes video4linux, tty, hidraw, and of sound the streams (pcm): every desktop holds the mixers, and logind
 * every input node, of a capture dongle too, without using it. Sees only what this user may see.
 */
void use_find(const struct device *const *device, size_t n, struct use *use);

/*
 * Names processes other than this one that have one node open, likewise; dst (size bytes) is empty if there is none.
 * Returns how many.
 */
unsigned use_of_node(const char *path, char *dst, size_t size);

#endif
