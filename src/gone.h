/* SPDX-License-Identifier: MIT */
/* What comes on record of a device that is not in its port any more. */
#ifndef REPLUG_GONE_H
#define REPLUG_GONE_H

#include "recover.h"

/* The kernel's own tries to enumerate a device that does not answer. */
enum { GONE_RESET_MS = 30000 };

/*
 * The number of what is in the port once its lock has been let go, or 0. Whoever removes it after this finds the
 * lock free. Somebody else's reset, during which it has no number, is waited for, at most 30 s.
 */
unsigned gone_not(const char *port);

/*
 * udev saw the device of a port removed: the outcome on record becomes "gone", unless a run is about to say so.
 * What the event knows of the device (udev's PRODUCT, our REPLUG_DEVICE; either may be NULL) begins a record for
 * one that vanished before a run could look at it. Returns STATUS_DONE, or STATUS_FAILED with the reason logged.
 */
enum status gone_note(const char *port, const char *product, const char *section);

/*
 * The device of an event went before it could be looked at. That is an event all the same: one that comes and goes
 * faster than we can look must not have us started for ever. The lock is held. Returns STATUS_NO_DEVICE or
 * STATUS_HELD, and has logged it.
 */
enum status gone_unseen(const struct run *run, const char *port);

#endif
