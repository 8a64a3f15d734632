/* SPDX-License-Identifier: MIT */
/* What list, status and check print: for a person, or as JSON. */
#ifndef REPLUG_SHOW_H
#define REPLUG_SHOW_H

#include <stdbool.h>

#include "config.h"
#include "device.h"
#include "record.h"
#include "status.h"

/*
 * The devices of plugged (n of them) and those that went silent, or those of them that sel names if it is not NULL:
 * none is STATUS_NO_DEVICE then.
 */
enum status show_list(
	const struct config *c, const struct device *plugged, size_t n, const struct selector *sel, bool json);

/*
 * The outcomes on record, of every port or of those that sel names, by the device that is there now (dev, devs of
 * them) or, where none is, by what the record remembers: port, ID, section, product.
 */
enum status show_status(const struct device *dev, size_t devs, const struct selector *sel, bool json);

/* A record is matched by what is in its port, or by what it remembers: the device itself may be gone. */
bool record_matches(const struct record *r, const struct selector *sel, const struct device *dev, size_t devs);

/* What a person should know of an outcome: what was wrong, or what was done and what the chip said. */
void record_what(const struct record *r, char *dst, size_t size);

/* The merged configuration, and what each plugged device would get and why. */
enum status show_check(struct udev *udev, const struct config *c, const struct device *list, size_t n, bool json);

#endif
