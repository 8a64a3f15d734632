/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "sysfs.h"
#include "text.h"

/* What tells one device from another without more than a look at it. */
enum { VENDOR, PRODUCT, BUS, NUMBER, NUMBERS };
enum { SERIAL, NAME, STRINGS };

/* The device in a port, as far as it has been looked at. */
struct glance {
	const char *port;
	char dir[64];
	bool seen[NUMBERS], unread[NUMBERS];
	unsigned number[NUMBERS];
	bool asked[STRINGS], told[STRINGS];
	char string[STRINGS][128];
};

/* Whether a number is, or may be, the one that is wanted: the kernel shows these without taking the device's lock. */
static bool may_be(struct glance *g, unsigned what, unsigned wanted)
{
	static const struct {
		const char *name;
		int base;
	} file[NUMBERS] = {[VENDOR] = {"idVendor", 16},
		[PRODUCT] = {"idProduct", 16},
		[BUS] = {"busnum", 10},
		[NUMBER] = {"devnum", 10}};

	if (!g->seen[what]) {
		g->number[what] = sysfs_number(g->dir, file[what].name, file[what].base);
		g->unread[what] = sysfs_unread(errno);
		g->seen[what] = true;
	}
	return g->unread[what] || g->number[what] == wanted;
}

/* A string, or NULL where it cannot be read: somebody has the device locked. */
static const char *says(struct glance *g, unsigned what)
{
	static const char *const file[STRINGS] = {[SERIAL] = "serial", [NAME] = "product"};

	if (!g->asked[what])
		g->told[what] = device_string(g->dir, file[what], g->string[what], sizeof(g->string[what]));
	g->asked[what] = true;
	return g->told[what] ? g->string[what] : NULL;
}

static bool may_fit(struct glance *g, const struct sel_term *t)
{
	const char *text;

	switch (t->kind) {
	case SEL_PORT:
		return text_is(g->port, t->text);
	case SEL_ID:
		return may_be(g, VENDOR, t->vid) && may_be(g, PRODUCT, t->pid);
	case SEL_BUS:
		return may_be(g, NUMBER, t->dev) && may_be(g, BUS, t->bus);
	case SEL_SERIAL:
		return !(text = says(g, SERIAL)) || text_is(text, t->text);
	case SEL_PRODUCT:
		return !(text = says(g, NAME)) || !fnmatch(t->text, text, 0);
	case SEL_NODE:
	case SEL_SECTION:
		break; /* it takes more to tell */
	}
	return true;
}

/* Whether the device in a port can be one of sel's. It is looked at no further than until that is settled. */
static bool may_match(const char *port, const struct selector *sel)
{
	const struct sel_term *t = selector_terms(sel);
	struct glance g = {.port = port};
	bool may = false;

	if (snprintf(g.dir, sizeof(g.dir), SYSFS_USB "/%s", port) >= (int)sizeof(g.dir))
		return false;
	for (size_t i = 0; i < sel->n; i++) {
		if (!i || t[i].first) {
			if (may)
				return true;
			may = true;
		}
		may = may && may_fit(&g, &t[i]);
	}
	return may;
}

/* Whether each alternative names a port. */
static bool names_ports(const struct selector *sel)
{
	const struct sel_term *t = selector_terms(sel);
	bool named = false;

	for (size_t i = 0; i < sel->n; i++) {
		if (i && t[i].first && !named)
			return false;
		named = t[i].kind == SEL_PORT || (named && !t[i].first);
	}
	return named;
}

/* The first port that sel names after this one (NULL: of all), as they are sorted, or NULL. */
static const char *next_port(const struct selector *sel, const char *after)
{
	const struct sel_term *t = selector_terms(sel);
	const char *next = NULL;

	for (size_t i = 0; i < sel->n; i++)
		if (t[i].kind == SEL_PORT && (!after || strverscmp(t[i].text, after) > 0) &&
			(!next || strverscmp(t[i].text, next) < 0))
			next = t[i].text;
	return next;
}

struct search {
	struct udev *udev;
	const struct config *c;
	const struct selector *sel; /* NULL: all */
	struct device *found;       /* NULL: there is no memory */
	size_t n;
	int unread;
};

static void look(struct search *s, const char *port)
{
	if (!s->found || (s->sel && !may_match(port, s->sel)))
		return;
	struct device *d = &s->found[s->n];
	int e = device_read(s->udev, s->c, port, d);
	/* What did not say its name may be what is looked for. */
	bool doubt = s->sel && d->cut && (selector_has(s->sel, SEL_SERIAL) || selector_has(s->sel, SEL_PRODUCT));
	s->n += !e && (!s->sel || doubt || device_matches(d, s->sel));
	s->unread = e && e != -ENODEV ? e : s->unread;
}

static int port_filter(const struct dirent *e)
{
	return selector_is_port(e->d_name);
}

/* 1-2 before 1-10. */
static int port_order(const struct dirent **a, const struct dirent **b)
{
	return strverscmp((*a)->d_name, (*b)->d_name);
}

static int search_bus(struct search *s)
{
	struct dirent **list;
	int found = scandir(SYSFS_USB, &list, port_filter, port_order);

	if (found < 0)
		return sysfs_unread(errno) ? -errno : 0; /* a kernel without USB has no devices */
	s->found = calloc(found ? (size_t)found : 1, sizeof(*s->found));
	for (int i = 0; i < found; i++) {
		look(s, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	return s->found ? s->unread : -ENOMEM;
}

static int search_ports(struct search *s)
{
	s->found = calloc(s->sel->n, sizeof(*s->found));
	for (const char *port = NULL; (port = next_port(s->sel, port));)
		look(s, port);
	return s->found ? s->unread : -ENOMEM;
}

static int search(struct search *s, struct device **out, size_t *n)
{
	int e = s->sel && names_ports(s->sel) ? search_ports(s) : search_bus(s);

	if (e) {
		free(s->found);
		s->found = NULL;
		s->n = 0;
	}
	*out = s->found;
	*n = s->n;
	return e;
}

int device_list(struct udev *udev, const struct config *c, struct device **out, size_t *n)
{
	return search(&(struct search){.udev = udev, .c = c}, out, n);
}

int device_find(struct udev *udev, const struct config *c, const struct selector *sel, struct device **out, size_t *n)
{
	/* Only one who names a link wants to know of links; looking them up costs more than all the rest. */
	bool links = (c && c->links) || selector_has(sel, SEL_NODE);
	struct search s = {.udev = links ? udev : NULL, .c = c, .sel = sel};

	return search(&s, out, n);
}
