/* SPDX-License-Identifier: MIT */
/*
 * A line to a device whose other end is the input, with a time that passes only while somebody waits: this takes the
 * place of wait.c. Deadlines of minutes cost nothing this way, and an input does the same each time.
 *
 * The input is a list of events: how many milliseconds later, what (0 to LINE_DATA: so many bytes of data, which
 * follow), until it ends. Afterwards the line is silent.
 */
#ifndef REPLUG_FUZZ_LINE_H
#define REPLUG_FUZZ_LINE_H

#include "fuzz.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <termios.h>

#include "wait.h"

enum {
	LINE_DATA = 0xf0,
	LINE_LONG,        /* nothing, for a second */
	LINE_SPURIOUS,    /* another reader of the line was quicker */
	LINE_INTERRUPTED, /* a signal */
	LINE_GONE,        /* the device was pulled */
};

static struct {
	int ours, theirs;
	uint64_t now, next; /* next: when the next event is due */
	const uint8_t *at;
	size_t left;
	uint8_t heard[1 << 14], sent[1 << 14];
	size_t n_heard, n_sent;
	bool stopped;
} line;

static inline void line_open(const uint8_t *script, size_t n)
{
	int fd[2];

	MUST(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd));
	line.ours = fd[0];
	line.theirs = fd[1];
	line.now = 1000000;
	line.at = script;
	line.left = n;
	line.next = line.now + (n ? script[0] : 0);
	line.n_heard = line.n_sent = 0;
	line.stopped = false;
	signal(SIGPIPE, SIG_IGN);
}

static inline void line_close(void)
{
	close(line.ours);
	if (line.theirs >= 0)
		close(line.theirs);
}

/* The device takes what was written to it, which empties the line's buffer. */
static inline void line_take(void)
{
	ssize_t n;

	while (line.theirs >= 0 && line.n_sent < sizeof(line.sent) &&
		(n = read(line.theirs, line.sent + line.n_sent, sizeof(line.sent) - line.n_sent)) > 0)
		line.n_sent += (size_t)n;
	MUST(line.n_sent < sizeof(line.sent));
}

static inline short line_ready(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	return poll(&p, 1, 0) > 0 ? p.revents : 0;
}

/* The event that is due happens. Returns what a wait for it then says, 0 to go on waiting. */
static inline int line_event(int fd, short events)
{
	size_t what = line.left > 1 ? line.at[1] : 0, n = 0;

	line.at += line.left > 1 ? 2 : line.left;
	line.left -= line.left > 1 ? 2 : line.left;
	if (what <= LINE_DATA) {
		n = what < line.left ? what : line.left;
		n = n < sizeof(line.heard) - line.n_heard ? n : sizeof(line.heard) - line.n_heard;
		MUST(line.theirs < 0 || write(line.theirs, line.at, n) == (ssize_t)n);
		memcpy(line.heard + line.n_heard, line.at, n);
		line.n_heard += n;
		line.at += n;
		line.left -= n;
	} else if (what == LINE_LONG) {
		line.next += 1000;
	} else if (what == LINE_INTERRUPTED) {
		line.stopped = true;
	} else if (what >= LINE_GONE) {
		if (line.theirs >= 0)
			close(line.theirs);
		line.theirs = -1;
	}
	if (line.left)
		line.next += line.at[0];
	return what == LINE_INTERRUPTED ? -EINTR : what == LINE_SPURIOUS ? events : line_ready(fd, events);
}

/* What has come before a question is thrown away, as a tty does it. */
int tcflush(int fd, int queue)
{
	char byte;

	while (queue != TCOFLUSH && read(fd, &byte, 1) == 1)
		;
	return 0;
}

uint64_t clock_ms(void)
{
	return line.now;
}

bool wait_interrupted(void)
{
	return line.stopped;
}

int wait_block_signals(void)
{
	return 0;
}

int wait_for(int fd, short events, uint64_t deadline)
{
	MUST(deadline < line.now + 60000);
	line_take();
	int r = fd < 0 ? 0 : line_ready(fd, events);
	/* Only who listens, or waits for time, lets it pass. */
	while (!r && line.left && line.next <= deadline && !(events & POLLOUT)) {
		if (line.next > line.now)
			line.now = line.next;
		r = fd < 0 ? 0 : line_event(fd, events);
		if (fd < 0)
			break;
	}
	if (!r && deadline > line.now)
		line.now = deadline;
	return r;
}

#endif
