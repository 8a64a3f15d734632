/* SPDX-License-Identifier: MIT */
/* A pseudo-terminal: this side plays the chip, the other is the tty that is tested. */
#ifndef REPLUG_PTY_H
#define REPLUG_PTY_H

#include "test.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Times are measured here: where it may be asked for, neither end waits for other programs' processor. */
static inline int pty_open(char *tty, size_t size)
{
	sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1});
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	assert_int_equal(ptsname_r(master, tty, size), 0);
	return master;
}

static inline void end_process(pid_t pid)
{
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

/* A process of that name that has the tty open until it is killed. */
static inline pid_t pty_holder(const char *tty, const char *name)
{
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, name);
		if (open(tty, O_RDWR | O_NOCTTY | O_NONBLOCK) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		sleep(60);
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

#endif
