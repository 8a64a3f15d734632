/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gone.h"
#include "guard.h"
#include "health.h"
#include "log.h"
#include "lost.h"
#include "story.h"
#include "sysfs.h"
#include "text.h"
#include "wait.h"

enum { RETURN_MS = 3000, SETTLE_MS = 30000, LOOK_MS = 200 };

/* The guard's word on an event. Returns true when there is nothing to be done; *status then says why. */
static bool guarded(struct story *s, bool *verify_first, enum status *status)
{
	uint64_t now = clock_ms(), age = device_age(s->run->udev, &s->d);
	bool fresh;

	switch (guard_event(&s->r, &s->run->config->guard, s->d.dev, age < now ? now - age : 0, now, &fresh)) {
	case GUARD_DONE:
		/* What was done since its own run began counts, also of what its `then` names. */
		s->begun = s->r.ended_ms - s->r.duration_ms;
		story_save(s);
		log_line(LOG_DEBUG, "%s: %s, nothing to do", s->name,
			s->r.state == RECORD_FAILED ? "just tried in vain" : "recovered already");
		*status = s->r.state == RECORD_FAILED ? STATUS_HELD : STATUS_DONE;
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

int recover_lock(const char *port)
{
	uint64_t deadline = clock_ms() + HEALTH_MS, until = 0;
	struct record r;

	/* A recovery may begin meanwhile, or say only then that it is one. */
	for (;;) {
		int lock = record_lock(port, until);
		if (lock != -EWOULDBLOCK || clock_ms() >= deadline)
			return lock;
		if (!record_load(port, &r) && (record_state_now(&r) == RECORD_BUSY || r.state == RECORD_STUCK))
			return lock;
		until = clock_ms() + LOOK_MS;
	}
}

static int take_lock(const struct run *run, const char *port)
{
	char who[32];
	struct story s = {0}; /* of which only the record is needed, and the name */
	struct record *r = &s.r;
	int lock = run->mode > RECOVER_CHECKUP ? recover_lock(port) : record_lock(port, 0);

	if (lock >= 0)
		return lock;
	record_load(port, r);
	story_name_from_record(&s);
	if (lock == -EWOULDBLOCK && record_state_now(r) == RECORD_STUCK) {
		log_line(run->mode == RECOVER_EVENT ? LOG_DEBUG : LOG_WARNING, "%s: %s", s.name, r->error);
		return lock;
	}
	if (lock == -EWOULDBLOCK && run->mode == RECOVER_EVENT)
		lock = record_lock(port, clock_ms() + STORY_LOCK_MS);
	if (lock == -EWOULDBLOCK) {
		record_load(port, r);
		log_line(run->mode == RECOVER_CHECKUP ? LOG_DEBUG : LOG_WARNING,
			"%s: another run%s has this port; `replug status` shows how it ends", s.name,
			story_process(r, who, sizeof(who)));
	} else if (lock < 0) {
		log_line(LOG_ERR, "%s: cannot lock it in " RECORD_DIR ": %s%s", s.name, strerror(-lock),
			text_refusal(-lock));
	}
	return lock;
}

/*
 * What an earlier run owes comes first; a device that has just got its power back needs a moment to be there. Returns
 * false where what it owes is not known.
 */
static bool settle(const char *port)
{
	struct record r;
	uint64_t deadline = clock_ms() + RETURN_MS;
	int e = record_load(port, &r);

	if (record_unread(e)) {
		log_line(LOG_ERR, "%s: its record in " RECORD_DIR " cannot be read: %s", port, strerror(-e));
		return false;
	}
	if (e || story_settle(&r) <= 0)
		return true;
	while (!device_present(port) && clock_ms() < deadline && wait_for(-1, 0, clock_ms() + WAIT_POLL_MS) >= 0)
		;
	return true;
}

static enum status settle_port(void *ctx, const char *port)
{
	struct record r;
	int lock = record_lock(port, 0);

	(void)ctx;
	if (lock < 0) /* whoever has it pays, or its own end is seen to */
		return lock == -EWOULDBLOCK ? STATUS_HELD : STATUS_FAILED;
	int e = record_load(port, &r);
	if (record_unread(e))
		log_line(LOG_ERR, "%s: its record in " RECORD_DIR " cannot be read: %s", port, strerror(-e));
	else
		e = e ? 0 : story_settle(&r);
	record_unlock(lock);
	if (r.id[0] && !gone_not(port)) /* its removal found the port locked */
		gone_note(port, NULL, NULL);
	return e < 0 ? STATUS_FAILED : STATUS_DONE;
}

/* A run that was killed has not looked once more after letting go: the removal of its device found the port locked.
 */
static bool missed_removal(struct record *r)
{
	enum record_state was = r->state;

	return (was == RECORD_BUSY || was == RECORD_STUCK) && record_state_now(r) != was && !device_present(r->port);
}

enum status recover_settle(const char *const *port, size_t n)
{
	const struct supervise how = {.job = settle_port, .deadline_ms = SETTLE_MS, .stuck = recover_stuck};
	const char **owing = calloc(n + 1, sizeof(*owing));
	enum status s = STATUS_DONE;
	size_t owed = 0;
	struct record r;

	if (!owing)
		return STATUS_FAILED;
	for (size_t i = 0; i < n; i++) {
		int e = record_load(port[i], &r);
		if (record_unread(e) || (!e && (r.owed[0] || missed_removal(&r))))
			owing[owed++] = port[i];
	}
	if (owed)
		s = supervise(owing, owed, &how);
	free(owing);
	return s;
}

/* A name or a serial number may decide whose it is: while its drivers are at it, they are waited for. */
static int read_whole(const struct run *run, const char *port, struct device *d)
{
	struct udev *links = run->config->links ? run->udev : NULL;
	uint64_t deadline = clock_ms() + RETURN_MS;
	int e;

	while (!(e = device_read(links, run->config, port, d)) && d->cut && clock_ms() < deadline)
		wait_for(-1, 0, clock_ms() + WAIT_POLL_MS);
	return e;
}

/* Whoever has it locked for longer hides its name and serial number: udev has asked by them before. */
static void take_udevs_word(const struct run *run, struct device *d)
{
	struct udev_device *u = udev_device_new_from_syspath(run->udev, d->syspath);
	const char *name = u ? udev_device_get_property_value(u, "REPLUG_DEVICE") : NULL;
	const struct device_conf *conf = name ? config_find(run->config, name) : NULL;

	if (conf) {
		d->conf = conf;
		d->relay = NULL;
	}
	if (u)
		udev_device_unref(u);
}

enum status recover_port(void *ctx, const char *port)
{
	const struct run *run = ctx;

	for (;;) {
		struct story s = {.watch.fd = -1};
		enum status status;
		int lock = take_lock(run, port);

		if (lock < 0)
			return lock == -EWOULDBLOCK ? STATUS_HELD : STATUS_FAILED;
		if (!settle(port)) {
			record_unlock(lock);
			return STATUS_FAILED;
		}
		int e = read_whole(run, port, &s.d);
		if (e && e != -ENODEV) {
			record_unlock(lock);
			log_line(LOG_ERR, "%s: what is plugged there cannot be read: %s", port, strerror(-e));
			return STATUS_FAILED;
		}
		if (e) {
			bool back = false;
			status = run->mode == RECOVER_EVENT ? gone_unseen(run, port) : lost_port(run, port, &back);
			record_unlock(lock);
			if (back && !wait_interrupted())
				continue;
			if (run->mode == RECOVER_EVENT && gone_not(port) && !wait_interrupted())
				continue; /* back already, and its plug was merged into this run */
			return status;
		}
		if (s.d.cut && run->mode == RECOVER_EVENT)
			take_udevs_word(run, &s.d);
		if (story_open(&s, run)) {
			record_unlock(lock);
			return STATUS_FAILED;
		}
		if (run->mode == RECOVER_EVENT && !s.d.conf) {
			record_unlock(lock);
			log_line(LOG_INFO, "%s: no section of the configuration takes it", s.name);
			if (!device_present(port)) /* its removal found the port locked */
				gone_note(port, NULL, NULL);
			return STATUS_NO_DEVICE;
		}
		status = tell(&s);
		record_unlock(lock);
		if (status == STATUS_DONE && s.conf->then.n && run->mode <= RECOVER_HAND)
			status = status_worse(status, story_then(run, s.conf, port, s.begun));
		unsigned dev = gone_not(port);
		if (!dev || (dev != s.d.dev && run->mode == RECOVER_EVENT))
			gone_note(port, NULL, NULL);
		/* A plug that came while we were busy was merged into this run by systemd: it is ours to handle. */
		if (run->mode != RECOVER_EVENT || !dev || dev == s.d.dev || wait_interrupted())
			return status;
	}
}

static void note_stuck(struct record *r, pid_t pid)
{
	record_stuck(r, pid);
	r->when = time(NULL);
	record_save(r);
}

void recover_stuck(const char *port, pid_t pid)
{
	struct record *list, r;
	size_t n;
	char dir[64];

	if (record_list(&list, &n))
		return;
	/* The port that it is at work on, which may be one that another's `then` names. One that was only looking has
	 * none: its port's record is another run's. Who has the lock writes nothing any more. */
	for (size_t i = 0; i < n; i++)
		if (record_locked_by(list[i].port, pid))
			note_stuck(&list[i], pid);
	free(list);
	/* A check-up's first look at a device leaves no record before its end. */
	if (record_load(port, &r) != -ENOENT || !record_locked_by(port, pid) ||
		snprintf(dir, sizeof(dir), SYSFS_USB "/%s", port) >= (int)sizeof(dir))
		return;
	snprintf(r.id, sizeof(r.id), "%04x:%04x", sysfs_number(dir, "idVendor", 16) & 0xffff,
		sysfs_number(dir, "idProduct", 16) & 0xffff);
	note_stuck(&r, pid);
}

/* How long the devices of these ports may take to be back, at most. */
static uint32_t longest_timeout(const struct config *c, const char *const *port, size_t n)
{
	struct device_conf none;
	uint32_t most = 0;

	config_device_defaults(&none);
	for (size_t i = 0; i < n; i++) {
		const struct device_conf *d = NULL;
		struct device now;
		struct record r;
		if (!record_load(port[i], &r) && r.section[0])
			d = config_find(c, r.section);
		else if (!device_read(NULL, c, port[i], &now))
			d = now.conf;
		uint32_t ms = d ? d->timeout_ms : none.timeout_ms;
		most = ms > most ? ms : most;
	}
	return most;
}

/* The longest that a run may take if the kernel keeps its own deadlines. */
static uint32_t budget_ms(const struct config *c)
{
	struct device_conf none;
	uint32_t most = 0;

	config_device_defaults(&none);
	for (size_t i = 0; i <= c->n; i++) {
		const struct device_conf *d = i < c->n ? &c->device[i] : &none;
		uint32_t finish = DROPS * (2 * d->timeout_ms + d->attempts * (d->ready_ms + 2000));
		uint32_t ms = (d->ladder.n + 1) * (finish + GONE_RESET_MS + d->power_off_ms);
		if (ms > most)
			most = ms;
	}
	return STORY_LOCK_MS + most;
}

enum status recover_ports(const char *const *port, size_t n, supervise_job *job, struct run *run)
{
	struct supervise how = {.job = job,
		.ctx = run,
		.deadline_ms = budget_ms(run->config),
		/* A hub has no time for questions while the kernel tries to enumerate what does not answer: minutes.
		 */
		.stuck_ms = job == lost_look ? 0 : 3 * longest_timeout(run->config, port, n),
		.stuck = recover_stuck,
		/* A hub that keeps one waiting holds up no other port, of which there is a note by and by. */
		.more = job == lost_look ? lost_take : NULL};

	enum status s = supervise(port, n, &how);
	recover_settle(port, n);
	return s;
}
