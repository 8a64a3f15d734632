/* SPDX-License-Identifier: MIT */
#include "relay-target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "log.h"
#include "relay-state.h"
#include "sysfs.h"
#include "text.h"

/* The section's protocol, or the only one that boards of this ID speak. */
static enum status settle_protocol(struct relay_target *t, char *why, size_t size)
{
	char words[128];
	unsigned set;

	if (t->conf.protocol == RELAY_CUSTOM && (!t->conf.on.n || !t->conf.off.n)) {
		snprintf(why, size, "protocol custom needs a section with `on` and `off`");
		return STATUS_USAGE;
	}
	if (t->conf.protocol >= RELAY_PROTOCOLS) {
		snprintf(why, size, "which protocol it speaks is not on record");
		return STATUS_FAILED;
	}
	if (t->conf.protocol)
		return STATUS_DONE;
	set = relay_propose(t->d.vid, t->d.pid, t->d.product);
	if (set && !(set & (set - 1))) {
		while (!(set & 1u << t->conf.protocol))
			t->conf.protocol++;
		return STATUS_DONE;
	}
	relay_protocol_words(set ? set : ~1u, words, sizeof(words));
	snprintf(why, size, "%04x:%04x %s; say `protocol =` in its section or --protocol=, one of: %s", t->d.vid,
		t->d.pid, set ? "does not tell what the board understands" : "is not known as a relay board", words);
	return STATUS_USAGE;
}

static enum status settle_node(struct relay_target *t, char *why, size_t size)
{
	const char *wanted = t->driver->node;
	const struct node *n = strstr(wanted, "hidraw") ? device_node(&t->d, NODE_HIDRAW) : NULL;

	if (!n && strstr(wanted, "tty"))
		n = device_node(&t->d, NODE_TTY);
	if (!n) {
		snprintf(why, size, "it has no %s node, so no %s board can be behind it", wanted,
			relay_protocol_name[t->conf.protocol]);
		return STATUS_FAILED;
	}
	snprintf(t->node, sizeof(t->node), "%s", n->path);
	snprintf(t->syspath, sizeof(t->syspath), "%s", n->syspath);
	return STATUS_DONE;
}

/* dcttech boards have the number at the end of their name, ICSE boards tell it in their handshake. */
static unsigned channels_of(const struct relay_target *t)
{
	unsigned n = 0;

	if (t->conf.protocol == RELAY_DCTTECH && !strncmp(t->d.product, "USBRelay", 8) &&
		!text_number(t->d.product + 8, 1, RELAY_CHANNELS, &n))
		return n;
	if (t->conf.protocol == RELAY_ICSE) {
		struct relay_state s;
		relay_peek(t->d.port, t->d.dev, &s);
		return s.channels;
	}
	return 0;
}

enum status relay_describe(struct relay_target *t, bool all, char *why, size_t size)
{
	enum status s;

	snprintf(t->name, sizeof(t->name), "%s%s%s", t->conf.name, t->conf.name[0] ? " " : "", t->d.port);
	if (!(s = settle_protocol(t, why, size))) {
		t->driver = relay_driver(t->conf.protocol);
		s = settle_node(t, why, size);
	}
	if (s && sysfs_trouble()) { /* what could not be read is not missing */
		snprintf(why, size, "what it is cannot be read: %s", strerror(sysfs_trouble()));
		return STATUS_FAILED;
	}
	if (s)
		return s;
	t->channels = channels_of(t);
	if (!t->conf.channel && t->channels == 1)
		t->conf.channel = 1;
	if (!t->conf.channel && !all) {
		snprintf(why, size, "which channel? say --channel=N");
		return STATUS_USAGE;
	}
	unsigned most = t->channels ? t->channels : t->driver->channels;
	if (t->conf.channel > most) {
		snprintf(why, size, "it has no channel %u, only %u", t->conf.channel, most);
		return STATUS_USAGE;
	}
	char which[24] = "";
	if (!all)
		snprintf(which, sizeof(which), " channel %u", t->conf.channel);
	const char *bracket = t->conf.name[0] ? " (" : "";
	snprintf(
		t->name, sizeof(t->name), "%s%s%s%s%s", t->conf.name, bracket, t->d.port, which, *bracket ? ")" : "");
	return STATUS_DONE;
}

