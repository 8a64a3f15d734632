/* SPDX-License-Identifier: MIT */
/* The keys of the configuration: for config.c, which reads files and knows no key. */
#ifndef REPLUG_CONFIG_KEYS_H
#define REPLUG_CONFIG_KEYS_H

#include "config.h"
#include "text.h"

struct conf_name {
	size_t len;
	unsigned bucket; /* index of by_name */
};

/* The section's name that text begins with; its len is 0 where none does. */
static inline struct conf_name conf_read_name(const char *text)
{
	unsigned hash = 0;
	const char *p = text;

	for (; selector_in_name(*p); p++)
		hash = hash * 31 + (unsigned char)*p;
	return (struct conf_name){(size_t)(p - text), hash % CONF_BUCKETS};
}

/* The section of this name, where i is what by_name has for it. */
static inline struct device_conf *config_find_from(const struct config *c, unsigned i, const char *name)
{
	for (; i; i = c->device[i - 1].next)
		if (text_is(c->device[i - 1].name, name))
			return &c->device[i - 1];
	return NULL;
}

/* The section that is being read: one of them is set. */
struct conf_section {
	struct device_conf *device;
	struct relay_conf *relay;
	struct guard_conf *guard;
};

/*
 * Sets one key. Returns 0, or -EINVAL with the message for a person in msg (size bytes), or -ENOMEM, likewise.
 */
int config_key_set(const struct conf_section *s, const char *name, const char *value, const struct conf_origin *at,
	char *msg, size_t size);

/* Where a key of a [device] section was set; name must be one of its keys. */
const struct conf_origin *config_key_origin(const struct device_conf *d, const char *name);
const struct conf_origin *config_relay_origin(const struct relay_conf *r, const char *name);

void config_guard_defaults(struct guard_conf *g);

/* config-check.c: what can only be said when everything has been read. Returns the number of errors reported. */
unsigned config_cross_check(struct config *c, config_report *report, void *ctx);

#endif
