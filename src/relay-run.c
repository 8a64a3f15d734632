/* SPDX-License-Identifier: MIT */
#include "relay-run.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "log.h"
#include "relay-hand.h"
#include "relay-state.h"
#include "wait.h"

/*
 * So much later than it is due the hand is given up, and so much after it was told to stop (it may be asking the
 * board): the contact is opened from here.
 */
enum { LATE_MS = 80, STOP_MS = 200 };

struct watch_hand {
	const struct relay_job *job;
	struct relay_outcome *out;
	int socket, board;
	bool pressing, waiting, released; /* the contact may be closed; its board is away; it was opened */
	bool stopped;                     /* the hand was told to stop */
	uint64_t until;                   /* what is awaited has to have come */
};

/* Opens the contact in the hand's place. */
static void stand_in(
	const struct relay_job *job, int board, bool hangs, const char *because, struct relay_outcome *out)
{
	static struct hand h;

	hand_init(&h, job, 0, -1);
	h.b.fd = board;
	h.hangs = hangs;
	h.b.hid = !strncmp(h.t.node, "/dev/hidraw", 11);
	hand_stand_in(&h, because);
	*out = h.out;
}

static void stuck(struct watch_hand *w)
{
	w->out->priority = LOG_ERR;
	snprintf(w->out->text, sizeof(w->out->text),
		"%sthe board does not answer: the kernel is still waiting for it",
		w->job->verb == RELAY_GET ? "cannot tell: " : "");
}

/* Returns whether the last word was said. */
static bool hear(struct watch_hand *w, const struct hand_message *m)
{
	uint64_t now = clock_ms();

	switch (m->said) {
	case HAND_PRESSES:
		w->pressing = true;
		break;
	case HAND_PRESSED:
		w->until = w->stopped && now + STOP_MS < m->due ? now + STOP_MS : m->due + LATE_MS;
		break;
	case HAND_WAITS:
		w->waiting = true;
		w->until = now + RELAY_RETURN_MS + RELAY_SWITCH_MS;
		break;
	case HAND_RELEASED:
		w->released = true;
		w->until = now + 2 * RELAY_SWITCH_MS;
		break;
	case HAND_DONE:
		*w->out = m->out;
		return true;
	}
	return false;
}

static void stop_early(struct watch_hand *w)
{
	if (w->stopped)
		return;
	w->stopped = true;
	(void)send(w->socket, (const char[]){HAND_STOP}, 1, MSG_NOSIGNAL);
	/* What is not a press is over soon enough; a press is opened at once, or from here. */
	if (w->pressing && !w->released && !w->waiting)
		w->until = clock_ms() + STOP_MS;
}

static void killed(struct watch_hand *w)
{
	if (w->pressing && !w->released)
		stand_in(w->job, w->board, false, "the process that pressed it was killed", w->out);
	else
		snprintf(w->out->text, sizeof(w->out->text),
			"the process that talked to the board ended without a word: it was killed, or the system is "
			"short of memory");
}

/* Returns whether the hand has said its last word, and so ends. */
static bool watch_over(struct watch_hand *w)
{
	struct hand_message m;

	for (;;) {
		int r = wait_for(w->socket, POLLIN, w->until);
		if (r == -EINTR) {
			stop_early(w);
			continue;
		}
		if (r <= 0) {
			if (w->pressing && !w->released)
				stand_in(w->job, w->board, true, "the board hangs", w->out);
			else
				stuck(w);
			(void)send(w->socket, (const char[]){HAND_SUPERSEDED}, 1, MSG_NOSIGNAL);
			return false;
		}
		ssize_t n = hand_hear(w->socket, &m, &w->board);
		if (n == (ssize_t)sizeof(m) && hear(w, &m))
			return true;
		/* It ended without having read what it was told: its last word is still to be heard. */
		if (n == (ssize_t)sizeof(m) || (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNRESET)))
			continue;
		killed(w);
		return false;
	}
}

/* The guard of a contact that is pressed is the lock that both processes hold. */
static int take_contact(struct relay_job *job, struct relay_outcome *out)
{
	int fd = job->contact = relay_take(job->t->d.port, job->t->conf.channel);

	if (fd >= 0)
		return 0;
	if (fd == -EWOULDBLOCK) {
		out->status = STATUS_HELD;
		out->priority = LOG_WARNING;
		snprintf(out->text, sizeof(out->text), "already being pressed (`off` would open it)");
	} else {
		relay_lock_trouble(fd, out->text, sizeof(out->text));
	}
	return fd;
}

void relay_run(struct relay_job *job, uint64_t deadline, struct relay_outcome *out)
{
	struct watch_hand w = {.job = job, .out = out, .until = deadline + LATE_MS, .board = -1};
	int pair[2];
	pid_t pid = -1;

	/* Of get, 1 is an answer. */
	*out = (struct relay_outcome){
		.status = job->verb == RELAY_GET ? STATUS_UNKNOWN : STATUS_FAILED, .priority = LOG_ERR};
	job->contact = -1;
	/* Nobody switches under a finger; opening is allowed always. */
	if (job->verb != RELAY_GET && job->verb != RELAY_OFF && take_contact(job, out))
		return;
	if (!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		pid = fork();
		if (!pid) {
			close(pair[0]);
			hand_run(job, deadline, pair[1]);
			_exit(0);
		}
		close(pair[1]);
		w.socket = pair[0];
	}
	if (pid < 0) {
		snprintf(out->text, sizeof(out->text), "cannot start a process: %s", strerror(errno));
	} else {
		/* One that is stuck in the kernel is not waited for, and closing its tty could take half a minute:
		 * the board's descriptor is left to the end of this process, when all has been told. */
		waitpid(pid, NULL, watch_over(&w) ? 0 : WNOHANG);
		close(pair[0]);
	}
	if (job->contact >= 0)
		close(job->contact);
}
