/* SPDX-License-Identifier: MIT */
#include "story.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ladder.h"
#include "log.h"
#include "port.h"
#include "text.h"
#include "wait.h"

void story_did(struct story *s, const char *what)
{
	size_t n = strlen(s->r.action);

	if (!strstr(s->r.action, what))
		snprintf(s->r.action + n, sizeof(s->r.action) - n, "%s%s", n ? "+" : "", what);
}

void story_save(struct story *s)
{
	int e = record_save(&s->r);

	if (e)
		log_line(
			LOG_WARNING, "%s: the record in " RECORD_DIR " cannot be written: %s", s->name, strerror(-e));
}

static void tell_success(struct story *s)
{
	char steps[256] = "", chip[160] = "", nodes[512] = "";
	size_t n = 0;

	for (unsigned i = 0; i < s->r.steps && n < sizeof(steps); i++)
		n += (size_t)snprintf(
			steps + n, sizeof(steps) - n, "%s%s %u", i ? ", " : "", s->r.step[i].name, s->r.step[i].ms);
	if (s->r.chip && strstr(s->r.action, "init"))
		chip_show(&s->chip, chip, sizeof(chip));
	n = 0;
	for (unsigned i = 0; i < s->d.nodes && n < sizeof(nodes); i++) {
		const struct node *node = &s->d.node[i];
		if (!(s->conf->expect & 1u << node->class) || (node->class == NODE_VIDEO && !node->capture))
			continue;
		n += (size_t)snprintf(nodes + n, sizeof(nodes) - n, " %s", node->path);
	}
	log_line(s->run->unasked ? LOG_NOTICE : LOG_INFO, "%s: recovered in %u ms (%s)%s%s%s%s", s->name,
		s->r.duration_ms, steps, *nodes ? " at" : "", nodes, *chip ? "; " : "", chip);
}

void story_tell_held(struct story *s)
{
	const struct guard_conf *g = &s->run->config->guard;

	snprintf(s->r.error, sizeof(s->r.error),
		"reset %u times within %u s and added again; left alone until it has been unplugged for %u s, or is "
		"plugged after %u quiet s, or `replug recover usb=%s`",
		g->max_resets, g->window_ms / 1000, (g->forgive_ms + 999) / 1000, g->window_ms / 1000, s->r.port);
	log_line(LOG_WARNING, "%s: %s", s->name, s->r.error);
}

/* What a person can do about a device that is in its port and does not answer. */
static void what_next(const struct story *s, char *dst, size_t size)
{
	const struct conf_ladder *l = story_ladder(s);
	enum hub_power power = HUB_POWER_NONE;
	unsigned ports;
	struct port p;
	char why[128];

	snprintf(dst, size, "; unplug it and plug it in again");
	for (unsigned i = 0; i < l->n; i++)
		if (!ladder_needs_device(l->method[i]))
			return;
	if (port_of(s->r.port, &p) || port_switching(&p, &power, &ports, why, sizeof(why)) || power != HUB_POWER_EACH)
		return;
	snprintf(dst, size,
		"; unplug it and plug it in again, or cut its power: `replug reset --method=power usb=%s` "
		"(`reset = usb, power` in its section does that by itself)",
		s->r.port);
}

int story_settle(struct record *r)
{
	char why[256];

	if (!r->owed[0])
		return 0;
	log_line(LOG_NOTICE, "%s %s: an earlier run was ended before it was done; putting right: %s", r->port,
		r->section, r->owed);
	if (strstr(r->owed, "power=")) /* when it was cut is not known */
		wait_for(-1, 0, clock_ms() + POWER_BLINK_MS);
	int e = debt_pay(r->owed, why, sizeof(why));
	if (e)
		log_line(LOG_ERR, "%s %s: %s; it is tried again by the next run", r->port, r->section, why);
	int saved = record_save(r);
	return e ? e : saved ? saved : 1;
}

const char *story_process(const struct record *r, char *dst, size_t size)
{
	*dst = '\0';
	if (r->pid > 0)
		snprintf(dst, size, " (process %d)", (int)r->pid);
	return dst;
}

