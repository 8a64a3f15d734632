/*
 * A CH340 as Linux's drivers/usb/serial/ch341.c talks to it (WCH publishes no register list), and the wire between
 * it and a CH9329. Time on the wire is reckoned, not slept: each byte has the time at which its stop bit ends.
 */
#include "ch9329.h"
#include "kinds.h"
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ_VERSION = 0x5f, READ_REG = 0x95, WRITE_REG = 0x9a, SERIAL_INIT = 0xa1, MODEM_CTRL = 0xa4 };
enum { REG_STATUS = 0x06, REG_STATUS2 = 0x07, REG_PRESCALER = 0x12, REG_DIVISOR = 0x13 };
enum { PIN_DTR = 1 << 5, PIN_RTS = 1 << 6 };
enum { EP_EVENTS = 1, EP_DATA = 2 };

#define VERSION 0x31
#define PACKET  32
#define CLOCK   48000000L
/* The driver hands a longer write over packet by packet; a full packet may have a sequel that is late. */
#define SEQUEL      MS(50)
#define FIFO        4096
#define CLOSED_FIFO 64 /* with nobody reading, the chip keeps little */

struct wire_byte {
	uint8_t byte;
	bool sequel;
	int64_t at;
};

struct wire {
	struct wire_byte bytes[FIFO];
	size_t head, used;
	struct timer timer;
};

struct bridge {
	struct device *device;
	struct chip *chip;
	uint8_t regs[256];
	long rate, nominal;
	bool open, rts, dtr;
	int64_t rts_since;
	struct wire out, in;
	int64_t out_free;
	unsigned long sent, received, lost;
};

static size_t config(const struct device *d, uint8_t *out, size_t room)
{
	const uint8_t text[] = {
		9,
		2,
		39,
		0,
		1,
		1,
		0,
		0x80,
		49, /* one interface, 98 mA from the bus */
		9,
		4,
		0,
		0,
		3,
		0xff,
		0x01,
		0x02,
		0,
		7,
		5,
		0x82,
		2,
		PACKET,
		0,
		0,
		7,
		5,
		0x02,
		2,
		PACKET,
		0,
		0,
		7,
		5,
		0x81,
		3,
		8,
		0,
		1,
	};
	uint8_t *sizes[] = {out + 22, out + 29};
	if (sizeof(text) > room)
		return 0;
	memcpy(out, text, sizeof(text));
	for (size_t i = 0; d->speed == SPEED_HIGH && i < 2; i++) { /* bulk packets have 512 bytes there, always */
		sizes[i][0] = 0x00;
		sizes[i][1] = 0x02;
	}
	return sizeof(text);
}

static bool same_rate(long a, long b)
{
	long apart = a > b ? a - b : b - a;
	return apart * 100 <= b * 3; /* what a UART's sampling forgives, roughly */
}

static bool push(struct wire *w, uint8_t byte, int64_t at, bool sequel)
{
	if (w->used == FIFO)
		return false;
	w->bytes[(w->head + w->used++) % FIFO] = (struct wire_byte){.byte = byte, .at = at, .sequel = sequel};
	return true;
}

static struct wire_byte pop(struct wire *w)
{
	struct wire_byte b = w->bytes[w->head];
	w->head = (w->head + 1) % FIFO;
	w->used--;
	return b;
}

/* Another rate makes other bytes: as many as fit into the same time, but each needs an edge to start with. */
static size_t seen_at(long receiver, long sender, const uint8_t *bytes, size_t n, uint8_t *seen, size_t room)
{
	if (same_rate(sender, receiver)) {
		n = n < room ? n : room;
		memcpy(seen, bytes, n);
		return n;
	}
	size_t m = receiver > sender * 4 ? n * 4 : n * (size_t)receiver / (size_t)sender;
	m = m < 1 ? 1 : m > room ? room : m;
	for (size_t i = 0; i < m; i++)
		seen[i] = (uint8_t)(0x80 | (bytes[i % n] ^ (0x33 + 7 * i))); /* never the header's 0x57 */
	return m;
}

