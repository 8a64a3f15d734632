/* SPDX-License-Identifier: MIT */
/* The keys of the configuration: for config.c, which reads files and knows no key. */
#ifndef REPLUG_CONFIG_KEYS_H
#define REPLUG_CONFIG_KEYS_H

#include "config.h"

/* An index of by_name. */
static inline unsigned config_hash(const char *name)
{
	unsigned hash = 0;

	while (*name)
		hash = hash * 31 + (unsigned char)*name++;
	return hash % CONF_BUCKETS;
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
