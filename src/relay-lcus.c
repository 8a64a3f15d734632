/* SPDX-License-Identifier: MIT */
/*
 * LC Technology's frame, A0 channel state sum: the LCUS boards behind a CH340 at 9600 baud, the same as an output
 * report of a HID (5131:2007, Noyito), and Diustou's boards. Some LCUS boards answer FF with a line for each channel,
 * "CH1: ON" or "CH1: OFF"; Diustou's answer operation 02 with the frame of that channel (Diustou wiki, USB Relay
 * PRO).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relay.h"

enum { START = 0xa0, QUERY = 2 };

static void frame(uint8_t out[4], unsigned channel, unsigned operation)
{
	out[0] = START;
	out[1] = (uint8_t)channel;
	out[2] = (uint8_t)operation;
	out[3] = (uint8_t)(START + channel + operation);
}

static int set(struct board *b, unsigned channel, bool closed)
{
	uint8_t out[4];

	frame(out, channel, closed);
	return board_send(b, out, sizeof(out));
}

/*
 * "CH2: ON", with or without blanks, after a line break or at the beginning. The last one counts: what stands before
 * it may be left of an answer that somebody else has waited for in vain.
 */
static int find_line(const char *text, unsigned channel, bool *closed)
{
	int e = -EBADMSG;

	for (const char *p = text; (p = strstr(p, "CH")); p += 2) {
		char *end;
		unsigned long n = strtoul(p + 2, &end, 10);
		if (end == p + 2 || n != channel)
			continue;
		end += strspn(end, ": ");
		if (!strncmp(end, "ON", 2) || !strncmp(end, "OFF", 3)) {
			*closed = end[1] == 'N';
			e = 0;
		}
	}
	return e;
}

static int get_text(struct board *b, const uint8_t *question, size_t n, unsigned channel, bool *closed)
{
	char text[256]; /* eight lines, and the end of eight others */
	ssize_t got = board_ask(b, question, n, text, sizeof(text) - 1);

	if (got < 0)
		return (int)got;
	text[got] = '\0';
	return find_line(text, channel, closed);
}

static int get_all(struct board *b, unsigned channel, bool *closed)
{
	static const uint8_t question = 0xff;

	return get_text(b, &question, 1, channel, closed);
}

static int get_one(struct board *b, unsigned channel, bool *closed)
{
	uint8_t question[4];

	frame(question, channel, QUERY);
	return get_text(b, question, sizeof(question), channel, closed);
}

const struct relay_driver relay_lcus = {
	.node = "tty", .channels = 8, .answers_for_all = true, .set = set, .get = get_all};
const struct relay_driver relay_diustou = {.node = "tty", .channels = 8, .set = set, .get = get_one};
const struct relay_driver relay_lcus_hid = {.node = "hidraw", .channels = 8, .set = set};
