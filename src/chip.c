/* SPDX-License-Identifier: MIT */
#include "chip.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "serial.h"
#include "text.h"
#include "use.h"
#include "wait.h"

/* In the order of how often they are met; the factory's first. */
static const unsigned usual[] = {9600, 115200, 57600, 38400, 19200, 4800, 2400, 1200};
enum { USUAL = sizeof(usual) / sizeof(usual[0]) };

/* What an answer needs beyond its bytes' time: the chip's own work, the adapter's latency, a busy machine. */
enum { MARGIN_MS = 20, SEARCH_MS = 120 };

enum { REOPEN_MS = 100 };

/* A chip that restarts is silent for 900 ms and more; one that does not answers within some 30. */
enum { SILENT_MS = 100 };

struct talk {
	const struct chip_job *job;
	struct chip_state *s;
	int fd;
	unsigned rate[USUAL + 1];
	unsigned rates;
	unsigned theirs; /* the rate that the tty had, or that somebody else has set since; 0: none of the usual */
	unsigned stray;  /* answers or bytes that were not what was asked for */
	uint8_t status;  /* of the last answer that was a refusal */
	bool unacknowledged; /* it answers, but neither acknowledges RESET nor falls silent after it */
	int last;            /* the error of the last exchange that failed */
};

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Whether the errno ends the whole job rather than this try. */
static bool final(int r)
{
	return r == -EINTR || (r && r != -ETIMEDOUT && r != -EBADMSG && r != -EBADE);
}

static void note(struct talk *t, int r, uint8_t status)
{
	if (r == -EBADE)
		t->status = status;
	if (r) {
		t->last = r;
		t->stray += r == -EBADMSG;
	}
}

static int set_rate(struct talk *t, unsigned baud)
{
	if (t->s->baud == baud)
		return 0;
	unsigned now = serial_rate_now(t->fd);
	if (now && now != t->s->baud)
		t->theirs = now;
	t->s->baud = baud;
	return serial_rate(t->fd, baud);
}

/* Nothing was found out: whoever else has the tty open goes on at the rate that he has set. */
static void put_rate_back(const struct talk *t)
{
	if (t->theirs && t->theirs != t->s->baud && serial_rate_now(t->fd) == t->s->baud)
		serial_rate(t->fd, t->theirs);
}

static int open_chip(struct talk *t, const struct chip_job *job, struct chip_state *s)
{
	*s = (struct chip_state){0};
	*t = (struct talk){.job = job, .s = s, .fd = -1};
	if (job->baud) {
		t->rate[t->rates++] = job->baud;
	} else {
		if (job->hint)
			t->rate[t->rates++] = job->hint;
		for (unsigned i = 0; i < USUAL; i++)
			if (usual[i] != job->hint)
				t->rate[t->rates++] = usual[i];
	}
	s->baud = t->rate[0];
	int r = serial_open(job->tty, s->baud, &t->theirs, &t->fd);
	/* The adapter's driver talks to it to open it, and whatever fails in that is EIO (usb_translate_errors in
	 * drivers/usb/serial): one lost request is not yet an adapter that is broken. */
	for (unsigned i = 1; r == -EIO && i < job->attempts && clock_ms() < job->deadline; i++)
		r = wait_for(-1, 0, clock_ms() + REOPEN_MS) < 0 ? -EINTR
								: serial_open(job->tty, s->baud, &t->theirs, &t->fd);
	/* The node went as we came; and an adapter that does not answer is not a chip that does not. */
	return r == -ENOENT || r == -ENXIO ? -ENODEV : r == -ETIMEDOUT ? -EIO : r;
}

/* The wait for one answer, cut where the job's time ends; 0 when it has ended. */
static unsigned within(const struct talk *t, unsigned wait_ms)
{
	uint64_t now = clock_ms(), left = t->job->deadline > now ? t->job->deadline - now : 0;

	return left < wait_ms ? (unsigned)left : wait_ms;
}

