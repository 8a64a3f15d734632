/* Frames, status codes and commands: WCH's "CH9329 serial communication protocol" V1.2. */
#include "ch9329.h"

#include "ch9329_answer.h"
#include "log.h"
#include "uart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAP      MS(3)    /* an idle line for longer ends a frame */
#define THINKING 200000   /* between a frame's end and the answer's start; the protocol does not say */
#define DEF_HOLD MS(3000) /* the DEF pin's time for factory settings */
#define HEADER   5
#define LONGEST  (HEADER + 64 + 1)

static uint32_t noise_state = 0x2545f491;

uint8_t chip_noise(void)
{
	noise_state ^= noise_state << 13;
	noise_state ^= noise_state >> 17;
	noise_state ^= noise_state << 5;
	uint8_t b = (uint8_t)(noise_state >> 8);
	return b == 0x57 ? 0x75 : b; /* noise that looks like a header would make tests fail one time in 256 */
}

static void suppressed(struct chip *c, const char *why)
{
	c->unanswered++;
	log_event(c->name, "suppressed", "%02X %s", c->frame[3], why);
}

static void restart(struct chip *c)
{
	c->restarting = true;
	c->wedge = false;
	c->answer_pending = false;
	log_event(c->name, "restart", NULL);
	timer_set(&c->ready, now_ns() + MS(c->silent));
}

static void ready(void *arg)
{
	struct chip *c = arg;
	c->restarting = false;
	log_event(c->name, "ready", NULL);
}

static void left(void *arg)
{
	struct chip *c = arg;
	c->answer_pending = false;
	log_event(c->name, "ack", NULL);
	restart(c);
}

static void power_cycle(struct chip *c)
{
	timer_stop(&c->left);
	if (c->para_set)
		memcpy(c->para, c->next_para, sizeof(c->para));
	c->para_set = false;
	c->baud = para_baud(c->para);
	restart(c);
}

static void factory_reset(struct chip *c)
{
	log_event(c->name, "factory-reset", NULL);
	para_defaults(c->para);
	c->para_set = false;
	power_cycle(c);
}

/*
 * What a second reader of the tty leaves behind, or a second writer causes: a whole answer to a question that the
 * host did not ask, the tail of one, the head of one. They take turns.
 */
static void send_foreign(struct chip *c, int64_t from)
{
	static const uint8_t whole[] = {0x57, 0xab, 0x00, 0x82, 0x01, 0x00, 0x85};
	static const uint8_t tail[] = {0x38, 0x01, 0x00, 0x00, 0x00, 0x00, 0x44};
	static const uint8_t head[] = {0x57, 0xab, 0x00, 0x81, 0x08, 0x38};

	switch (c->foreign_turn++ % 3) {
	case 0:
		uart_answer(c->uart, whole, sizeof(whole), from);
		break;
	case 1:
		uart_answer(c->uart, tail, sizeof(tail), from);
		break;
	default:
		uart_answer(c->uart, head, sizeof(head), from);
		break;
	}
}

static int64_t answer(struct chip *c, uint8_t command, const uint8_t *data, size_t n, int64_t at)
{
	uint8_t out[LONGEST + 32];
	char hex[3 * sizeof(out)];
	uint8_t sum = 0;

	out[0] = 0x57;
	out[1] = 0xab;
	out[2] = 0x00;
	out[3] = command;
	out[4] = (uint8_t)n;
	memcpy(out + HEADER, data, n);
	for (size_t i = 0; i < HEADER + n; i++)
		sum = (uint8_t)(sum + out[i]);
	out[HEADER + n] = sum;
	n += HEADER + 1;
	if (c->garbage) {
		for (size_t i = 0; i < n; i++)
			out[i] = chip_noise();
	}
	if (c->foreign)
		send_foreign(c, at + THINKING);
	c->answered++;
	log_event(c->name, "answer", "%s", log_hex(hex, sizeof(hex), out, n));
	return uart_answer(c->uart, out, n, at + THINKING);
}

static const char *deaf(const struct chip *c)
{
	return c->dead ? "dead" : c->restarting ? "restarting" : c->answer_pending ? "resetting" : NULL;
}

static void answer_error(struct chip *c, uint8_t command, uint8_t status, int64_t at)
{
	const char *why = deaf(c);
	if (why || c->wedge)
		suppressed(c, why ? why : "wedged");
	else
		answer(c, command | 0xc0, &status, 1, at);
}

static void take_reset(struct chip *c, int64_t at)
{
	const uint8_t ok = 0;

	c->wedge = false; /* or this answer would be garbage of a stuck chip */
	c->answer_pending = true;
	if (c->drop_ack || c->frame[2] == 0xff) {
		suppressed(c, c->drop_ack ? "drop-ack" : "broadcast");
		restart(c);
		return;
	}
	timer_set(&c->left, answer(c, 0x8f, &ok, 1, at));
}

static void take_frame(struct chip *c, int64_t at)
{
	uint8_t data[64];
	size_t n = 0;
	const char *why = deaf(c);
	bool is_reset = c->frame[3] == 0x0f && c->frame[4] == 0;

	if (why) {
		suppressed(c, why);
	} else if (c->frame[2] != 0x00 && c->frame[2] != 0xff) {
		suppressed(c, "address");
	} else if (c->wedge && !is_reset) {
		suppressed(c, "wedged");
	} else if (c->first_e4 && c->fresh) {
		c->fresh = false;
		answer_error(c, c->frame[3], 0xe4, at);
	} else if (is_reset) {
		take_reset(c, at);
	} else {
		uint8_t status = chip_execute(c, data, &n);
		if (c->frame[2] == 0xff)
			suppressed(c, "broadcast");
		else if (status != 0)
			answer_error(c, c->frame[3], status, at);
		else
			answer(c, c->frame[3] | 0x80, data, n, at);
	}
	c->fresh = false;
	if (c->factory_wanted) {
		c->factory_wanted = false;
		log_event(c->name, "factory-reset", NULL);
	}
}

