/*
 * A CH340 as Linux's drivers/usb/serial/ch341.c talks to it (WCH publishes no register list). In front of a CH9329 it
 * is a bridge; in front of a relay board it looks no different.
 */
#include "ch9329.h"
#include "kinds.h"
#include "relay_serial.h"
#include "uart.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { READ_VERSION = 0x5f, READ_REG = 0x95, WRITE_REG = 0x9a, SERIAL_INIT = 0xa1, MODEM_CTRL = 0xa4 };
enum { REG_STATUS = 0x06, REG_STATUS2 = 0x07, REG_PRESCALER = 0x12, REG_DIVISOR = 0x13 };
enum { PIN_DTR = 1 << 5, PIN_RTS = 1 << 6 };

#define VERSION 0x31
#define PACKET  32
#define CLOCK   48000000L

static const struct adapter ch340 = {.ep_events = 1, .ep_in = 2, .ep_out = 2, .packet = PACKET};

struct bridge {
	struct uart uart;
	uint8_t regs[256];
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

static void set_rate(struct bridge *b)
{
	/* ch341.c: rate = 48 MHz / (2^(12 - 3 * prescaler - factor) * divisor) */
	unsigned prescaler = b->regs[REG_PRESCALER] & 3u, factor = b->regs[REG_PRESCALER] >> 2 & 1u;
	long divisor = 0x100 - b->regs[REG_DIVISOR];

	uart_set_rate(&b->uart, CLOCK / ((1L << (12 - 3 * prescaler - factor)) * divisor));
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
		uart_purge_in(&b->uart);
		return 0;
	case MODEM_CTRL: /* the pins are active low */
		uart_set_pins(&b->uart, !(s->value & PIN_RTS), !(s->value & PIN_DTR));
		return 0;
	default:
		return -EPIPE;
	}
}

static struct uart *create(struct device *d)
{
	struct bridge *b = calloc(1, sizeof(*b));
	if (!b)
		abort();
	b->regs[REG_STATUS] = 0xff; /* no modem line is asserted; the register shows them inverted */
	b->regs[REG_STATUS2] = 0xee;
	uart_init(&b->uart, d, &ch340);
	return &b->uart;
}

/* The CH9329 lives on its target's power and knows nothing of what happens to the bridge. */
static void create_bridge(struct device *d)
{
	struct uart *u = create(d);
	uart_connect(u, &ch9329_end, chip_new(d->name, u));
}

static void create_relay(struct device *d)
{
	struct uart *u = create(d);
	uart_connect(u, &serial_relay_end, serial_relay_new(d, u, &lcus_protocol, 2));
}

#define CH340_LOOKS                                                                                                  \
	.vid = 0x1a86, .pid = 0x7523, .bcd = 0x0264, .usb = 0x0110, .product = "USB Serial", .manufacturer = "",     \
	.class = {0xff, 0, 0}, .max_packet0 = 8, .speed = SPEED_FULL, .config = config, .control = control,          \
	.quiet = uart_quiet, UART_FUNCTIONS

const struct kind bridge_kind = {.name = "bridge", .create = create_bridge, CH340_LOOKS};
const struct kind relay_serial_kind = {.name = "relay-serial", .create = create_relay, CH340_LOOKS};
