/* SPDX-License-Identifier: MIT */
#include "relay-hand.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "log.h"
#include "relay-state.h"
#include "wait.h"

/* The board's lock is taken so long before a contact is due to be opened; a press is tried again for so long. */
enum { LEAD_MS = 60, PRESS_MS = 100 };

/* What the slowest answer takes: eight lines at 9600 baud, after a moment of thought. */
enum { ANSWER_MS = 200 };

static void conclude(struct hand *h, enum status status, int priority, const char *text)
{
	h->out.status = status;
	h->out.priority = priority;
	snprintf(h->out.text, sizeof(h->out.text), "%s", text);
}

static void fail(struct hand *h, int e, const char *doing)
{
	char why[256], text[400];

	hand_explain(h, e, why, sizeof(why));
	snprintf(text, sizeof(text), "%s: %s", doing, why);
	conclude(h,
		h->job->verb == RELAY_GET ? STATUS_UNKNOWN
		: e == -ENODEV            ? STATUS_NO_DEVICE
					  : STATUS_FAILED,
		LOG_ERR, text);
}

/* The handshake of boards that need one. It is on record before it is complete: made twice, it would be a command. */
static int make_ready(struct hand *h)
{
	if (!h->b.driver->identify || h->b.state.ready)
		return 0;
	int e = h->b.driver->identify(&h->b);
	if (!e) {
		h->b.state.ready = 1;
		e = relay_remember(h->lock, &h->b.state);
		h->loaded = h->b.state;
	}
	return e ? e : h->b.driver->start(&h->b);
}

/* Lock, what is remembered, node, handshake. */
static int take_board(struct hand *h)
{
	char text[400];
	int e = hand_lock(h, h->deadline);

	if (e == -EWOULDBLOCK) {
		conclude(h, STATUS_HELD, LOG_WARNING, "another command is talking to the board");
		return e;
	}
	if (e) {
		relay_lock_trouble(e, text, sizeof(text));
		conclude(h, h->job->verb == RELAY_GET ? STATUS_UNKNOWN : STATUS_FAILED, LOG_ERR, text);
		return e;
	}
	h->b.deadline = h->deadline;
	e = board_open(&h->b, h->t.node, h->t.syspath);
	if (!e)
		e = make_ready(h);
	if (e) {
		fail(h, e, "cannot be opened");
		return e;
	}
	/* Some boards tell only when they are spoken to. */
	if (h->b.state.channels && h->t.conf.channel > h->b.state.channels) {
		snprintf(text, sizeof(text), "it has no such channel, only %u", h->b.state.channels);
		conclude(h, STATUS_USAGE, LOG_ERR, text);
		return -ECHRNG;
	}
	return 0;
}

/* Whether the command still stands: nobody has given it up, called it off, or been killed while we waited. */
static bool still_wanted(struct hand *h)
{
	struct pollfd p = {.fd = h->socket, .events = POLLIN};

	if (clock_ms() < h->deadline && !wait_interrupted() && poll(&p, 1, 0) == 0)
		return true;
	conclude(h, STATUS_FAILED, LOG_WARNING, "called off before anything was switched");
	return false;
}

static const char *word(bool closed)
{
	return closed ? "closed" : "open";
}

static void cannot_tell(struct hand *h)
{
	unsigned bit = 1u << (h->t.conf.channel - 1);
	char text[200];

	snprintf(text, sizeof(text), "cannot tell: this board does not say%s%s",
		h->b.state.known & bit ? "; it was last told to be " : "",
		h->b.state.known & bit ? word(h->b.state.closed & bit) : "");
	conclude(h, STATUS_UNKNOWN, LOG_INFO, text);
}

static void get(struct hand *h)
{
	bool closed;

	/* A board that will not say is not even opened for it. */
	relay_peek(h->t.d.port, h->t.d.dev, &h->b.state);
	if (!board_tells(&h->b)) {
		cannot_tell(h);
		return;
	}
	if (take_board(h))
		return;
	int e = board_get(&h->b, h->t.conf.channel, &closed);
	if (!e)
		conclude(h, closed ? STATUS_DONE : STATUS_FAILED, LOG_INFO, word(closed));
	else if (e == -EOPNOTSUPP)
		cannot_tell(h);
	else
		fail(h, e, "cannot tell");
}

/*
 * What became of a contact that took its command, in words; e as hand_confirm. That a killed command had left it
 * pressed counts no more: it is as somebody wants it.
 */
static void conclude_switch(struct hand *h, unsigned channel, bool closed, int e)
{
	char text[200], which[24] = "";

	if ((closed || e != -EIO) && h->job->contact >= 0)
		relay_note_release(h->job->contact);
	else if (closed || e != -EIO)
		relay_forget_press(h->t.d.port, channel);
	if (h->job->all)
		snprintf(which, sizeof(which), "channel %u ", channel);
	if (e == -EIO) {
		snprintf(text, sizeof(text), "was told to be %s, but channel %u is %s: is the relay stuck?",
			word(closed), channel, word(!closed));
		conclude(h, STATUS_FAILED, LOG_ERR, text);
	} else if (e && e != -EOPNOTSUPP) {
		snprintf(text, sizeof(text), "%sswitched, but that could not be verified", which);
		fail(h, e, text);
	} else {
		snprintf(text, sizeof(text), "%s%s", word(closed),
			e ? " (not verified: this board does not say)" : "");
		conclude(h, STATUS_DONE, LOG_INFO, text);
	}
}

