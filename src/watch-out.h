/* SPDX-License-Identifier: MIT */
/* Standard output, written to without being held up by a reader that does not read. */
#ifndef REPLUG_WATCH_OUT_H
#define REPLUG_WATCH_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct out {
	int fd;
	bool own; /* opened anew: only so can a pipe or a terminal be non-blocking here and not for others */
	bool socket;
};

void out_open(struct out *o);
void out_close(struct out *o);

/* Writes all of it, in one write() if it is taken so. Returns 0, -EINTR, -ETIMEDOUT (at the deadline) or -EPIPE,
 * -EIO, …: nobody is there any more. */
int out_put(const struct out *o, const char *text, size_t len, uint64_t deadline);

#endif