static void queue(struct bridge *b, const struct urb *u)
{
	uint8_t seen[1024];
	int64_t start = now_ns();
	int64_t span = (int64_t)u->length * 10 * 1000000000 / b->rate;
	bool sequel = u->length % PACKET == 0;
	size_t n = seen_at(chip_baud(b->chip), b->rate, u->data, u->length, seen, sizeof(seen));

	/* As long as the chip has not seen a gap, there was none: this process may only have been late to look. */
	if (start < b->out_free || chip_mid_frame(b->chip))
		start = b->out_free;
	b->out_free = start + span;
	b->sent += u->length;
	for (size_t i = 0; i < n; i++)
		push(&b->out, seen[i], start + span * (int64_t)(i + 1) / (int64_t)n, sequel && i + 1 == n);
	if (b->out.used)
		timer_set(&b->out.timer, b->out.bytes[b->out.head].at);
}

/* A packet is taken when the one before it has left: the host is held back as by the real one's NAKs. */
static void take_packets(struct bridge *b)
{
	struct urb *u;
	while (b->out.used == 0 && (u = link_first(&b->device->link, EP_DATA, false)) != NULL) {
		if (u->length && b->rate > 0)
			queue(b, u);
		link_reply(&b->device->link, u, 0, NULL, u->length);
	}
}

static void out_due(void *arg)
{
	struct bridge *b = arg;
	int64_t now = now_ns();

	while (b->out.used && b->out.bytes[b->out.head].at <= now) {
		struct wire_byte w = pop(&b->out);
		chip_receive(b->chip, w.byte, w.at, w.sequel ? SEQUEL : 0);
	}
	take_packets(b);
	if (b->out.used)
		timer_set(&b->out.timer, b->out.bytes[b->out.head].at);
}

static void deliver(void *arg)
{
	struct bridge *b = arg;
	struct urb *u;
	uint8_t packet[PACKET];
	int64_t now = now_ns();

	while (b->in.used && b->in.bytes[b->in.head].at <= now &&
		(u = link_first(&b->device->link, EP_DATA, true)) != NULL) {
		size_t n = 0;
		while (n < PACKET && n < u->length && b->in.used && b->in.bytes[b->in.head].at <= now)
			packet[n++] = pop(&b->in).byte;
		b->received += n;
		link_reply(&b->device->link, u, 0, packet, n);
	}
	if (b->in.used && (b->in.bytes[b->in.head].at > now || link_first(&b->device->link, EP_DATA, true)))
		timer_set(&b->in.timer, b->in.bytes[b->in.head].at);
}

/* The chip speaks. */
static void from_chip(void *arg, const uint8_t *bytes, size_t n, int64_t from)
{
	struct bridge *b = arg;
	long baud = chip_baud(b->chip);
	int64_t span = (int64_t)n * 10 * 1000000000 / baud;
	uint8_t seen[1024];

	if (b->device->configuration == 0 || b->rate == 0) {
		b->lost += n;
		return;
	}
	n = seen_at(b->rate, baud, bytes, n, seen, sizeof(seen));
	for (size_t i = 0; i < n; i++) {
		if ((!b->open && b->in.used >= CLOSED_FIFO) ||
			!push(&b->in, seen[i], from + span * (int64_t)(i + 1) / (int64_t)n, false))
			b->lost++;
	}
	if (b->in.used)
		timer_set(&b->in.timer, b->in.bytes[b->in.head].at);
}

static void set_rate(struct bridge *b)
{
	static const long usual[] = {300, 600, 1200, 2400, 4800, 9600, 14400, 19200, 28800, 38400, 57600, 76800,
		115200, 128000, 230400, 460800};
	/* ch341.c: rate = 48 MHz / (2^(12 - 3 * prescaler - factor) * divisor) */
	unsigned prescaler = b->regs[REG_PRESCALER] & 3u, factor = b->regs[REG_PRESCALER] >> 2 & 1u;
	long divisor = 0x100 - b->regs[REG_DIVISOR];
	long rate = CLOCK / ((1L << (12 - 3 * prescaler - factor)) * divisor);
	long nominal = rate;

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		if (labs(rate - usual[i]) * 100 <= usual[i])
			nominal = usual[i];
	}
	if (nominal != b->nominal)
		log_event(b->device->name, "rate", "%ld", nominal);
	b->nominal = nominal;
	b->rate = rate;
}

