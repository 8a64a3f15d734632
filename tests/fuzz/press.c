/* SPDX-License-Identifier: MIT */
/*
 * What the group may put into /run/replug/relay, which root reads: a board's state, and a file that says that a
 * contact is pressed, under any name.
 *
 * The input's parts: the board's file, the name of the other, what is in that.
 */
#include "fuzz.h"

#include <errno.h>

#include "relay-state.h"

static char listed[256];

static void found(void *ctx, const struct relay_orphan *o, int contact)
{
	char name[64];

	(void)ctx;
	MUST(contact >= 0 && memchr(o->port, '\0', sizeof(o->port)) && selector_is_port(o->port));
	MUST(o->channel >= 1 && o->channel <= RELAY_CHANNELS && o->off.n <= CONF_BYTES);
	/* What is opened is the contact that the file is named for. */
	snprintf(name, sizeof(name), "%s.%u.press", o->port, o->channel);
	MUST(!strcmp(name, listed));
	relay_note_release(contact);
	taken++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *board = next_part(&data, &size), *name = next_part(&data, &size), *press = next_part(&data, &size),
	     path[512];
	struct relay_state s, seen;

	mkdir("/run/replug", 0755);
	mkdir(RELAY_DIR, 0770);
	MUST(write_file(RELAY_DIR "/1-1.4.board", board));
	name[strcspn(name, "\n")] = '\0';
	snprintf(listed, sizeof(listed), "%s", name);
	snprintf(path, sizeof(path), RELAY_DIR "/%s", listed);
	bool there = *listed && !strchr(listed, '/') && strcmp(listed, "1-1.4.board") && write_file(path, press);

	relay_peek("1-1.4", 7, &seen);
	int lock = relay_lock("1-1.4", 7, 0, &s);
	MUST(lock >= 0 && s.dev == 7);
	MUST(!memcmp(&s, &seen, sizeof(s)));
	MUST(s.channels <= RELAY_CHANNELS && s.known <= 0xff && s.closed <= 0xff);
	s.asked++; /* another state than the one that was read */
	MUST(!relay_remember(lock, &s));
	relay_unlock(lock);
	relay_peek("1-1.4", 7, &seen);
	MUST(!memcmp(&s, &seen, sizeof(s)));

	unsigned long before = taken;
	if (there)
		MUST(!relay_orphans(found, NULL));
	if (taken == before)
		refused++;
	if (there)
		unlink(path);
	free(press);
	free(name);
	free(board);
	return 0;
}
