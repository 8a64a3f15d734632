/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "config-keys.h"
#include "text.h"

const char *config_nearest(const struct config *c, const char *name)
{
	const char **names = calloc(c->n + 1, sizeof(*names));

	if (!names)
		return NULL;
	for (size_t i = 0; i < c->n; i++)
		names[i] = c->device[i].name;
	const char *near = text_nearest(name, names);
	free(names);
	return near;
}

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
	for (size_t i = 0; i < c->n; i++)
		if (c->device[i].then.n)
			errors += check_then(c, &c->device[i], report, ctx);
	return errors;
}
