/* SPDX-License-Identifier: MIT */
/*
 * Devices that fell off the bus and were given up by the kernel: no device is left to be found by its ID, only a port
 * in which something is still plugged. Whether that is so only the hub can tell, and it does not answer while the
 * kernel tries to enumerate what is in its port: so udev's event only leaves a note, and who reads it may wait.
 */
#ifndef REPLUG_LOST_H
#define REPLUG_LOST_H

#include "recover.h"

#define LOST_DIR RECORD_DIR "/lost"

/* Notes that a port is to be looked at (systemd starts `replug lost` when there is a note). */
void lost_mark(const char *port);

/* A supervise's `more`: takes the notes, as a malloc'ed array of ports. Returns how many; 0 also where none can be
 * had.
 */
size_t lost_take(char (**port)[32]);

/* A supervise_job for a port of which there was a note. Nothing is said or done where it is simply empty. */
enum status lost_look(void *run, const char *port);

/*
 * For an empty port whose lock is held: waits until the device is back by itself, and otherwise, where the hub still
 * sees something, tries what its section has for a port without a device. *back becomes true where a device is
 * there by now that is yet to be looked after.
 */
enum status lost_port(const struct run *run, const char *port, bool *back);

#endif
