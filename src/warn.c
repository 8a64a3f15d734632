/* SPDX-License-Identifier: MIT */
#include "warn.h"

#include <stdio.h>
#include <string.h>

#include "relay.h"
#include "text.h"

static void warn_node(const char *kind, const char *name, const struct selector *match)
{
	if (selector_has(match, SEL_NODE))
		fprintf(stderr,
			"warning: [%s %s] matches a node below /dev, which is not there yet when the device is "
			"plugged: "
			"by hand only\n",
			kind, name);
}

/* Whether what is said in this alternative tells one device of an ID from another. */
static bool tells_apart(const struct selector *sel, size_t first)
{
	const struct sel_term *t = selector_terms(sel);

	for (size_t i = first; i < sel->n && (i == first || !t[i].first); i++)
		if (t[i].kind != SEL_ID && t[i].kind != SEL_PRODUCT)
			return true;
	return false;
}

/* The ID that a relay's section asks for and nothing more, although a section for a CH9329 asks for it, too; or NULL.
 */
static const struct sel_term *lookalike(const struct selector *relay, const struct selector *chip)
{
	const struct sel_term *r = selector_terms(relay), *c = selector_terms(chip);
	size_t first = 0;

	for (size_t i = 0; i < relay->n; i++) {
		first = r[i].first ? i : first;
		for (size_t k = 0; r[i].kind == SEL_ID && !tells_apart(relay, first) && k < chip->n; k++)
			if (c[k].kind == SEL_ID && c[k].vid == r[i].vid && c[k].pid == r[i].pid)
				return &r[i];
	}
	return NULL;
}

/* A chip must not get a relay's bytes for keys, nor a relay a chip's for switching. */
static void warn_lookalikes(const struct config *c)
{
	for (size_t i = 0; i < c->relays; i++)
		for (size_t k = 0; k < c->n; k++) {
			const struct sel_term *id = c->device[k].init == INIT_CH9329
							    ? lookalike(&c->relay[i].match, &c->device[k].match)
							    : NULL;
			if (id)
				fprintf(stderr,
					"warning: [relay %s] and [device %s] both take %04x:%04x, and the relay's "
					"section "
					"names no port: one may be taken for the other; write match = %04x:%04x "
					"usb=PORT\n",
					c->relay[i].name, c->device[k].name, id->vid, id->pid, id->vid, id->pid);
		}
}

/* The term of this kind in the alternative that begins at first, or NULL. */
static const struct sel_term *term_of(const struct selector *sel, size_t first, enum sel_kind kind)
{
	const struct sel_term *t = selector_terms(sel);

	for (size_t i = first; i < sel->n && (i == first || !t[i].first); i++)
		if (t[i].kind == kind)
			return &t[i];
	return NULL;
}

/* The port that an alternative of both names, for whatever device or for the same one; or NULL. */
static const char *same_port(const struct selector *a, const struct selector *b)
{
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++) {
			if (!selector_terms(a)[i].first || !selector_terms(b)[k].first)
				continue;
			const struct sel_term *p = term_of(a, i, SEL_PORT), *q = term_of(b, k, SEL_PORT);
			const struct sel_term *v = term_of(a, i, SEL_ID), *w = term_of(b, k, SEL_ID);
			if (p && q && text_is(p->text, q->text) &&
				(!v || !w || (v->vid == w->vid && v->pid == w->pid)))
				return p->text;
		}
	return NULL;
}

static void warn_same_port(const struct config *c, const struct relay_conf *r)
{
	for (size_t k = 0; k < c->n; k++) {
		const char *port = same_port(&r->match, &c->device[k].match);
		if (port)
			fprintf(stderr,
				"warning: [relay %s] and [device %s] both name port %s: what is in it goes to the "
				"one that says "
				"more of it, between equals to the relay; take usb=%s out of the other\n",
				r->name, c->device[k].name, port, port);
	}
}

/* Said here, because the first press of a button is a bad time to learn it. */
static void warn_protocol(const struct relay_conf *r)
{
	const struct sel_term *id;
	char words[128];

	for (size_t i = 0; !r->protocol && i < r->match.n; i++) {
		if (!selector_terms(&r->match)[i].first || !(id = term_of(&r->match, i, SEL_ID)))
			continue;
		unsigned set = relay_propose(id->vid, id->pid, NULL);
		if (set && !(set & (set - 1)))
			continue;
		relay_protocol_words(set ? set : ~1u, words, sizeof(words));
		fprintf(stderr, "warning: [relay %s] has no `protocol`, and %04x:%04x %s; write one of: %s\n",
			r->name, id->vid, id->pid,
			set ? "does not tell what the board understands" : "is not known as a relay board", words);
		return;
	}
}

