/*
 * KMTronic's USB relays, as kmtronic.blogspot.com lists their commands ("KMTronic USB relay test software", 2015):
 * boards of one and two are asked contact by contact, larger ones for all at once.
 */
#include "relay_serial.h"

enum { HEADER = 0xff, OFF = 0, ON = 1, ASK = 3, ASK_ALL = 9, FRAME = 3 };

static size_t frame_size(const struct serial_relay *s, uint8_t first)
{
	(void)s;
	return first == HEADER ? FRAME : 0;
}

static bool asks_all(const struct serial_relay *s, const uint8_t *frame)
{
	return frame[1] == ASK_ALL && frame[2] == 0 && s->board.channels > 2;
}

static bool parse(const struct serial_relay *s, const uint8_t *frame, struct relay_order *order)
{
	if (frame[2] == ASK)
		return s->query && s->board.channels <= 2 && frame[1] >= 1 && frame[1] <= s->board.channels;
	if (asks_all(s, frame))
		return s->query;
	return (frame[2] == ON || frame[2] == OFF) && relay_order_one(&s->board, frame[1], frame[2] == ON, order);
}

static size_t respond(struct serial_relay *s, const uint8_t *frame, uint8_t *out)
{
	if (frame[2] == ASK) {
		out[0] = HEADER;
		out[1] = frame[1];
		out[2] = relay_closed(&s->board, frame[1]);
		return FRAME;
	}
	if (!asks_all(s, frame))
		return 0;
	for (long i = 0; i < s->board.channels; i++)
		out[i] = relay_closed(&s->board, i + 1);
	return (size_t)s->board.channels;
}

const struct serial_protocol kmtronic_protocol = {
	.name = "kmtronic",
	.frame_size = frame_size,
	.parse = parse,
	.respond = respond,
};
