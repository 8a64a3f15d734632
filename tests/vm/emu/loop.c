#include "loop.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WATCH_MAX 128 /* 64 devices at most, their hubs, and clients that wait */

struct watch {
	void (*ready)(void *arg);
	void *arg;
};

static struct pollfd fds[WATCH_MAX];
static struct watch watches[WATCH_MAX];
static nfds_t watched;
static struct timer *timers;
static bool stopping;

int64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void timer_stop(struct timer *t)
{
	if (!t->armed)
		return;
	for (struct timer **p = &timers; *p; p = &(*p)->next) {
		if (*p == t) {
			*p = t->next;
			break;
		}
	}
	t->armed = false;
}

void timer_set(struct timer *t, int64_t due)
{
	struct timer **p = &timers;

	timer_stop(t);
	t->due = due;
	while (*p && (*p)->due <= due)
		p = &(*p)->next;
	t->next = *p;
	*p = t;
	t->armed = true;
}

void loop_watch(int fd, short events, void (*ready)(void *arg), void *arg)
{
	nfds_t i = 0;

	while (i < watched && fds[i].fd != fd)
		i++;
	if (i == WATCH_MAX) {
		fprintf(stderr, "emu: too many file descriptors to watch\n");
		exit(1);
	}
	if (i == watched)
		watched++;
	fds[i] = (struct pollfd){.fd = fd, .events = events};
	watches[i] = (struct watch){.ready = ready, .arg = arg};
}

/* The slot is only emptied here, so that a callback may unwatch anything while the loop walks the array. */
void loop_unwatch(int fd)
{
	for (nfds_t i = 0; i < watched; i++) {
		if (fds[i].fd == fd) {
			fds[i].fd = -1;
			fds[i].revents = 0;
			watches[i].ready = NULL;
		}
	}
}

static void forget_empty_slots(void)
{
	nfds_t kept = 0;

	for (nfds_t i = 0; i < watched; i++) {
		if (fds[i].fd < 0)
			continue;
		fds[kept] = fds[i];
		watches[kept] = watches[i];
		kept++;
	}
	watched = kept;
}

void loop_stop(void)
{
	stopping = true;
}

void loop_run(void)
{
	while (!stopping) {
		struct timespec wait = {0, 0};
		struct timespec *timeout = NULL;

		forget_empty_slots();
		if (timers) {
			int64_t left = timers->due - now_ns();
			if (left > 0) {
				wait.tv_sec = (time_t)(left / 1000000000);
				wait.tv_nsec = (long)(left % 1000000000);
			}
			timeout = &wait;
		}
		if (ppoll(fds, watched, timeout, NULL) < 0) {
			if (errno == EINTR)
				continue;
			perror("emu: poll");
			exit(1);
		}
		/*
		 * What has arrived comes before the timers that ran out meanwhile: when this process was scheduled
		 * late, data that came in time must not be taken for a gap on the wire.
		 */
		int64_t woke = now_ns();
		for (nfds_t i = 0, n = watched; i < n; i++) {
			if (fds[i].fd >= 0 && fds[i].revents && watches[i].ready)
				watches[i].ready(watches[i].arg);
		}
		while (timers && timers->due <= woke) {
			struct timer *t = timers;
			timer_stop(t);
			t->fire(t->arg);
		}
	}
}