static void set_pins(struct bridge *b, bool rts, bool dtr)
{
	if (rts == b->rts && dtr == b->dtr)
		return;
	bool released = b->rts && !rts;
	int64_t now = now_ns();
	if (rts && !b->rts)
		b->rts_since = now;
	b->rts = rts;
	b->dtr = dtr;
	log_event(b->device->name, "modem", "rts=%d dtr=%d", rts, dtr);
	if (released)
		chip_def_released(b->chip, now - b->rts_since);
}

static int control(struct device *d, const struct setup *s, const uint8_t *sent, uint8_t *answer, size_t room)
{
	struct bridge *b = d->own;
	(void)sent;
	(void)room;
	if ((s->type & 0x60) != 0x40)
		return -EPIPE;
	switch (s->request) {
	case READ_VERSION:
		answer[0] = VERSION;
		answer[1] = 0;
		return 2;
	case READ_REG: /* two register numbers in, two values out */
		answer[0] = b->regs[s->value & 0xff];
		answer[1] = b->regs[s->value >> 8];
		return 2;
	case WRITE_REG:
		b->regs[s->value & 0xff] = (uint8_t)s->index;
		b->regs[s->value >> 8] = (uint8_t)(s->index >> 8);
		if ((s->value & 0xff) == REG_PRESCALER)
			set_rate(b);
		return 0;
	case SERIAL_INIT:
		b->in.used = 0;
		timer_stop(&b->in.timer);
		return 0;
	case MODEM_CTRL: /* the pins are active low */
		set_pins(b, !(s->value & PIN_RTS), !(s->value & PIN_DTR));
		return 0;
	default:
		return -EPIPE;
	}
}

/* The driver polls the event endpoint for just as long as its tty is open. */
static void set_open(struct bridge *b, bool open)
{
	if (open == b->open)
		return;
	b->open = open;
	log_event(b->device->name, open ? "open" : "close", NULL);
	if (open)
		chip_host_opened(b->chip);
}

static void submit(struct device *d, struct urb *u)
{
	struct bridge *b = d->own;
	if (u->ep == EP_EVENTS && u->in)
		set_open(b, true);
	else if (u->ep == EP_DATA && u->in && b->in.used)
		timer_set(&b->in.timer, b->in.bytes[b->in.head].at);
	else if (u->ep == EP_DATA && !u->in)
		take_packets(b);
}

static void unlinked(struct device *d, uint8_t ep, bool in)
{
	if (ep == EP_EVENTS && in)
		set_open(d->own, false);
}

/* A reset or a power loss: the queues are empty and the pins are high. The CH9329 knows nothing of it. */
static void quiet(struct device *d)
{
	struct bridge *b = d->own;
	set_open(b, false);
	b->in.used = b->out.used = 0;
	timer_stop(&b->in.timer);
	timer_stop(&b->out.timer);
	b->out_free = 0;
	b->rate = b->nominal = 0;
	set_pins(b, false, false);
}

static int set(struct device *d, const char *key, const char *value)
{
	struct bridge *b = d->own;
	return chip_set(b->chip, key, value);
}

static int stats(const struct device *d, char *out, size_t size)
{
	const struct bridge *b = d->own;
	int n = snprintf(out, size, " rate=%ld open=%d sent=%lu received=%lu lost=%lu", b->rate, b->open, b->sent,
		b->received, b->lost);
	return n + chip_stats(b->chip, out + n, size - (size_t)n);
}

static void create(struct device *d)
{
	struct bridge *b = calloc(1, sizeof(*b));
	if (!b)
		abort();
	b->device = d;
	b->chip = chip_new(d->name, from_chip, b);
	b->regs[REG_STATUS] = 0xff; /* no modem line is asserted; the register shows them inverted */
	b->regs[REG_STATUS2] = 0xee;
	b->out.timer = (struct timer){.fire = out_due, .arg = b};
	b->in.timer = (struct timer){.fire = deliver, .arg = b};
	d->own = b;
}

const struct kind bridge_kind = {
	.name = "bridge",
	.vid = 0x1a86,
	.pid = 0x7523,
	.bcd = 0x0264,
	.usb = 0x0110,
	.product = "USB Serial",
	.manufacturer = "",
	.class = {0xff, 0, 0},
	.max_packet0 = 8,
	.speed = SPEED_FULL,
	.create = create,
	.config = config,
	.control = control,
	.submit = submit,
	.unlinked = unlinked,
	.quiet = quiet,
	.set = set,
	.stats = stats,
};
