/* SPDX-License-Identifier: MIT */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "chip.h"
#include "health.h"
#include "show.h"
#include "table.h"

static const char *iso_time(int64_t when, char *dst, size_t size)
{
	time_t t = (time_t)when;
	struct tm tm;

	*dst = '\0';
	if (when && gmtime_r(&t, &tm))
		strftime(dst, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return dst;
}

static struct json_object *record_json(const struct record *r)
{
	struct json_object *o = json_object_new_object(), *steps = json_object_new_object(), *chip = NULL;
	char when[32], since[32];

	iso_time(r->when, when, sizeof(when));
	json_object_object_add(o, "port", json_object_new_string(r->port));
	json_object_object_add(o, "id", json_text(r->id));
	json_object_object_add(o, "section", json_text(r->section));
	json_object_object_add(o, "product", json_text(r->product));
	json_object_object_add(o, "state", json_object_new_string(record_state_name[r->state]));
	json_object_object_add(o, "action", json_text(r->action));
	json_object_object_add(o, "error", json_text(r->error));
	json_object_object_add(o, "owed", json_text(r->owed));
	json_object_object_add(o, "health", json_text(r->health));
	json_object_object_add(o, "health_since", json_text(iso_time(r->health_when, since, sizeof(since))));
	json_object_object_add(o, "duration_ms", r->duration_ms ? json_object_new_int64(r->duration_ms) : NULL);
	json_object_object_add(o, "when", json_text(when));
	for (unsigned i = 0; i < r->steps; i++)
		json_object_object_add(steps, r->step[i].name, json_object_new_int64(r->step[i].ms));
	json_object_object_add(o, "steps", steps);
	if (r->chip) {
		char version[16];
		chip = json_object_new_object();
		snprintf(version, sizeof(version), "V1.%u", r->version >= 0x30 ? r->version - 0x30u : 0);
		json_object_object_add(chip, "version", json_object_new_string(version));
		json_object_object_add(chip, "baud", json_object_new_int64(r->baud));
		json_object_object_add(chip, "target", json_object_new_boolean(r->target));
		json_object_object_add(chip, "num_lock", json_object_new_boolean(r->num_lock));
		json_object_object_add(chip, "caps_lock", json_object_new_boolean(r->caps_lock));
		json_object_object_add(chip, "scroll_lock", json_object_new_boolean(r->scroll_lock));
	}
	json_object_object_add(o, "chip", chip);
	json_object_object_add(o, "resets", json_object_new_int64(r->resets));
	return o;
}

bool record_matches(const struct record *r, const struct selector *sel, const struct device *dev, size_t devs)
{
	for (size_t i = 0; i < devs; i++)
		if (!strcmp(dev[i].port, r->port))
			return device_matches(&dev[i], sel);

	struct usb_facts f = {.port = r->port, .product = r->product, .section = r->section[0] ? r->section : NULL};
	const char *end;

	selector_id(r->id, ':', &f.vid, &f.pid, &end);
	return selector_match(sel, &f, NULL) > 0;
}

void record_what(const struct record *r, char *dst, size_t size)
{
	char chip[160] = "";
	struct chip_state s = {.baud = r->baud,
		.info = {.version = (uint8_t)r->version,
			.target = r->target,
			.num_lock = r->num_lock,
			.caps_lock = r->caps_lock,
			.scroll_lock = r->scroll_lock}};

	if (r->chip)
		chip_show(&s, chip, sizeof(chip));
	if (r->state == RECORD_FAILED && r->well_again && !strcmp(r->health, health_name[HEALTH_WELL])) {
		char since[32];
		iso_time(r->health_when, since, sizeof(since));
		snprintf(dst, size, "well again since %s; before: %s", since, r->error);
		return;
	}
	snprintf(dst, size, "%s%s%s", r->error[0] ? r->error : r->action, chip[0] && !r->error[0] ? "; " : "",
		r->error[0] ? "" : chip);
}

static void status_row(struct table *t, const struct record *r)
{
	char when[32], took[24], what[1024];

	iso_time(r->when, when, sizeof(when));
	if (r->duration_ms)
		snprintf(took, sizeof(took), "%u ms", r->duration_ms);
	else
		snprintf(took, sizeof(took), "-");
	record_what(r, what, sizeof(what));
	table_add(t, (const char *const[COLUMNS]){
			     r->port, r->id, r->section, record_state_name[r->state], when, took, what});
}

enum status show_status(const struct device *dev, size_t devs, const struct selector *sel, bool json)
{
	struct json_object *array = json_object_new_array();
	struct table t = {0};
	struct record *list;
	size_t n, shown = 0;

	if (record_list(&list, &n)) {
		json_object_put(array);
		return STATUS_FAILED;
	}
	table_add(&t, (const char *const[COLUMNS]){"PORT", "ID", "SECTION", "STATE", "WHEN", "TOOK", "WHAT"});
	for (size_t i = 0; i < n; i++) {
		/* Plugged anew, and no run has looked at it: while the configuration is broken, none does. */
		if (record_state_now(&list[i]) == RECORD_GONE && device_present(list[i].port))
			list[i].state = RECORD_NONE;
		if (sel && !record_matches(&list[i], sel, dev, devs))
			continue;
		shown++;
		if (json)
			json_object_array_add(array, record_json(&list[i]));
		else
			status_row(&t, &list[i]);
	}
	free(list);
	return table_end(&t, array, json, sel && !shown);
}
