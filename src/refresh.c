/* SPDX-License-Identifier: MIT */
#include "refresh.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gone.h"
#include "guard.h"
#include "log.h"
#include "recover.h"
#include "supervise.h"
#include "text.h"
#include "use.h"
#include "verbs.h"
#include "wait.h"

uint64_t refresh_left(const struct record *r, uint32_t every_ms, uint64_t plugged, uint64_t now)
{
	uint64_t from = r->verified_ms > r->refreshed_ms ? r->verified_ms : r->refreshed_ms;

	if (plugged > from)
		from = plugged;
	return from + every_ms > now ? from + every_ms - now : 0;
}

/* Why a device is not recovered now. */
enum answer { DO_IT, NOT_DUE, IN_USE, HELD_BACK, LOCKED, UNKNOWN };

/* One device that is looked at, with its port's lock held if it is not for show. */
struct turn {
	struct device d; /* as it is by now: the ones before it took their time */
	char name[256];
	struct record r;
	struct use use;
	uint64_t left;
};

static enum answer weigh(const struct call *c, struct turn *k)
{
	uint64_t now = clock_ms(), age = device_age(c->udev, &k->d);

	int e = record_load(k->d.port, &k->r);
	if (record_unread(e)) {
		log_line(LOG_ERR, "%s: its record in " RECORD_DIR " cannot be read: %s", k->name, strerror(-e));
		return UNKNOWN;
	}
	k->left = refresh_left(&k->r, k->d.conf->every_ms, age && age < now ? now - age : 0, now);
	if (k->left)
		return NOT_DUE;
	/* A healthy device is not worth being held for. */
	if (k->r.held || !guard_allows(&k->r, &c->config->guard, now))
		return HELD_BACK;
	const struct device *d = &k->d;
	use_find(&d, 1, &k->use);
	return k->use.classes && k->d.conf->busy != BUSY_RESET ? IN_USE : DO_IT;
}

static void tell_left(const struct turn *k)
{
	char left[32];

	text_span(left, sizeof(left), k->left);
	printf("%s: due in %s\n", k->name, left);
}

static enum status plan(const struct call *c, struct turn *k)
{
	switch (weigh(c, k)) {
	case NOT_DUE:
		tell_left(k);
		break;
	case HELD_BACK:
		printf("%s: due; reset too often of late, left alone by the guard\n", k->name);
		break;
	case IN_USE:
		printf("%s: due; in use by %s: %s\n", k->name, k->use.who,
			k->d.conf->busy == BUSY_SKIP ? "skipped this time" : "postponed");
		break;
	case UNKNOWN:
		return STATUS_FAILED;
	default:
		printf("%s: due; would be recovered%s%s\n", k->name, k->use.classes ? ", although in use by " : "",
			k->use.who);
	}
	return STATUS_DONE;
}

/* What is not recovered now has a word said about it once, not at each tick. */
static enum answer decide(const struct call *c, struct turn *k)
{
	int lock = record_lock(k->d.port, 0);
	char every[24];

	if (lock < 0) {
		if (lock != -EWOULDBLOCK)
			log_line(LOG_ERR, "%s: cannot lock it: %s%s", k->name, strerror(-lock), text_refusal(-lock));
		return lock == -EWOULDBLOCK ? LOCKED : UNKNOWN;
	}
	enum answer a = weigh(c, k);
	text_duration_show(every, sizeof(every), k->d.conf->every_ms);
	if (a == IN_USE && k->d.conf->busy == BUSY_SKIP) {
		log_line(LOG_NOTICE, "%s: due, but in use by %s: left for another %s", k->name, k->use.who, every);
	} else if (a == IN_USE && !k->r.postponed) {
		log_line(LOG_NOTICE, "%s: due, but in use by %s: postponed until it is free", k->name, k->use.who);
	}
	bool postponed = a == IN_USE && k->d.conf->busy == BUSY_POSTPONE;
	bool counted = a == DO_IT || (a == IN_USE && !postponed);
	if (counted) /* before it is done: what fails waits as long as what succeeds */
		k->r.refreshed_ms = clock_ms();
	if (counted || postponed != k->r.postponed) {
		k->r.postponed = postponed;
		/* Without it the next tick would do it all over again. */
		int e = record_save(&k->r);
		if (e) {
			log_line(LOG_ERR, "%s: not refreshed, its record in " RECORD_DIR " cannot be written: %s",
				k->name, strerror(-e));
			a = LOCKED;
		}
	}
	record_unlock(lock);
	if (!device_present(k->d.port)) /* its removal found the port locked */
		gone_note(k->d.port, NULL, NULL);
	return a;
}

static enum status refresh(const struct call *c, struct turn *k)
{
	struct run run = {.udev = c->udev, .config = c->config, .mode = RECOVER_CHECKUP, .unasked = true};

	enum answer a = decide(c, k);

	if (a == NOT_DUE && c->sel.n) /* a person's, who may have meant to recover it now */
		tell_left(k);
	switch (a) {
	case DO_IT:
		return recover_ports((const char *const[]){k->d.port}, 1, recover_port, &run);
	case LOCKED:
	case HELD_BACK:
		return STATUS_HELD;
	case UNKNOWN:
		return STATUS_FAILED;
	default:
		return STATUS_DONE;
	}
}

enum status verb_refresh(struct call *c)
{
	enum status s = STATUS_DONE;
	struct turn k;
	bool any = false;

	log_open("replug", true);
	/* One after the other: two of one hub would be in each other's way, and the box would be blind meanwhile. */
	for (size_t i = 0; i < c->devices; i++) {
		const struct device *d = &c->device[i];
		if (supervise_told())
			break;
		if (c->sel.n ? !device_matches(d, &c->sel) : !d->conf || !d->conf->every_ms)
			continue;
		k = (struct turn){0};
		if (device_read(c->udev, c->config, d->port, &k.d))
			continue; /* unplugged by now: its next plug sees to it */
		device_name(&k.d, k.name, sizeof(k.name));
		any = true;
		if (k.d.conf && k.d.conf->every_ms)
			s = status_worse(s, c->dry_run ? plan(c, &k) : refresh(c, &k));
		else if (c->dry_run || c->sel.n)
			printf("%s: never due: %s\n", k.name,
				k.d.conf ? "its section has no `every`" : "no section takes it");
	}
	if (c->dry_run && !any && !c->sel.n)
		puts("nothing is to be refreshed: no plugged device's section has `every`");
	return status_worse(s, c->missing);
}