/* Switches and confirms. */
static void switch_one(struct hand *h, unsigned channel, bool closed)
{
	int e = board_set(&h->b, channel, closed);

	if (e)
		fail(h, e, "not switched");
	else
		conclude_switch(h, channel, closed, hand_confirm(h, channel, closed, h->deadline));
}

static void toggle(struct hand *h)
{
	unsigned channel = h->t.conf.channel, bit = 1u << (channel - 1);
	bool closed = h->b.state.closed & bit;
	int e = board_get(&h->b, channel, &closed);

	if (e && e != -EOPNOTSUPP)
		fail(h, e, "cannot tell what to toggle");
	else if (e && !(h->b.state.known & bit))
		conclude(h, STATUS_UNKNOWN, LOG_WARNING,
			"cannot tell what to toggle: this board does not say, and nothing was commanded since it was "
			"plugged");
	else if (still_wanted(h))
		switch_one(h, channel, !closed);
}

/* On a busy machine an answer comes in pieces, or late: it counts as none only when the board was asked once more. */
static int confirm_open(struct hand *h, unsigned channel)
{
	int e = hand_confirm(h, channel, false, h->deadline);

	if (e == -EBADMSG || e == -ETIMEDOUT || (e == -EOPNOTSUPP && board_tells(&h->b)))
		e = hand_confirm(h, channel, false, h->deadline);
	return e;
}

static void all_off(struct hand *h)
{
	unsigned size = h->t.channels ? h->t.channels : h->b.state.channels;
	unsigned most = size ? size : h->t.driver->channels;
	struct relay_outcome bad = {.status = STATUS_DONE};
	unsigned channel, told = 0, sure = 0, unsure = 0;
	char text[120];

	/* Each is told before any is asked of: no answer keeps one of them closed. */
	for (channel = 1; channel <= most; channel++) {
		int e = board_set(&h->b, channel, false);
		if (!e)
			told |= 1u << channel;
		else
			fail(h, e, "not switched");
		if (e && !bad.status)
			bad = h->out;
	}
	for (channel = 1; channel <= most; channel++) {
		if (!(told & 1u << channel))
			continue;
		int e = confirm_open(h, channel);
		if (sure && !size && (e == -EBADMSG || (e == -ETIMEDOUT && !h->b.driver->answers_for_all)))
			break; /* it told of the others: this one it does not have */
		sure += !e;
		unsure += e == -EOPNOTSUPP;
		conclude_switch(h, channel, false, e);
		if (h->out.status && !bad.status)
			bad = h->out;
	}
	if (bad.status) {
		h->out = bad;
		return;
	}
	if (sure && unsure)
		snprintf(text, sizeof(text), "%u open, but of %u more the board did not say", sure, unsure);
	else if (sure)
		snprintf(text, sizeof(text), "all %u open", sure);
	else
		snprintf(text, sizeof(text), "all open (not verified: this board does not say)");
	conclude(h, sure && unsure ? STATUS_FAILED : STATUS_DONE, sure && unsure ? LOG_ERR : LOG_INFO, text);
}

/* Waits until then, or until told to stop. Returns false if told to; *heard becomes false when the caller was killed.
 */
static bool hold(struct hand *h, uint64_t until, bool *heard)
{
	char byte;

	while (clock_ms() < until) {
		if (wait_interrupted())
			return false;
		int r = wait_for(*heard ? h->socket : -1, POLLIN, until);
		if (r < 0)
			return false;
		if (r > 0 && recv(h->socket, &byte, 1, MSG_DONTWAIT) > 0)
			return false;
		/* Killed: the time that was asked for is kept all the same. */
		if (r > 0)
			*heard = false;
	}
	return true;
}

/* The end of a pulse in words. held: how long it was meant to be closed; sure: whether it closed, as hand_confirm. */
static void conclude_pulse(
	struct hand *h, const struct hand_opened *o, unsigned held, bool early, bool heard, bool by_another, int sure)
{
	char text[600], doubt[256] = "";

