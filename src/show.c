/* SPDX-License-Identifier: MIT */
#include "show.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config-keys.h"
#include "hubs.h"
#include "names.h"
#include "record.h"
#include "table.h"
#include "warn.h"

/* What is on record of a port may be about what was taken for something else before, or was plugged there before. */
static const char *state_of(const struct device *d, struct record *r)
{
	char id[sizeof(r->id)];

	snprintf(id, sizeof(id), "%04x:%04x", d->vid, d->pid);
	if (d->relay || record_load(d->port, r) || (r->id[0] && strcmp(id, r->id) != 0) ||
		record_state_now(r) == RECORD_GONE)
		return NULL;
	return record_state_name[r->state];
}

static struct json_object *device_json(const struct device *d)
{
	struct json_object *o = json_object_new_object(), *nodes = json_object_new_array(),
			   *links = json_object_new_array();
	struct record r;
	char id[10];

	snprintf(id, sizeof(id), "%04x:%04x", d->vid, d->pid);
	json_object_object_add(o, "port", json_object_new_string(d->port));
	json_object_object_add(o, "id", json_object_new_string(id));
	json_object_object_add(o, "section", json_text(d->conf ? d->conf->name : NULL));
	json_object_object_add(o, "relay", json_text(d->relay ? d->relay->name : NULL));
	json_object_object_add(o, "state", json_text(state_of(d, &r)));
	/* One that went silent has no number. */
	json_object_object_add(o, "bus", d->bus ? json_object_new_int((int)d->bus) : NULL);
	json_object_object_add(o, "device", d->dev ? json_object_new_int((int)d->dev) : NULL);
	json_object_object_add(o, "manufacturer", json_text(d->manufacturer));
	json_object_object_add(o, "product", json_text(d->product));
	json_object_object_add(o, "serial", json_text(d->serial));
	for (unsigned i = 0; i < d->nodes; i++) {
		json_object_array_add(nodes, json_object_new_string(d->node[i].path));
		for (unsigned k = 0; k < d->node[i].links; k++)
			json_object_array_add(links, json_object_new_string(d->node[i].link[k]));
	}
	json_object_object_add(o, "nodes", nodes);
	json_object_object_add(o, "links", links);
	return o;
}

static void join_nodes(const struct device *d, char *dst, size_t size)
{
	size_t n = 0;

	*dst = '\0';
	for (unsigned i = 0; i < d->nodes && n < size; i++)
		n += (size_t)snprintf(dst + n, size - n, "%s%s", i ? " " : "", d->node[i].path);
}

enum { SECTION_MAX = 2 * CONF_NAME_MAX + 32 };

/* Who takes a device; of a relay board, the sections of its contacts, two of them by name. */
static void section_of(const struct config *c, const struct device *d, char *dst, size_t size)
{
	const char *second = NULL;
	unsigned more = 0;
	char rest[16] = "";

	if (!d->relay) {
		snprintf(dst, size, "%s", d->conf ? d->conf->name : "");
		return;
	}
	for (size_t i = 0; i < c->relays; i++) {
		if (&c->relay[i] == d->relay || !device_matches(d, &c->relay[i].match))
			continue;
		more += second != NULL;
		second = second ? second : c->relay[i].name;
	}
	if (more)
		snprintf(rest, sizeof(rest), " +%u", more);
	snprintf(dst, size, "[relay %s%s%s%s]", d->relay->name, second ? ", " : "", second ? second : "", rest);
}

static bool listed(const struct device *list, size_t n, const char *port)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i].port, port))
			return true;
	return false;
}

static int by_port(const void *a, const void *b)
{
	return strverscmp(((const struct device *)a)->port, ((const struct device *)b)->port);
}

/* The list, and with it what is in a port and does not answer any more, as it is on record: a malloc'ed array. */
static struct device *with_silent(const struct config *c, const struct device *list, size_t *n)
{
	struct record *r;
	size_t records;
	const char *end;

	if (record_list(&r, &records))
		return NULL;
	struct device *all = calloc(*n + records + 1, sizeof(*all));
	for (size_t i = 0; all && i < *n; i++)
		all[i] = list[i];
	size_t plugged = *n;
	for (size_t i = 0; all && i < records; i++) {
		if (record_state_now(&r[i]) != RECORD_SILENT || listed(list, plugged, r[i].port))
			continue;
		struct device *d = &all[(*n)++];
		snprintf(d->port, sizeof(d->port), "%s", r[i].port);
		snprintf(d->product, sizeof(d->product), "%s", r[i].product);
		selector_id(r[i].id, ':', &d->vid, &d->pid, &end);
		d->conf = config_find(c, r[i].section);
	}
	free(r);
	if (all)
		qsort(all, *n, sizeof(*all), by_port);
	return all;
}

