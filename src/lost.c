/* SPDX-License-Identifier: MIT */
#include "lost.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guard.h"
#include "ladder.h"
#include "log.h"
#include "port.h"
#include "selector.h"
#include "story.h"
#include "wait.h"

/* How often a hub is asked whether its port is empty by now. */
enum { ASK_MS = 500 };

void lost_mark(const char *port)
{
	char path[128];

	if (!selector_is_port(port) || snprintf(path, sizeof(path), LOST_DIR "/%s", port) >= (int)sizeof(path))
		return;
	mkdir(LOST_DIR, 0755);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd >= 0)
		close(fd);
}

static int is_note(const struct dirent *d)
{
	return selector_is_port(d->d_name) && strlen(d->d_name) < 32;
}

size_t lost_take(char (**port)[32])
{
	struct dirent **list;
	int found = scandir(LOST_DIR, &list, is_note, NULL);
	size_t n = 0;

	*port = found > 0 ? calloc((size_t)found, sizeof(**port)) : NULL;
	for (int i = 0; i < found; i++) {
		char path[128];
		snprintf(path, sizeof(path), LOST_DIR "/%s", list[i]->d_name);
		/* Taken before it is looked at: what happens from here on leaves another one. */
		if (*port && !unlink(path))
			snprintf((*port)[n++], sizeof(**port), "%s", list[i]->d_name);
		free(list[i]);
	}
	if (found >= 0)
		free(list);
	return n;
}

enum status lost_look(void *ctx, const char *port)
{
	const struct run *run = ctx;
	bool back = false;

	if (!story_silent(port))
		return STATUS_DONE;
	int lock = record_lock(port, 0);
	if (lock < 0) /* a run that has it sees for itself */
		return lock == -EWOULDBLOCK ? STATUS_DONE : STATUS_FAILED;
	enum status status = lost_port(run, port, &back);
	record_unlock(lock);
	return back ? STATUS_DONE : status; /* its own plug event is waiting for the lock */
}

/* 1: a device is there. 0: the port is empty. -ETIMEDOUT: neither. -EINTR. */
static int wait_return(struct story *s)
{
	uint64_t deadline = clock_ms() + s->conf->timeout_ms, ask = 0;

	for (;;) {
		uint64_t now = clock_ms();
		if (device_present(s->r.port))
			return 1;
		if (now >= ask && !story_silent(s->r.port))
			return device_present(s->r.port);
		if (now >= deadline)
			return -ETIMEDOUT;
		ask = now >= ask ? now + ASK_MS : ask;
		if (watch_next(&s->watch, deadline < ask ? deadline : ask) < 0)
			return -EINTR;
	}
}

static bool can_cut(const struct story *s)
{
	const struct conf_ladder *l = story_ladder(s);

	for (unsigned i = 0; i < l->n; i++)
		if (!ladder_needs_device(l->method[i]))
			return true;
	return false;
}

/* It is not there, and no run is at work on it. The unplugging of a silent device makes no event. */
static void set_gone(struct story *s)
{
	if (s->r.state != RECORD_GONE)
		s->r.gone_ms = clock_ms();
	s->r.state = RECORD_GONE;
	s->r.pid = 0;
	story_save(s);
}

/* The port is empty, or nothing is known of what was there. */
static enum status nobody(struct story *s, const char *port)
{
	if (!story_silent(port)) {
		log_line(s->run->mode <= RECOVER_CHECKUP ? LOG_DEBUG : LOG_INFO, "%s: nothing is plugged there%s",
			s->r.id[0] ? s->name : port, s->r.id[0] ? " any more" : "");
		if (s->r.id[0] && !story_connected(port))
			set_gone(s);
		return STATUS_NO_DEVICE;
	}
	log_line(LOG_ERR,
		"%s: something is plugged there that the kernel cannot enumerate; unplug it and plug it in again, or "
		"try `replug reset --method=power usb=%s`",
		port, port);
	return STATUS_FAILED;
}

enum status lost_port(const struct run *run, const char *port, bool *back)
{
	struct story s = {.watch.fd = -1, .lost = true};
	enum status status;
	const char *end;

	*back = false;
	int e = record_load(port, &s.r);
	if (record_unread(e)) {
		log_line(LOG_ERR, "%s: its record in " RECORD_DIR " cannot be read: %s", port, strerror(-e));
		return STATUS_FAILED;
	}
	snprintf(s.d.port, sizeof(s.d.port), "%s", port);
	snprintf(s.r.port, sizeof(s.r.port), "%s", port);
	selector_id(s.r.id, ':', &s.d.vid, &s.d.pid, &end);
	s.d.dev = s.r.dev;
	s.d.conf = s.r.section[0] ? config_find(run->config, s.r.section) : NULL;
	snprintf(s.d.product, sizeof(s.d.product), "%s", s.r.product);
	story_settings(&s, run);
	story_name_from_record(&s);
	if ((!s.r.id[0] && !can_cut(&s)) || !story_silent(port)) {
		*back = device_present(port);
		return *back ? STATUS_DONE : nobody(&s, port);
	}
	if (run->mode == RECOVER_EVENT) {
		bool fresh;
		/* Its going is an event like its coming: neither may have us at work for ever. */
		if (guard_event(&s.r, &run->config->guard, 0, 0, clock_ms(), &fresh) == GUARD_HELD) {
			if (fresh)
				return story_conclude(&s, -EDQUOT);
			s.r.state = RECORD_SILENT;
			story_save(&s);
			return STATUS_HELD;
		}
	} else if (run->mode == RECOVER_CHECKUP) {
		bool fresh;
		if (!s.d.conf || !can_cut(&s))
			return STATUS_FAILED; /* said when it went silent */
		if (guard_checkup(&s.r, &run->config->guard, clock_ms(), &fresh) == GUARD_HELD)
			return fresh ? story_conclude(&s, -EDQUOT) : STATUS_HELD;
	} else {
		guard_forgive(&s.r);
	}
	story_begin(&s);
	e = wait_return(&s);
	if (e == 0 || e == 1) {
		watch_close(&s.watch);
		set_gone(&s);
		*back = e == 1;
		if (!*back)
			log_line(LOG_INFO, "%s: nothing is plugged there any more", s.name);
		return *back ? STATUS_DONE : STATUS_NO_DEVICE;
	}
	if (e == -EINTR)
		snprintf(s.why, sizeof(s.why), "interrupted by a signal");
	else
		e = story_heal(&s, false);
	status = story_conclude(&s, e);
	watch_close(&s.watch);
	return status;
}
