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

static enum status status_of(int wstatus)
{
	if (WIFEXITED(wstatus) && WEXITSTATUS(wstatus) <= STATUS_UNKNOWN)
		return (enum status)WEXITSTATUS(wstatus);
	return STATUS_FAILED;
}

enum { WORKING, TOLD, KILLED };

struct child {
	char port[32];
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
static bool hurry(struct child *c, uint64_t now, const struct supervise *how)
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
			c->port, (int)c->pid);
		if (how->stuck)
			how->stuck(c->port, c->pid);
		return false;
	}
	kill(c->pid, c->stage == WORKING ? SIGTERM : SIGKILL);
	c->stage++;
	c->deadline = now + GRACE_MS;
	return true;
}

/* Collects who has ended; returns how many are left. */
static size_t reap(struct child *child, size_t n, enum status *worst)
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
			log_line(LOG_ERR, "%s: the run was ended by signal %d (%s)", child[i].port, WTERMSIG(wstatus),
				strsignal(WTERMSIG(wstatus)));
		if (r < 0)
			log_line(LOG_ERR, "%s: how the run ended cannot be told: %s", child[i].port, strerror(errno));
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
	/* Whoever stops the command by Ctrl-Z does not mean to leave a port without its power. */
	signal(SIGTSTP, SIG_IGN);
	signal(SIGTTIN, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	sigprocmask(SIG_SETMASK, before, NULL);
	int e = wait_block_signals();
	if (e)
		log_line(LOG_ERR, "%s: cannot start a run: %s", port, strerror(-e));
	if (e || getppid() != parent)
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

/* The children, of which there may be more by and by. */
struct crowd {
	struct child *child;
	size_t n;
	sigset_t before; /* the signals that the caller had blocked */
	enum status worst;
};

static void add(struct crowd *c, const char *port, const struct supervise *how)
{
	struct child *grown = realloc(c->child, (c->n + 1) * sizeof(*grown)), *new;

	if (!grown) {
		log_line(LOG_ERR, "%s: %s", port, strerror(ENOMEM));
		c->worst = status_worse(c->worst, STATUS_FAILED);
		return;
	}
	c->child = grown;
	new = &grown[c->n++];
	*new = (struct child){.deadline = clock_ms() + how->deadline_ms};
	snprintf(new->port, sizeof(new->port), "%s", port);
	new->pid = start(new->port, how->job, how->ctx, &c->before);
	if (new->pid < 0) {
		log_line(LOG_ERR, "%s: cannot start a run: %s", port, strerror(errno));
		c->worst = status_worse(c->worst, STATUS_FAILED);
	}
}

static void add_more(struct crowd *c, const struct supervise *how)
{
	char(*port)[32];
	size_t n = how->more(&port);

	for (size_t i = 0; i < n; i++)
		add(c, port[i], how);
	free(port);
}

static bool told;

bool supervise_told(void)
{
	return told;
}

enum status supervise(const char *const *port, size_t n, const struct supervise *how)
{
	struct crowd c = {.worst = STATUS_DONE};
	sigset_t set;

	/* Inherited as ignored, it would tell neither sigtimedwait nor waitpid of a child's end. */
	signal(SIGCHLD, SIG_DFL);
	wait_stops(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &c.before);
	for (size_t i = 0; i < n; i++)
		add(&c, port[i], how);
	for (;;) {
		if (how->more && !told)
			add_more(&c, how);
		if (!reap(c.child, c.n, &c.worst))
			break;
		int sig = next_signal(&set, c.child, c.n, clock_ms(), how->stuck_ms || how->more);
		uint64_t now = clock_ms();
		told |= sig > 0 && sig != SIGCHLD;
		for (size_t i = 0; i < c.n; i++) {
			if (c.child[i].pid <= 0)
				continue;
			/* Whoever asks a second time means it. */
			if (sig > 0 && sig != SIGCHLD)
				c.child[i].deadline = now;
			if (hurry(&c.child[i], now, how))
				continue;
			c.child[i].pid = 0;
			c.worst = status_worse(c.worst, STATUS_FAILED);
		}
	}
	free(c.child);
	sigprocmask(SIG_SETMASK, &c.before, NULL);
	return c.worst;
}
