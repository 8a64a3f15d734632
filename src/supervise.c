/* SPDX-License-Identifier: MIT */
#include "supervise.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "wait.h"

enum { GRACE_MS = 2000 };

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

static void tell_all(const pid_t *child, size_t n, int sig)
{
	for (size_t i = 0; i < n; i++)
		if (child[i] > 0)
			kill(child[i], sig);
}

/* Collects who has ended; returns how many are left. */
static size_t reap(pid_t *child, const char *const *port, size_t n, enum status *worst)
{
	size_t left = 0;
	int wstatus;

	for (size_t i = 0; i < n; i++) {
		if (child[i] <= 0)
			continue;
		pid_t r = waitpid(child[i], &wstatus, WNOHANG);
		if (r == 0) {
			left++;
			continue;
		}
		if (r > 0 && WIFSIGNALED(wstatus))
			log_line(LOG_ERR, "%s: the run was ended by signal %d (%s)", port[i], WTERMSIG(wstatus),
				strsignal(WTERMSIG(wstatus)));
		*worst = status_worse(*worst, r > 0 ? status_of(wstatus) : STATUS_FAILED);
		child[i] = 0;
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

enum status supervise(const char *const *port, size_t n, uint32_t deadline_ms, supervise_job *job, void *ctx)
{
	enum status worst = STATUS_DONE;
	uint64_t deadline = clock_ms() + deadline_ms;
	pid_t *child = calloc(n, sizeof(*child));
	sigset_t set, before;
	int stage = 0; /* 0 working, 1 told to stop, 2 killed */

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
		child[i] = start(port[i], job, ctx, &before);
		if (child[i] < 0) {
			log_line(LOG_ERR, "%s: cannot start a run: %s", port[i], strerror(errno));
			worst = STATUS_FAILED;
		}
	}
	while (reap(child, port, n, &worst)) {
		uint64_t now = clock_ms(), left = deadline > now ? deadline - now : 0;
		struct timespec t = {.tv_sec = (time_t)(left / 1000), .tv_nsec = (long)(left % 1000) * 1000000};
		int sig = left ? sigtimedwait(&set, NULL, &t) : -1;
		if (sig == SIGCHLD || (sig < 0 && left))
			continue;
		if (stage == 2) {
			for (size_t i = 0; i < n; i++)
				if (child[i] > 0)
					log_line(LOG_ERR,
						"%s: the kernel is still waiting for this device (process %d); "
						"unplug it, or "
						"restart the machine if that does not help",
						port[i], (int)child[i]);
			worst = status_worse(worst, STATUS_FAILED);
			break;
		}
		stage = stage == 0 ? 1 : 2;
		tell_all(child, n, stage == 1 ? SIGTERM : SIGKILL);
		deadline = clock_ms() + GRACE_MS;
	}
	free(child);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return worst;
}
