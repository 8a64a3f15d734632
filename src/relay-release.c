/* SPDX-License-Identifier: MIT */
/* How a contact is opened again, whatever has come in between; and what both processes need of a hand. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>

#include "relay-hand.h"
#include "relay-state.h"
#include "wait.h"

/* How long a release waits for another command's exchange with the board before it goes on without its lock. */
enum { RELEASE_LOCK_MS = 20 };

/* A relay that sticks, or a board that has gone dumb, is told again for so long, and so often. */
enum { INSIST_MS = 1000, INSIST_EVERY_MS = 100 };

void hand_init(struct hand *h, const struct relay_job *job, uint64_t deadline, int socket)
{
	*h = (struct hand){.job = job, .t = *job->t, .lock = -1, .socket = socket, .deadline = deadline};
	h->b = (struct board){.driver = job->t->driver, .conf = &job->t->conf, .fd = -1};
	h->out = (struct relay_outcome){.status = STATUS_FAILED, .priority = 3};
}

bool hand_say(struct hand *h, enum hand_said said, uint64_t due)
{
	struct hand_message m;
	struct iovec iov = {.iov_base = &m, .iov_len = sizeof(m)};
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

	if (h->socket < 0)
		return false;
	memset(&m, 0, sizeof(m)); /* also what is between the members, which goes out as well */
	m.said = said;
	m.due = due;
	m.out = h->out;
	if (said == HAND_PRESSES) { /* what opens the contact has to be open itself: another open() could hang */
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		struct cmsghdr *c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &h->b.fd, sizeof(int));
	}
	return sendmsg(h->socket, &message, MSG_NOSIGNAL) == (ssize_t)sizeof(m);
}

ssize_t hand_hear(int socket, struct hand_message *m, int *board)
{
	struct iovec iov = {.iov_base = m, .iov_len = sizeof(*m)};
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(board, CMSG_DATA(c), sizeof(int));
	return n;
}

int hand_lock(struct hand *h, uint64_t deadline)
{
	h->lock = relay_lock(h->t.d.port, h->t.d.dev, deadline, &h->b.state);
	h->loaded = h->b.state;
	return h->lock < 0 ? h->lock : 0;
}

void hand_let_go(struct hand *h)
{
	if (h->lock < 0)
		return;
	/* What was not changed is not written: it may be about a board that has been enumerated anew meanwhile. */
	if (memcmp(&h->loaded, &h->b.state, sizeof(h->loaded)))
		relay_remember(h->lock, &h->b.state);
	relay_unlock(h->lock);
	h->lock = -1;
}

void hand_explain(const struct hand *h, int e, char *dst, size_t size)
{
	const char *node = h->t.node;

	switch (e) {
	case -ENODEV:
		snprintf(dst, size, "%s went away", node);
		break;
	case -EACCES:
	case -EPERM:
		snprintf(dst, size,
			"%s: %s; its user has to be root or in group replug, and a serial board's section has to "
			"name its port",
			node, strerror(-e));
		break;
	case -ETIMEDOUT:
		snprintf(dst, size, "%s does not answer", node);
		break;
	case -EBADMSG:
		snprintf(dst, size, "%s answers, but not as a %s board does", node,
			relay_protocol_name[h->t.conf.protocol]);
		break;
	case -ENOTCONN:
		snprintf(dst, size,
			"%s did not answer the handshake of a board that was just powered; unplug it for a moment",
			node);
		break;
	default:
		snprintf(dst, size, "%s: %s", node, strerror(-e));
	}
}

int hand_confirm(struct hand *h, unsigned channel, bool closed, uint64_t until)
{
	bool is;

	if (h->hangs)
		return -ETIMEDOUT;
	h->b.deadline = until;
	int e = board_get(&h->b, channel, &is);
	return e ? e : is == closed ? 0 : -EIO;
}

/* One try on the node of now. A board is not made ready here: to one that is, the handshake would be a command. */
static int release_once(struct hand *h)
{
	uint64_t now = clock_ms();

	if (h->lock < 0 && hand_lock(h, now + RELEASE_LOCK_MS))
		relay_peek(h->t.d.port, h->t.d.dev, &h->b.state);
	h->b.deadline = now + HAND_CONFIRM_MS;
	int e = h->b.fd < 0 ? board_open(&h->b, h->t.node, h->t.syspath) : 0;
	if (!e)
		e = board_set(&h->b, h->t.conf.channel, false);
	return e;
}

