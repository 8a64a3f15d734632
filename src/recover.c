/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "guard.h"
#include "ladder.h"
#include "log.h"
#include "story.h"
#include "wait.h"

enum {
	RESET_MS = 10000, /* the kernel's own tries to enumerate a device that does not answer */
	DROPS = 3,        /* how often a device may drop off in one run */
};

static uint64_t monotonic_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static bool has_chip(const struct story *s)
{
	return s->run->mode == RECOVER_CHIP || (s->run->mode != RECOVER_RESET && s->conf->init == INIT_CH9329);
}

static int wait_back(struct story *s, bool renumbered, bool settled, const char *step)
{
	struct device now;
	uint64_t t0 = clock_ms();
	struct back b = {.before = &s->d,
		.expect = s->run->mode == RECOVER_CHIP ? 1u << NODE_TTY : s->conf->expect,
		.renumbered = renumbered,
		.settled = settled,
		.since_us = s->since_us,
		.deadline = t0 + s->conf->timeout_ms};
	char what[256];
	int e = device_wait(&s->watch, s->run->config, &b, &now, what, sizeof(what));

	record_step(&s->r, step, clock_ms() - t0);
	if (e == -EINTR)
		snprintf(s->why, sizeof(s->why), "interrupted by a signal");
	else if (e)
		snprintf(s->why, sizeof(s->why), "not back within %u ms: %s", s->conf->timeout_ms, what);
	if (!e && settled)
		s->d = now; /* before that, what was bound and what nodes were there is still to be compared with */
	else if (!e)
		s->d.dev = now.dev;
	return e;
}

/* The chip behind the device's tty, wherever that is now. */
static int init_chip(struct story *s)
{
	struct device now;
	int e = device_read(s->run->udev, s->run->config, s->d.port, &now);
	const struct node *tty = e ? NULL : device_node(&now, NODE_TTY);

	if (!tty) {
		snprintf(s->why, sizeof(s->why), "its tty went away");
		return -ENODEV;
	}
	struct chip_job job = {.tty = tty->path,
		.baud = s->run->baud_set ? s->run->baud : s->conf->baud,
		.hint = s->r.baud,
		.attempts = s->conf->attempts,
		.ready_ms = s->conf->ready_ms,
		.deadline = clock_ms() + (uint64_t)s->conf->attempts * (s->conf->ready_ms + 2000)};
	e = chip_reset(&job, &s->chip, s->why, sizeof(s->why));
	record_step(&s->r, "chip-reset", s->chip.reset_ms);
	record_step(&s->r, "chip-ready", s->chip.ready_ms);
	s->r.chip = !e;
	if (!e) {
		s->r.version = s->chip.info.version;
		s->r.target = s->chip.info.target;
		s->r.num_lock = s->chip.info.num_lock;
		s->r.caps_lock = s->chip.info.caps_lock;
		s->r.scroll_lock = s->chip.info.scroll_lock;
		s->r.baud = s->chip.baud;
	}
	return e;
}

/*
 * From the reset's end to the proof: back, initialised, settled, answering. Returns -EAGAIN when the tty and
 * -ENOTCONN when the device itself went away on the way; wait_back's -ENODEV means that it stayed away.
 */
static int finish_once(struct story *s, bool renumbered)
{
	int e = wait_back(s, renumbered, false, "back");

	if (e)
		return e;
	if (has_chip(s)) {
		story_did(s, "init");
		e = init_chip(s);
		if (e)
			return e == -ENODEV ? -EAGAIN : e;
	}
	e = wait_back(s, false, true, "udev");
	if (e || s->run->mode == RECOVER_CHIP)
		return e;
	uint64_t t0 = clock_ms();
	e = ladder_alive(&s->d, s->why, sizeof(s->why));
	record_step(&s->r, "verify", clock_ms() - t0);
	return e == -ENODEV ? -ENOTCONN : e;
}

static int finish(struct story *s, bool renumbered)
{
	for (int lost = 0; lost < DROPS; lost++) {
		int e = finish_once(s, renumbered);
		if (e != -EAGAIN && e != -ENOTCONN)
			return e;
		/* sysfs goes on showing a device that is being taken down: its old number is no sign of life. */
		renumbered = e == -ENOTCONN;
		/* A tty that was hung up is still shown for a moment. */
		if (wait_for(-1, 0, clock_ms() + WAIT_POLL_MS) < 0) {
			snprintf(s->why, sizeof(s->why), "interrupted by a signal");
			return -EINTR;
		}
	}
	return -ENODEV;
}

