/* SPDX-License-Identifier: MIT */
#include "wait.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <time.h>

uint64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static const int stops[] = {SIGTERM, SIGINT, SIGHUP};
enum { STOPS = sizeof(stops) / sizeof(stops[0]) };

void wait_stops(sigset_t *set)
{
	struct sigaction now;

	sigemptyset(set);
	for (int i = 0; i < STOPS; i++)
		if (stops[i] != SIGHUP || sigaction(SIGHUP, NULL, &now) || now.sa_handler != SIG_IGN)
			sigaddset(set, stops[i]);
}

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	stopped = sig; /* and its arrival ends ppoll */
}

bool wait_interrupted(void)
{
	return stopped != 0;
}

int wait_block_signals(void)
{
	struct sigaction sa = {.sa_handler = stop};
	sigset_t set;

	wait_stops(&set);
	for (int i = 0; i < STOPS; i++)
		if (sigismember(&set, stops[i]) > 0 && sigaction(stops[i], &sa, NULL))
			return -errno;
	return sigprocmask(SIG_BLOCK, &set, NULL) ? -errno : 0;
}

int wait_for(int fd, short events, uint64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = events};
	uint64_t now = clock_ms();
	uint64_t left = deadline > now ? deadline - now : 0;
	struct timespec t = {.tv_sec = (time_t)(left / 1000), .tv_nsec = (long)(left % 1000) * 1000000};
	sigset_t open;

	if (sigprocmask(SIG_BLOCK, NULL, &open))
		return -errno;
	for (int i = 0; i < STOPS; i++)
		sigdelset(&open, stops[i]);
	int n = ppoll(&p, 1, &t, &open);
	if (n < 0)
		return -errno;
	return n ? p.revents : 0;
}
