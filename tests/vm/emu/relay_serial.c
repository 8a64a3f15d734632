#include "relay_serial.h"

#include "log.h"
#include "uart.h"

#include <stdlib.h>
#include <string.h>

/* Nobody says how long such a board waits for the rest of a frame; a client that writes each in one go never asks. */
#define GAP      MS(20)
#define THINKING 200000 /* between a frame's end and the answer's start */

static void log_bytes(
	const struct serial_relay *s, const char *event, const uint8_t *bytes, size_t n, const char *verdict)
{
	char hex[3 * SERIAL_ANSWER_ROOM + 1];
	log_event(s->board.device->name, event, "%s%s", log_hex(hex, sizeof(hex), bytes, n), verdict);
}

static void flush_garbage(struct serial_relay *s)
{
	if (s->garbage_used)
		log_bytes(s, "garbage", s->garbage, s->garbage_used, "");
	s->garbage_used = 0;
}

static void discard_frame(struct serial_relay *s)
{
	for (size_t i = 0; i < s->used; i++) {
		if (s->garbage_used == sizeof(s->garbage))
			flush_garbage(s);
		s->garbage[s->garbage_used++] = s->frame[i];
	}
	s->used = 0;
}

static void gap(void *arg)
{
	struct serial_relay *s = arg;
	discard_frame(s);
	flush_garbage(s);
}

static void take_frame(struct serial_relay *s, int64_t at)
{
	struct relay_order order = {0};
	uint8_t answer[SERIAL_ANSWER_ROOM];
	bool good = s->protocol->parse(s, s->frame, &order);

	flush_garbage(s);
	log_bytes(s, "frame", s->frame, s->used, good ? " ok" : " bad");
	s->used = 0;
	if (!good)
		return;
	relay_obey(&s->board, order);
	size_t n = s->protocol->respond ? s->protocol->respond(s, s->frame, answer) : 0;
	if (n && s->board.mute) {
		log_event(s->board.device->name, "suppressed", "mute");
	} else if (n) {
		log_bytes(s, "answer", answer, n, "");
		uart_answer(s->uart, answer, n, at + THINKING);
	}
}

static void receive(void *self, uint8_t byte, int64_t at, int64_t grace)
{
	struct serial_relay *s = self;

	s->frame[s->used++] = byte;
	size_t size = s->protocol->frame_size(s, s->frame[0]);
	if (size == 0)
		discard_frame(s);
	else if (s->used == size)
		take_frame(s, at);
	if (s->used || s->garbage_used)
		timer_set(&s->gap, at + GAP + grace);
	else
		timer_stop(&s->gap);
}

static bool mid_frame(const void *self)
{
	const struct serial_relay *s = self;
	return s->gap.armed;
}

static long baud(const void *self)
{
	const struct serial_relay *s = self;
	return s->baud;
}

static void power_lost(void *self)
{
	struct serial_relay *s = self;
	timer_stop(&s->gap);
	gap(s);
	relay_power_lost(&s->board);
	if (s->protocol->power_lost)
		s->protocol->power_lost(s);
}

static bool breaks_packet(void *self)
{
	struct serial_relay *s = self;
	return relay_breaks(&s->board, "OUT");
}

static int set_protocol(struct serial_relay *s, const char *value)
{
	static const struct serial_protocol *const protocols[] = {
		&lcus_protocol, &kmtronic_protocol, &dtype_protocol};

	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (strcmp(value, protocols[i]->name) != 0 || s->board.device->life != AWAY)
			continue;
		s->protocol = protocols[i];
		if (s->protocol->only_channels)
			s->board.channels = s->protocol->only_channels;
		return 1;
	}
	return -1;
}

static int set_dialect(struct serial_relay *s, const char *value)
{
	static const char *const dialects[] = {[PLAIN] = "plain", [DIUSTOU] = "diustou", [FEEDBACK] = "feedback"};

	for (unsigned i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++) {
		if (strcmp(value, dialects[i]) != 0 || s->protocol != &lcus_protocol)
			continue;
		s->dialect = i;
		return 1;
	}
	return -1;
}

static int set(void *self, const char *key, const char *value)
{
	struct serial_relay *s = self;
	long v;
	int taken = s->protocol->set ? s->protocol->set(s, key, value) : 0;

	if (taken != 0)
		return taken;
	if (strcmp(key, "board-baud") == 0)
		return parse_number(value, 50, 1000000, &s->baud) < 0 ? -1 : 1;
	if (s->protocol == &icse_protocol)
		return relay_set(&s->board, key, value);
	if (strcmp(key, "protocol") == 0)
		return set_protocol(s, value);
	if (strcmp(key, "dialect") == 0)
		return set_dialect(s, value);
	if (strcmp(key, "query") == 0) {
		if (parse_number(value, 0, 1, &v) < 0)
			return -1;
		s->query = v != 0;
		return 1;
	}
	return relay_set(&s->board, key, value);
}

static int stats(const void *self, char *out, size_t size)
{
	const struct serial_relay *s = self;
	return relay_stats(&s->board, out, size);
}

struct serial_relay *serial_relay_new(
	struct device *d, struct uart *uart, const struct serial_protocol *protocol, long channels)
{
	struct serial_relay *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	relay_init(&s->board, d, channels);
	s->protocol = protocol;
	s->uart = uart;
	s->baud = 9600;
	s->query = true;
	s->gap = (struct timer){.fire = gap, .arg = s};
	return s;
}

const struct far_end serial_relay_end = {
	.receive = receive,
	.mid_frame = mid_frame,
	.baud = baud,
	.power_lost = power_lost,
	.breaks_packet = breaks_packet,
	.set = set,
	.stats = stats,
};