static int reset_by(struct story *s, enum reset_method method)
{
	bool renumbered = false;
	uint64_t t0 = clock_ms();

	guard_note_reset(&s->r, t0);
	story_save(s); /* before, so that a run that is killed here has not reset for free */
	s->since_us = monotonic_us();
	story_did(s, "reset");
	int e = ladder_take(method, &s->d, &renumbered, s->why, sizeof(s->why));
	record_step(&s->r, "reset", clock_ms() - t0);
	if (!e || e == -ENODEV) /* gone before it could be reset: it may be on its way back */
		return finish(s, renumbered || e == -ENODEV);
	if (e != -EIO)
		return e;
	/* It dropped off during the reset: only a device that was enumerated anew is proof of anything now. */
	char first[128], then[384];
	snprintf(first, sizeof(first), "%s", s->why);
	e = finish(s, true);
	snprintf(then, sizeof(then), "%s", s->why);
	snprintf(s->why, sizeof(s->why), "%s; %s", first, then);
	return e;
}

/* Tries what the guard and the ladder allow. */
int story_heal(struct story *s, bool verify_first)
{
	int e = -EIO;

	snprintf(s->why, sizeof(s->why), "nothing was tried");
	if (verify_first || s->run->mode == RECOVER_CHIP) {
		s->since_us = monotonic_us();
		e = finish(s, false);
	}
	if (!e || e == -EINTR || s->run->mode == RECOVER_CHIP)
		return e;
	struct conf_ladder only_usb = {.method = {RESET_USB}, .n = 1};
	const struct conf_ladder *l = s->run->mode == RECOVER_RESET ? &only_usb : &s->conf->ladder;
	for (unsigned i = 0; i < l->n; i++) {
		if (s->run->mode <= RECOVER_CHECKUP && !guard_allows(&s->r, &s->run->config->guard, clock_ms()))
			return -EDQUOT;
		e = reset_by(s, l->method[i]);
		if (!e || e == -EINTR || e == -ENODEV)
			break;
	}
	return e;
}

/* When udev first saw the device, of clock_ms; now where it does not say. */
static uint64_t added_at(const struct story *s, uint64_t now)
{
	struct udev_device *u = udev_device_new_from_syspath(s->run->udev, s->d.syspath);
	uint64_t age = u ? udev_device_get_usec_since_initialized(u) / 1000 : 0;

	if (u)
		udev_device_unref(u);
	return age < now ? now - age : 0;
}

/* The guard's word on an event. Returns true when there is nothing to be done; *status then says why. */
static bool guarded(struct story *s, bool *verify_first, enum status *status)
{
	uint64_t now = clock_ms();
	bool fresh;

	switch (guard_event(&s->r, &s->run->config->guard, s->d.dev, added_at(s, now), now, &fresh)) {
	case GUARD_DONE:
		story_save(s);
		log_line(LOG_DEBUG, "%s: recovered already, nothing to do", s->name);
		*status = STATUS_DONE;
		return true;
	case GUARD_HELD:
		if (fresh) {
			*status = story_conclude(s, -EDQUOT);
			return true;
		}
		s->r.state = RECORD_HELD;
		s->r.dev = s->d.dev;
		story_save(s);
		log_line(LOG_DEBUG, "%s: still left alone", s->name);
		*status = STATUS_HELD;
		return true;
	case GUARD_FINISH:
		*verify_first = true;
		break;
	case GUARD_RESET:
		break;
	}
	return false;
}

/* Likewise of a checkup. */
static bool guarded_checkup(struct story *s, enum status *status)
{
	bool fresh;

	if (guard_checkup(&s->r, &s->run->config->guard, clock_ms(), &fresh) != GUARD_HELD)
		return false;
	*status = fresh ? story_conclude(s, -EDQUOT) : STATUS_HELD;
	return true;
}

static enum status tell(struct story *s)
{
	enum status status;
	bool verify_first = s->conf->ladder.n == 0;

	if (s->run->mode == RECOVER_EVENT) {
		if (guarded(s, &verify_first, &status))
			return status;
	} else if (s->run->mode == RECOVER_CHECKUP) {
		if (guarded_checkup(s, &status))
			return status;
	} else {
		guard_forgive(&s->r);
	}
	story_begin(s);
	status = story_conclude(s, story_heal(s, verify_first && s->run->mode != RECOVER_RESET));
	watch_close(&s->watch);
	return status;
}

static int take_lock(const struct run *run, const char *port)
{
	static const uint32_t patience[] = {[RECOVER_EVENT] = STORY_LOCK_MS,
		[RECOVER_CHECKUP] = 0,
		[RECOVER_HAND] = RECOVER_HAND_LOCK_MS,
		[RECOVER_RESET] = RECOVER_HAND_LOCK_MS,
		[RECOVER_CHIP] = RECOVER_HAND_LOCK_MS};
	struct record r;
	int lock = record_lock(port, clock_ms() + patience[run->mode]);

	if (lock == -EWOULDBLOCK) {
		record_load(port, &r);
		log_line(run->mode == RECOVER_CHECKUP ? LOG_DEBUG : LOG_WARNING,
			"%s: another run (process %d) has this port; `replug status` shows how it ends", port,
			(int)r.pid);
	} else if (lock == -EACCES || lock == -EPERM) {
		log_line(LOG_ERR, "%s: cannot lock it: %s; this needs root", port, strerror(-lock));
	} else if (lock < 0) {
		log_line(LOG_ERR, "%s: cannot lock it in " RECORD_DIR ": %s", port, strerror(-lock));
	}
	return lock;
}

