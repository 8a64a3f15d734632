/* SPDX-License-Identifier: MIT */
/* Runs one child for each port side by side, with a deadline that does not depend on any of them. */
#ifndef REPLUG_SUPERVISE_H
#define REPLUG_SUPERVISE_H

#include <stddef.h>
#include <stdint.h>

#include "status.h"

typedef enum status supervise_job(void *ctx, const char *port);

/*
 * Forks a child for each port that runs job and exits with what it returns. SIGTERM, SIGINT and SIGHUP are passed
 * on; a child that is still there at deadline_ms from now is told to stop, then killed, and if even that does
 * not end it (the kernel is waiting for its device) it is reported and left. Returns the worst status.
 */
enum status supervise(const char *const *port, size_t n, uint32_t deadline_ms, supervise_job *job, void *ctx);

#endif
