/*
 * A PL2303HX as Linux's drivers/usb/serial/pl2303.c takes it to be one (USB 1.10, bcdDevice 3.00, 64 bytes at
 * endpoint 0) and talks to it. Prolific documents none of the vendor requests; the driver does not look at what most
 * of them return.
 */
#include "kinds.h"
#include "relay_serial.h"
#include "uart.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The requests of CDC ACM's PSTN subclass, on an interface that is not of that class. */
enum { SET_LINE = 0x20, GET_LINE = 0x21, SET_CONTROL = 0x22, BREAK = 0x23, VENDOR = 0x01 };
enum { TO_INTERFACE = 0x21, FROM_INTERFACE = 0xa1, VENDOR_WRITE = 0x40, VENDOR_READ = 0xc0 };
enum { LINE_DTR = 1, LINE_RTS = 2 };

#define PACKET    64
#define LINE_SIZE 7 /* rate, stop bits, parity, data bits */
#define CLOCK     (12000000LL * 32)

static const struct adapter pl2303hx = {.ep_events = 1, .ep_in = 3, .ep_out = 2, .packet = PACKET};

struct pl2303 {
	struct uart uart;
	uint8_t line[LINE_SIZE];
};

static size_t config(const struct device *d, uint8_t *out, size_t room)
{
	const uint8_t text[] = {
		9, 2, 39, 0, 1, 1, 0, 0x80, 50, /* configuration: one interface, 100 mA from the bus */
		9, 4, 0, 0, 3, 0xff, 0, 0, 0,   /* interface: vendor specific */
		7, 5, 0x81, 3, 10, 0, 1,        /* interrupt in: modem lines */
		7, 5, 0x02, 2, PACKET, 0, 0,    /* bulk out */
		7, 5, 0x83, 2, PACKET, 0, 0,    /* bulk in */
	};
	(void)d;
	if (sizeof(text) > room)
		return 0;
	memcpy(out, text, sizeof(text));
	return sizeof(text);
}

/* A rate is a number, or, with the highest bit set, a divisor in the form that the driver's source explains. */
static long rate_of(const uint8_t *line)
{
	uint32_t v = (uint32_t)line[0] | (uint32_t)line[1] << 8 | (uint32_t)line[2] << 16 | (uint32_t)line[3] << 24;
	long mantissa = v & 0x1ff, exponent = v >> 9 & 7;

	if (!(v & 0x80000000u))
		return v ? (long)v : 9600;
	return (long)(CLOCK / (mantissa ? mantissa : 512)) >> (exponent * 2);
}

static int control(struct device *d, const struct setup *s, const uint8_t *sent, uint8_t *answer, size_t room)
{
	struct pl2303 *p = d->own;
	(void)room;

	switch (s->type << 8 | s->request) {
	case VENDOR_READ << 8 | VENDOR:
		answer[0] = 0;
		return 1;
	case VENDOR_WRITE << 8 | VENDOR:
	case TO_INTERFACE << 8 | BREAK:
		return 0;
	case FROM_INTERFACE << 8 | GET_LINE:
		memcpy(answer, p->line, LINE_SIZE);
		return LINE_SIZE;
	case TO_INTERFACE << 8 | SET_LINE:
		if (s->length != LINE_SIZE)
			return -EPIPE;
		memcpy(p->line, sent, LINE_SIZE);
		uart_set_rate(&p->uart, rate_of(p->line));
		return 0;
	case TO_INTERFACE << 8 | SET_CONTROL:
		uart_set_pins(&p->uart, s->value & LINE_RTS, s->value & LINE_DTR);
		return 0;
	default:
		return -EPIPE;
	}
}

static void quiet(struct device *d)
{
	struct pl2303 *p = d->own;
	memset(p->line, 0, sizeof(p->line));
	uart_quiet(d);
}

static void create(struct device *d)
{
	struct pl2303 *p = calloc(1, sizeof(*p));
	if (!p)
		abort();
	uart_init(&p->uart, d, &pl2303hx);
	uart_connect(&p->uart, &serial_relay_end, serial_relay_new(d, &p->uart, &icse_protocol, 0));
	uart_set(d, "model", "013");
}

const struct kind relay_icse_kind = {
	.name = "relay-icse",
	.vid = 0x067b,
	.pid = 0x2303,
	.bcd = 0x0300,
	.usb = 0x0110,
	.product = "USB-Serial Controller",
	.manufacturer = "Prolific Technology Inc.",
	.max_packet0 = 64,
	.speed = SPEED_FULL,
	.create = create,
	.config = config,
	.control = control,
	.quiet = quiet,
	UART_FUNCTIONS,
};
