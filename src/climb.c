/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "guard.h"
#include "ladder.h"
#include "log.h"
#include "port.h"
#include "story.h"
#include "text.h"
#include "wait.h"

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
	int e = device_read(NULL, NULL, s->d.port, &now);
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
	s->kept = e == -EBUSY;
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
	/* One that is there has something for another rung to cure. */
	return device_present(s->d.port) ? -EIO : -ENODEV;
}

/* A ladder_take's way to have its debts on record before it makes them. */
static int owe(void *ctx, const char *owed)
{
	struct story *s = ctx;

	/* What an earlier run left and could not be paid is owed on. */
	if (snprintf(s->r.owed, sizeof(s->r.owed), "%s%s%s", s->unpaid, s->unpaid[0] && *owed ? " " : "", owed) >=
		(int)sizeof(s->r.owed))
		return -ENOSPC;
	return record_save(&s->r);
}

/* What was done as a word of the record: a port reset has always been called reset. */
static const char *rung_word(enum reset_method method)
{
	return method == RESET_USB ? "reset" : ladder_name(method);
}

/*
 * The device as it is now, to be taken a rung with: a rung before may have renumbered it, or unbound a driver.
 * Returns -ENODEV where there is none, and -EEXIST for another device, which has nothing to do with it.
 */
static int look_again(struct story *s, struct device *now)
{
	int e = device_read(NULL, NULL, s->d.port, now);

	if (!e && (s->d.vid || s->d.pid) && (now->vid != s->d.vid || now->pid != s->d.pid)) {
		snprintf(s->why, sizeof(s->why), "another device, %04x:%04x, is in its port", now->vid, now->pid);
		return -EEXIST;
	}
	if (e || !now->dev)
		return -ENODEV;
	s->d.bus = now->bus;
	s->d.dev = now->dev;
	/* A node that the rung before has had made anew was there before this one. */
	memcpy(s->d.node, now->node, sizeof(s->d.node));
	s->d.nodes = now->nodes;
	return 0;
}

/* One rung, and what has to be true after it. *tried becomes false where it was only refused. */
static int climb_rung(struct story *s, enum reset_method method, bool *tried)
{
	char first[256], then[256];
	struct device now;
	struct rung rung = {.d = &now,
		.allow_ganged = s->conf->allow_ganged,
		.power_off_ms = s->conf->power_off_ms,
		.owe = owe,
		.ctx = s,
		.why = s->why,
		.size = sizeof(s->why)};
	uint64_t t0 = clock_ms();
	int gone = look_again(s, &now);

	*tried = false;
	if (gone == -EEXIST)
		return -ENODEV;
	if (gone && ladder_needs_device(method)) {
		*tried = true;
		return finish(s, true); /* gone before it could be reset: it may be on its way back */
	}
	s->since_us = monotonic_us();
	int e = ladder_take(method, &rung);
	*tried = rung.tried;
	if (rung.tried)
		story_did(s, rung_word(method));
	record_step(&s->r, rung_word(method), clock_ms() - t0);
	if (e && ((e != -ENODEV && e != -EIO) || (!rung.tried && !ladder_needs_device(method))))
		return e;
	snprintf(first, sizeof(first), "%.255s", s->why);
	/* If it dropped off during the reset, only a device that was enumerated anew is proof of anything now. */
	int back = finish(s, rung.renumbered || e);
	if (!back || !*first)
		return back;
	snprintf(then, sizeof(then), "%.255s", s->why);
	snprintf(s->why, sizeof(s->why), "%s; %s", first, then);
	return back;
}

int story_connected(const char *device)
{
	bool connected = false, powered;
	struct port p;
	int e = port_of(device, &p);

	if (!e)
		e = port_state(&p, &connected, &powered);
	/* What goes with its hub has been unplugged. */
	return e == -ENODEV ? 0 : e ? e : connected;
}

bool story_silent(const char *device)
{
	return !device_present(device) && story_connected(device) == 1 && !device_present(device);
}

const struct conf_ladder *story_ladder(const struct story *s)
{
	return s->run->mode == RECOVER_RESET ? &s->run->ladder : &s->conf->ladder;
}

/* Why each rung failed; a reason that several in a row have in common is told once. */
struct reasons {
	char text[512], last[512];
	size_t at; /* where the names go that share the last reason */
};