	if (sure && sure != -EOPNOTSUPP)
		hand_explain(h, sure, doubt, sizeof(doubt));
	if (!o->sent || o->e == -EIO) {
		snprintf(text, sizeof(text), "MAY BE PRESSED STILL: %s", o->why);
		conclude(h, STATUS_FAILED, LOG_CRIT, text);
	} else if (sure == -EIO) {
		conclude(h, STATUS_FAILED, LOG_ERR, "not pressed: the contact did not close; is the relay stuck?");
	} else if (o->away) {
		snprintf(text, sizeof(text), "not pressed for its %u ms: %s", h->job->pulse_ms, o->why);
		conclude(h, STATUS_FAILED, LOG_WARNING, text);
	} else if (by_another) {
		snprintf(
			text, sizeof(text), "not pressed for its %u ms: another command opened it", h->job->pulse_ms);
		conclude(h, STATUS_FAILED, LOG_WARNING, text);
	} else if (early) {
		snprintf(text, sizeof(text), "interrupted: released after %u of %u ms (%s)", held, h->job->pulse_ms,
			o->why);
		conclude(h, STATUS_FAILED, LOG_WARNING, text);
	} else {
		bool well = !*doubt && (!o->e || o->e == -EOPNOTSUPP);
		snprintf(text, sizeof(text), "pressed for %u ms (%s%s%s)%s", held,
			*doubt ? "whether it closed could not be verified: " : "", doubt, *doubt ? "" : o->why,
			heard ? "" : "; the command itself was killed");
		conclude(h, well ? STATUS_DONE : STATUS_FAILED, well && heard ? LOG_INFO : LOG_WARNING, text);
	}
}

static void pulse(struct hand *h)
{
	unsigned channel = h->t.conf.channel;
	uint32_t ms = h->job->pulse_ms;
	bool heard = true, early = false, by_another = false;
	struct hand_opened o;

	/*
	 * Not without somebody who opens it if this process cannot, nor without a record for when both are killed;
	 * which is made last, for it outlives a press that nobody has made.
	 */
	int e = hand_say(h, HAND_PRESSES, 0) ? 0 : -EPIPE;
	if (!e)
		e = relay_note_press(h->job->contact, &h->t.conf, h->t.d.vid, h->t.d.pid);
	if (e) {
		fail(h, e, "not pressed");
		return;
	}
	h->b.deadline = clock_ms() + PRESS_MS;
	int shut = board_set(&h->b, channel, true);
	/* Repeated, it may have closed no earlier than by the last transfer. */
	uint64_t from = clock_ms(), due = from + ms;
	if (shut)
		fail(h, shut, "not pressed");
	else
		hand_say(h, HAND_PRESSED, due);
	/* The answer has to be here before it is time; one that had no time to be complete says nothing. */
	uint64_t until = ms > HAND_CONFIRM_MS + LEAD_MS ? from + HAND_CONFIRM_MS : due - 5;
	int sure = shut ? shut : hand_confirm(h, channel, true, until);
	if ((sure == -EBADMSG || sure == -ETIMEDOUT) && until - from < ANSWER_MS && clock_ms() >= until)
		sure = -EOPNOTSUPP;
	if (ms > 2 * LEAD_MS)
		hand_let_go(h);
	if (!shut && sure != -EIO) {
		early = !hold(h, due - (ms > 2 * LEAD_MS ? (unsigned)LEAD_MS : 0), &heard);
		if (!early && h->lock < 0)
			hand_lock(h, due);
		by_another = h->lock >= 0 && !(h->b.state.closed & 1u << (channel - 1));
		early = early || !hold(h, due, &heard);
	}
	uint64_t held = clock_ms() - from;
	hand_open_contact(h, clock_ms() + RELAY_RETURN_MS, &o);
	if (o.sent && o.e != -EIO && !o.unrecorded)
		relay_note_release(h->job->contact);
	if (!shut || !o.sent || o.e == -EIO)
		conclude_pulse(h, &o, (unsigned)held, early, heard, by_another, shut ? 0 : sure);
}

static void act(struct hand *h)
{
	if (h->job->verb == RELAY_GET) {
		get(h);
		return;
	}
	if (take_board(h) || (h->job->verb != RELAY_OFF && !still_wanted(h)))
		return;
	switch (h->job->verb) {
	case RELAY_GET:
		break;
	case RELAY_ON:
		switch_one(h, h->t.conf.channel, true);
		break;
	case RELAY_OFF:
		if (h->job->all)
			all_off(h);
		else
			switch_one(h, h->t.conf.channel, false);
		break;
	case RELAY_TOGGLE:
		toggle(h);
		break;
	case RELAY_PULSE:
		pulse(h);
		break;
	}
}

/* kvmd reads what it is given to its end. */
void hand_detach(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	prctl(PR_SET_NAME, RELAY_HAND);
	for (int fd = 0; null >= 0 && fd < 3; fd++)
		dup2(null, fd);
}

/* Whether the command has seen to it by itself, and said so. */
static bool told_already(int socket)
{
	char byte;

	while (recv(socket, &byte, 1, MSG_DONTWAIT) > 0)
		if (byte == HAND_SUPERSEDED)
			return true;
	return false;
}

void hand_run(const struct relay_job *job, uint64_t deadline, int socket)
{
	static struct hand h;

	hand_detach();
	hand_init(&h, job, deadline, socket);
	act(&h);
	hand_let_go(&h);
	board_close(&h.b);
	/* Who is not there to tell it any more has left that to the journal, or has told it. */
	if (!hand_say(&h, HAND_DONE, 0) && job->verb != RELAY_GET && !told_already(socket))
		syslog(h.out.priority, "%s: %s", h.t.name, h.out.text);
}
