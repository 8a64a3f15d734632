/* SPDX-License-Identifier: MIT */
/* Contacts that were left pressed. */
#ifndef REPLUG_RELAY_LEFT_H
#define REPLUG_RELAY_LEFT_H

#include <libudev.h>

#include "config.h"
#include "status.h"

/*
 * Has everything let go that is being pressed, and opens what was left pressed: side by side, each contact by a
 * process of its own, for a board may hang in the kernel. Tells what became of each, and returns the worst status.
 */
enum status relay_left_open(struct udev *udev, const struct config *c);

#endif
