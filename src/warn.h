/* SPDX-License-Identifier: MIT */
/* What `replug check` warns of: sections that are no errors, and yet will not do what they are for. */
#ifndef REPLUG_WARN_H
#define REPLUG_WARN_H

#include "config.h"
#include "device.h"

/* list: all n devices that are plugged, sorted by port. Warnings go to stderr, and say what to write. */
void warn_sections(const struct config *c, const struct device *list, size_t n);

#endif
