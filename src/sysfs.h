/* SPDX-License-Identifier: MIT */
/* Small files in sysfs. */
#ifndef REPLUG_SYSFS_H
#define REPLUG_SYSFS_H

#include <stdbool.h>
#include <stddef.h>

#define SYSFS_USB "/sys/bus/usb/devices"

/*
 * What cannot be looked at for want of memory or descriptors, or by an error of the file system itself (a positive
 * errno), is not therefore missing: whether e is such an error. The first one is kept for sysfs_trouble, which is 0
 * where there was none: who tells of what is there can say that it is not all.
 */
bool sysfs_unread(int e);
int sysfs_trouble(void);

/* The first line of dir/name into dst, without its newline; false, and dst empty, where there is none
 * or, with errno as for sysfs_unread, where it cannot be read. */
bool sysfs_read(const char *dir, const char *name, char *dst, size_t size);

/* A number at the beginning of dir/name, or 0 with errno as for sysfs_read. */
unsigned sysfs_number(const char *dir, const char *name, int base);

/* The last part of where the link dir/name points; false, and dst empty, where there is none. */
bool sysfs_link(const char *dir, const char *name, char *dst, size_t size);

/*
 * Writes text to dir/name in one write. Returns 0, -ENODEV (it is not there, or went) or another negative errno.
 * What the kernel does for it cannot be interrupted.
 */
int sysfs_write(const char *dir, const char *name, const char *text);

#endif
