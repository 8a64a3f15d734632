/* SPDX-License-Identifier: MIT */
#include "health.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "chip.h"
#include "ladder.h"
#include "stream.h"
#include "text.h"
#include "wait.h"

enum { CHIP_MS = 3000, BAD_MOST = 128, SLEEP_MS = 600000 };

const char *const health_name[] = {[HEALTH_UNKNOWN] = "unknown",
	[HEALTH_WELL] = "well",
	[HEALTH_AILING] = "ailing",
	[HEALTH_DEAD] = "dead",
	NULL};

/* One more piece of evidence; what does not fit is cut. */
static void add(char *dst, size_t size, const char *what)
{
	size_t n = strlen(dst);

	if (snprintf(dst + n, size - n, "%s%s", n ? "; " : "", what) >= (int)(size - n))
		text_cut(dst, size);
}

/* It may be unplugged, or re-enumerated, while it is being asked: that says nothing about the next one. */
static bool cannot_tell(int e)
{
	return e == -ENODEV || e == -EACCES || e == -EPERM || e == -EINTR || e == -ENOMEM || e == -EMFILE ||
	       e == -ENFILE;
}

static enum health ask_endpoint(const struct device *d, char *evidence, size_t size)
{
	char why[256];
	int e = ladder_alive(d, why, sizeof(why));

	if (e)
		add(evidence, size, why);
	return !e ? HEALTH_WELL : cannot_tell(e) ? HEALTH_UNKNOWN : HEALTH_DEAD;
}

static enum health ask_nodes(const struct device *d, char *evidence, size_t size)
{
	char missing[96] = "", why[160];
	size_t n = 0;

	for (unsigned i = 0; i < NODE_CLASSES; i++)
		if (d->conf->expect & 1u << i && !device_node(d, (enum node_class)i))
			n += (size_t)snprintf(
				missing + n, sizeof(missing) - n, "%s%s", n ? ", " : "", node_class_name[i]);
	if (!n)
		return HEALTH_WELL;
	snprintf(why, sizeof(why), "it answers, but its driver made no node of class %s", missing);
	add(evidence, size, why);
	return HEALTH_AILING;
}

/* Somebody who works with a node finds out himself, and is not to be disturbed. */
static bool left_alone(
	const struct use *use, enum node_class class, const char *not_asked, char *evidence, size_t size)
{
	char why[256];

	if (!(use->classes & 1u << class))
		return false;
	snprintf(why, sizeof(why), "it answers; in use by %s: %s", use->who, not_asked);
	add(evidence, size, why);
	return true;
}

static enum health ask_stream(const struct device *d, const struct use *use, char *evidence, size_t size)
{
	const struct node *node = device_node(d, NODE_VIDEO);
	char words[256], why[384];

	if (left_alone(use, NODE_VIDEO, "the stream was not asked", evidence, size))
		return HEALTH_WELL;
	int e = stream_ask(node->path, words, sizeof(words));
	if (e == -EBUSY) { /* somebody was quicker */
		add(evidence, size, "it answers; in use: the stream was not asked");
		return HEALTH_WELL;
	}
	if (e)
		snprintf(why, sizeof(why), "%s", words);
	else
		snprintf(why, sizeof(why), "the stream can be negotiated (%s)", words);
	add(evidence, size, why);
	return !e ? HEALTH_WELL : cannot_tell(e) ? HEALTH_UNKNOWN : HEALTH_AILING;
}

/* Whether the last that is known of it is that it did not answer. */
static bool was_ill(const struct record *r)
{
	return !r->well_again && (r->state == RECORD_FAILED || !strcmp(r->health, health_name[HEALTH_AILING]));
}

static enum health ask_chip(
	const struct device *d, const struct use *use, const struct record *r, char *evidence, size_t size)
{
	const struct node *node = device_node(d, NODE_TTY);
	char why[512];
	struct chip_state state;
	struct chip_job job = {.tty = node->path,
		/* Where the rate is to be found out, it was when the chip was last recovered. */
		.baud = d->conf->baud ? d->conf->baud : r->baud,
		.searched = !d->conf->baud,
		.attempts = 3, /* of half a second each: a busy machine is no ill chip */
		.deadline = clock_ms() + CHIP_MS};

	/* A tty can be open for days, and nothing answer there. */
	if (left_alone(use, NODE_TTY, "the chip was not asked", evidence, size))
		return was_ill(r) ? HEALTH_UNKNOWN : HEALTH_WELL;
	int e = chip_info(&job, &state, why, sizeof(why));
	if (!e)
		chip_show(&state, why, sizeof(why));
	add(evidence, size, why);
	return !e ? HEALTH_WELL : e == -EBUSY || cannot_tell(e) ? HEALTH_UNKNOWN : HEALTH_AILING;
}

enum health health_ask(
	const struct device *d, const struct use *use, const struct record *r, char *evidence, size_t size)
{
	*evidence = '\0';
	enum health h = ask_endpoint(d, evidence, size);

	if (h == HEALTH_WELL && d->conf)
		h = ask_nodes(d, evidence, size);
	if (h == HEALTH_WELL && d->conf && d->conf->expect & 1u << NODE_VIDEO)
		h = ask_stream(d, use, evidence, size);
	if (h == HEALTH_WELL && d->conf && d->conf->init == INIT_CH9329)
		h = ask_chip(d, use, r, evidence, size);
	if (!*evidence)
		add(evidence, size, "it answers");
	return h;
}

bool health_note(struct record *r, enum health found, int64_t now, bool *turned)
{
	bool well = found == HEALTH_WELL, first = !r->health[0];

	*turned = false;
	if (found == HEALTH_UNKNOWN)
		return false;
	r->well_again &= well;
	if (!well && ++r->health_bad > 2 * BAD_MOST)
		r->health_bad -= BAD_MOST;
	/* Also when it was well before: it has been tried in vain since. */
	bool again = well && r->state == RECORD_FAILED && !r->well_again;
	if (!strcmp(r->health, health_name[found]) && !again)
		return !well;
	if (well)
		r->health_bad = 0;
	r->well_again |= again;
	snprintf(r->health, sizeof(r->health), "%s", health_name[found]);
	r->health_when = now;
	*turned = !first || !well || again;
	return true;
}

bool health_wakes(const struct record *r, uint64_t now)
{
	return strcmp(r->health, health_name[HEALTH_WELL]) != 0 || !r->woken_ms || now - r->woken_ms >= SLEEP_MS;
}

bool health_asleep(const struct device *d)
{
	char path[sizeof(d->syspath) + 32], text[16] = "";

	snprintf(path, sizeof(path), "%s/power/runtime_status", d->syspath);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false; /* a kernel without power management lets nothing sleep */
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 && !strncmp(text, "suspended", 9);
}

bool health_due(unsigned bad)
{
	if (bad > BAD_MOST)
		return bad % BAD_MOST == 0;
	return bad >= 2 && (bad & (bad - 1)) == 0;
}