/*
 * GET_INFO until the chip answers, at each rate in turn, until the deadline, but each rate at least once. A request
 * that comes while the chip starts is lost, so the next one follows as soon as an answer would have been here; one
 * that comes later still answers the next request, but at another rate it would be lost: there the wait is longer.
 */
static int ask(struct talk *t, uint64_t deadline)
{
	int r = -ETIMEDOUT;
	uint8_t status;

	do {
		for (unsigned i = 0; i < t->rates; i++) {
			/* Six bytes out are the request's own affair; fourteen come back. */
			unsigned wait = within(t, 14 * 10000 / t->rate[i] + (t->rates > 1 ? SEARCH_MS : MARGIN_MS));
			if (!wait)
				return r;
			r = set_rate(t, t->rate[i]);
			if (r)
				return r;
			r = ch9329_get_info(t->fd, t->rate[i], wait, &t->s->info, &status);
			note(t, r, status);
			if (!r || final(r))
				return r;
		}
	} while (clock_ms() < deadline);
	return r;
}

/* RESET at each rate until one is acknowledged. */
static int send_reset(struct talk *t)
{
	int r = -ETIMEDOUT;
	uint8_t status;

	for (unsigned i = 0; i < t->rates; i++) {
		unsigned wait =
			within(t, t->rates > 1 ? 7 * 10000 / t->rate[i] + SEARCH_MS : (unsigned)CH9329_ANSWER_MS);
		if (!wait)
			return r;
		r = set_rate(t, t->rate[i]);
		if (r)
			return r;
		r = ch9329_reset(t->fd, t->rate[i], wait, &status);
		note(t, r, status);
		if (!r || final(r))
			return r;
	}
	return r;
}

/* The cause and the next step, for a chip that did not do as it should. */
static void explain(const struct talk *t, char *why, size_t size)
{
	char others[160], rate[96], heard[160] = "does not answer";

	if (t->last == -EBADE)
		snprintf(heard, sizeof(heard), "refused: %s", ch9329_status_text(t->status));
	else if (t->unacknowledged)
		snprintf(heard, sizeof(heard), "answers, but does not acknowledge RESET");
	else if (t->stray)
		snprintf(heard, sizeof(heard), "sends something that is no CH9329 answer");
	if (t->job->baud)
		snprintf(rate, sizeof(rate), "the rate (%u baud%s)", t->job->baud,
			t->job->searched ? ", at which it answered last" : "; try baud = auto");
	else
		snprintf(rate, sizeof(rate), "the rate (all from 1200 to 115200 baud were tried)");
	unsigned n = use_of_node(t->job->tty, others, sizeof(others));
	/* There was one once, or there is. */
	bool seen = t->job->searched || t->job->hint || t->last == -EBADE || t->unacknowledged;
	snprintf(why, size,
		"the CH9329 on %s %s: check its wiring (TX to RX, ground, target's USB power) and %s%s%s%s%s",
		t->job->tty, heard, rate, n ? "; also open in " : "; no other process has the tty open", others,
		n ? ", which may take its answers" : "",
		seen ? "" : "; is there one at all? `match` can name the port of the adapter that has it");
}

/* TIOCEXCL, which whoever has CAP_SYS_ADMIN may ignore (tty_reopen in the kernel's drivers/tty/tty_io.c). */
static void explain_exclusive(const struct talk *t, char *why, size_t size)
{
	char others[160];
	unsigned n = use_of_node(t->job->tty, others, sizeof(others));

	snprintf(why, size,
		"%s is in use by %s, exclusively: the CH9329 cannot be asked; `replug recover` by root's hand, and a "
		"unit "
		"with CAP_SYS_ADMIN, can all the same",
		t->job->tty, n ? others : "another program");
}