/*
 * Sent without the lock, the release is not on record, and who has the lock may go by what was there before: it is
 * sent again when the lock is to be had. Sets whether it was not, and returns as board_set.
 */
static int settle(struct hand *h, bool *unrecorded)
{
	uint64_t until = clock_ms() + RELAY_SWITCH_MS;
	int e;

	*unrecorded = false;
	if (h->lock >= 0 || h->hangs)
		return 0;
	do /* a signal asks for no more than what is being done */
		e = hand_lock(h, until);
	while (e == -EINTR);
	if (e) { /* who holds it for so long hangs in the kernel, and sends nothing meanwhile */
		*unrecorded = true;
		return 0;
	}
	h->b.deadline = clock_ms() + HAND_CONFIRM_MS;
	return board_set(&h->b, h->t.conf.channel, false);
}

/* Whether the board is there, in the same port. */
static bool find_again(struct hand *h)
{
	char why[256];
	struct device d;

	if (device_read(NULL, NULL, h->t.d.port, &d) || !d.dev || d.vid != h->t.d.vid || d.pid != h->t.d.pid)
		return false;
	h->t.d = d;
	return !relay_describe(&h->t, false, why, sizeof(why));
}

static void put_in_words(const struct hand *h, struct hand_opened *o)
{
	char reason[256] = "";

	if (o->e && o->e != -EOPNOTSUPP && o->e != -EIO)
		hand_explain(h, o->e, reason, sizeof(reason));
	if (!o->sent && o->e == -ENODEV)
		snprintf(o->why, sizeof(o->why),
			"the board went away while it was closed, and is not back; a board without power has let go");
	else if (!o->sent)
		snprintf(o->why, sizeof(o->why), "%s", reason);
	else if (o->e == -EIO)
		snprintf(o->why, sizeof(o->why), "the board says that it is closed still");
	else
		snprintf(o->why, sizeof(o->why), "%s%s%s",
			o->away ? "the board went away while it was closed, and is back; " : "",
			!o->e                 ? "verified"
			: o->e == -EOPNOTSUPP ? "not verified: this board does not say"
					      : "whether it opened could not be verified: ",
			o->e && o->e != -EOPNOTSUPP ? reason : "");
}

void hand_open_contact(struct hand *h, uint64_t deadline, struct hand_opened *o)
{
	uint64_t insist = 0;
	bool there = true, waits = false;

	*o = (struct hand_opened){0};
	for (;;) {
		int e = there ? release_once(h) : -ENODEV;
		bool sent = !e;
		if (sent && !o->sent) {
			hand_say(h, HAND_RELEASED, 0);
			insist = clock_ms() + INSIST_MS;
		}
		o->sent |= sent;
		if (sent)
			e = settle(h, &o->unrecorded);
		if (!e)
			e = hand_confirm(h, h->t.conf.channel, false, clock_ms() + HAND_CONFIRM_MS);
		o->e = e;
		if (sent && h->hangs)
			break; /* told through the descriptor that is open: opening another could hang as well */
		if (!e || e == -EOPNOTSUPP || clock_ms() >= (o->sent ? insist : deadline))
			break;
		if (!o->sent && !waits)
			hand_say(h, HAND_WAITS, 0);
		waits |= !o->sent;
		/* A signal asks for no more than what is being done. */
		wait_for(-1, 0, clock_ms() + (o->sent ? (unsigned)INSIST_EVERY_MS : (unsigned)WAIT_POLL_MS));
		hand_let_go(h);
		if (e == -EIO)
			continue;
		board_close(&h->b);
		o->away |= e == -ENODEV && !o->sent;
		there = find_again(h);
	}
	hand_let_go(h);
	put_in_words(h, o);
}

void hand_stand_in(struct hand *h, const char *because)
{
	struct hand_opened o;

	hand_open_contact(h, clock_ms() + RELAY_RETURN_MS, &o);
	bool open = o.sent && o.e != -EIO;
	if (open && !o.unrecorded)
		relay_note_release(h->job->contact);
	h->out.status = STATUS_FAILED;
	h->out.priority = open ? LOG_ERR : LOG_CRIT;
	snprintf(h->out.text, sizeof(h->out.text), "%s%s; it %s (%.200s)",
		open ? "" : "MAY BE PRESSED STILL: ", because,
		open ? "was opened all the same" : "could not be opened", o.why);
}
