/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config-keys.h"
#include "text.h"

/* The nearest of the names that begin at name, each size bytes behind the one before. */
static const char *nearest(const char *word, const void *first, size_t n, size_t size)
{
	const char **names = calloc(n + 1, sizeof(*names));

	if (!names)
		return NULL;
	for (size_t i = 0; i < n; i++)
		names[i] = (const char *)first + i * size;
	const char *near = text_nearest(word, names);
	free(names);
	return near;
}

const char *config_nearest(const struct config *c, const char *name)
{
	return nearest(name, c->device, c->n, sizeof(*c->device));
}

const struct relay_conf *config_find_relay(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->relays; i++)
		if (text_is(c->relay[i].name, name))
			return &c->relay[i];
	return NULL;
}

const char *config_nearest_relay(const struct config *c, const char *name)
{
	return nearest(name, c->relay, c->relays, sizeof(*c->relay));
}

_Static_assert(!offsetof(struct device_conf, name) && !offsetof(struct relay_conf, name), "as nearest takes it");

/* Every section's name that `then` uses must exist and have something to initialise. */
static unsigned check_then(struct config *c, const struct device_conf *d, config_report *report, void *ctx)
{
	const struct conf_origin *at = config_key_origin(d, "then");
	unsigned errors = 0;

	for (size_t i = 0; i < d->then.n; i++) {
		const struct sel_term *t = selector_terms(&d->then) + i;
		const char *name = t->text, *near = NULL;
		if (t->kind != SEL_SECTION)
			continue;
		const struct device_conf *to = config_find(c, name);
		char msg[256];
		if (to && to->init != INIT_NONE)
			continue;
		if (to) {
			snprintf(msg, sizeof(msg), "`then` names [device %s], which has no `init`", name);
		} else {
			near = config_nearest(c, name);
			snprintf(msg, sizeof(msg), "`then` names \"%s\", but there is no [device %s]%s%s%s", name,
				name, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
		}
		report(ctx, at->file, at->line, msg);
		errors++;
	}
	return errors;
}

/*
 * A section without a `match` anywhere takes nothing, whatever else it says: the name of one that has a `match` is
 * misspelt. An empty `match` is a person's way to switch a section off.
 */
static unsigned no_match(const struct config *c, const char *kind, const char *name, unsigned header_file,
	unsigned header_line, config_report *report, void *ctx)
{
	bool relay = text_is(kind, "relay");
	const char **names, *near = NULL;
	char msg[256];
	size_t n = 0;

	names = calloc((relay ? c->relays : c->n) + 1, sizeof(*names));
	if (names) {
		for (size_t i = 0; relay && i < c->relays; i++)
			if (config_relay_origin(&c->relay[i], "match")->file)
				names[n++] = c->relay[i].name;
		for (size_t i = 0; !relay && i < c->n; i++)
			if (config_key_origin(&c->device[i], "match")->file)
				names[n++] = c->device[i].name;
		near = text_nearest(name, names);
	}
	snprintf(msg, sizeof(msg), "[%s %s] has no `match` here or in another file; %s%s%s%s%s", kind, name,
		near ? "did you mean [" : "it would take nothing", near ? kind : "", near ? " " : "",
		near ? near : "", near ? "]?" : "");
	free(names);
	report(ctx, c->file[header_file - 1], header_line, msg);
	return 1;
}

/* Of two links of one name, or of one where the other needs a folder, only one could be. */
static bool same_place(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (!*a || *a == '/') && (!*b || *b == '/') && (!*a || !*b);
}

/* Two sections that give one name would leave it to the last event whose it is. */
static unsigned check_symlink(const struct config *c, size_t i, config_report *report, void *ctx)
{
	const struct device_conf *d = &c->device[i], *other = c->device;
	const struct conf_origin *at = config_key_origin(d, "symlink"), *before;
	char msg[512];

	if (config_symlink_class(d) == NODE_CLASSES) {
		report(ctx, at->file, at->line,
			"`symlink` needs `expect = tty` or `expect = video4linux` in its section");
		return 1;
	}
	for (; d->match.n && other < d; other++) {
		if (!other->match.n || !other->symlink[0] || !same_place(d->symlink, other->symlink))
			continue;
		before = config_key_origin(other, "symlink");
		snprintf(msg, sizeof(msg), "`symlink` %s of [device %s] is in the way of %s of [device %s], at %s:%u",
			d->symlink, d->name, other->symlink, other->name, before->file, before->line);
		report(ctx, at->file, at->line, msg);
		return 1;
	}
	return 0;
}

static unsigned wrong(const struct relay_conf *r, const char *key, const char *what, config_report *report, void *ctx)
{
	const struct conf_origin *at = config_relay_origin(r, key);

	if (at->file)
		report(ctx, at->file, at->line, what);
	return at->file ? 1 : 0;
}

static unsigned check_relay(struct relay_conf *r, config_report *report, void *ctx)
{
	static const char *const bytes[] = {"on", "off", "status", "status-closed", "status-open"};
	unsigned errors = 0;

	if (r->momentary > 1)
		r->momentary = r->pulse_ms > 0;
	if (r->pulse_ms > r->max_pulse_ms)
		errors += wrong(r, "pulse", "`pulse` is longer than `max-pulse` allows", report, ctx);
	if (r->protocol == RELAY_CUSTOM && (!r->on.n || !r->off.n))
		errors += wrong(
			r, "protocol", "`protocol = custom` needs `on` and `off`, such as on = D0 01", report, ctx);
	if (r->on.n && r->on.n == r->off.n && !memcmp(r->on.byte, r->off.byte, r->on.n))
		errors += wrong(r, "off", "`off` is the same as `on`", report, ctx);
	if (r->status.n && (!r->closed.n || !r->open.n))
		errors += wrong(r, "status", "`status` needs `status-closed` and `status-open`: the answers to it",
			report, ctx);
	else if (r->closed.n && r->closed.n == r->open.n && !memcmp(r->closed.byte, r->open.byte, r->open.n))
		errors += wrong(r, "status-open", "`status-open` is the same as `status-closed`", report, ctx);
	else if (r->protocol == RELAY_CUSTOM && !r->status.n)
		errors += wrong(r, "status-closed", "an answer needs its question, `status`", report, ctx);
	for (size_t i = 0; r->protocol != RELAY_CUSTOM && i < sizeof(bytes) / sizeof(bytes[0]); i++)
		errors += wrong(r, bytes[i], "these bytes are for `protocol = custom` only", report, ctx);
	return errors;
}

/* What the sections want to know of a device that not everybody has to read. */
static void asks(struct config *c, const struct selector *match)
{
	const struct sel_term *t = selector_terms(match);

	for (size_t i = 0; i < match->n; i++) {
		c->strings |= t[i].kind == SEL_SERIAL || t[i].kind == SEL_PRODUCT;
		c->links |= t[i].kind == SEL_NODE;
	}
}

unsigned config_cross_check(struct config *c, config_report *report, void *ctx)
{
	unsigned errors = 0;

	for (size_t i = 0; i < c->n; i++) {
		struct device_conf *d = &c->device[i];
		if (d->init == INIT_CH9329)
			d->expect |= 1u << NODE_TTY;
		asks(c, &d->match);
		if (!d->match.n && !config_key_origin(d, "match")->file)
			errors += no_match(c, "device", d->name, d->header_file, d->header_line, report, ctx);
		else if (d->symlink[0])
			errors += check_symlink(c, i, report, ctx);
	}
	for (size_t i = 0; i < c->relays; i++) {
		struct relay_conf *r = &c->relay[i];
		asks(c, &r->match);
		if (!r->match.n && !config_relay_origin(r, "match")->file)
			errors += no_match(c, "relay", r->name, r->header_file, r->header_line, report, ctx);
		errors += check_relay(r, report, ctx);
	}
	for (size_t i = 0; i < c->n; i++)
		if (c->device[i].then.n)
			errors += check_then(c, &c->device[i], report, ctx);
	return errors;
}
