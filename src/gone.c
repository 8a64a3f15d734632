/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gone.h"
#include "guard.h"
#include "log.h"
#include "lost.h"
#include "story.h"
#include "sysfs.h"
#include "text.h"
#include "wait.h"

unsigned gone_not(const char *port)
{
	uint64_t deadline = clock_ms() + GONE_RESET_MS;
	unsigned dev;
	char dir[96];

	if (snprintf(dir, sizeof(dir), SYSFS_USB "/%s", port) >= (int)sizeof(dir))
		return 0;
	while (!(dev = sysfs_number(dir, "devnum", 10)) && device_present(port) && clock_ms() < deadline)
		wait_for(-1, 0, clock_ms() + WAIT_POLL_MS); /* a signal has been noted, and this is soon over */
	return dev;
}

static void begin_record(struct record *r, const char *product, const char *section)
{
	uint16_t vid, pid;
	const char *end;

	if (selector_id(product, '/', &vid, &pid, &end))
		return;
	snprintf(r->id, sizeof(r->id), "%04x:%04x", vid, pid);
	snprintf(r->section, sizeof(r->section), "%s", selector_is_name(section) ? section : "");
	r->when = time(NULL);
}

/* Its port may still hold it; one that is left alone is left alone also then. */
static void put_gone(struct record *r)
{
	if (r->state == RECORD_SILENT || r->state == RECORD_STUCK)
		r->error[0] = '\0'; /* unplug it, it says */
	r->state = RECORD_GONE;
	r->gone_ms = clock_ms();
	record_save(r);
	if (r->section[0] && !r->held)
		lost_mark(r->port);
}

/* Whether what udev saw removed, by its PRODUCT, is another device than the one on record. */
static bool another(const struct record *r, const char *product)
{
	uint16_t vid, pid;
	const char *end;
	char id[sizeof(r->id)];

	if (!product || selector_id(product, '/', &vid, &pid, &end))
		return false;
	snprintf(id, sizeof(id), "%04x:%04x", vid, pid);
	return strcmp(id, r->id) != 0;
}

enum status gone_note(const char *port, const char *product, const char *section)
{
	struct record r;
	int lock = record_lock(port, 0), e;

	if (lock == -EWOULDBLOCK) /* the run that has it looks once more after letting go */
		return STATUS_DONE;
	if (lock < 0) {
		log_line(LOG_ERR, "%s: cannot lock it in " RECORD_DIR ": %s%s", port, strerror(-lock),
			text_refusal(-lock));
		return STATUS_FAILED;
	}
	e = record_load(port, &r);
	if (e == -ENOENT && product && section)
		begin_record(&r, product, section);
	unsigned dev = gone_not(port);
	/* Also when it is gone on record: it has been here since, too short to be looked at. One that went silent is
	 * gone already, and known to be in its port. */
	if (r.id[0] && !dev && !section && another(&r, product)) {
		/* One that nobody takes, plugged in its place: the one on record was unplugged before, whatever was
		 * known of it, and what this one has left in the port is not ours to look after. */
		if (r.state != RECORD_GONE) {
			r.state = RECORD_GONE;
			r.gone_ms = clock_ms();
			record_save(&r);
		}
	} else if (r.id[0] && (!dev || dev != r.dev) && (dev || r.state != RECORD_SILENT)) {
		put_gone(&r);
	}
	record_unlock(lock);
	return STATUS_DONE;
}

enum status gone_unseen(const struct run *run, const char *port)
{
	struct story s = {.run = run, .watch.fd = -1};
	uint64_t now = clock_ms();
	bool fresh = false, held = false;

	if (record_load(port, &s.r) || !s.r.id[0]) {
		log_line(LOG_INFO, "%s: nothing is plugged there any more", port);
		return STATUS_NO_DEVICE;
	}
	story_name_from_record(&s);
	held = guard_event(&s.r, &run->config->guard, 0, 0, now, &fresh) == GUARD_HELD;
	if (!held)
		guard_note_reset(&s.r, now);
	if (fresh)
		story_tell_held(&s);
	else
		log_line(held ? LOG_DEBUG : LOG_INFO, "%s: nothing is plugged there any more", s.name);
	put_gone(&s.r);
	return held ? STATUS_HELD : STATUS_NO_DEVICE;
}
