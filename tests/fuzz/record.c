/* SPDX-License-Identifier: MIT */
/*
 * A record in /run/replug, whatever stands in the file: each value is one that the programs know, and what was read
 * comes back as it is when it is saved.
 */
#include "fuzz.h"

#include <errno.h>

#include "guard.h"
#include "health.h"
#include "record.h"
#include "show.h"

#define PORT "1-1.4"

static bool ends(const char *text, size_t size)
{
	return memchr(text, '\0', size);
}

static void is_whole(const struct record *r)
{
	MUST(!strcmp(r->port, PORT));
	MUST(ends(r->id, sizeof(r->id)) && ends(r->section, sizeof(r->section)) &&
		ends(r->product, sizeof(r->product)));
	MUST(ends(r->action, sizeof(r->action)) && ends(r->error, sizeof(r->error)) &&
		ends(r->owed, sizeof(r->owed)));
	MUST(ends(r->health, sizeof(r->health)));
	MUST((unsigned)r->state < RECORD_STATES && r->pid >= 0 && r->when >= 0 && r->health_when >= 0);
	MUST(r->resets <= GUARD_RESETS_MAX && r->steps <= RECORD_STEPS);
	for (unsigned i = 0; i < r->steps; i++)
		MUST(ends(r->step[i].name, sizeof(r->step[i].name)));
}

/* Those who go by a record. None of them may leave one that cannot be kept. */
static void used(struct record r)
{
	static const struct guard_conf g = {
		.max_resets = 3, .window_ms = 60000, .cool_down_ms = 2000, .forgive_ms = 3000};
	char what[1024];
	bool flag = false;
	uint64_t now = 5000000000;

	record_what(&r, what, sizeof(what));
	MUST((unsigned)record_state_now(&r) < RECORD_STATES);
	health_wakes(&r, now);
	health_due(r.health_bad);
	health_note(&r, HEALTH_DEAD, 1763795000, &flag);
	guard_checkup(&r, &g, now, &flag);
	guard_event(&r, &g, 17, now - 10, now, &flag);
	guard_note_reset(&r, now);
	guard_note_end(&r, now - 100, now + 100);
	is_whole(&r);
	guard_unnote_reset(&r);
	guard_forgive(&r);
	MUST(guard_allows(&r, &g, now + 200));
	is_whole(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct record r, back;

	mkdir(RECORD_DIR, 0755);
	int fd = open(RECORD_DIR "/" PORT ".json", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size && !close(fd));
	memset(&r, 0xa5, sizeof(r));
	int e = record_load(PORT, &r);
	MUST(e == 0 || e == -EBADMSG);
	count(!e);
	is_whole(&r);
	if (e)
		return 0;
	MUST(!record_save(&r));
	memset(&back, 0xa5, sizeof(back));
	MUST(!record_load(PORT, &back));
	MUST(!memcmp(&r, &back, sizeof(r)));
	used(r);
	return 0;
}
