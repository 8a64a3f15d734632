/* SPDX-License-Identifier: MIT */
/* How the hubs that devices hang on switch power, asked in a way that a hub which does not answer holds up nobody. */
#ifndef REPLUG_HUBS_H
#define REPLUG_HUBS_H

#include <stddef.h>

#include "device.h"
#include "port.h"

/*
 * Fills power, one for each of the n devices, with an index of hub_power_name, or -1 where it cannot be had: no right
 * to ask, a hub that is gone, or one that has not answered within a second (the kernel has no time for questions
 * while it tries to enumerate a device on that hub). Every hub is asked once, by a process of its own.
 */
void hubs_ask(const struct device *list, size_t n, int *power);

#endif
