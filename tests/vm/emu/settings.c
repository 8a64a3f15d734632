#include "device.h"
#include "faults.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int parse_number(const char *text, long min, long max, long *out)
{
	char *end;
	errno = 0;
	long v = strtol(text, &end, 0);
	if (errno || end == text || *end || v < min || v > max)
		return -1;
	*out = v;
	return 0;
}

static int set_text(char **where, const char *value)
{
	char *copy = strdup(value);
	if (!copy)
		return -1;
	free(*where);
	*where = copy;
	return 0;
}

static int set_id(struct device *d, const char *value)
{
	unsigned vid, pid;
	char rest;
	if (sscanf(value, "%4x:%4x%c", &vid, &pid, &rest) != 2)
		return -1;
	d->vid = (uint16_t)vid;
	d->pid = (uint16_t)pid;
	return 0;
}

static int set_speed(struct device *d, const char *value)
{
	if (strcmp(value, "high") == 0)
		d->speed = SPEED_HIGH;
	else if (strcmp(value, "full") == 0)
		d->speed = SPEED_FULL;
	else if (strcmp(value, "low") == 0)
		d->speed = SPEED_LOW;
	else
		return -1;
	return 0;
}

static int set_port(struct device *d, const char *value)
{
	long port;
	if (parse_number(value, 0, VHCI_PORTS - 1, &port) < 0 || d->life != AWAY)
		return -1;
	d->port = (int)port;
	return 0;
}

static int set_flap(struct device *d, const char *value)
{
	long on, off;
	char rest;
	if (strcmp(value, "0") == 0) {
		d->flap_on = d->flap_off = 0;
		timer_stop(&d->flap);
		return 0;
	}
	if (sscanf(value, "%ld,%ld%c", &on, &off, &rest) != 2 || on <= 0 || off <= 0)
		return -1;
	d->flap_on = on;
	d->flap_off = off;
	if (d->life == ON_BUS)
		timer_set(&d->flap, now_ns() + MS(on));
	return 0;
}

static int set_flag(bool *flag, const char *value)
{
	long v;
	if (parse_number(value, 0, 1, &v) < 0)
		return -1;
	*flag = v != 0;
	return 0;
}

/* EVENT or EVENT:N, when it comes for the Nth time from now on. */
static int set_unplug_on(struct device *d, const char *value)
{
	size_t word = strcspn(value, ":");

	if (word >= sizeof(d->unplug_on))
		return -1;
	d->unplug_nth = 1;
	if (value[word] && parse_number(value + word + 1, 1, 1000, &d->unplug_nth) < 0)
		return -1;
	snprintf(d->unplug_on, sizeof(d->unplug_on), "%.*s", strcmp(value, "0") == 0 ? 0 : (int)word, value);
	return 0;
}

/* 1: taken, 0: not a key of every device, -1: bad value. */
static int set_common(struct device *d, const char *key, const char *value)
{
	const struct {
		const char *key;
		char **text;
		bool *flag;
		long *number;
		long min;
	} simple[] = {
		{"product", &d->product, NULL, NULL, 0},
		{"manufacturer", &d->manufacturer, NULL, NULL, 0},
		{"serial", &d->serial, NULL, NULL, 0},
		{"change-descriptors", NULL, &d->change_descriptors, NULL, 0},
		{"reenumerate", NULL, &d->reenumerate, NULL, 0},
		{"ep0-stall", NULL, &d->ep0_stall, NULL, 0},
		{"ep0-silent", NULL, &d->ep0_silent, NULL, 0},
		{"fail-resets", NULL, NULL, &d->fail_resets, 0},
		{"stall-descriptors", NULL, NULL, &d->stall_descriptors, 0},
		{"back-after", NULL, NULL, &d->back_after, 0},
		{"drop-at-reset", NULL, NULL, &d->drop_at_reset, -1},
		{"probe-fails", NULL, NULL, &d->probe_fails, 0},
	};
	const struct {
		const char *key;
		int (*set)(struct device *d, const char *value);
	} special[] = {
		{"id", set_id},
		{"speed", set_speed},
		{"port", set_port},
		{"flap", set_flap},
		{"unplug-on", set_unplug_on},
		{"usb-silent", fault_set_silent},
		{"sick", fault_set_sick},
		{"heals-on", fault_set_heals_on},
		{"deaf", fault_set_deaf},
		{"usb-stuck", fault_set_stuck},
	};

	for (size_t i = 0; i < sizeof(simple) / sizeof(simple[0]); i++) {
		if (strcmp(key, simple[i].key) != 0)
			continue;
		int bad;
		if (simple[i].text)
			bad = set_text(simple[i].text, value);
		else if (simple[i].flag)
			bad = set_flag(simple[i].flag, value);
		else
			bad = parse_number(value, simple[i].min, 100000000, simple[i].number);
		return bad ? -1 : 1;
	}
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
		if (strcmp(key, special[i].key) == 0)
			return special[i].set(d, value) ? -1 : 1;
	}
	return 0;
}

int device_set(struct device *d, const char *key, const char *value, char *why, size_t size)
{
	int taken = set_common(d, key, value);
	if (taken == 0 && d->kind->set)
		taken = d->kind->set(d, key, value);
	if (taken == 0)
		snprintf(why, size, "%s: a %s has no setting '%s'", d->name, d->kind->name, key);
	else if (taken < 0)
		snprintf(why, size, "%s: bad value '%s' for %s", d->name, value, key);
	return taken > 0 ? 0 : -1;
}
