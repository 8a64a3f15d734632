/* SPDX-License-Identifier: MIT */
#include "relay-left.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "log.h"
#include "relay-hand.h"
#include "relay-state.h"
#include "wait.h"

/*
 * A process that has said nothing for so long hangs in the kernel; one that said that it waits for the board, or that
 * it told it, may take as long as that can take; and so long after a signal nothing is waited for any more.
 */
enum {
	AWAY_MS = 3000,
	BOARD_MS = 500,
	SILENT_MS = RELAY_SWITCH_MS,
	MOST_MS = 2 * RELAY_RETURN_MS + RELAY_SWITCH_MS,
	STOP_MS = 500
};

struct left {
	char name[64];
	int socket;
	uint64_t begun, until; /* what is awaited has to have come */
};

struct all_left {
	struct udev *udev;
	const struct config *config;
	struct left *left;
	size_t n;
	enum status worst;
};

static void tell(struct all_left *a, const char *name, const struct relay_outcome *out)
{
	log_line(out->priority, "%s: %s", name, out->text);
	a->worst = status_worse(a->worst, out->status);
}

static void not_opened(struct relay_outcome *out, const char *why)
{
	*out = (struct relay_outcome){.status = STATUS_FAILED, .priority = LOG_CRIT};
	snprintf(out->text, sizeof(out->text), "MAY BE PRESSED STILL: %s", why);
}

/*
 * Waits for the board: somebody may be resetting it. One that is away is not waited for as long, for without power it
 * has let go, and kvmd, which runs this when it is stopped, is not to be held up by a board that was put away.
 */
static enum status find_board(const struct all_left *a, const struct relay_orphan *o, struct hand *h,
	struct relay_target *t, char *why, size_t size)
{
	uint64_t begun = clock_ms();
	bool waits = false;

	for (;;) {
		enum status s = relay_resolve_orphan(a->udev, a->config, o, t, why, size);
		unsigned most = s == STATUS_NO_DEVICE ? AWAY_MS : RELAY_RETURN_MS;
		if (!s || clock_ms() - begun >= most)
			return s;
		if (!waits)
			hand_say(h, HAND_WAITS, 0);
		waits = true;
		wait_for(-1, 0, clock_ms() + WAIT_POLL_MS);
	}
}

/* In a process of its own. */
static void open_contact(const struct all_left *a, const struct relay_orphan *o, int contact, int socket)
{
	static struct relay_target t;
	static struct hand h;
	const struct relay_job job = {.t = &t, .verb = RELAY_PULSE, .contact = contact};
	char why[256];

	hand_detach();
	hand_init(&h, &job, 0, socket);
	enum status s = find_board(a, o, &h, &t, why, sizeof(why));
	if (!s) {
		hand_init(&h, &job, 0, socket);
		/* Another contact of its board may be about to be opened: one command may be for all of them. */
		hand_lock(&h, clock_ms() + BOARD_MS);
		hand_stand_in(&h, "left pressed by a command that was killed");
		if (h.out.priority != LOG_CRIT)
			h.out.status = STATUS_DONE;
	} else if (s == STATUS_NO_DEVICE) { /* and if it comes back, it is told again */
		h.out = (struct relay_outcome){.status = s, .priority = LOG_WARNING};
		snprintf(h.out.text, sizeof(h.out.text),
			"it was pressed when its board went away, and %s (without power it has let go)", why);
	} else {
		not_opened(&h.out, why);
	}
	/* The next press need not wait for the board to be closed, which may take long. */
	close(contact);
	if (!hand_say(&h, HAND_DONE, 0))
		syslog(h.out.priority, "%s channel %u: %s", o->port, o->channel, h.out.text);
}

static int begin(struct all_left *a, const struct relay_orphan *o, int contact)
{
	struct left *grown = realloc(a->left, (a->n + 1) * sizeof(*grown)), *l;
	int pair[2];

	if (!grown)
		return -ENOMEM;
	a->left = grown;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	pid_t pid = fork();
	if (!pid) {
		/* What another one says is for nobody but the command. */
		for (size_t i = 0; i < a->n; i++)
			close(a->left[i].socket);
		close(pair[0]);
		open_contact(a, o, contact, pair[1]);
		_exit(0);
	}
	int e = pid < 0 ? -errno : 0;
	close(pair[1]);
	if (e) {
		close(pair[0]);
		return e;
	}
	l = &a->left[a->n++];
	*l = (struct left){.socket = pair[0], .begun = clock_ms()};
	l->until = l->begun + SILENT_MS;
	snprintf(l->name, sizeof(l->name), "%s channel %u", o->port, o->channel);
	return 0;
}

static void found(void *ctx, const struct relay_orphan *o, int contact)
{
	struct all_left *a = ctx;
	struct relay_outcome out;
	char name[64], why[160] = "who presses it cannot be told to let go; try `replug-relay release` as root";

	int e = contact < 0 ? contact : begin(a, o, contact);
	if (!e)
		return;
	snprintf(name, sizeof(name), "%s channel %u", o->port, o->channel);
	if (contact == -EALREADY) {
		out = (struct relay_outcome){.status = STATUS_DONE, .priority = LOG_INFO};
		snprintf(out.text, sizeof(out.text), "let go by the command that pressed it, which says more");
		tell(a, name, &out);
		return;
	}
	if (contact >= 0)
		snprintf(why, sizeof(why), "cannot start a process: %s", strerror(-e));
	else if (e == -EINPROGRESS)
		snprintf(why, sizeof(why),
			"who presses it was told to let go, and waits for its board; try `replug-relay release` "
			"again");
	else if (e != -EBUSY)
		relay_lock_trouble(e, why, sizeof(why));
	not_opened(&out, why);
	tell(a, name, &out);
}

/* What became of it. */
static void hear_out(struct all_left *a, struct left *l, struct relay_outcome *out)
{
	struct hand_message m;

	for (;;) {
		int r = wait_for(l->socket, POLLIN, l->until), none = -1;
		for (size_t i = 0; r == -EINTR && i < a->n; i++)
			a->left[i].until = clock_ms() + STOP_MS;
		if (r == -EINTR)
			continue;
		if (r <= 0) {
			not_opened(out,
				wait_interrupted()
					? "interrupted before its board had been heard of; try `replug-relay "
					  "release` again"
					: "its board does not answer: the kernel is still waiting for it; unplug it");
			return;
		}
		ssize_t n = hand_hear(l->socket, &m, &none);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n != (ssize_t)sizeof(m)) {
			not_opened(
				out, "the process that was to open it was killed; try `replug-relay release` again");
			return;
		}
		if (m.said == HAND_DONE) {
			*out = m.out;
			return;
		}
		if (!wait_interrupted())
			l->until = l->begun + MOST_MS;
	}
}

enum status relay_left_open(struct udev *udev, const struct config *c)
{
	struct all_left a = {.udev = udev, .config = c, .worst = STATUS_DONE};
	struct relay_outcome out;
	int e = relay_orphans(found, &a);

	if (e) {
		log_line(LOG_ERR, "release: " RELAY_DIR ": %s", strerror(-e));
		a.worst = STATUS_FAILED;
	}
	for (size_t i = 0; i < a.n; i++) {
		hear_out(&a, &a.left[i], &out);
		tell(&a, a.left[i].name, &out);
		/* One that hangs goes on when it can, and leaves its word to the journal. None is waited for. */
		close(a.left[i].socket);
		a.left[i].socket = -1;
	}
	free(a.left);
	return a.worst;
}
