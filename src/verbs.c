/* SPDX-License-Identifier: MIT */
#include "verbs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gone.h"
#include "guard.h"
#include "ladder.h"
#include "log.h"
#include "lost.h"
#include "port.h"
#include "record.h"
#include "recover.h"
#include "show.h"
#include "wait.h"

static size_t find_silent(const struct call *c, const struct selector *sel, char (**out)[32]);

enum status verb_add_selector(const struct call *c, struct selector *sel, const char *arg)
{
	char why[384];
	size_t before = sel->n;
	int e = selector_parse(sel, arg, true, why, sizeof(why));

	if (e) {
		fprintf(stderr, "replug: %s\n", e == -EINVAL ? why : strerror(-e));
		return STATUS_USAGE;
	}
	for (size_t i = before; i < sel->n; i++) {
		const struct sel_term *t = selector_terms(sel) + i;
		const char *name = t->text, *near = NULL;
		if (t->kind != SEL_SECTION || config_find(c->config, name))
			continue;
		if (c->config->broken) {
			fprintf(stderr,
				"replug: while the configuration is broken, \"%s\" is nobody's name; `replug list` "
				"shows what is plugged\n",
				name);
			return STATUS_USAGE;
		}
		near = config_nearest(c->config, name);
		fprintf(stderr, "replug: there is no [device %s] in the configuration%s%s%s\n", name,
			near ? "; did you mean \"" : "; `replug check` shows its sections", near ? near : "",
			near ? "\"?" : "");
		return STATUS_USAGE;
	}
	return STATUS_DONE;
}

/* One port named by itself needs no look at any other device. */
static bool only_port(const struct call *c, char *port, size_t size)
{
	if (c->sel.n != 1 || c->sel.one.kind != SEL_PORT)
		return false;
	snprintf(port, size, "%s", c->sel.one.text);
	return true;
}

/* Links are for those who ask by them, or show them. */
static bool needs_links(const struct call *c)
{
	bool shows = c->verb->run != verb_health && c->verb->run != verb_recover && c->verb->run != verb_reset;

	return shows || c->dry_run || c->config->links || selector_has(&c->sel, SEL_NODE);
}

static enum status read_devices(struct call *c)
{
	struct udev *udev = needs_links(c) ? c->udev : NULL;
	char port[DEVICE_PORT_SIZE];
	int e;

	if (c->dry_run || !only_port(c, port, sizeof(port))) { /* a plan shows what `then` names, too */
		e = device_list(udev, c->config, &c->device, &c->devices);
	} else {
		c->device = calloc(1, sizeof(*c->device));
		e = c->device ? device_read(udev, c->config, port, c->device) : -ENOMEM;
		c->devices = !e;
	}
	if (!e || e == -ENODEV)
		return STATUS_DONE;
	fprintf(stderr, "replug: what is plugged cannot be read: %s\n", strerror(-e));
	return STATUS_FAILED;
}

static bool on_record(const struct call *c, const struct selector *sel)
{
	struct record *list;
	size_t n;
	bool found = false;

	if (record_list(&list, &n))
		return true; /* show_status says so */
	for (size_t i = 0; i < n && !found; i++)
		found = record_matches(&list[i], sel, c->device, c->devices);
	free(list);
	return found;
}

/* Parses all selectors, and notes which name nothing: the others are tried all the same. */
enum status verb_select(struct call *c)
{
	enum status s;

	for (int i = 0; i < c->args; i++)
		if ((s = verb_add_selector(c, &c->sel, c->arg[i])))
			return s;
	if ((s = read_devices(c)))
		return s;
	for (int i = 0; i < c->args; i++) {
		struct selector one = {0};
		bool found = false;
		if ((s = verb_add_selector(c, &one, c->arg[i])))
			return s;
		for (size_t k = 0; k < c->devices && !found; k++)
			found = device_matches(&c->device[k], &one);
		if (!found && (c->verb->run == verb_list || c->verb->run == verb_recover ||
				      c->verb->run == verb_reset || c->verb->run == verb_health)) {
			char(*silent)[32];
			found = find_silent(c, &one, &silent) > 0;
			free(silent);
		}
		if (c->verb->run == verb_status)
			found = on_record(c, &one);
		selector_free(&one);
		if (found)
			continue;
		c->missing = STATUS_NO_DEVICE;
		if (c->event && !c->dry_run) /* it went before we came: recover_port has something to note */
			continue;
		if (c->verb->run == verb_status)
			fprintf(stderr, "replug: nothing is on record for \"%s\"; `replug status` shows all\n",
				c->arg[i]);
		else if (c->verb->run != verb_watch) /* which waits for it */
			fprintf(stderr, "replug: no device matches \"%s\"; `replug list` shows what is plugged\n",
				c->arg[i]);
	}
	return STATUS_DONE;
}

