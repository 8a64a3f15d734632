/* SPDX-License-Identifier: MIT */
#include "watch-event.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "table.h"

void event_of_record(struct event *e, const struct record *r)
{
	*e = (struct event){.word = record_state_name[r->state], .outcome = true, .time = time(NULL)};
	snprintf(e->port, sizeof(e->port), "%s", r->port);
	snprintf(e->id, sizeof(e->id), "%s", r->id);
	snprintf(e->section, sizeof(e->section), "%s", r->section);
	snprintf(e->product, sizeof(e->product), "%s", r->product);
	if (r->state == RECORD_BUSY)
		return;
	snprintf(e->action, sizeof(e->action), "%s", r->action);
	snprintf(e->error, sizeof(e->error), "%s", r->error);
	e->duration_ms = r->duration_ms;
}

static size_t append(char *dst, size_t size, size_t n, const char *before, const char *text, const char *after)
{
	if (n < size && *text)
		n += (size_t)snprintf(dst + n, size - n, "%s%s%s", before, text, after);
	return n < size ? n : size - 1;
}

void event_text(const struct event *e, char *dst, size_t size)
{
	char took[24] = "";
	bool relay = e->relay[0] && !e->section[0], named = relay || e->section[0];
	const char *name = relay ? e->relay : named ? e->section : e->id;
	size_t n = 0;

	*dst = '\0';
	n = append(dst, size, n, "", e->port, "");
	n = append(dst, size, n, relay ? " [relay " : " ", *name ? name : "-", relay ? "]" : "");
	n = append(dst, size, n, " ", e->word, "");
	if (!e->outcome) {
		n = append(dst, size, n, " ", named ? e->id : "", "");
		append(dst, size, n, " \"", e->product, "\"");
		return;
	}
	if (e->duration_ms)
		snprintf(took, sizeof(took), "%u ms", e->duration_ms);
	n = append(dst, size, n, " ", e->action, "");
	n = append(dst, size, n, e->error[0] ? " after " : " in ", took, "");
	append(dst, size, n, ": ", e->error, "");
}

static void show_time(const struct event *e, char *dst, size_t size, bool local)
{
	time_t t = (time_t)e->time;
	struct tm tm;

	*dst = '\0';
	if (local ? localtime_r(&t, &tm) : gmtime_r(&t, &tm))
		strftime(dst, size, local ? "%H:%M:%S" : "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void add(struct json_object *o, const char *key, struct json_object *v)
{
	json_object_object_add(o, key, v);
}

static void show_json(const struct event *e, const char *when, char *dst, size_t size)
{
	struct json_object *o = json_object_new_object();

	add(o, "time", json_object_new_string(when));
	add(o, "port", json_object_new_string(e->port));
	add(o, "id", json_text(e->id));
	add(o, "section", json_text(e->section));
	add(o, "relay", json_text(e->relay));
	add(o, "event", json_object_new_string(e->word));
	if (e->outcome) {
		add(o, "state", json_object_new_string(e->word));
		add(o, "action", json_text(e->action));
		add(o, "error", json_text(e->error));
		add(o, "duration_ms", e->duration_ms ? json_object_new_int64(e->duration_ms) : NULL);
	} else {
		add(o, "product", json_text(e->product));
	}
	snprintf(dst, size, "%s\n",
		json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

void event_line(const struct event *e, bool json, char *dst, size_t size)
{
	char when[32], text[1024];

	show_time(e, when, sizeof(when), false);
	event_text(e, text, sizeof(text));
	if (json)
		show_json(e, when, dst, size);
	else
		snprintf(dst, size, "%s %s\n", when, text);
}

void event_short(const struct event *e, char *dst, size_t size)
{
	char when[32], text[1024];

	show_time(e, when, sizeof(when), true);
	event_text(e, text, sizeof(text));
	snprintf(dst, size, "%s %s", when, text);
}