static void log_frame(struct chip *c, const uint8_t *bytes, size_t n, const char *verdict)
{
	char hex[3 * LONGEST + 1];
	c->frames++;
	log_event(c->name, "frame", "%s %s", log_hex(hex, sizeof(hex), bytes, n), verdict);
}

static void flush_noise(struct chip *c)
{
	if (c->noise_used)
		log_frame(c, c->noise, c->noise_used, "garbage");
	c->noise_used = 0;
}

static void make_noise(struct chip *c)
{
	for (size_t i = 0; i < c->used; i++) {
		if (c->noise_used == sizeof(c->noise))
			flush_noise(c);
		c->noise[c->noise_used++] = c->frame[i];
	}
	c->used = 0;
}

static void complete(struct chip *c, int64_t at)
{
	size_t n = c->used;
	uint8_t sum = 0;

	for (size_t i = 0; i + 1 < n; i++)
		sum = (uint8_t)(sum + c->frame[i]);
	bool ok = sum == c->frame[n - 1];
	c->used = 0;
	timer_stop(&c->gap);
	flush_noise(c);
	log_frame(c, c->frame, n, ok ? "ok" : "sum");
	if (ok)
		take_frame(c, at);
	else
		answer_error(c, c->frame[3], 0xe4, at);
}

static void gap(void *arg)
{
	struct chip *c = arg;
	size_t n = c->used;

	flush_noise(c);
	c->used = 0;
	if (n == 0)
		return;
	log_frame(c, c->frame, n, "timeout");
	if (n < 4)
		c->frame[3] = 0; /* no command was seen to answer */
	answer_error(c, c->frame[3], 0xe1, c->gap.due);
}

static void receive(void *self, uint8_t byte, int64_t at, int64_t grace)
{
	struct chip *c = self;

	if (c->used == 1 && c->frame[0] == 0x57 && byte != 0xab)
		make_noise(c);
	c->frame[c->used++] = byte;
	if ((c->used == 1 && byte != 0x57) || (c->used == HEADER && byte > 64))
		make_noise(c);
	if (c->used > HEADER && c->used == HEADER + c->frame[4] + 1u)
		complete(c, at);
	else
		timer_set(&c->gap, at + GAP + grace);
	if (c->used == 0 && c->noise_used == 0)
		timer_stop(&c->gap);
}

static bool mid_frame(const void *self)
{
	const struct chip *c = self;
	return c->gap.armed;
}

static long baud(const void *self)
{
	const struct chip *c = self;
	return c->baud;
}

static void host_opened(void *self)
{
	struct chip *c = self;
	c->fresh = true;
}

/* Some boards wire RTS to the DEF pin. */
static void rts_released(void *self, int64_t held)
{
	struct chip *c = self;
	if (c->def_on_rts && held > DEF_HOLD)
		factory_reset(c);
}

struct chip *chip_new(const char *name, struct uart *uart)
{
	struct chip *c = calloc(1, sizeof(*c));
	if (!c)
		abort();
	c->name = name;
	c->uart = uart;
	c->baud = 9600;
	c->silent = 900;
	c->target = 1;
	c->version = 0x38;
	para_defaults(c->para);
	c->gap = (struct timer){.fire = gap, .arg = c};
	c->left = (struct timer){.fire = left, .arg = c};
	c->ready = (struct timer){.fire = ready, .arg = c};
	return c;
}

static int set(void *self, const char *key, const char *value)
{
	struct chip *c = self;
	const struct {
		const char *key;
		bool *flag;
		long *number;
		long max;
	} keys[] = {
		{"wedge", &c->wedge, NULL, 1},
		{"garbage", &c->garbage, NULL, 1},
		{"dead", &c->dead, NULL, 1},
		{"first-e4", &c->first_e4, NULL, 1},
		{"drop-ack", &c->drop_ack, NULL, 1},
		{"foreign", &c->foreign, NULL, 1},
		{"def-on-rts", &c->def_on_rts, NULL, 1},
		{"silent", NULL, &c->silent, 600000},
		{"target", NULL, &c->target, 1},
		{"version", NULL, &c->version, 255},
		{"leds", NULL, &c->leds, 255},
		{"baud", NULL, &c->baud, 1000000},
	};
	long v;

	if (strcmp(key, "power-cycle") == 0) {
		if (parse_number(value, 1, 1, &v) < 0)
			return -1;
		power_cycle(c);
		return 1;
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(key, keys[i].key) != 0)
			continue;
		if (parse_number(value, 0, keys[i].max, &v) < 0 || (keys[i].number == &c->baud && v < 50))
			return -1;
		if (keys[i].flag)
			*keys[i].flag = v != 0;
		else
			*keys[i].number = v;
		if (keys[i].number == &c->baud)
			para_set_baud(c->para, c->baud);
		if (keys[i].flag == &c->wedge && v)
			log_event(c->name, "wedged", NULL);
		return 1;
	}
	return 0;
}

static int stats(const void *self, char *out, size_t size)
{
	const struct chip *c = self;
	return snprintf(out, size, " frames=%lu answered=%lu unanswered=%lu baud=%ld%s%s%s", c->frames, c->answered,
		c->unanswered, c->baud, c->wedge ? " wedged" : "", c->dead ? " dead" : "",
		c->restarting ? " restarting" : "");
}

const struct far_end ch9329_end = {
	.receive = receive,
	.mid_frame = mid_frame,
	.baud = baud,
	.host_opened = host_opened,
	.rts_released = rts_released,
	.set = set,
	.stats = stats,
};
