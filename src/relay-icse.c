/* SPDX-License-Identifier: MIT */
/*
 * ICStation's ICSE013A, ICSE012A and ICSE014A (two, four and eight relays) behind a PL2303 at 9600 baud. After
 * power-up the board waits for 50, answers with its model, and waits for 51; from then on every byte is the state of
 * all contacts, a bit that is 0 for each closed one (sigrok wiki, ICStation USBRelay; asm-co/icstation-5185).
 */
#include <errno.h>

#include "relay.h"

enum { ASK_MODEL = 0x50, GO = 0x51, ALL_OPEN = 0xff, ANSWER_MS = 25, LATE_MS = 300 };

static unsigned channels_of(uint8_t model)
{
	switch (model) {
	case 0xad:
		return 2;
	case 0xab:
		return 4;
	case 0xac:
		return 8;
	default:
		return 0;
	}
}

/* The model's number of channels, or 0, or a negative errno. */
static int ask_model(struct board *b)
{
	static const uint8_t ask = ASK_MODEL, open = ALL_OPEN;
	uint8_t model;
	int e = board_send(b, &ask, 1);

	if (e)
		return e;
	ssize_t n = board_read(b, &model, 1, ANSWER_MS, ANSWER_MS);
	if (!n) {
		e = board_send(b, &open, 1);
		if (e)
			return e;
		n = board_read(b, &model, 1, LATE_MS, LATE_MS);
	}
	return n < 0 ? (int)n : n ? (int)channels_of(model) : 0;
}

/*
 * A board that somebody else has made ready takes 50 for a state and closes contacts: without a quick answer they are
 * opened again at once, which a board that is only late does not mind.
 */
static int identify(struct board *b)
{
	int n = ask_model(b);

	if (n <= 0)
		return n ? n : -ENOTCONN;
	b->state.channels = (unsigned)n;
	b->state.known = (1u << b->state.channels) - 1;
	b->state.closed = 0;
	return 0;
}

static int start(struct board *b)
{
	static const uint8_t go = GO, open = ALL_OPEN;
	int e = board_send(b, &go, 1);

	return e ? e : board_send(b, &open, 1);
}

static int set(struct board *b, unsigned channel, bool closed)
{
	unsigned bit = 1u << (channel - 1);
	uint8_t out = (uint8_t) ~(closed ? b->state.closed | bit : b->state.closed & ~bit);

	return board_send(b, &out, 1);
}

const struct relay_driver relay_icse = {
	.node = "tty", .channels = 8, .identify = identify, .start = start, .set = set};
