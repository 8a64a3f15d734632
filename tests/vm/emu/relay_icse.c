/*
 * ICStation's ICSE012A, 013A and 014A, as libsigrok's icstation-usbrelay drives them. With its power comes a board
 * that only tells its model (50) and then, once, becomes a relay board (51): from there on each byte is the state of
 * all contacts, the questions too. A bit that is 0 closes its contact: libsigrok sends the complement, and its
 * documentation warns that a second 50 switches on 1 to 4, 6 and 8, which are the zeros of 50.
 */
#include "relay_serial.h"

#include <string.h>

enum { ASK_MODEL = 0x50, START = 0x51 };

static size_t frame_size(const struct serial_relay *s, uint8_t first)
{
	return s->started || first == ASK_MODEL || first == START ? 1 : 0;
}

static bool parse(const struct serial_relay *s, const uint8_t *frame, struct relay_order *order)
{
	if (!s->started)
		return frame[0] == ASK_MODEL || s->identified;
	order->which = 0xff;
	order->closed = (uint8_t)~frame[0];
	return true;
}

static size_t respond(struct serial_relay *s, const uint8_t *frame, uint8_t *out)
{
	if (s->started)
		return 0;
	if (frame[0] == START) {
		s->started = true;
		return 0;
	}
	s->identified = true;
	out[0] = s->model;
	return 1;
}

static void power_lost(struct serial_relay *s)
{
	s->started = s->identified = false;
}

static int set(struct serial_relay *s, const char *key, const char *value)
{
	static const struct {
		const char *name;
		uint8_t answer;
		long channels;
	} models[] = {{"012", 0xab, 4}, {"013", 0xad, 2}, {"014", 0xac, 8}};

	if (strcmp(key, "model") != 0)
		return strcmp(key, "channels") == 0 ? -1 : 0; /* the model says how many it has */
	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
		if (strcmp(value, models[i].name) != 0 || s->board.device->life != AWAY)
			continue;
		s->model = models[i].answer;
		s->board.channels = models[i].channels;
		return 1;
	}
	return -1;
}

const struct serial_protocol icse_protocol = {
	.name = "icse",
	.frame_size = frame_size,
	.parse = parse,
	.respond = respond,
	.power_lost = power_lost,
	.set = set,
};
