/* SPDX-License-Identifier: MIT */
/*
 * What relay boards answer. Whatever that is, it ends with the deadline; a state is told only where the board told
 * one, and what is remembered is what was commanded.
 *
 * The input: which board, which channel, how much time, a custom board's two answers, and a line's events. A HID that
 * is asked for its report takes the next event's data for it, and fails where there is none.
 */
#include "line.h"

#include <linux/hidraw.h>
#include <sys/ioctl.h>

#include "relay.h"

/* A feature report of a HID; of the kernel it is known that it never has more than was asked for. */
static int feature(int fd, unsigned long request, uint8_t *bytes)
{
	static const int trouble[] = {EPIPE, EIO, ENODEV, ETIMEDOUT, EILSEQ, EOVERFLOW, EACCES};
	size_t room = _IOC_SIZE(request), n;

	(void)fd;
	if (line.left < 2)
		return errno = EIO, -1;
	line.now += line.at[0];
	n = line.at[1];
	line.at += 2;
	line.left -= 2;
	if (n > LINE_DATA)
		return errno = trouble[n % COUNT(trouble)], -1;
	n = n < room ? n : room;
	n = n < line.left ? n : line.left;
	if (request == HIDIOCGFEATURE(room)) {
		memcpy(bytes, line.at, n);
		memcpy(line.heard, line.at, n);
		line.n_heard = n;
		line.at += n;
		line.left -= n;
		return (int)n;
	}
	memcpy(line.sent, bytes, room);
	line.n_sent = room;
	return (int)room;
}

#define ioctl(fd, request, bytes) feature(fd, request, bytes)
#include "../../src/relay-dcttech.c"
#undef ioctl

static bool told(const struct board *b, unsigned channel, bool closed, size_t from)
{
	const uint8_t *p = line.heard + from;
	size_t n = line.n_heard - from;
	char text[sizeof(line.heard) + 1], name[8];

	switch (b->conf->protocol) {
	case RELAY_DCTTECH:
		return n >= 8 && (p[7] >> (channel - 1) & 1) == closed;
	case RELAY_LCUS:
	case RELAY_DIUSTOU:
		memcpy(text, p, n);
		text[n] = '\0';
		for (size_t i = 0; i < n; i++)
			text[i] = text[i] ? text[i] : ' ';
		snprintf(name, sizeof(name), "%u", channel);
		return strstr(text, "CH") && strstr(text, name) && strstr(text, closed ? "ON" : "OFF");
	case RELAY_KMTRONIC:
		return memchr(p, closed, n);
	case RELAY_CUSTOM: {
		const struct conf_bytes *want = closed ? &b->conf->closed : &b->conf->open;
		return n >= want->n && memmem(p, n, want->byte, want->n);
	}
	default:
		return false; /* cannot tell */
	}
}

static bool known_error(int e)
{
	return e == -ENODEV || e == -ETIMEDOUT || e == -EPROTO || e == -EBADMSG || e == -EOPNOTSUPP || e == -EINTR ||
	       e == -ENOTCONN || e == -EIO || e == -EACCES;
}

/* Everything that is asked of a board ends with its deadline, or the little that a last transfer takes. */
enum { SLACK_MS = 1500 };

static bool in_time(const struct board *b)
{
	return line.now <= b->deadline + SLACK_MS;
}

static void take_bytes(struct conf_bytes *b, uint8_t first, uint8_t n)
{
	b->n = n;
	for (uint8_t i = 0; i < n; i++)
		b->byte[i] = (uint8_t)(first + i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct relay_conf conf = {.on = {1, {1}}, .off = {1, {2}}, .status = {1, {3}}};

	if (size < 5)
		return -1;
	conf.protocol = 1 + data[0] % (RELAY_PROTOCOLS - 1);
	conf.channel = 1 + data[1] % RELAY_CHANNELS;
	bool close_it = data[1] & 0x80, closed = false;
	take_bytes(&conf.closed, data[3], 1 + data[4] % 4);
	take_bytes(&conf.open, data[3], 5 + data[4] / 4 % 4); /* one answer may begin like the other */
	if (data[4] & 0x80)
		conf.open.byte[0] ^= 1;
	unsigned budget = 20 * data[2];
	line_open(data + 5, size - 5);
	struct board b = {.driver = relay_driver(conf.protocol),
		.conf = &conf,
		.fd = line.ours,
		.deadline = line.now + budget,
		.state = {.dev = 7}};
	b.hid = strstr(b.driver->node, "hidraw") && (conf.protocol != RELAY_CUSTOM || data[0] & 0x80);

	if (b.driver->identify) {
		int e = b.driver->identify(&b);
		MUST((!e || known_error(e)) && in_time(&b));
		MUST(e || (b.state.channels && b.state.channels <= RELAY_CHANNELS));
		if (!e)
			e = b.driver->start(&b);
		MUST((!e || known_error(e)) && in_time(&b));
	}
	struct relay_state before = b.state;
	unsigned bit = 1u << (conf.channel - 1);
	int e = board_set(&b, conf.channel, close_it);
	MUST((!e || known_error(e)) && in_time(&b));
	MUST(e ? !memcmp(&before, &b.state, sizeof(before))
	       : b.state.known & bit && !(b.state.closed & bit) == !close_it);
	MUST((b.state.closed & ~bit) == (before.closed & ~bit));
	for (unsigned i = 0; i < RELAY_MUTE + 1; i++) {
		size_t from = line.n_heard;
		b.deadline = line.now + budget;
		before = b.state;
		e = board_get(&b, conf.channel, &closed);
		MUST((!e || known_error(e)) && in_time(&b));
		MUST(e || told(&b, conf.channel, closed, b.hid ? 0 : from));
		MUST(b.state.closed == before.closed && b.state.known == before.known);
		count(!e);
	}
	line_close();
	return 0;
}
