/* SPDX-License-Identifier: MIT */
/*
 * KMTronic boards at 9600 baud: FF channel state. Boards of one or two answer FF channel 03 by FF channel state,
 * those of four or eight FF 09 00 by a byte for each channel (kmtronic.blogspot.com, 2015).
 */
#include <errno.h>

#include "relay.h"

enum { START = 0xff, QUERY = 3 };

static int set(struct board *b, unsigned channel, bool closed)
{
	const uint8_t out[] = {START, (uint8_t)channel, closed};

	return board_send(b, out, sizeof(out));
}

static int get_one(struct board *b, unsigned channel, bool *closed)
{
	const uint8_t out[] = {START, (uint8_t)channel, QUERY};
	uint8_t in[3];
	ssize_t n = board_ask(b, out, sizeof(out), in, sizeof(in));

	if (n < 0)
		return (int)n;
	if (n != sizeof(in) || in[0] != START || in[1] != channel || in[2] > 1)
		return -EBADMSG;
	*closed = in[2];
	return 0;
}

static int get_all(struct board *b, unsigned channel, bool *closed)
{
	static const uint8_t out[] = {START, 9, 0};
	uint8_t in[RELAY_CHANNELS];
	ssize_t n = board_ask(b, out, sizeof(out), in, sizeof(in));

	if (n < 0)
		return (int)n;
	if ((n != 4 && n != 8) || channel > (size_t)n || in[channel - 1] > 1)
		return -EBADMSG;
	*closed = in[channel - 1];
	return 0;
}

static int get(struct board *b, unsigned channel, bool *closed)
{
	int e = get_one(b, channel, closed);

	return e == -ETIMEDOUT ? get_all(b, channel, closed) : e;
}

const struct relay_driver relay_kmtronic = {.node = "tty", .channels = 8, .set = set, .get = get};
