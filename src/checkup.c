/* SPDX-License-Identifier: MIT */
/* A round of health over all devices, side by side: `replug health`. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "gone.h"
#include "health-show.h"
#include "log.h"
#include "recover.h"
#include "show.h"
#include "story.h"
#include "supervise.h"
#include "table.h"
#include "verbs.h"
#include "wait.h"

struct round {
	struct call *call;
	struct patient *p; /* shared with the children that ask */
	size_t n, room;
};

static void take_in(struct round *round, const struct device *d, const struct record *r)
{
	struct patient *p = &round->p[round->n];

	if (round->n == round->room)
		return;
	p->d = d;
	if (r)
		p->r = *r;
	snprintf(p->port, sizeof(p->port), "%s", r ? r->port : d->port);
	snprintf(p->evidence, sizeof(p->evidence), "it was not done with answering after %d s", HEALTH_MS / 1000);
	round->n++;
}

static bool plugged(const struct call *c, const char *port)
{
	for (size_t i = 0; i < c->devices; i++)
		if (!strcmp(c->device[i].port, port))
			return true;
	return false;
}

/* The devices that are meant: those named, or all that a section takes and all that should be there. */
static int admit(struct round *round)
{
	struct call *c = round->call;
	struct record *list = NULL;
	size_t records = 0;

	if (record_list(&list, &records))
		return -ENOMEM;
	round->room = c->devices + records + 1;
	round->p = mmap(
		NULL, round->room * sizeof(*round->p), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (round->p == MAP_FAILED) {
		round->p = NULL;
		free(list);
		return -ENOMEM;
	}
	for (size_t i = 0; i < c->devices; i++)
		if (c->sel.n ? device_matches(&c->device[i], &c->sel) : c->device[i].conf != NULL)
			take_in(round, &c->device[i], NULL);
	for (size_t i = 0; i < records; i++)
		if ((record_state_now(&list[i]) == RECORD_SILENT ||
			    (list[i].state == RECORD_FAILED && list[i].owed[0])) &&
			!plugged(c, list[i].port) &&
			(!c->sel.n || record_matches(&list[i], &c->sel, c->device, c->devices)))
			take_in(round, NULL, &list[i]);
	free(list);
	return 0;
}

static void find_users(const struct round *round)
{
	const struct device **d = calloc(round->n + 1, sizeof(*d));
	struct use *use = calloc(round->n + 1, sizeof(*use));
	size_t n = 0;

	for (size_t i = 0; d && use && i < round->n; i++)
		if (round->p[i].d)
			d[n++] = round->p[i].d;
	if (n)
		use_find(d, n, use);
	n = 0;
	for (size_t i = 0; d && use && i < round->n; i++)
		if (round->p[i].d)
			round->p[i].use = use[n++];
	free(use);
	free(d);
}

static void identify(struct record *r, const struct device *d)
{
	snprintf(r->id, sizeof(r->id), "%04x:%04x", d->vid, d->pid);
	snprintf(r->section, sizeof(r->section), "%s", d->conf->name);
	snprintf(r->product, sizeof(r->product), "%s", d->product);
}

/* The verdict goes on record only where a timer asks: one who looks changes nothing. */
static void put_on_record(struct patient *p, enum health found, bool woken)
{
	/* The port is ours: whoever was at work on it, or kept by the kernel, is so no more. */
	if (p->r.state == RECORD_BUSY || p->r.state == RECORD_STUCK)
		record_state_now(&p->r);
	bool changed = health_note(&p->r, found, time(NULL), &p->turned);

	if (woken && found == HEALTH_WELL)
		p->r.woken_ms = clock_ms();
	else if (!changed)
		return;
	if (!p->r.id[0] && p->d)
		identify(&p->r, p->d);
	record_save(&p->r); /* what it costs to fail is another round */
	p->due = found != HEALTH_WELL && !p->r.held && health_due(p->r.health_bad);
}

/* The unplugging of a silent device makes no event. The port is empty, its lock held; who only looks changes nothing.
 */
static bool unplugged(const struct round *round, struct patient *p)
{
	if (p->r.state != RECORD_SILENT)
		return false;
	snprintf(p->evidence, sizeof(p->evidence), "it was unplugged");
	p->health = HEALTH_DEAD;
	if (!round->call->heal)
		return true;
	p->r.state = RECORD_GONE;
	p->r.gone_ms = clock_ms();
	p->r.error[0] = '\0';
	record_save(&p->r); /* what it costs to fail is another round */
	return true;
}

static bool told_to_stop(void)
{
	sigset_t set;

	return wait_interrupted() || (!sigpending(&set) && sigismember(&set, SIGTERM) > 0);
}

/* In a child of its own: whatever the device does to it, the round goes on. */
static enum status ask(void *ctx, const char *port)
{
	struct round *round = ctx;
	struct patient *p = round->p;
	char evidence[sizeof(p->evidence)] = "nothing answers in this port any more";
	enum health found = HEALTH_DEAD;

	while (strcmp(p->port, port))
		p++;
	/* Without the lock: the hub may be busy with another of its ports, and that is no matter of this one's. */
	bool empty = !p->d && !story_connected(port);
	int lock = record_lock(port, 0);
	bool unread = record_unread(record_load(port, &p->r));
	if (lock == -EWOULDBLOCK) {
		snprintf(p->evidence, sizeof(p->evidence),
			"another run%s has its port; `replug status` shows how it ends",
			p->r.state == RECORD_BUSY ? " recovers it and" : "");
		return STATUS_UNKNOWN;
	}
	if (empty && lock >= 0 && !unread && unplugged(round, p))
		return record_unlock(lock), STATUS_DONE;
	bool asleep = p->d && health_asleep(p->d);
	bool let = asleep && (round->call->heal || round->call->metrics) && !health_wakes(&p->r, clock_ms());
	if (let) {
		found = HEALTH_WELL;
		snprintf(evidence, sizeof(evidence), "it is asleep, and was well when it was last woken");
	} else if (p->d) {
		found = health_ask(p->d, &p->use, &p->r, evidence, sizeof(evidence));
	}
	p->stopped = told_to_stop();
	if (round->call->heal && !let && lock >= 0 && !unread && (!p->d || p->d->conf))
		put_on_record(p, found, asleep);
	memcpy(p->evidence, evidence, sizeof(evidence));
	p->health = found;
	if (lock >= 0) {
		record_unlock(lock);
		if (p->d && !device_present(port)) /* its removal found the port locked */
			gone_note(port, NULL, NULL);
	}
	return STATUS_DONE;
}

/* Whose call to the kernel does not return cannot say so itself: it is on record as that by now. */
static void find_stuck(const struct round *round)
{
	for (size_t i = 0; i < round->n; i++) {
		struct patient *p = &round->p[i];
		struct record r;
		if (record_load(p->port, &r) || record_state_now(&r) != RECORD_STUCK)
			continue;
		p->health = HEALTH_DEAD;
		p->turned = p->r.state != RECORD_STUCK; /* as its child found it */
		snprintf(p->evidence, sizeof(p->evidence), "%s", r.error);
		if (r.section[0] || !p->d || !p->d->conf)
			continue;
		identify(&r, p->d); /* a first look, of which no run has left a record */
		record_save(&r);
	}
}

static void tell(const struct patient *p)
{
	char name[256];

	if (!p->turned)
		return;
	if (p->d)
		device_name(p->d, name, sizeof(name));
	else
		snprintf(name, sizeof(name), "%s %s %s", p->port, p->r.section, p->r.id);
	log_line(LOG_NOTICE, "%s: %s%s: %s", name, health_name[p->health], p->health == HEALTH_WELL ? " again" : "",
		p->evidence);
}

static void heal(const struct round *round, const char **port)
{
	const struct call *c = round->call;
	struct run run = {.udev = c->udev, .config = c->config, .mode = RECOVER_CHECKUP, .unasked = true};
	size_t n = 0;

	for (size_t i = 0; i < round->n; i++) {
		/* By whoever stops the round; or by the round, for it took too long, and that is on record by now. */
		if (round->p[i].stopped)
			continue;
		tell(&round->p[i]);
		if (round->p[i].due)
			port[n++] = round->p[i].port;
	}
	if (n && !supervise_told())
		recover_ports(port, n, recover_port, &run);
}

static enum status verdict(const struct round *round)
{
	enum status s = STATUS_DONE;

	for (size_t i = 0; i < round->n; i++)
		s = status_worse(s, round->p[i].health == HEALTH_WELL      ? STATUS_DONE
				    : round->p[i].health == HEALTH_UNKNOWN ? STATUS_UNKNOWN
									   : STATUS_FAILED);
	return s;
}

static enum status show(const struct round *round)
{
	const struct call *c = round->call;
	struct record *list = NULL;
	size_t n = 0;

	if (c->json)
		return health_json(round->p, round->n);
	if (c->metrics) {
		if (!c->sel.n && record_list(&list, &n))
			return STATUS_FAILED;
		health_metrics(round->p, round->n, list, n, stdout);
		free(list);
		return print_end();
	}
	if (c->heal)
		return STATUS_DONE;
	if (!round->n && !c->sel.n) {
		puts("no plugged device is one that a section takes; `replug check` shows what is plugged");
		return print_end();
	}
	return health_table(round->p, round->n);
}

enum status verb_health(struct call *c)
{
	struct round round = {.call = c};
	const char **port = admit(&round) ? NULL : calloc(round.room, sizeof(*port));
	enum status s;

	if (!port) {
		fprintf(stderr, "replug: %s\n", strerror(ENOMEM));
		return STATUS_UNKNOWN;
	}
	/* What a run that was killed together with its parent has left off waits for nothing else. */
	if (c->heal)
		verb_settle(&(struct call){0});
	find_users(&round);
	for (size_t i = 0; i < round.n; i++)
		port[i] = round.p[i].port;
	log_open("replug", c->heal);
	log_hush(true); /* what a child came to is its device's evidence, and the same in each round */
	if (round.n)
		supervise(port, round.n,
			&(struct supervise){
				.job = ask, .ctx = &round, .deadline_ms = HEALTH_MS, .stuck = recover_stuck});
	log_hush(false);
	find_stuck(&round);
	s = show(&round);
	/* A failure is a device's, as of grep: what could not be told is not known. */
	s = s == STATUS_DONE ? verdict(&round) : s == STATUS_FAILED ? STATUS_UNKNOWN : s;
	if (c->heal)
		heal(&round, port);
	free(port);
	munmap(round.p, round.room * sizeof(*round.p));
	return status_worse(s, c->missing);
}
