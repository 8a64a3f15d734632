/* SPDX-License-Identifier: MIT */
#include "selector.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

enum { WORD_SIZE = 256 };

/* One more than a hex digit is worth, 0 for what is none. */
static const uint8_t hex_digit[256] = {
	['0'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ['A'] = 11, 12, 13, 14, 15, 16, ['a'] = 11, 12, 13, 14, 15, 16};

/* One to four hex digits; udev's PRODUCT has no leading zeros, lsusb's IDs have. */
static const char *hex16(const char *p, uint16_t *out)
{
	const char *start = p;
	unsigned v = 0, digit;

	for (; p < start + 4 && (digit = hex_digit[(unsigned char)*p]); p++)
		v = v << 4 | (digit - 1);
	*out = (uint16_t)v;
	return p > start ? p : NULL;
}

int selector_id(const char *text, char sep, uint16_t *vid, uint16_t *pid, const char **end)
{
	const char *p = hex16(text, vid);

	if (!p || *p != sep)
		return -EINVAL;
	p = hex16(p + 1, pid);
	if (!p)
		return -EINVAL;
	*end = p;
	return 0;
}

static const char *digits(const char *p)
{
	const char *start = p;

	while (*p >= '0' && *p <= '9')
		p++;
	return p == start ? NULL : p;
}

bool selector_is_port(const char *text)
{
	const char *p = digits(text);

	if (!p || *p++ != '-')
		return false;
	while ((p = digits(p))) {
		if (!*p)
			return true;
		if (*p++ != '.')
			return false;
	}
	return false;
}

static int bus_dev(const char *text, unsigned *bus, unsigned *dev)
{
	char part[8];
	const char *slash = strchr(text, '/');

	if (!slash || (size_t)(slash - text) >= sizeof(part))
		return -EINVAL;
	memcpy(part, text, (size_t)(slash - text));
	part[slash - text] = '\0';
	if (text_number(part, 1, 999, bus) || text_number(slash + 1, 1, 127, dev))
		return -EINVAL;
	return 0;
}

static const char *const keys[] = {"usb", "serial", "product", "bus", NULL};

static int bad(char *why, size_t size, const char *word, const char *what)
{
	char shown[128];

	text_clean(shown, sizeof(shown), word);
	snprintf(why, size, "\"%s\" %s", shown, what);
	return -EINVAL;
}

static int keyed(struct sel_term *t, const char *word, const char *value, char *why, size_t size)
{
	char key[16] = "", what[96];
	size_t len = (size_t)(value - word) - 1;

	if (len < sizeof(key))
		memcpy(key, word, len);
	if (!*value)
		return bad(why, size, word, "has nothing after the =");
	if (text_is(key, "usb")) {
		t->kind = SEL_PORT;
		if (!selector_is_port(value))
			return bad(why, size, word, "is not a port; ports look like usb=1-1.4");
	} else if (text_is(key, "serial")) {
		t->kind = SEL_SERIAL;
	} else if (text_is(key, "product")) {
		t->kind = SEL_PRODUCT;
	} else if (text_is(key, "bus")) {
		t->kind = SEL_BUS;
		if (bus_dev(value, &t->bus, &t->dev))
			return bad(why, size, word, "is not a bus and device number; they look like bus=001/004");
	} else {
		const char *near = text_nearest(key, keys);
		snprintf(what, sizeof(what), "begins with an unknown key; %s%s%s",
			near ? "did you mean \"" : "known are ",
			near ? near : "usb=, serial=, product=, bus=", near ? "=\"?" : "");
		return bad(why, size, word, what);
	}
	t->text = strdup(value);
	return t->text ? 0 : -ENOMEM;
}

bool selector_is_name(const char *s)
{
	while (selector_in_name(*s))
		s++;
	return !*s;
}

/* A device's strings are compared as text_clean leaves them: what it would change can match nothing. */
static bool is_clean(const char *word)
{
	char clean[WORD_SIZE];

	text_clean(clean, sizeof(clean), word);
	return text_is(clean, word);
}

static int parse_term(struct sel_term *t, char *word, bool sections, char *why, size_t size)
{
	char *p = word;

	if (!is_clean(word))
		return bad(why, size, word, "holds a control character, or is not UTF-8");
	while (*p && *p != '=' && *p != ':' && *p != '/')
		p++;
	if (!*p)
		p = NULL;
	if (p && *p == '=')
		return keyed(t, word, p + 1, why, size);
	if (p && *p == ':') {
		const char *end;
		t->kind = SEL_ID;
		if (!selector_id(word, ':', &t->vid, &t->pid, &end) && end - word == 9 && !*end)
			return 0; /* it was quoted, or it would have been read where it stood */
		return bad(why, size, word, "is not an ID; IDs are four hex digits, a colon, four hex digits");
	}
	if (!strncmp(word, "/dev/bus/usb/", 13)) {
		t->kind = SEL_BUS;
		if (bus_dev(word + 13, &t->bus, &t->dev))
			return bad(why, size, word, "is not a USB device node; they look like /dev/bus/usb/001/004");
		return 0;
	}
	if (!strncmp(word, "/sys/", 5)) {
		size_t len = strlen(word);
		while (len && word[len - 1] == '/')
			word[--len] = '\0';
		t->kind = SEL_PORT;
		t->text = strdup(strrchr(word, '/') + 1);
		if (!t->text)
			return -ENOMEM;
		if (!selector_is_port(t->text))
			return bad(why, size, word,
				"is not the sysfs path of a USB device; they end in a port such as 1-1.4");
		return 0;
	}
	if (!strncmp(word, "/dev/", 5) && strlen(word) > 5) {
		t->kind = SEL_NODE;
	} else if (p) {
		return bad(why, size, word, "is no path below /dev or /sys");
	} else if (selector_is_port(word)) {
		return bad(why, size, word, "is a port; ports are written with usb= in front");
	} else if (!selector_is_name(word)) {
		return bad(why, size, word, "is neither an ID, a port, a node nor a section's name");
	} else if (!sections) {
		return bad(why, size, word,
			"is not a selector; say which devices by 534d:2109, usb=1-1.4, serial=… or product=…");
	} else {
		t->kind = SEL_SECTION;
	}
	t->text = strdup(word);
	return t->text ? 0 : -ENOMEM;
}

static bool ends_word(char c)
{
	return !c || c == ' ' || c == '\t' || c == ',';
}

/* Skips what divides words. Returns whether a comma was there. */
static bool skip_gap(const char **text)
{
	bool comma = false;

	for (; **text && ends_word(**text); ++*text)
		comma |= **text == ',';
	return comma;
}

/*
 * The word at *text, quotes removed, in buf. Returns its length, 0 at the end, -EINVAL for an open quote,
 * -E2BIG for a word that does not fit.
 */
static int next_word(const char **text, char *buf, size_t size)
{
	const char *p = *text;
	bool quoted = false;
	size_t n = 0;

	for (; *p && (quoted || !ends_word(*p)); p++) {
		if (*p == '"') {
			quoted = !quoted;
			continue;
		}
		if (n + 1 >= size)
			return -E2BIG;
		buf[n++] = *p;
	}
	buf[n] = '\0';
	*text = p;
	return quoted ? -EINVAL : (int)n;
}

static struct sel_term *add_term(struct selector *sel, bool first)
{
	struct sel_term *t = &sel->one;

	/* Powers of two from eight: most sections never ask twice. */
	if (sel->n == 1 || (sel->n >= 8 && !(sel->n & (sel->n - 1)))) {
		t = realloc(sel->several, (sel->n == 1 ? 8 : sel->n * 2) * sizeof(*t));
		if (!t)
			return NULL;
		sel->several = t;
		if (sel->n == 1)
			*t = sel->one;
	}
	if (sel->n)
		t = sel->several + sel->n;
	sel->n++;
	*t = (struct sel_term){.first = first};
	return t;
}

int selector_parse(struct selector *sel, const char *text, bool sections, char *why, size_t whysize)
{
	char word[WORD_SIZE];
	bool first = true;
	const char *whole = text, *start = text;
	size_t before = sel->n;
	struct sel_term *t;
	int len = 0, r;

	for (;;) {
		uint16_t vid, pid;
		const char *end;
		bool comma = skip_gap(&text);
		if (!*text)
			break;
		/* Most words are IDs: those are read where they stand. */
		if (selector_id(text, ':', &vid, &pid, &end) == 0 && end - text == 9 && ends_word(*end)) {
			t = add_term(sel, first || comma);
			if (!t)
				return -ENOMEM;
			t->kind = SEL_ID;
			t->vid = vid;
			t->pid = pid;
			text = end;
			first = false;
			continue;
		}
		start = text;
		len = next_word(&text, word, sizeof(word));
		if (len == 0 && text != start)
			return bad(why, whysize, start, "has nothing between its quotes");
		if (len <= 0)
			break;
		t = add_term(sel, first || comma);
		if (!t)
			return -ENOMEM;
		r = parse_term(t, word, sections, why, whysize);
		if (r)
			return r;
		first = false;
	}
	if (len == -E2BIG)
		return bad(why, whysize, word, "is too long");
	if (len < 0)
		return bad(why, whysize, start, "has a quote that is not closed");
	if (sel->n == before)
		return bad(why, whysize, whole, "names no device");
	return 0;
}

void selector_free(struct selector *sel)
{
	for (size_t i = 0; i < sel->n; i++)
		free(selector_terms(sel)[i].text);
	free(sel->several);
	*sel = (struct selector){0};
}

static bool listed(const char *const *list, const char *word)
{
	for (; list && *list; list++)
		if (text_is(*list, word))
			return true;
	return false;
}

static unsigned term_match(const struct sel_term *t, const struct usb_facts *f)
{
	switch (t->kind) {
	case SEL_ID:
		return t->vid == f->vid && t->pid == f->pid ? 1 : 0;
	case SEL_SECTION:
		return f->section && text_is(f->section, t->text) ? 1 : 0;
	case SEL_PRODUCT:
		return f->product && !fnmatch(t->text, f->product, 0) ? 4 : 0;
	case SEL_SERIAL:
		return f->serial && text_is(f->serial, t->text) ? 16 : 0;
	case SEL_PORT:
		return f->port && text_is(f->port, t->text) ? 64 : 0;
	case SEL_BUS:
		return t->bus == f->bus && t->dev == f->dev ? 64 : 0;
	case SEL_NODE:
		return listed(f->nodes, t->text) ? 64 : 0;
	}
	return 0;
}

unsigned selector_match(const struct selector *sel, const struct usb_facts *facts, size_t *which)
{
	unsigned best = 0;

	if (sel->n == 1) {
		best = term_match(&sel->one, facts);
		if (best && which)
			*which = 0;
		return best;
	}
	for (size_t i = 0; i < sel->n;) {
		size_t start = i;
		unsigned sum = 0;
		bool all = true;
		do {
			unsigned w = all ? term_match(&selector_terms(sel)[i], facts) : 0;
			all = all && w;
			sum += w;
		} while (++i < sel->n && !selector_terms(sel)[i].first);
		if (all && sum > best) {
			best = sum;
			if (which)
				*which = start;
		}
	}
	return best;
}

size_t selector_show(char *dst, size_t size, const struct selector *sel, size_t i)
{
	static const char *const prefix[] = {[SEL_PORT] = "usb=",
		[SEL_SERIAL] = "serial=",
		[SEL_PRODUCT] = "product=",
		[SEL_NODE] = "",
		[SEL_SECTION] = ""};
	size_t n = 0;

	*dst = '\0';
	for (size_t j = i; j < sel->n && (j == i || !selector_terms(sel)[j].first); j++) {
		const struct sel_term *t = &selector_terms(sel)[j];
		const char *gap = j == i ? "" : " ";
		int len;
		if (t->kind == SEL_ID)
			len = snprintf(dst + n, size - n, "%s%04x:%04x", gap, t->vid, t->pid);
		else if (t->kind == SEL_BUS)
			len = snprintf(dst + n, size - n, "%sbus=%03u/%03u", gap, t->bus, t->dev);
		else {
			const char *quote = strpbrk(t->text, " ,\t") ? "\"" : "";
			len = snprintf(dst + n, size - n, "%s%s%s%s%s", gap, prefix[t->kind], quote, t->text, quote);
		}
		if (len < 0 || (size_t)len >= size - n)
			return size - 1;
		n += (size_t)len;
	}
	return n;
}

bool selector_has(const struct selector *sel, enum sel_kind kind)
{
	for (size_t i = 0; i < sel->n; i++)
		if (selector_terms(sel)[i].kind == kind)
			return true;
	return false;
}
