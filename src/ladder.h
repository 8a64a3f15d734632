/* SPDX-License-Identifier: MIT */
/* The reset methods, mildest first, and the sign of life that tells whether one helped. Knows no chips. */
#ifndef REPLUG_LADDER_H
#define REPLUG_LADDER_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "device.h"

/* The word for a method, as in the configuration. */
const char *ladder_name(enum reset_method method);

/*
 * Takes one rung on one device, and opens no other. Returns 0, with *renumbered true where the kernel let the
 * device go and will enumerate it anew; -ENODEV (it is gone already), -EACCES, -EIO (the kernel gave
 * up, which drops the device sooner or later), or another negative errno, with
 * why (size bytes) in words. What the kernel does meanwhile cannot be interrupted: the caller has a watchdog.
 */
int ladder_take(enum reset_method method, const struct device *d, bool *renumbered, char *why, size_t size);

/*
 * Asks the device itself, by GET_STATUS on endpoint 0 with a deadline of one second: that the kernel lists it
 * does not mean that it answers. Returns 0, or a negative errno with why in words.
 */
int ladder_alive(const struct device *d, char *why, size_t size);

#endif
