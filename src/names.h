/* SPDX-License-Identifier: MIT */
/* What `replug check` warns of: a `symlink` that is somebody else's, too. */
#ifndef REPLUG_NAMES_H
#define REPLUG_NAMES_H

#include <libudev.h>

#include "config.h"
#include "device.h"

/* list: all n devices that are plugged, sorted by port. Warnings go to stderr and name both sides. */
void names_warn(struct udev *udev, const struct config *c, const struct device *list, size_t n);

#endif