/*
 * The number of what is in the port once its lock has been let go, or 0. Whoever removes it after this finds the
 * lock free. Somebody else's reset, during which it has no number, is waited for.
 */
static unsigned present(struct udev *udev, const char *port)
{
	uint64_t deadline = clock_ms() + RESET_MS;
	struct device d;

	while (!device_read(udev, NULL, port, &d)) {
		if (d.dev || clock_ms() >= deadline)
			return d.dev;
		if (wait_for(-1, 0, clock_ms() + WAIT_POLL_MS) < 0)
			return 0;
	}
	return 0;
}

static void begin_record(struct record *r, const char *product, const char *section)
{
	uint16_t vid, pid;
	const char *end;

	if (selector_id(product, '/', &vid, &pid, &end))
		return;
	snprintf(r->id, sizeof(r->id), "%04x:%04x", vid, pid);
	snprintf(r->section, sizeof(r->section), "%s", selector_is_name(section) ? section : "");
	r->when = time(NULL);
}

enum status recover_gone(struct udev *udev, const char *port, const char *product, const char *section)
{
	struct record r;
	int lock = record_lock(port, 0), e;

	if (lock < 0) /* the run that has it looks once more after letting go */
		return lock == -EWOULDBLOCK ? STATUS_DONE : STATUS_FAILED;
	e = record_load(port, &r);
	if (e == -ENOENT && product && section)
		begin_record(&r, product, section);
	unsigned dev = present(udev, port);
	/* Also when it is gone on record: it has been here since, too short to be looked at. */
	if (r.id[0] && (!dev || dev != r.dev)) {
		r.state = RECORD_GONE;
		r.gone_ms = clock_ms();
		record_save(&r);
	}
	record_unlock(lock);
	return STATUS_DONE;
}

/*
 * The device went before it could be looked at. That is an event all the same: one that comes and goes faster than
 * we can look must not have us started for ever. The lock is held.
 */
static enum status vanished(const struct run *run, const char *port)
{
	struct story s = {.run = run, .watch.fd = -1};
	uint64_t now = clock_ms();
	bool fresh = false, held = false;

	if (record_load(port, &s.r) || !s.r.id[0]) {
		log_line(LOG_INFO, "%s: nothing is plugged there any more", port);
		return STATUS_NO_DEVICE;
	}
	story_name_from_record(&s);
	if (run->mode == RECOVER_EVENT)
		held = guard_event(&s.r, &run->config->guard, 0, 0, now, &fresh) == GUARD_HELD;
	if (run->mode == RECOVER_EVENT && !held)
		guard_note_reset(&s.r, now);
	if (fresh)
		story_tell_held(&s);
	else
		log_line(held || run->mode == RECOVER_CHECKUP ? LOG_DEBUG : LOG_INFO,
			"%s: nothing is plugged there any more", s.name);
	s.r.gone_ms = now;
	s.r.state = RECORD_GONE;
	story_save(&s);
	return held ? STATUS_HELD : STATUS_NO_DEVICE;
}

enum status recover_port(const struct run *run, const char *port)
{
	for (;;) {
		struct story s = {.watch.fd = -1};
		enum status status;
		int lock = take_lock(run, port);

		if (lock < 0)
			return lock == -EWOULDBLOCK ? STATUS_HELD : STATUS_FAILED;
		if (device_read(run->udev, run->config, port, &s.d)) {
			status = vanished(run, port);
			record_unlock(lock);
			if (run->mode == RECOVER_EVENT && present(run->udev, port))
				continue; /* back already, and its plug was merged into this run */
			return status;
		}
		story_open(&s, run);
		if (run->mode == RECOVER_EVENT && !s.d.conf) {
			record_unlock(lock);
			log_line(LOG_INFO, "%s: no section of the configuration takes it", s.name);
			return STATUS_NO_DEVICE;
		}
		status = tell(&s);
		record_unlock(lock);
		if (status == STATUS_DONE && s.conf->then.n && run->mode <= RECOVER_HAND)
			status = status_worse(status, story_then(run, s.conf, port, s.begun));
		unsigned dev = present(run->udev, port);
		if (!dev || (dev != s.d.dev && run->mode == RECOVER_EVENT))
			recover_gone(run->udev, port, NULL, NULL);
		/* A plug that came while we were busy was merged into this run by systemd: it is ours to handle. */
		if (run->mode != RECOVER_EVENT || !dev || dev == s.d.dev)
			return status;
	}
}

uint32_t recover_budget_ms(const struct config *c)
{
	uint32_t most = 60000;

	for (size_t i = 0; i < c->n; i++) {
		const struct device_conf *d = &c->device[i];
		uint32_t ms = RESET_MS + 2 * DROPS * d->timeout_ms + DROPS * d->attempts * (d->ready_ms + 2000);
		if (ms > most)
			most = ms;
	}
	return STORY_LOCK_MS + 2 * most;
}