/* The section whose board it is, or what applies to boards without one. */
static void adopt(struct relay_target *t)
{
	if (t->d.relay) {
		t->conf = *t->d.relay;
		t->conf.name[0] = '\0'; /* the section is one contact's, and another may be meant */
		t->conf.pulse_ms = 0;
		t->conf.momentary = 0;
		t->conf.max_pulse_ms = CONF_MAX_PULSE_MS;
	} else {
		config_relay_defaults(&t->conf);
		t->conf.momentary = 0;
	}
	t->conf.channel = 0;
}

/* What a [device] section names more precisely is no relay board, when it is a relay that is asked for by name. */
static size_t leave_out_devices(struct device *list, size_t n)
{
	size_t boards = 0;

	for (size_t i = 0; i < n; i++)
		if (!list[i].conf)
			list[boards++] = list[i];
	return boards;
}

static enum status one_board(struct udev *udev, const struct config *c, const struct selector *sel, const char *shown,
	bool named, struct relay_target *t)
{
	struct device *list;
	size_t n;

	int e = device_find(udev, c, sel, &list, &n);
	if (e) {
		log_line(LOG_ERR, "%s: what is plugged cannot be read: %s", shown, strerror(-e));
		return STATUS_FAILED;
	}
	if (named)
		n = leave_out_devices(list, n);
	enum status s = n == 1 ? STATUS_DONE : n ? STATUS_USAGE : STATUS_NO_DEVICE;
	const struct device *locked = NULL;
	for (size_t i = 0; i < n; i++)
		if (list[i].cut && (n == 1 || !device_matches(&list[i], sel)))
			locked = &list[i];
	if (locked) {
		/* Its name may be what tells the protocol, or which of two is meant. */
		log_line(LOG_ERR, "%s: somebody resets %s, which cannot be asked what it is meanwhile; try again",
			shown, locked->port);
		s = STATUS_UNKNOWN;
	} else if (n == 1)
		t->d = list[0];
	else if (!n)
		log_line(LOG_ERR, "%s: no such board is plugged; `replug list` shows what is", shown);
	else
		log_line(LOG_ERR, "%s: that is %zu devices, in %s, %s%s; say which by its port, as in usb=%s", shown,
			n, list[0].port, list[1].port, n > 2 ? " and more" : "", list[0].port);
	free(list);
	return s;
}

static enum status by_name(
	struct udev *udev, const struct config *c, const struct relay_conf *r, struct relay_target *t)
{
	if (!r->match.n) {
		log_line(LOG_ERR, "%s: [relay %s] has no `match`: it does not say which board that is", r->name,
			r->name);
		return STATUS_USAGE;
	}
	enum status s = one_board(udev, c, &r->match, r->name, true, t);
	if (!s)
		t->conf = *r;
	return s;
}

static enum status by_selector(struct udev *udev, const struct config *c, const char *text, struct relay_target *t)
{
	struct selector sel = {0};
	char why[384], shown[96];
	enum status s = STATUS_USAGE;

	text_clean(shown, sizeof(shown), text);
	if (selector_is_name(text) && *text && !selector_is_port(text) && c->broken) {
		log_line(LOG_ERR,
			"replug-relay: while the configuration is broken, \"%s\" is no contact's name; say which by "
			"a "
			"selector, as in `replug-relay off usb=1-1.3 --channel=1`, or let go of all by `replug-relay "
			"release`",
			shown);
	} else if (selector_is_name(text) && *text && !selector_is_port(text)) {
		const char *near = config_nearest_relay(c, text);
		log_line(LOG_ERR, "replug-relay: there is no [relay %s] in the configuration%s%s%s", shown,
			near ? "; did you mean \"" : "; `replug-relay list` shows them", near ? near : "",
			near ? "\"?" : "");
	} else if (selector_parse(&sel, text, false, why, sizeof(why))) {
		log_line(LOG_ERR, "%s", why);
	} else {
		s = one_board(udev, c, &sel, shown, false, t);
		if (!s)
			adopt(t);
	}
	selector_free(&sel);
	return s;
}

