/* SPDX-License-Identifier: MIT */
/* A raw tty with deadlines. */
#ifndef REPLUG_SERIAL_H
#define REPLUG_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Opens a tty raw, 8N1, no flow control, at a POSIX rate (1200 … 115200). RTS is dropped at once, because some
 * boards wire it to the CH9329's DEF pin, which held low for 3 s is a factory reset; HUPCL is off, so that
 * closing moves no line either. Never waits for a carrier, never becomes the controlling terminal.
 * found: the rate that the tty had before, as serial_rate_now; or NULL. Returns 0, -EINVAL (no such rate) or another
 * negative errno.
 */
int serial_open(const char *path, unsigned baud, unsigned *found, int *fd);

/* The rate that the tty has now, for all who have it open, from whoever set it last; 0: none of those. */
unsigned serial_rate_now(int fd);

/* Whether a rate is one of those that serial_open takes. */
bool serial_knows(unsigned baud);

/* Changes the rate and throws away what has come in at the old one. Returns 0, -EINVAL or another negative errno. */
int serial_rate(int fd, unsigned baud);

/* Throws away what is queued both ways, so that closing has nothing to wait for. */
void serial_close(int fd);

/*
 * Writes everything in one write(): the chip takes a gap of over 3 ms for the end of a frame. Returns 0, -EINTR,
 * -ETIMEDOUT (the port did not take it by the deadline of clock_ms), -ENODEV (the tty is gone), or another
 * negative errno.
 */
int serial_write(int fd, const void *data, size_t len, uint64_t deadline);

/* Returns the number of bytes read, 0 at the deadline, -EINTR, -ENODEV (the tty is gone) or another negative errno.
 */
ssize_t serial_read(int fd, void *data, size_t len, uint64_t deadline);

#endif
