/* SPDX-License-Identifier: MIT */
/* Selectors: what was parsed is shown in words that parse to the same, and matches the device that it describes. */
#include "fuzz.h"

#include <errno.h>

#include "selector.h"

static bool same_term(const struct sel_term *a, const struct sel_term *b)
{
	return a->kind == b->kind && a->first == b->first && a->vid == b->vid && a->pid == b->pid &&
	       a->bus == b->bus && a->dev == b->dev &&
	       (a->kind == SEL_ID || a->kind == SEL_BUS || !strcmp(a->text ? a->text : "", b->text ? b->text : ""));
}

/* The alternative at term i, n terms long. */
static void shown(const struct selector *sel, size_t i, size_t n, bool sections)
{
	char text[4096], again[4096], why[256];
	struct selector back = {0};
	size_t len = selector_show(text, sizeof(text), sel, i);

	MUST(len == strlen(text));
	if (len == sizeof(text) - 1)
		return; /* cut */
	MUST(!selector_parse(&back, text, sections, why, sizeof(why)));
	MUST(back.n == n);
	for (size_t k = 0; k < n; k++)
		MUST(same_term(&selector_terms(&back)[k], &selector_terms(sel)[i + k]));
	selector_show(again, sizeof(again), &back, 0);
	MUST(!strcmp(again, text));
	/* Nothing is written behind what there is room for. */
	char *tight = malloc(len / 2 + 1);
	MUST(tight && selector_show(tight, len / 2 + 1, sel, i) <= len / 2);
	free(tight);
	selector_free(&back);
}

/* A device that has all that the alternative asks for; false where its terms contradict each other. */
static bool device_of(const struct sel_term *t, size_t n, struct usb_facts *f, const char **nodes)
{
	size_t have = 0;

	for (size_t i = 0; i < n; i++)
		switch (t[i].kind) {
		case SEL_ID:
			if (f->vid && (f->vid != t[i].vid || f->pid != t[i].pid))
				return false;
			f->vid = t[i].vid;
			f->pid = t[i].pid;
			break;
		case SEL_BUS:
			if (f->bus && (f->bus != t[i].bus || f->dev != t[i].dev))
				return false;
			f->bus = t[i].bus;
			f->dev = t[i].dev;
			break;
		case SEL_PORT:
		case SEL_SERIAL:
		case SEL_SECTION: {
			const char **to = t[i].kind == SEL_PORT     ? &f->port
					  : t[i].kind == SEL_SERIAL ? &f->serial
								    : &f->section;
			if (*to && strcmp(*to, t[i].text))
				return false;
			*to = t[i].text;
			break;
		}
		case SEL_NODE:
			if (have == 8)
				return false;
			nodes[have++] = t[i].text;
			break;
		case SEL_PRODUCT:
			if (f->product || strpbrk(t[i].text, "*?[\\"))
				return false;
			f->product = t[i].text;
			break;
		}
	f->nodes = nodes;
	return true;
}

static void matched(const struct selector *sel, size_t i, size_t n)
{
	const char *nodes[9] = {NULL};
	struct usb_facts f = {0};
	size_t which = SIZE_MAX;

	if (!device_of(selector_terms(sel) + i, n, &f, nodes))
		return;
	MUST(selector_match(sel, &f, &which));
	MUST(which < sel->n && selector_terms(sel)[which].first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct selector sel = {0};
	char why[256] = "";
	bool sections = size && data[0] == '+';

	data += sections;
	size -= sections;
	char *text = next_part(&data, &size), *product = next_part(&data, &size), clean[128];
	int e = selector_parse(&sel, text, sections, why, sizeof(why));
	MUST(e == 0 || e == -EINVAL);
	MUST(e ? *why && is_clean(why) : sel.n > 0 && selector_terms(&sel)[0].first);
	count(!e);
	for (size_t i = 0, n; !e && i < sel.n; i += n) {
		for (n = 1; i + n < sel.n && !selector_terms(&sel)[i + n].first; n++)
			;
		shown(&sel, i, n, sections);
		matched(&sel, i, n);
	}
	/* A device that calls itself what it likes. */
	size_t len = text_clean(clean, sizeof(clean), product);
	MUST(len == strlen(clean) && len < sizeof(clean) && is_clean(clean));
	if (!e)
		selector_match(&sel, &(struct usb_facts){.product = clean, .serial = clean}, NULL);
	selector_free(&sel);
	free(product);
	free(text);
	return 0;
}
