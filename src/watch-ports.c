/* SPDX-License-Identifier: MIT */
#include "watch-ports.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "show.h"

void ports_free(struct ports *p)
{
	free(p->list);
	p->list = NULL;
	p->n = 0;
}

struct watch_port *ports_find(struct ports *p, const char *port)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->list[i].port, port))
			return &p->list[i];
	return NULL;
}

static struct watch_port *find_or_add(struct ports *p, const char *port)
{
	struct watch_port *w = ports_find(p, port), *grown;
	size_t at = 0;

	if (w)
		return w;
	grown = realloc(p->list, (p->n + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	p->list = grown;
	while (at < p->n && strverscmp(p->list[at].port, port) < 0)
		at++;
	memmove(&grown[at + 1], &grown[at], (p->n - at) * sizeof(*grown));
	p->n++;
	grown[at] = (struct watch_port){0};
	snprintf(grown[at].port, sizeof(grown[at].port), "%s", port);
	return &grown[at];
}

bool ports_shown(const struct ports *p, const struct watch_port *w)
{
	if (!p->sel || w->mine)
		return true;
	/* What is there decides, and what was there last; the record where nobody has seen either. */
	return !w->plugged && record_matches(&w->r, p->sel, NULL, 0);
}

static void tell(struct ports *p, const struct event *e)
{
	if (!p->quiet)
		p->happened(p->ctx, e);
}

static void tell_plug(struct ports *p, struct watch_port *w, const char *word)
{
	if (!w->mine && (p->sel || !w->recorded))
		return;
	w->who.word = word;
	w->who.time = time(NULL);
	tell(p, &w->who);
}

int ports_plugged(struct ports *p, const struct event *who, unsigned dev, bool mine)
{
	struct watch_port *w = find_or_add(p, who->port);

	if (!w)
		return -ENOMEM;
	if (w->plugged && w->dev == dev)
		return 0;
	ports_unplugged(p, who->port, 0);
	w->plugged = true;
	w->dev = dev;
	w->mine = mine;
	w->who = *who;
	tell_plug(p, w, "plugged");
	return 0;
}

void ports_unplugged(struct ports *p, const char *port, unsigned dev)
{
	struct watch_port *w = ports_find(p, port);

	if (!w || !w->plugged || (dev && dev != w->dev))
		return;
	w->plugged = false;
	tell_plug(p, w, "unplugged");
}

static bool same_outcome(const struct record *a, const struct record *b)
{
	return a->when == b->when && a->duration_ms == b->duration_ms && !strcmp(a->action, b->action) &&
	       !strcmp(a->error, b->error);
}

/* Whether there is news in it: another state, or the same once more. */
static bool is_event(const struct watch_port *w, const struct record *r, enum record_state written)
{
	if (r->state == RECORD_NONE)
		return false;
	if (!w->recorded)
		return true;
	bool same = w->written == written && same_outcome(&w->r, r);
	if (r->state == w->r.state)
		return r->state != RECORD_BUSY && r->state != RECORD_GONE && r->state == written && !same;
	/* Something is plugged again: what was true of the one before is no news. */
	return !(w->r.state == RECORD_GONE && same);
}

int ports_recorded(struct ports *p, const struct record *r, enum record_state written)
{
	struct watch_port *w = find_or_add(p, r->port);
	struct event e;

	if (!w)
		return -ENOMEM;
	bool news = is_event(w, r, written);
	event_of_record(&e, r);
	/* Only a run that was under way has something to say of what it did; otherwise that is an earlier one's. */
	bool ended = w->recorded && w->r.state == RECORD_BUSY && written != RECORD_BUSY;
	if ((r->state == RECORD_GONE && !ended) || (r->state == RECORD_FAILED && written == RECORD_BUSY)) {
		e.duration_ms = 0;
		e.action[0] = '\0';
	}
	if (r->state == RECORD_GONE && !ended)
		e.error[0] = '\0';
	w->recorded = true;
	w->r = *r;
	w->written = written;
	if (news && ports_shown(p, w))
		tell(p, &e);
	return 0;
}

void ports_forgotten(struct ports *p, const char *port)
{
	struct watch_port *w = ports_find(p, port);

	if (w)
		w->recorded = false;
}
