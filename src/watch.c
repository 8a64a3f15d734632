/* SPDX-License-Identifier: MIT */
/* `replug watch`: what happens, as it happens. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "verbs.h"
#include "wait.h"
#include "watch-out.h"
#include "watch-screen.h"
#include "watch-source.h"

enum {
	LOOK_MS = 1000,       /* how often to look whether a run is still alive */
	FOREVER_MS = 3600000, /* as good as no deadline */
};

struct watcher {
	bool json, on_screen, quit;
	int epoll, signals;
	struct out out;
	struct ports ports;
	struct source source;
	struct screen screen;
	int e; /* of the first line that could not be written */
};

static void happened(void *ctx, const struct event *e)
{
	struct watcher *w = ctx;
	char line[4096];

	if (w->on_screen) {
		screen_event(&w->screen, e);
		return;
	}
	event_line(e, w->json, line, sizeof(line));
	if (!w->e)
		w->e = out_put(&w->out, line, strlen(line), UINT64_MAX);
}

/* What there is to be read is found out by trying; that somebody hung up is not. */
static int listen_to(struct watcher *w, int fd, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.fd = fd};

	return epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

static int open_screen(struct watcher *w)
{
	sigset_t set;
	int e;

	/* They are waited for like everything else. */
	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGTSTP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (w->signals < 0 || (e = listen_to(w, w->signals, EPOLLIN)))
		return w->signals < 0 ? -errno : e;
	e = screen_enter(&w->screen, &w->out);
	return e || !w->screen.keys ? e : listen_to(w, STDIN_FILENO, EPOLLIN);
}

/* Ctrl-Z: the shell gets its terminal as it was, and we ours when we are continued. */
static int pause_screen(struct watcher *w)
{
	sigset_t set;

	screen_leave(&w->screen);
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &set, NULL); /* here it stops, unless nobody could continue us */
	sigprocmask(SIG_BLOCK, &set, NULL);
	return screen_enter(&w->screen, &w->out);
}

static int take_signals(struct watcher *w)
{
	struct signalfd_siginfo info;
	int e = 0;

	while (!e && read(w->signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo == SIGTSTP)
			e = pause_screen(w);
	return e; /* a new size is seen when it is drawn */
}

static int take(struct watcher *w, const struct epoll_event *ev, char *why, size_t size)
{
	bool ended = false;

	if (ev->data.fd == w->out.fd)
		return -EPIPE; /* nothing is asked of it, so that is what it says */
	if (ev->data.fd == w->signals)
		return take_signals(w);
	if (w->on_screen && ev->data.fd == STDIN_FILENO) {
		w->quit |= screen_quit(&w->screen, &ended);
		if (ended)
			epoll_ctl(w->epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
		return 0;
	}
	return source_read(&w->source, why, size);
}

/* Until it is told to end, its reader leaves, or something fails. */
static int follow(struct watcher *w, char *why, size_t size)
{
	struct epoll_event ev[8];

	for (;;) {
		uint64_t deadline = clock_ms() + FOREVER_MS, next;
		int e = w->on_screen ? screen_draw(&w->screen, &w->ports, &next) : 0;
		if (e || w->e)
			return e ? e : w->e;
		if (w->on_screen && next < deadline)
			deadline = next;
		if (source_has_runs(&w->source) && clock_ms() + LOOK_MS < deadline)
			deadline = clock_ms() + LOOK_MS;
		e = wait_for(w->epoll, POLLIN, deadline);
		if (e < 0)
			return e;
		source_look_after_runs(&w->source);
		int n = epoll_wait(w->epoll, ev, sizeof(ev) / sizeof(ev[0]), 0);
		for (int i = 0; i < n; i++)
			if ((e = take(w, &ev[i], why, size)))
				return e;
		if (w->quit)
			return 0;
	}
}

static int begin(struct watcher *w, char *why, size_t size)
{
	int e;

	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (w->epoll < 0)
		return -errno;
	/* A file cannot be waited for, and no one reads it. */
	if ((e = listen_to(w, w->out.fd, 0)) && e != -EPERM)
		return e;
	if ((e = source_open(&w->source, why, size)))
		return e;
	if ((e = listen_to(w, w->source.monitor_fd, EPOLLIN)) || (e = listen_to(w, w->source.notify, EPOLLIN)))
		return e;
	return w->on_screen ? open_screen(w) : 0;
}

enum status verb_watch(struct call *c)
{
	struct watcher w = {.json = c->json, .on_screen = !c->json && screen_possible(), .epoll = -1, .signals = -1};
	char why[256] = "";
	int e;

	out_open(&w.out);
	w.ports = (struct ports){.sel = c->sel.n ? &c->sel : NULL, .happened = happened, .ctx = &w};
	w.source = (struct source){.udev = c->udev, .config = c->config, .ports = &w.ports};
	e = begin(&w, why, sizeof(why));
	if (!e)
		e = follow(&w, why, sizeof(why));
	screen_leave(&w.screen);
	screen_free(&w.screen);
	source_close(&w.source);
	ports_free(&w.ports);
	if (w.signals >= 0)
		close(w.signals);
	if (w.epoll >= 0)
		close(w.epoll);
	out_close(&w.out);
	/* To be told to end, and to be left alone by whoever read, are no failures. */
	if (!e || wait_interrupted() || e == -EPIPE || e == -ECONNRESET || (e == -EIO && w.on_screen))
		return STATUS_DONE;
	fprintf(stderr, "replug: %s\n", *why ? why : strerror(-e));
	return STATUS_FAILED;
}