static void add_reason(struct reasons *r, const char *rung, const char *why)
{
	bool same = r->at && !strcmp(r->last, why);

	if (!same)
		r->at = strlen(r->text);
	r->at += (size_t)snprintf(r->text + r->at, sizeof(r->text) - r->at, "%s%s",
		!r->at ? ""
		: same ? ", "
		       : "; ",
		rung);
	if (r->at >= sizeof(r->text))
		r->at = sizeof(r->text) - 1;
	if (snprintf(r->text + r->at, sizeof(r->text) - r->at, ": %s", why) >= (int)(sizeof(r->text) - r->at))
		text_cut(r->text, sizeof(r->text));
	snprintf(r->last, sizeof(r->last), "%s", why);
}

/* Whether no further rung could help: a program that keeps the tty to itself is quicker the next time, too. */
static bool settles(const struct story *s, int e)
{
	return !e || e == -EINTR || s->kept;
}

/* What cannot be counted would have no end: only a person may have it done all the same. */
static int count_reset(struct story *s)
{
	guard_note_reset(&s->r, clock_ms());
	int e = record_save(&s->r);
	if (!e || s->run->mode > RECOVER_CHECKUP)
		return 0;
	guard_unnote_reset(&s->r);
	snprintf(s->why, sizeof(s->why),
		"not reset, for that could not be counted: the record in " RECORD_DIR " cannot be written: %s",
		strerror(-e));
	return -EIO; /* and not -EDQUOT, which may be the disk's word, but is the guard's here */
}

/* Tries what the guard and the ladder allow. */
static int climb(struct story *s, bool verify_first)
{
	const struct conf_ladder *l = story_ladder(s);
	struct reasons all = {0};
	int e = s->lost ? -ENODEV : -EIO;
	bool noted = false, any = false;

	memcpy(s->unpaid, s->r.owed, sizeof(s->unpaid));
	snprintf(s->why, sizeof(s->why), "%s", s->lost ? "the kernel has given it up" : "nothing was tried");
	if (verify_first || s->run->mode == RECOVER_CHIP) {
		s->since_us = monotonic_us();
		e = finish(s, false);
	}
	if (settles(s, e) || s->run->mode == RECOVER_CHIP)
		return e;
	for (unsigned i = 0; i < l->n; i++) {
		const char *name = ladder_name(l->method[i]);
		bool tried;
		int r;
		if (wait_interrupted()) {
			snprintf(s->why, sizeof(s->why), "interrupted by a signal");
			return -EINTR;
		}
		/* A device that stayed away has only its port left, and an empty port has nothing to be cured. */
		if (e == -ENODEV && ladder_needs_device(l->method[i]))
			continue;
		if (e == -ENODEV && !story_silent(s->d.port))
			break;
		if (!noted && s->run->mode <= RECOVER_CHECKUP &&
			!guard_allows(&s->r, &s->run->config->guard, clock_ms()))
			return -EDQUOT;
		/* One climb counts once, however high; and before, or a run that is killed had reset for free. */
		if (!noted && (r = count_reset(s)))
			return r;
		noted = true;
		r = climb_rung(s, l->method[i], &tried);
		if (settles(s, r))
			return r;
		/* What was only refused changes nothing of what is the matter. */
		e = tried || (!*all.text && !s->lost) ? r : e;
		any |= tried;
		if (l->n > 1)
			add_reason(&all, name, s->why);
		else
			snprintf(all.text, sizeof(all.text), "%s", s->why);
		if (e == -ENODEV && !story_silent(s->d.port))
			break;
		unsigned next = i + 1;
		while (next < l->n && e == -ENODEV && ladder_needs_device(l->method[next]))
			next++;
		if (next < l->n)
			log_line(LOG_NOTICE, "%s: %s %s: %s; trying %s", s->name, name,
				tried ? "did not help" : "is not possible", s->why, ladder_name(l->method[next]));
	}
	if (noted && !any)
		guard_unnote_reset(&s->r); /* what was refused is no reset */
	if (*all.text)
		snprintf(s->why, sizeof(s->why), "%s", all.text);
	/* What the last rung had enumerated anew has been tried in vain, and is not another plug. */
	struct device now;
	if (*all.text && e != -ENODEV)
		look_again(s, &now);
	return e;
}

int story_heal(struct story *s, bool verify_first)
{
	uint64_t begun = clock_ms();
	int e = climb(s, verify_first);

	guard_note_end(&s->r, begun, clock_ms());
	return e;
}