enum status verb_list(struct call *c)
{
	enum status s = show_list(c->config, c->device, c->devices, c->sel.n ? &c->sel : NULL, c->json);

	return status_worse(s, c->missing);
}

enum status verb_status(struct call *c)
{
	enum status s = show_status(c->device, c->devices, c->sel.n ? &c->sel : NULL, c->json);

	return status_worse(s, c->missing);
}

enum status verb_check(struct call *c)
{
	return show_check(c->udev, c->config, c->device, c->devices, c->json);
}

/*
 * Ports without a device that a selector names: on record as silent, or, for who resets, asked for by their name. A
 * malloc'ed array; returns how many.
 */
static size_t find_silent(const struct call *c, const struct selector *sel, char (**out)[32])
{
	struct record *list;
	bool by_name = (c->verb->run == verb_recover || c->verb->run == verb_reset) && !c->dry_run && !c->devices;
	size_t n, found = 0;
	struct port p;

	*out = NULL;
	if (!sel->n || record_list(&list, &n))
		return 0;
	*out = calloc(n + 1, sizeof(**out));
	for (size_t i = 0; *out && i < n; i++)
		if (record_state_now(&list[i]) == RECORD_SILENT &&
			record_matches(&list[i], sel, c->device, c->devices))
			snprintf((*out)[found++], sizeof(**out), "%s", list[i].port);
	free(list);
	if (*out && !found && by_name && sel->n == 1 && sel->one.kind == SEL_PORT && !port_of(sel->one.text, &p) &&
		!access(p.dir, F_OK))
		snprintf((*out)[found++], sizeof(**out), "%s", sel->one.text);
	return found;
}

/* What the guard would say to an event, and nothing is noted; NULL: go ahead. */
static const char *guard_word(const struct call *c, const struct device *d)
{
	uint64_t now = clock_ms(), age = device_age(c->udev, d);
	struct record r;
	bool fresh;

	if (!d->conf)
		return "no section takes it: nothing would be done";
	record_load(d->port, &r);
	switch (guard_event(&r, &c->config->guard, d->dev, age < now ? now - age : 0, now, &fresh)) {
	case GUARD_DONE:
		return r.state == RECORD_FAILED ? "just tried in vain: nothing would be done"
						: "recovered already: nothing would be done";
	case GUARD_HELD:
		return "reset too often of late: left alone by the guard";
	case GUARD_FINISH:
		return "reset just now: would be verified, and reset again only if that fails";
	case GUARD_RESET:
		break;
	}
	return NULL;
}

/* What a dry run says of one device. */
static void plan(const struct call *c, const struct device *d, enum recover_mode mode)
{
	char name[256];
	bool chip = d->conf && d->conf->init == INIT_CH9329 && mode != RECOVER_RESET;
	const struct conf_ladder by_hand = {.method = {c->method_set ? c->method : RESET_USB}, .n = 1};
	const struct conf_ladder *l = mode == RECOVER_RESET || !d->conf ? &by_hand : &d->conf->ladder;
	char methods[128] = "";
	size_t n = 0;

	device_name(d, name, sizeof(name));
	const char *guard = mode == RECOVER_EVENT ? guard_word(c, d) : NULL;
	if (guard) {
		printf("%s: %s\n", name, guard);
		return;
	}
	for (unsigned i = 0; i < l->n; i++)
		n += (size_t)snprintf(methods + n, sizeof(methods) - n, "%s%s", i ? ", if that does not help " : "",
			ladder_name(l->method[i]));
	printf("%s: would be %s%s%s%s and verified\n", name, l->n ? "reset (" : "checked", methods, l->n ? ")" : "",
		chip ? ", its CH9329 initialised" : "");
	if (mode == RECOVER_RESET || !d->conf)
		return;
	for (size_t i = 0; i < c->devices; i++)
		if (c->device[i].conf && c->device[i].conf->init == INIT_CH9329 &&
			device_matches(&c->device[i], &d->conf->then)) {
			device_name(&c->device[i], name, sizeof(name));
			printf("  then: %s: its CH9329 would be initialised\n", name);
		}
}