/* What any section says to keep its contact safe holds, whatever the contact is called by. */
static void adopt_limits(const struct config *c, struct relay_target *t)
{
	for (size_t i = 0; i < c->relays; i++) {
		const struct relay_conf *r = &c->relay[i];
		if (r->channel != t->conf.channel || !device_matches(&t->d, &r->match))
			continue;
		t->conf.momentary |= r->momentary;
		if (r->max_pulse_ms < t->conf.max_pulse_ms)
			t->conf.max_pulse_ms = r->max_pulse_ms;
	}
}

/* A custom board's bytes are one contact's: those of the section that has this channel. */
static bool find_bytes(const struct config *c, struct relay_target *t)
{
	for (size_t i = 0; i < c->relays; i++) {
		const struct relay_conf *r = &c->relay[i];
		if (r->protocol != RELAY_CUSTOM || r->channel != t->conf.channel || !device_matches(&t->d, &r->match))
			continue;
		t->conf.on = r->on;
		t->conf.off = r->off;
		t->conf.status = r->status;
		t->conf.closed = r->closed;
		t->conf.open = r->open;
		return true;
	}
	return false;
}

/* What a chip takes for keys, or a dongle for anything, is not sent to it. */
static bool taken_for_chip(const struct relay_target *t)
{
	return t->d.conf && t->d.conf->init == INIT_CH9329;
}

enum status relay_resolve(
	struct udev *udev, const struct config *c, const struct relay_words *words, struct relay_target *t)
{
	const struct relay_conf *r = config_find_relay(c, words->target);
	char why[512];
	enum status s = r ? by_name(udev, c, r, t) : by_selector(udev, c, words->target, t);

	if (s)
		return s;
	if (words->protocol)
		t->conf.protocol = words->protocol;
	if (words->channel && r && words->channel != r->channel) {
		log_line(LOG_ERR, "%s: that is channel %u; --channel is for boards that are named by a selector",
			r->name, r->channel);
		return STATUS_USAGE;
	}
	if (words->channel)
		t->conf.channel = words->channel;
	if (taken_for_chip(t)) {
		log_line(LOG_ERR,
			"%s: [device %s] takes this device for a CH9329; name the board's port in its section",
			t->d.port, t->d.conf->name);
		return STATUS_USAGE;
	}
	if (t->conf.protocol == RELAY_CUSTOM &&
		(words->all || (!(r && r->channel == t->conf.channel) && !find_bytes(c, t)))) {
		log_line(LOG_ERR, "%s: a custom board has the contacts that sections have bytes for; say one of them",
			t->d.port);
		return STATUS_USAGE;
	}
	s = relay_describe(t, words->all, why, sizeof(why));
	if (s)
		log_line(LOG_ERR, "%s: %s", t->name, why);
	else
		adopt_limits(c, t);
	return s;
}

enum status relay_resolve_orphan(struct udev *udev, const struct config *c, const struct relay_orphan *o,
	struct relay_target *t, char *why, size_t size)
{
	*t = (struct relay_target){0};
	int e = device_read(udev, c, o->port, &t->d);
	if (e == -ENODEV) {
		snprintf(why, size, "that is not back");
		return STATUS_NO_DEVICE;
	}
	if (e) {
		snprintf(why, size, "what is in its port cannot be read: %s", strerror(-e));
		return STATUS_FAILED;
	}
	if (o->vid && (t->d.vid != o->vid || t->d.pid != o->pid)) {
		snprintf(why, size, "%04x:%04x is in its port now, which is sent nothing", t->d.vid, t->d.pid);
		return STATUS_NO_DEVICE;
	}
	/* A relay board and a chip may have one ID between them. */
	if (taken_for_chip(t)) {
		snprintf(why, size, "[device %s] takes what is in its port for a CH9329, which is sent nothing",
			t->d.conf->name);
		return STATUS_NO_DEVICE;
	}
	if (!t->d.dev) {
		snprintf(why, size, "somebody resets its board; try again");
		return STATUS_UNKNOWN;
	}
	config_relay_defaults(&t->conf);
	t->conf.protocol = o->protocol;
	t->conf.baud = o->baud;
	t->conf.channel = o->channel;
	t->conf.on = t->conf.off = o->off; /* only opened, never closed */
	return relay_describe(t, false, why, size);
}