static void list_row(struct table *t, const struct config *c, const struct device *d, int power)
{
	char id[10], nodes[2048], section[SECTION_MAX];
	struct record r;
	const char *state = state_of(d, &r);

	snprintf(id, sizeof(id), "%04x:%04x", d->vid, d->pid);
	join_nodes(d, nodes, sizeof(nodes));
	section_of(c, d, section, sizeof(section));
	table_add(t, (const char *const[COLUMNS]){d->port, id, section, state ? state : "",
			     power < 0 ? "?" : hub_power_name[power], d->product, nodes});
}

enum status show_list(
	const struct config *c, const struct device *plugged, size_t n, const struct selector *sel, bool json)
{
	struct device *list = with_silent(c, plugged, &n);
	int *power = list ? calloc(n + 1, sizeof(*power)) : NULL;
	struct json_object *array = json_object_new_array();
	struct table t = {0};
	size_t shown = 0;
	enum status s = STATUS_FAILED;

	if (power)
		hubs_ask(list, n, power);
	table_add(&t, (const char *const[COLUMNS]){"PORT", "ID", "SECTION", "STATE", "POWER", "PRODUCT", "NODES"});
	for (size_t i = 0; power && i < n; i++) {
		if (sel && !device_matches(&list[i], sel))
			continue;
		shown++;
		if (json) {
			struct json_object *o = device_json(&list[i]);
			json_object_object_add(
				o, "port_power", json_text(power[i] < 0 ? NULL : hub_power_name[power[i]]));
			json_object_array_add(array, o);
		} else {
			list_row(&t, c, &list[i], power[i]);
		}
	}
	if (power)
		s = table_end(&t, array, json, sel && !shown);
	else
		fprintf(stderr, "replug: %s\n", strerror(ENOMEM));
	free(power);
	free(list);
	return s;
}

static void config_text(
	void *ctx, const char *section, const char *key, const char *value, const struct conf_origin *at)
{
	char *last = ctx, line[4200];

	if (strcmp(last, section)) {
		printf("\n[%s]\n", section);
		snprintf(last, CONF_NAME_MAX + 16, "%s", section);
	}
	if (!at->file && !*value)
		return;
	snprintf(line, sizeof(line), "%s = %s", key, value);
	if (at->file)
		printf("%-48s  # %s:%u\n", line, at->file, at->line);
	else
		printf("%-48s  # default\n", line);
}

static void why_taken(const struct device *d, char *dst, size_t size)
{
	char term[512];

	if (!d->conf && !d->relay) {
		snprintf(dst, size, "no section's match names it");
		return;
	}
	selector_show(term, sizeof(term), d->conf ? &d->conf->match : &d->relay->match, d->term);
	snprintf(dst, size, "match = %.400s", term);
}

enum status show_check(struct udev *udev, const struct config *c, const struct device *list, size_t n, bool json)
{
	struct json_object *array = json ? json_object_new_array() : NULL;
	char section[CONF_NAME_MAX + 16] = "", why[512], id[10], nodes[2048], taker[SECTION_MAX];
	struct table t = {0};

	for (size_t i = 0; json && i < n; i++) {
		struct json_object *o = device_json(&list[i]);
		why_taken(&list[i], why, sizeof(why));
		json_object_object_add(o, "why", json_object_new_string(why));
		json_object_array_add(array, o);
	}
	if (json)
		return json_print(array);
	for (size_t i = 0; i < c->n_files; i++)
		printf("# read: %s\n", c->file[i]);
	config_walk(c, config_text, section);
	printf("\n# plugged devices\n");
	table_add(&t, (const char *const[COLUMNS]){"PORT", "ID", "SECTION", "WHY", "NODES"});
	for (size_t i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "%04x:%04x", list[i].vid, list[i].pid);
		why_taken(&list[i], why, sizeof(why));
		join_nodes(&list[i], nodes, sizeof(nodes));
		section_of(c, &list[i], taker, sizeof(taker));
		table_add(&t, (const char *const[COLUMNS]){list[i].port, id, taker, why, nodes});
	}
	enum status s = table_print(&t);
	fflush(stdout); /* what is wrong comes last, or it would scroll away */
	if (!c->n)
		fprintf(stderr,
			"warning: no [device] section was found in %s, %s or %s/*.conf: nothing is looked after\n",
			config_default_paths.vendor, config_default_paths.own, config_default_paths.dropins);
	warn_sections(c, list, n);
	names_warn(udev, c, list, n);
	return s;
}
