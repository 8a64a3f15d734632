/* SPDX-License-Identifier: MIT */
/* What `replug-relay list` prints. */
#ifndef REPLUG_RELAY_LIST_H
#define REPLUG_RELAY_LIST_H

#include <libudev.h>

#include "config.h"
#include "status.h"

/* Every [relay] section, and the contacts of plugged boards that have none and cannot be mistaken. */
enum status relay_list(struct udev *udev, const struct config *c, bool json);

#endif
