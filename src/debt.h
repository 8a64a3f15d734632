/* SPDX-License-Identifier: MIT */
/*
 * What has been switched off and has to be switched on again, whoever dies meanwhile. A debt is a word; a list of
 * them is what stands on record as `owed`, blanks between:
 *
 *   authorize@8=1-1        device 1-1, number 8, is to be authorized again
 *   bind@8=1-1:1.0         its interface 1.0 (or the device itself) is to have a driver again
 *   power=1-1-port4        a port is to have power again
 */
#ifndef REPLUG_DEBT_H
#define REPLUG_DEBT_H

#include <stddef.h>

enum { DEBT_SIZE = 1024 };

/* A port's power is off for this long at least: one that only blinks leaves a device worse than it was, or unnoticed.
 */
enum { POWER_BLINK_MS = 250 };

/* Each adds a word to the list (DEBT_SIZE bytes). Returns 0 or -ENOSPC. */
int debt_authorize(char *owed, const char *device, unsigned dev);
int debt_bind(char *owed, const char *what, unsigned dev);
int debt_power(char *owed, const char *port);

/*
 * Pays all that can be paid, in order, and leaves the rest on the list. What cannot be owed any more (another device
 * is in the port by now, the hub is gone) is struck off. Safe to repeat. Returns 0 when nothing is left, or a
 * negative errno with why (size bytes) in words.
 */
int debt_pay(char *owed, char *why, size_t size);

#endif
