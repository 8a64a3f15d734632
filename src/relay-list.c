/* SPDX-License-Identifier: MIT */
#include "relay-list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay-run.h"
#include "relay-state.h"
#include "table.h"
#include "wait.h"

struct listing {
	struct udev *udev;
	struct json_object *array; /* or NULL, for a table */
	struct table table;
};

/* What is known of one contact. */
struct row {
	const char *name, *state, *commanded; /* closed, open, unknown, absent; closed, open or NULL */
	const struct relay_target *t;         /* NULL where no board is there */
	unsigned protocol, channel;
	const char *error; /* why the state is unknown, or NULL */
};

static void add(struct listing *l, const struct row *r)
{
	char id[10] = "", channel[12], state[48];

	if (r->t)
		snprintf(id, sizeof(id), "%04x:%04x", r->t->d.vid, r->t->d.pid);
	if (l->array) {
		struct json_object *o = json_object_new_object();
		json_object_object_add(o, "name", json_text(r->name));
		json_object_object_add(o, "port", json_text(r->t ? r->t->d.port : NULL));
		json_object_object_add(o, "id", json_text(id));
		json_object_object_add(o, "protocol", json_text(relay_protocol_name[r->protocol]));
		json_object_object_add(o, "channel", json_object_new_int((int)r->channel));
		json_object_object_add(o, "state", json_text(r->state));
		json_object_object_add(o, "commanded", json_text(r->commanded));
		json_object_object_add(o, "node", json_text(r->t ? r->t->node : NULL));
		json_object_object_add(o, "error", json_text(r->error));
		json_object_array_add(l->array, o);
		return;
	}
	snprintf(channel, sizeof(channel), "%u", r->channel);
	/* Only what the board said is a state; what it was told is called that. */
	snprintf(state, sizeof(state), "%s%s%s%s", r->state, r->commanded && r->error ? " (last told: " : "",
		r->commanded && r->error ? r->commanded : "", r->commanded && r->error ? ")" : "");
	table_add(&l->table,
		(const char *const[COLUMNS]){r->name, r->t ? r->t->d.port : "", id, relay_protocol_name[r->protocol],
			channel, state, r->error ? r->error : (r->t ? r->t->node : "")});
}

/* Asks the board, and looks up what it was told. */
static void add_contact(struct listing *l, const struct relay_target *t)
{
	struct relay_job job = {.t = t, .verb = RELAY_GET};
	unsigned bit = 1u << (t->conf.channel - 1);
	struct row r = {.name = t->conf.name, .t = t, .protocol = t->conf.protocol, .channel = t->conf.channel};
	struct relay_outcome out;
	struct relay_state s;

	relay_run(&job, clock_ms() + RELAY_GET_MS, &out);
	relay_peek(t->d.port, t->d.dev, &s);
	if (s.known & bit)
		r.commanded = s.closed & bit ? "closed" : "open";
	r.state = out.status == STATUS_DONE ? "closed" : out.status == STATUS_FAILED ? "open" : "unknown";
	if (out.status != STATUS_DONE && out.status != STATUS_FAILED)
		r.error = out.text;
	add(l, &r);
}

static void add_section(struct listing *l, const struct config *c, const struct relay_conf *conf)
{
	struct row r = {.name = conf->name, .state = "absent", .protocol = conf->protocol, .channel = conf->channel};
	static struct relay_target t;
	struct device *list = NULL;
	char why[400];
	size_t n = 0;

	int e = conf->match.n ? device_find(l->udev, c, &conf->match, &list, &n) : 0;
	if (e) {
		r.state = "unknown";
		r.error = why;
		snprintf(why, sizeof(why), "what is plugged cannot be read: %s", strerror(-e));
	}
	for (size_t i = 0; i < n; i++) {
		if (list[i].conf) /* a [device] section names it more precisely */
			continue;
		t = (struct relay_target){.d = list[i], .conf = *conf};
		r.state = "unknown";
		r.t = &t;
		r.error = why;
		if (list[i].cut)
			snprintf(why, sizeof(why),
				"what it is cannot be read: somebody may be resetting it; try again");
		if (list[i].cut || relay_describe(&t, false, why, sizeof(why)))
			add(l, &r);
		else
			add_contact(l, &t);
	}
	if (!r.t)
		add(l, &r);
	free(list);
}

/* A board that nobody has named. */
static void add_board(struct listing *l, const struct device *d)
{
	static struct relay_target t;
	unsigned set = relay_propose(d->vid, d->pid, d->product);
	char why[400];

	if (d->cut || d->relay || d->conf || !set || set & (set - 1))
		return;
	t = (struct relay_target){.d = *d};
	config_relay_defaults(&t.conf);
	if (relay_describe(&t, true, why, sizeof(why)))
		return;
	for (unsigned channel = 1; channel <= (t.channels ? t.channels : 1); channel++) {
		t.conf.channel = channel;
		add_contact(l, &t);
	}
}

enum status relay_list(struct udev *udev, const struct config *c, bool json)
{
	struct listing l = {.udev = udev, .array = json ? json_object_new_array() : NULL};
	struct device *list;
	size_t n;

	int e = device_list(udev, c, &list, &n);
	if (e) {
		fprintf(stderr, "replug-relay: what is plugged cannot be read: %s\n", strerror(-e));
		json_object_put(l.array);
		return STATUS_FAILED;
	}
	if (!json)
		table_add(&l.table,
			(const char *const[COLUMNS]){"NAME", "PORT", "ID", "PROTOCOL", "CHANNEL", "STATE", "NODE"});
	for (size_t i = 0; i < c->relays; i++)
		add_section(&l, c, &c->relay[i]);
	for (size_t i = 0; i < n; i++)
		add_board(&l, &list[i]);
	free(list);
	return json ? json_print(l.array) : table_print(&l.table);
}