static int trouble(const struct talk *t, int r, char *why, size_t size)
{
	if (r == -ENODEV)
		snprintf(why, size, "%s went away", t->job->tty);
	else if (r == -EINTR)
		snprintf(why, size, "interrupted by a signal");
	else if (r == -EBUSY)
		explain_exclusive(t, why, size);
	else if (!final(r))
		explain(t, why, size);
	else
		snprintf(why, size, "%s: %s%s", t->job->tty, strerror(-r),
			r == -EACCES ? " (this needs root, or its group: `ls -l` names that)" : text_refusal(-r));
	return r;
}

static int ask_once(struct talk *t)
{
	return ask(t, sooner(clock_ms() + CH9329_ANSWER_MS, t->job->deadline));
}

/* What the chip answered at is its rate: no need to search again. */
static void pin_rate(struct talk *t)
{
	t->rate[0] = t->s->baud;
	t->rates = 1;
}

/* One attempt: RESET, its acknowledgement or evidence, then an answer. */
static int reset_once(struct talk *t)
{
	char others[8];
	uint64_t start = clock_ms();
	int r = send_reset(t);

	if (final(r))
		return r;
	bool refused = r == -EBADE; /* it was heard, and nobody else has taken that answer */
	t->s->acknowledged = !r;
	uint64_t sent = clock_ms();
	t->s->reset_ms = (uint32_t)(sent - start);
	t->unacknowledged = false;
	if (!r)
		pin_rate(t);
	bool searching = t->rates > 1; /* silence at a wrong rate says nothing */
	r = ask(t, sooner(sent + t->job->ready_ms, t->job->deadline));
	t->s->ready_ms = (uint32_t)(clock_ms() - sent);
	if (r)
		return r;
	pin_rate(t);
	/* It answers, but was it reset? If nobody saw the acknowledgement, silence before the answer says so; where
	 * another reader may have taken it, its absence is no proof against it. Else the next attempt, at the rate
	 * found, will tell. */
	if (t->s->acknowledged || (t->s->ready_ms >= SILENT_MS && !searching) ||
		(!refused && use_of_node(t->job->tty, others, sizeof(others))))
		return 0;
	t->unacknowledged = true;
	return t->last;
}

/* Opens the tty, makes as many attempts as the job allows, explains a failure, and closes the tty. */
static int talk_to(
	const struct chip_job *job, struct chip_state *s, int (*once)(struct talk *t), char *why, size_t size)
{
	struct talk t;
	unsigned pause = 100;
	int r = open_chip(&t, job, s);

	for (s->attempts = r ? 0 : 1; !r; s->attempts++, pause *= 2) {
		r = once(&t);
		if (!r || final(r) || s->attempts >= job->attempts || clock_ms() >= job->deadline)
			break;
		r = wait_for(-1, 0, sooner(clock_ms() + pause, job->deadline)) < 0 ? -EINTR : 0;
	}
	if (r)
		trouble(&t, r, why, size);
	if (r && t.fd >= 0)
		put_rate_back(&t);
	if (t.fd >= 0)
		serial_close(t.fd);
	return r;
}

int chip_info(const struct chip_job *job, struct chip_state *s, char *why, size_t size)
{
	return talk_to(job, s, ask_once, why, size);
}

int chip_reset(const struct chip_job *job, struct chip_state *s, char *why, size_t size)
{
	return talk_to(job, s, reset_once, why, size);
}

void chip_show(const struct chip_state *s, char *dst, size_t size)
{
	snprintf(dst, size, "CH9329 V1.%u at %u baud, target %s, LEDs%s%s%s%s",
		s->info.version >= 0x30 ? s->info.version - 0x30u : 0, s->baud,
		s->info.target ? "connected" : "not connected", s->info.num_lock ? " num" : "",
		s->info.caps_lock ? " caps" : "", s->info.scroll_lock ? " scroll" : "",
		s->info.num_lock || s->info.caps_lock || s->info.scroll_lock ? "" : " off");
}
