/* SPDX-License-Identifier: MIT */
/* Runs one child for each port side by side, with a deadline that does not depend on any of them. */
#ifndef REPLUG_SUPERVISE_H
#define REPLUG_SUPERVISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "status.h"

typedef enum status supervise_job(void *ctx, const char *port);

struct supervise {
	supervise_job *job;
	void *ctx;
	uint32_t deadline_ms;
	uint32_t stuck_ms; /* how long the kernel may keep a child from everything (state D); 0: until the deadline */
	/* Is told of a child that even SIGKILL does not end, for the kernel is waiting for its device. May be NULL.
	 */
	void (*stuck)(const char *port, pid_t pid);
	/* Is asked once a second, and at the end, for ports that have come up meanwhile: a malloc'ed array, NULL
	 * where there are none; returns how many. May be NULL. */
	size_t (*more)(char (**port)[32]);
};

/*
 * Forks a child for each port that runs job and exits with what it returns. SIGTERM, SIGINT and SIGHUP are passed
 * on; a child that is still there at the deadline, or stuck for too long, is told to stop, then killed, and if even
 * that does not end it, it is reported and left. Returns the worst status.
 */
enum status supervise(const char *const *port, size_t n, const struct supervise *how);

/* Whether one of those signals has come while any supervise was at work: nothing more is to be begun. */
bool supervise_told(void);

#endif
