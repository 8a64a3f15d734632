/* SPDX-License-Identifier: MIT */
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "serial.h"
#include "wait.h"

static const struct relay_driver *const drivers[RELAY_PROTOCOLS] = {
	[RELAY_DCTTECH] = &relay_dcttech,
	[RELAY_LCUS] = &relay_lcus,
	[RELAY_LCUS_HID] = &relay_lcus_hid,
	[RELAY_DIUSTOU] = &relay_diustou,
	[RELAY_KMTRONIC] = &relay_kmtronic,
	[RELAY_UCREATEFUN] = &relay_ucreatefun,
	[RELAY_ICSE] = &relay_icse,
	[RELAY_CUSTOM] = &relay_custom,
};

const struct relay_driver *relay_driver(unsigned protocol)
{
	return protocol < RELAY_PROTOCOLS ? drivers[protocol] : NULL;
}

/* What a board that is being pulled says, in whichever layer that is noticed first. */
int board_error(int e)
{
	switch (e) {
	case ENODEV:
	case ENXIO:
	case ENOENT:
	case ESHUTDOWN:
		return -ENODEV;
	case EPIPE: /* it refused the report, as a board does that is not quite awake */
	case EIO:   /* of the transfer; further up, -EIO is a contact that is not as it was told to be */
	case EILSEQ:
	case EOVERFLOW:
		return -EPROTO;
	default:
		return -e;
	}
}

/* Names of nodes are given anew: the one that was found may be another device's by now. */
static int check_identity(int fd, const char *syspath)
{
	char path[600], text[32] = "", want[32];
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	snprintf(path, sizeof(path), "%s/dev", syspath);
	int dev = open(path, O_RDONLY | O_CLOEXEC);
	if (dev < 0)
		return -ENODEV;
	ssize_t n = read(dev, text, sizeof(text) - 1);
	close(dev);
	snprintf(want, sizeof(want), "%u:%u\n", major(st.st_rdev), minor(st.st_rdev));
	return n > 0 && !strcmp(text, want) ? 0 : -ENODEV;
}

int board_open(struct board *b, const char *node, const char *syspath)
{
	int e;

	b->hid = !strncmp(node, "/dev/hidraw", 11);
	if (b->hid) {
		b->fd = open(node, O_RDWR | O_CLOEXEC | O_NONBLOCK);
		e = b->fd < 0 ? board_error(errno) : 0;
	} else {
		e = serial_open(node, b->conf->baud, NULL, &b->fd);
		e = e ? board_error(-e) : 0;
	}
	if (!e && syspath)
		e = check_identity(b->fd, syspath);
	if (e)
		board_close(b);
	return e;
}

void board_close(struct board *b)
{
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
}

static int send_report(struct board *b, const uint8_t *bytes, size_t n)
{
	uint8_t report[CONF_BYTES + 1] = {0}; /* number 0: these boards have one report, without a number */

	memcpy(report + 1, bytes, n);
	ssize_t done = write(b->fd, report, n + 1);
	return done == (ssize_t)n + 1 ? 0 : done < 0 ? board_error(errno) : -EPROTO;
}

/* close() would throw away what is still in the buffer, or wait for half a minute on an adapter that takes nothing.
 */
static int drain(struct board *b)
{
	int left;

	for (;;) {
		if (ioctl(b->fd, TIOCOUTQ, &left))
			return errno == EIO ? -ENODEV : board_error(errno);
		if (!left)
			return 0;
		if (clock_ms() >= b->deadline)
			return -ETIMEDOUT;
		wait_for(-1, 0, clock_ms() + 1);
	}
}

int board_send(struct board *b, const uint8_t *bytes, size_t n)
{
	if (b->hid)
		return send_report(b, bytes, n);
	int e = serial_write(b->fd, bytes, n, b->deadline);
	return e ? e : drain(b);
}

ssize_t board_read(struct board *b, uint8_t *dst, size_t size, unsigned first_ms, unsigned quiet_ms)
{
	size_t n = 0;

	while (n < size) {
		uint64_t until = clock_ms() + (n ? quiet_ms : first_ms);
		ssize_t got = serial_read(b->fd, dst + n, size - n, until < b->deadline ? until : b->deadline);
		if (got < 0)
			return got;
		if (!got)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

/* How long the first byte of an answer may take, and then the line be silent, on a busy machine. */
enum { FIRST_MS = 100, QUIET_MS = 30 };

ssize_t board_ask(struct board *b, const uint8_t *question, size_t n, void *answer, size_t size)
{
	tcflush(b->fd, TCIFLUSH);
	int e = board_send(b, question, n);
	ssize_t got = e ? e : board_read(b, answer, size, FIRST_MS, QUIET_MS);
	return got ? got : -ETIMEDOUT;
}

enum { RETRY_MS = 5 };

/* Some dcttech boards fail a transfer now and then once their relays have moved. */
static bool again(struct board *b, int e)
{
	if (e != -EPROTO || clock_ms() + RETRY_MS >= b->deadline)
		return false;
	wait_for(-1, 0, clock_ms() + RETRY_MS);
	return true;
}

int board_set(struct board *b, unsigned channel, bool closed)
{
	unsigned bit = 1u << (channel - 1);
	int e;

	do
		e = b->driver->set(b, channel, closed);
	while (again(b, e));
	if (e)
		return e;
	b->state.known |= bit;
	b->state.closed = closed ? b->state.closed | bit : b->state.closed & ~bit;
	return 0;
}

bool board_tells(const struct board *b)
{
	return b->driver->get && (b->state.asked < RELAY_MUTE || b->state.asked == RELAY_TELLS);
}

int board_get(struct board *b, unsigned channel, bool *closed)
{
	int e;

	if (!board_tells(b))
		return -EOPNOTSUPP;
	do
		e = b->driver->get(b, channel, closed);
	while (again(b, e));
	if (!e)
		b->state.asked = RELAY_TELLS;
	if (e != -ETIMEDOUT || b->state.asked == RELAY_TELLS || b->driver->all_tell)
		return e;
	/* Silence counts only where there was time to answer. */
	if (clock_ms() < b->deadline)
		b->state.asked++;
	return -EOPNOTSUPP;
}