enum status story_conclude(struct story *s, int e)
{
	s->r.duration_ms = (uint32_t)(clock_ms() - s->begun);
	s->r.when = time(NULL);
	s->r.ended_ms = clock_ms();
	s->r.pid = 0;
	s->r.dev = s->d.dev;
	s->r.error[0] = '\0';
	if (!e && !s->r.action[0])
		story_did(s, "verify");
	if (!e) {
		s->r.state = RECORD_RECOVERED;
		s->r.well_again = s->r.chip;
		s->r.verified_ms = clock_ms();
		s->r.recoveries++;
		s->r.recovered_ms = s->r.duration_ms;
		s->r.recovered_when = s->r.when;
		s->r.postponed = false;
		story_save(s);
		tell_success(s);
		return STATUS_DONE;
	}
	if (e == -EDQUOT) {
		s->r.state = s->lost ? RECORD_SILENT : RECORD_HELD;
		s->r.held = true;
		story_tell_held(s);
		story_save(s);
		return STATUS_HELD;
	}
	s->r.failures++;
	s->r.state = RECORD_FAILED;
	/* Of what was silent before, no other failure says that it has come back. */
	if (e == -ENODEV || (s->lost && !s->r.owed[0] && !device_present(s->r.port))) {
		s->r.state = story_silent(s->r.port) ? RECORD_SILENT : RECORD_GONE;
		s->r.gone_ms = clock_ms();
	}
	char next[192] = "";
	bool silent = s->r.state == RECORD_SILENT;
	if (silent)
		what_next(s, next, sizeof(next));
	/* A long story gives way to what can be done about it. */
	size_t room = sizeof(s->r.error) - strlen(next);
	if (snprintf(s->r.error, room, "%s%s", silent ? "gone silent: " : "", s->why) >= (int)room)
		text_cut(s->r.error, room);
	size_t n = strlen(s->r.error);
	snprintf(s->r.error + n, sizeof(s->r.error) - n, "%s", next);
	story_save(s);
	log_line(LOG_ERR, "%s: not recovered after %u ms (%s): %s", s->name, s->r.duration_ms,
		s->r.action[0] ? s->r.action : "nothing was done", silent ? s->r.error : s->why);
	return s->r.state == RECORD_GONE ? STATUS_NO_DEVICE : STATUS_FAILED;
}

void story_name_from_record(struct story *s)
{
	const struct record *r = &s->r;

	snprintf(s->name, sizeof(s->name), "%s%s%s%s%s%s%s%s", r->port, r->section[0] ? " " : "", r->section,
		r->id[0] ? " " : "", r->id, r->product[0] ? " \"" : "", r->product, r->product[0] ? "\"" : "");
}

void story_settings(struct story *s, const struct run *run)
{
	static struct device_conf defaults;

	if (!s->d.conf && !defaults.attempts) {
		config_device_defaults(&defaults);
		/* What nobody has claimed may be a disk: it keeps its drivers. */
		defaults.ladder = (struct conf_ladder){.method = {RESET_USB}, .n = 1};
		defaults.baud = 0;
	}
	s->run = run;
	s->conf = s->d.conf ? s->d.conf : &defaults;
	s->begun = clock_ms();
}

int story_open(struct story *s, const struct run *run)
{
	story_settings(s, run);
	device_name(&s->d, s->name, sizeof(s->name));
	int e = record_load(s->d.port, &s->r);
	if (record_unread(e)) {
		log_line(LOG_ERR, "%s: its record in " RECORD_DIR " cannot be read: %s", s->name, strerror(-e));
		return e;
	}
	if (e == -EBADMSG)
		log_line(LOG_WARNING, "%s: its record in " RECORD_DIR " is damaged, a new one is begun", s->name);
	snprintf(s->r.id, sizeof(s->r.id), "%04x:%04x", s->d.vid, s->d.pid);
	snprintf(s->r.section, sizeof(s->r.section), "%s", s->d.conf ? s->d.conf->name : "");
	snprintf(s->r.product, sizeof(s->r.product), "%s", s->d.product);
	return 0;
}

void story_begin(struct story *s)
{
	s->r.steps = s->r.duration_ms = 0;
	s->r.when = time(NULL);
	s->r.action[0] = s->r.error[0] = '\0';
	s->r.chip = s->r.well_again = false;
	record_claim(&s->r);
	story_save(s);
	watch_open(&s->watch, s->run->udev);
}