enum status verb_on_each(struct call *c, enum recover_mode mode, supervise_job *job)
{
	struct run run = {.udev = c->udev,
		.config = c->config,
		.mode = mode,
		.ladder = {.method = {RESET_USB}, .n = 1},
		.baud_set = c->baud_set,
		.baud = c->baud};
	char(*silent)[32] = NULL;
	size_t n = 0, lost = job == recover_port ? find_silent(c, &c->sel, &silent) : 0;
	const char **port = calloc(c->devices + lost + 1, sizeof(*port));
	enum status s = STATUS_DONE;

	if (!port)
		return free(silent), STATUS_FAILED;
	if (c->method_set)
		run.ladder = (struct conf_ladder){.method = {c->method}, .n = 1};
	for (size_t i = 0; i < lost; i++) {
		if (c->dry_run)
			printf("%s: the device in it is lost; what its section has for that would be tried\n",
				silent[i]);
		else
			port[n++] = silent[i];
	}
	for (size_t i = 0; i < c->devices; i++) {
		if (c->sel.n && !device_matches(&c->device[i], &c->sel))
			continue;
		if (c->dry_run)
			plan(c, &c->device[i], mode);
		else
			port[n++] = c->device[i].port;
	}
	if (n)
		s = recover_ports(port, n, job, &run);
	free(port);
	free(silent);
	return status_worse(s, c->missing);
}

/* An event for a port that is empty by now. */
static enum status on_port(struct call *c)
{
	struct run run = {.udev = c->udev, .config = c->config, .mode = RECOVER_EVENT};
	char port[DEVICE_PORT_SIZE];

	if (!only_port(c, port, sizeof(port)))
		return c->missing;
	log_open("replug", true);
	return recover_ports((const char *const[]){port}, 1, recover_port, &run);
}

enum status verb_recover(struct call *c)
{
	if (c->event && !c->devices && !c->dry_run)
		return on_port(c);
	log_open("replug", true);
	return verb_on_each(c, c->event ? RECOVER_EVENT : RECOVER_HAND, recover_port);
}

enum status verb_reset(struct call *c)
{
	log_open("replug", true);
	return verb_on_each(c, RECOVER_RESET, recover_port);
}

/* systemd starts it when removals have left notes: those, and what is noted while it is at work. */
enum status verb_lost(struct call *c)
{
	struct run run = {.udev = c->udev, .config = c->config, .mode = RECOVER_EVENT};

	log_open("replug", true);
	return recover_ports(NULL, 0, lost_look, &run);
}

/* What systemd has run when a run has failed, or ended where no other unit would follow. */
enum status verb_settle(struct call *c)
{
	const char **port = NULL;
	struct record *list = NULL;
	size_t n = 0;

	log_open("replug", true);
	int e = c->args ? 0 : record_list(&list, &n);
	if (e) {
		log_line(LOG_ERR, "replug: " RECORD_DIR ": %s", strerror(-e));
		return STATUS_FAILED;
	}
	port = calloc(n + (size_t)c->args + 1, sizeof(*port));
	if (!port)
		return free(list), STATUS_FAILED;
	for (size_t i = 0; i < n; i++)
		port[i] = list[i].port;
	for (int i = 0; i < c->args; i++) {
		const char *slash = strrchr(c->arg[i], '/');
		port[n++] = slash ? slash + 1 : c->arg[i];
		if (!selector_is_port(port[n - 1])) {
			fprintf(stderr, "replug: settle takes ports such as 1-1.4, or paths that end in one\n");
			free(port);
			return STATUS_USAGE;
		}
	}
	enum status s = recover_settle(port, n);
	free(port);
	free(list);
	return s;
}

enum status verb_gone(struct call *c)
{
	const char *slash = strrchr(c->arg[0], '/'), *port = slash ? slash + 1 : c->arg[0];

	if (!selector_is_port(port)) {
		fprintf(stderr, "replug: gone takes a port such as 1-1.4, or a path that ends in one\n");
		return STATUS_USAGE;
	}
	log_open("replug", true); /* udev drops what its programs write */
	return gone_note(port, getenv("PRODUCT"), getenv("REPLUG_DEVICE"));
}
