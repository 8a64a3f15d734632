/* SPDX-License-Identifier: MIT */
#include "supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "wait.h"

enum { GRACE_MS = 2000, LOOK_MS = 1000 };

enum status status_worse(enum status a, enum status b)
{
	static const unsigned char weight[] = {[STATUS_DONE] = 0,
		[STATUS_NO_DEVICE] = 1,
		[STATUS_HELD] = 2,
		[STATUS_UNKNOWN] = 3,
		[STATUS_FAILED] = 4,
		[STATUS_USAGE] = 5};

	return weight[b] > weight[a] ? b : a;
}

static enum status status_of(int wstatus)
{
	if (WIFEXITED(wstatus) && WEXITSTATUS(wstatus) <= STATUS_UNKNOWN)
		return (enum status)WEXITSTATUS(wstatus);
	return STATUS_FAILED;
}

enum { WORKING, TOLD, KILLED };

struct child {
	pid_t pid; /* 0: ended */
	int stage;
	uint64_t deadline; /* of its stage */
	uint64_t waiting;  /* since when it was found in state D whenever looked at; 0: it was not */
};

/* The state of a process as ps shows it, '\0' if there is none: field 3 of /proc/PID/stat (proc(5)). */
static char state_of(pid_t pid)
{
	char path[64], text[512];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	const char *p = strrchr(text, ')');
	return p && p[1] == ' ' ? p[2] : '\0';
}

/* Moves a child on whose time is over; returns false for one that is to be left. */
static bool hurry(struct child *c, const char *port, uint64_t now, const struct supervise *how)
{
	if (c->stage == WORKING && how->stuck_ms) {
		if (state_of(c->pid) != 'D')
			c->waiting = 0;
		else if (!c->waiting)
			c->waiting = now;
		else if (now - c->waiting >= how->stuck_ms)
			c->deadline = now;
	}
	if (now < c->deadline)
		return true;
	if (c->stage == KILLED) {
		log_line(LOG_ERR,
			"%s: the kernel is still waiting for this device (process %d); unplug it, or restart the "
			"machine if that does not help",
			port, (int)c->pid);
		if (how->stuck)
			how->stuck(port, c->pid);
		return false;
	}
	kill(c->pid, c->stage == WORKING ? SIGTERM : SIGKILL);
	c->stage++;
	c->deadline = now + GRACE_MS;
	return true;
}

/* Collects who has ended; returns how many are left. */
static size_t reap(struct child *child, const char *const *port, size_t n, enum status *worst)
{
	size_t left = 0;
	int wstatus;

	for (size_t i = 0; i < n; i++) {
		if (child[i].pid <= 0)
			continue;
		pid_t r = waitpid(child[i].pid, &wstatus, WNOHANG);
		if (r == 0) {
			left++;
			continue;
		}
		if (r > 0 && WIFSIGNALED(wstatus))
			log_line(LOG_ERR, "%s: the run was ended by signal %d (%s)", port[i], WTERMSIG(wstatus),
				strsignal(WTERMSIG(wstatus)));
		*worst = status_worse(*worst, r > 0 ? status_of(wstatus) : STATUS_FAILED);
		child[i].pid = 0;
	}
	return left;
}

static pid_t start(const char *port, supervise_job *job, void *ctx, const sigset_t *before)
{
	pid_t parent = getpid(), pid = fork();

	if (pid)
		return pid;
	/* Whoever kills the parent outright means the whole run. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigprocmask(SIG_SETMASK, before, NULL);
	if (wait_block_signals() || getppid() != parent)
		_exit(STATUS_FAILED);
	_exit((int)job(ctx, port));
}

/* Until a child ends, a signal comes, or one of them is to be looked at. Returns the signal or -1. */
static int next_signal(const sigset_t *set, const struct child *child, size_t n, uint64_t now, bool look)
{
	uint64_t until = look ? now + LOOK_MS : UINT64_MAX;

	for (size_t i = 0; i < n; i++)
		if (child[i].pid > 0 && child[i].deadline < until)
			until = child[i].deadline;
	uint64_t left = until > now ? until - now : 0;
	struct timespec t = {.tv_sec = (time_t)(left / 1000), .tv_nsec = (long)(left % 1000) * 1000000};
	return sigtimedwait(set, NULL, &t);
}

enum status supervise(const char *const *port, size_t n, const struct supervise *how)
{
	enum status worst = STATUS_DONE;
	uint64_t now = clock_ms(), deadline = now + how->deadline_ms;
	struct child *child = calloc(n, sizeof(*child));
	sigset_t set, before;

	if (!child) {
		log_line(LOG_ERR, "replug: %s", strerror(ENOMEM));
		return STATUS_FAILED;
	}
	/* Inherited as ignored, it would tell neither sigtimedwait nor waitpid of a child's end. */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &before);
	for (size_t i = 0; i < n; i++) {
		child[i] = (struct child){.pid = start(port[i], how->job, how->ctx, &before), .deadline = deadline};
		if (child[i].pid < 0) {
			log_line(LOG_ERR, "%s: cannot start a run: %s", port[i], strerror(errno));
			worst = STATUS_FAILED;
		}
	}
	while (reap(child, port, n, &worst)) {
		int sig = next_signal(&set, child, n, now, how->stuck_ms > 0);
		now = clock_ms();
		for (size_t i = 0; i < n; i++) {
			if (child[i].pid <= 0)
				continue;
			/* Whoever asks a second time means it. */
			if (sig > 0 && sig != SIGCHLD)
				child[i].deadline = now;
			if (hurry(&child[i], port[i], now, how))
				continue;
			child[i].pid = 0;
			worst = status_worse(worst, STATUS_FAILED);
		}
	}
	free(child);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return worst;
}
