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
		const char *name = d->then.term[i].text, *near = NULL;
		if (d->then.term[i].kind != SEL_SECTION)
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

unsigned config_cross_check(struct config *c, config_report *report, void *ctx)
{
	unsigned errors = 0;

	for (size_t i = 0; i < c->n; i++) {
		struct device_conf *d = &c->device[i];
		if (d->init == INIT_CH9329)
			d->expect |= 1u << NODE_TTY;
		c->strings |= selector_has(&d->match, SEL_SERIAL) || selector_has(&d->match, SEL_PRODUCT);
		if (d->symlink[0] && config_symlink_class(d) == NODE_CLASSES) {
			const struct conf_origin *at = config_key_origin(d, "symlink");
			report(ctx, at->file, at->line,
				"`symlink` needs `expect = tty` or `expect = video4linux` in its section");
			errors++;
		}
	}
	for (size_t i = 0; i < c->relays; i++) {
		const struct selector *match = &c->relay[i].match;
		c->strings |= selector_has(match, SEL_SERIAL) || selector_has(match, SEL_PRODUCT);
		errors += check_relay(&c->relay[i], report, ctx);
	}
	for (size_t i = 0; i < c->n; i++)
		if (c->device[i].then.n)
			errors += check_then(c, &c->device[i], report, ctx);
	return errors;
}