/* Two adapters of one ID: which of them has the chip behind it is for a person to say. */
static void warn_twins(const struct device *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++)
			if (list[i].conf && list[i].conf == list[k].conf && list[i].conf->init == INIT_CH9329 &&
				list[i].vid == list[k].vid && list[i].pid == list[k].pid &&
				!tells_apart(&list[i].conf->match, list[i].term))
				fprintf(stderr,
					"warning: [device %s] takes the devices in %s and %s by their ID: if a "
					"CH9329 is behind one of them "
					"only, write match = %04x:%04x usb=PORT\n",
					list[i].conf->name, list[i].port, list[k].port, list[i].vid, list[i].pid);
}

/* Whether a section has an alternative that says nothing but an ID, and one that says nothing but a port. */
static bool falls_apart(const struct selector *sel)
{
	const struct sel_term *t = selector_terms(sel);
	bool id = false, port = false;

	for (size_t i = 0; i < sel->n; i++) {
		bool alone = t[i].first && (i + 1 == sel->n || t[i + 1].first);
		id |= alone && t[i].kind == SEL_ID;
		port |= alone && t[i].kind == SEL_PORT;
	}
	return id && port;
}

static void warn_comma(const char *kind, const char *name, const struct selector *match)
{
	if (falls_apart(match))
		fprintf(stderr,
			"warning: [%s %s] takes an ID in any port, or whatever is in a port: a comma means \"or\"; "
			"one "
			"device is an ID and a port with a blank between them\n",
			kind, name);
}

/* Whether two `match` say the same, in the same order. */
static bool same_match(const struct selector *one, const struct selector *other)
{
	const struct sel_term *a = selector_terms(one), *b = selector_terms(other);
	bool same = one->n == other->n;

	for (size_t m = 0; same && m < one->n; m++)
		same = a[m].kind == b[m].kind && a[m].first == b[m].first && a[m].vid == b[m].vid &&
		       a[m].pid == b[m].pid && a[m].bus == b[m].bus && a[m].dev == b[m].dev &&
		       (a[m].text ? b[m].text && !strcmp(a[m].text, b[m].text) : !b[m].text);
	return same;
}

static void warn_same_device(const struct config *c, size_t i)
{
	const struct device_conf *d = &c->device[i];

	for (size_t k = i + 1; d->match.n && k < c->n; k++)
		if (same_match(&d->match, &c->device[k].match)) {
			fprintf(stderr,
				"warning: [device %s] never takes anything: [device %s] has the same `match`, and "
				"the "
				"last one counts; put their lines into one section\n",
				d->name, c->device[k].name);
			return;
		}
}

/* Two names of one contact may be meant, for two lengths of a press, say; or a `channel` was forgotten. */
static void warn_same_contact(const struct config *c, size_t i)
{
	const struct relay_conf *r = &c->relay[i];

	for (size_t k = 0; k < i; k++) {
		if (c->relay[k].channel == r->channel && same_match(&c->relay[k].match, &r->match))
			fprintf(stderr,
				"warning: [relay %s] and [relay %s] are one contact, channel %u of one board: if two "
				"are "
				"meant, give one of them another `channel` or port\n",
				c->relay[k].name, r->name, r->channel);
	}
}

/* The timer's rounds are ten minutes and more apart. */
enum { ROUND_MS = 10 * 60 * 1000 };

static void warn_every(const struct device_conf *d)
{
	char every[24];

	if (!d->every_ms || d->every_ms >= ROUND_MS)
		return;
	text_duration_show(every, sizeof(every), d->every_ms);
	fprintf(stderr,
		"warning: [device %s] is due again %s after each time, which is at every round of the timer; `every "
		"= "
		"6h` is six hours, a number without a unit is seconds\n",
		d->name, every);
}

/* `then` of a section, a section that is switched off. */
static void warn_then(const struct config *c, const struct device_conf *d)
{
	const struct sel_term *t = selector_terms(&d->then);

	for (size_t i = 0; d->match.n && i < d->then.n; i++) {
		const struct device_conf *other = t[i].kind == SEL_SECTION ? config_find(c, t[i].text) : NULL;
		if (other && !other->match.n)
			fprintf(stderr,
				"warning: `then` of [device %s] names [device %s], whose `match` is empty: it is "
				"switched off, and no chip will be initialised\n",
				d->name, other->name);
	}
}

void warn_sections(const struct config *c, const struct device *list, size_t n)
{
	warn_lookalikes(c);
	warn_twins(list, n);
	for (size_t i = 0; i < c->n; i++) {
		warn_node("device", c->device[i].name, &c->device[i].match);
		warn_comma("device", c->device[i].name, &c->device[i].match);
		warn_same_device(c, i);
		warn_every(&c->device[i]);
		warn_then(c, &c->device[i]);
	}
	for (size_t i = 0; i < c->relays; i++) {
		warn_node("relay", c->relay[i].name, &c->relay[i].match);
		warn_comma("relay", c->relay[i].name, &c->relay[i].match);
		warn_same_contact(c, i);
		warn_same_port(c, &c->relay[i]);
		warn_protocol(&c->relay[i]);
	}
}
