/* SPDX-License-Identifier: MIT */
#include "health-show.h"

#include <string.h>
#include <time.h>

#include "table.h"

static void facts(const struct patient *p, char *id, size_t size, const char **section, const char **product)
{
	if (p->d)
		snprintf(id, size, "%04x:%04x", p->d->vid, p->d->pid);
	else
		snprintf(id, size, "%s", p->r.id);
	*section = !p->d ? p->r.section : p->d->conf ? p->d->conf->name : "";
	*product = p->d ? p->d->product : p->r.product;
}

enum status health_table(const struct patient *p, size_t n)
{
	struct table t = {0};
	const char *section, *product;
	char id[10];

	table_add(&t, (const char *const[COLUMNS]){"PORT", "ID", "SECTION", "HEALTH", "EVIDENCE"});
	for (size_t i = 0; i < n; i++) {
		facts(&p[i], id, sizeof(id), &section, &product);
		table_add(&t, (const char *const[COLUMNS]){
				      p[i].port, id, section, health_name[p[i].health], p[i].evidence});
	}
	return table_end(&t, NULL, false, !n);
}

static struct json_object *since(const struct patient *p)
{
	char text[32];
	time_t t = (time_t)p->r.health_when;
	struct tm tm;

	if (!t || strcmp(p->r.health, health_name[p->health]) || !gmtime_r(&t, &tm) ||
		!strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return NULL;
	return json_object_new_string(text);
}

enum status health_json(const struct patient *p, size_t n)
{
	struct json_object *array = json_object_new_array();
	const char *section, *product;
	char id[10];

	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_new_object();
		facts(&p[i], id, sizeof(id), &section, &product);
		json_object_object_add(o, "port", json_object_new_string(p[i].port));
		json_object_object_add(o, "id", json_text(id));
		json_object_object_add(o, "section", json_text(section));
		json_object_object_add(o, "product", json_text(product));
		json_object_object_add(o, "health", json_object_new_string(health_name[p[i].health]));
		json_object_object_add(o, "evidence", json_text(p[i].evidence));
		json_object_object_add(o, "since", since(&p[i]));
		json_object_array_add(array, o);
	}
	return json_print(array);
}

void health_label(char *dst, size_t size, const char *value)
{
	size_t n = 0;

	for (; *value; value++) {
		bool escape = *value == '\\' || *value == '"' || *value == '\n';
		if (n + (escape ? 2 : 1) >= size)
			break;
		if (escape)
			dst[n++] = '\\';
		dst[n++] = *value == '\n' ? 'n' : *value;
	}
	dst[n] = '\0';
}

enum metric { HEALTH, RECOVERIES, FAILURES, DURATION, TIMESTAMP, METRICS_N };

static const struct {
	const char *name, *type, *help;
} metric[METRICS_N] = {
	[HEALTH] = {"replug_health", "gauge", "1 well, 0.5 ailing (answers, but not all of it), 0 dead."},
	[RECOVERIES] = {"replug_recoveries_total", "counter", "Recoveries that succeeded since boot."},
	[FAILURES] = {"replug_failures_total", "counter", "Recoveries that failed since boot."},
	[DURATION] = {"replug_last_recovery_duration_seconds", "gauge",
		"How long the last recovery that succeeded took."},
	[TIMESTAMP] = {"replug_last_recovery_timestamp_seconds", "gauge",
		"When the last recovery that succeeded ended, in seconds since 1970."},
};

/* The value as text; false where there is none. */
static bool value(enum metric m, enum health health, const struct record *r, char *dst, size_t size)
{
	static const char *const healths[] = {[HEALTH_WELL] = "1", [HEALTH_AILING] = "0.5", [HEALTH_DEAD] = "0"};

	switch (m) {
	case HEALTH:
		if (health == HEALTH_UNKNOWN)
			return false;
		snprintf(dst, size, "%s", healths[health]);
		return true;
	case RECOVERIES:
		snprintf(dst, size, "%u", r->recoveries);
		return true;
	case FAILURES:
		snprintf(dst, size, "%u", r->failures);
		return true;
	case DURATION:
		snprintf(dst, size, "%u.%03u", r->recovered_ms / 1000, r->recovered_ms % 1000);
		return r->recovered_when != 0;
	case TIMESTAMP:
		snprintf(dst, size, "%lld", (long long)r->recovered_when);
		return r->recovered_when != 0;
	default:
		return false;
	}
}

static void sample(FILE *to, enum metric m, enum health health, const struct record *r, const char *port,
	const char *id, const char *section)
{
	char number[32], p[2 * DEVICE_PORT_SIZE], i[32], s[2 * CONF_NAME_MAX + 1];

	if (!value(m, health, r, number, sizeof(number)))
		return;
	health_label(p, sizeof(p), port);
	health_label(i, sizeof(i), id);
	health_label(s, sizeof(s), section);
	fprintf(to, "%s{port=\"%s\",id=\"%s\",section=\"%s\"} %s\n", metric[m].name, p, i, s, number);
}

static bool in_round(const struct patient *p, size_t n, const char *port)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(p[i].port, port))
			return true;
	return false;
}

void health_metrics(const struct patient *p, size_t n, const struct record *all, size_t others, FILE *to)
{
	const char *section, *product;
	char id[10];

	for (int m = 0; m < METRICS_N; m++) {
		fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", metric[m].name, metric[m].help, metric[m].name,
			metric[m].type);
		for (size_t i = 0; i < n; i++) {
			facts(&p[i], id, sizeof(id), &section, &product);
			sample(to, (enum metric)m, p[i].health, &p[i].r, p[i].port, id, section);
		}
		for (size_t i = 0; i < others; i++)
			if (all[i].id[0] && all[i].section[0] && !in_round(p, n, all[i].port))
				sample(to, (enum metric)m, HEALTH_UNKNOWN, &all[i], all[i].port, all[i].id,
					all[i].section);
	}
}
