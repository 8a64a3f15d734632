/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "config-keys.h"
#include "text.h"

struct device_conf *config_find(const struct config *c, const char *name)
{
	return config_find_from(c, c->by_name[conf_read_name(name).bucket], name);
}

/* What takes the device, by kind of section. */
struct taker {
	const struct device_conf *device;
	const struct relay_conf *relay;
	size_t term;
	unsigned weight;
};

static void take_device(const struct config *c, const struct usb_facts *facts, struct taker *t)
{
	size_t term;

	for (size_t i = 0; i < c->n; i++) {
		unsigned weight = selector_match(&c->device[i].match, facts, &term);
		if (weight && weight >= t->weight)
			*t = (struct taker){.device = &c->device[i], .term = term, .weight = weight};
	}
}

static void take_relay(const struct config *c, const struct usb_facts *facts, struct taker *t)
{
	size_t term;

	for (size_t i = 0; i < c->relays; i++) {
		unsigned weight = selector_match(&c->relay[i].match, facts, &term);
		if (weight && weight >= t->weight)
			*t = (struct taker){.relay = &c->relay[i], .term = term, .weight = weight};
	}
}

static struct taker taker(const struct config *c, const struct usb_facts *facts)
{
	struct taker t = {0};

	take_device(c, facts, &t);
	take_relay(c, facts, &t);
	return t;
}

const struct device_conf *config_match(const struct config *c, const struct usb_facts *facts, size_t *which)
{
	struct taker t = taker(c, facts);

	if (t.device && which)
		*which = t.term;
	return t.device;
}

const struct relay_conf *config_match_relay(const struct config *c, const struct usb_facts *facts, size_t *which)
{
	struct taker t = taker(c, facts);

	if (t.relay && which)
		*which = t.term;
	return t.relay;
}
