#include "uart.h"

#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The driver hands a longer write over packet by packet; a full packet may have a sequel that is late. */
#define SEQUEL      MS(50)
#define CLOSED_FIFO 64 /* with nobody reading, the adapter keeps little */
#define PACKET_MAX  64

static bool same_rate(long a, long b)
{
	long apart = a > b ? a - b : b - a;
	return apart * 100 <= b * 3; /* what a UART's sampling forgives, roughly */
}

static bool push(struct wire *w, uint8_t byte, int64_t at, bool sequel)
{
	if (w->used == WIRE_ROOM)
		return false;
	w->bytes[(w->head + w->used++) % WIRE_ROOM] = (struct wire_byte){.byte = byte, .at = at, .sequel = sequel};
	return true;
}

static struct wire_byte pop(struct wire *w)
{
	struct wire_byte b = w->bytes[w->head];
	w->head = (w->head + 1) % WIRE_ROOM;
	w->used--;
	return b;
}

static void wait_for_next(struct wire *w)
{
	if (w->used)
		timer_set(&w->timer, w->bytes[w->head].at);
}

static void empty(struct wire *w)
{
	w->used = 0;
	timer_stop(&w->timer);
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

static void queue(struct uart *u, const struct urb *urb)
{
	uint8_t seen[1024];
	int64_t start = now_ns();
	int64_t span = (int64_t)urb->length * 10 * 1000000000 / u->rate;
	bool sequel = urb->length % u->adapter->packet == 0;
	size_t n = seen_at(u->far->baud(u->far_self), u->rate, urb->data, urb->length, seen, sizeof(seen));

	/* As long as the far end has not seen a gap, there was none: this process may only have been late to look. */
	if (start < u->out_free || u->far->mid_frame(u->far_self))
		start = u->out_free;
	u->out_free = start + span;
	u->sent += urb->length;
	for (size_t i = 0; i < n; i++)
		push(&u->out, seen[i], start + span * (int64_t)(i + 1) / (int64_t)n, sequel && i + 1 == n);
	wait_for_next(&u->out);
}

/* A packet is taken when the one before it has left: the host is held back as by the real one's NAKs. */
static void take_packets(struct uart *u)
{
	struct urb *urb;
	while (u->out.used == 0 && (urb = link_first(&u->device->link, u->adapter->ep_out, false)) != NULL) {
		if (u->far->breaks_packet && u->far->breaks_packet(u->far_self)) {
			link_reply(&u->device->link, urb, -EPROTO, NULL, 0);
			continue;
		}
		if (urb->length && u->rate > 0)
			queue(u, urb);
		link_reply(&u->device->link, urb, 0, NULL, urb->length);
	}
}

static void out_due(void *arg)
{
	struct uart *u = arg;
	int64_t now = now_ns();

	while (u->out.used && u->out.bytes[u->out.head].at <= now) {
		struct wire_byte w = pop(&u->out);
		u->far->receive(u->far_self, w.byte, w.at, w.sequel ? SEQUEL : 0);
	}
	take_packets(u);
	wait_for_next(&u->out);
}

static void deliver(void *arg)
{
	struct uart *u = arg;
	struct link *link = &u->device->link;
	uint8_t ep = u->adapter->ep_in, packet[PACKET_MAX];
	struct urb *urb;
	int64_t now = now_ns();

	while (u->in.used && u->in.bytes[u->in.head].at <= now && (urb = link_first(link, ep, true)) != NULL) {
		size_t n = 0;
		while (n < u->adapter->packet && n < urb->length && u->in.used && u->in.bytes[u->in.head].at <= now)
			packet[n++] = pop(&u->in).byte;
		u->received += n;
		link_reply(link, urb, 0, packet, n);
	}
	if (u->in.used && (u->in.bytes[u->in.head].at > now || link_first(link, ep, true)))
		wait_for_next(&u->in);
}

int64_t uart_answer(struct uart *u, const uint8_t *bytes, size_t n, int64_t from)
{
	long baud = u->far->baud(u->far_self);
	int64_t span = (int64_t)n * 10 * 1000000000 / baud;
	uint8_t seen[1024];

	if (from < u->in_free)
		from = u->in_free;
	u->in_free = from + span;
	if (u->device->configuration == 0 || u->rate == 0) {
		u->lost += n;
		return u->in_free;
	}
	n = seen_at(u->rate, baud, bytes, n, seen, sizeof(seen));
	for (size_t i = 0; i < n; i++) {
		if ((!u->open && u->in.used >= CLOSED_FIFO) ||
			!push(&u->in, seen[i], from + span * (int64_t)(i + 1) / (int64_t)n, false))
			u->lost++;
	}
	wait_for_next(&u->in);
	return u->in_free;
}

void uart_set_rate(struct uart *u, long rate)
{
	static const long usual[] = {300, 600, 1200, 2400, 4800, 9600, 14400, 19200, 28800, 38400, 57600, 76800,
		115200, 128000, 230400, 460800};
	long nominal = rate;

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		if (labs(rate - usual[i]) * 100 <= usual[i])
			nominal = usual[i];
	}
	if (nominal != u->nominal)
		log_event(u->device->name, "rate", "%ld", nominal);
	u->nominal = nominal;
	u->rate = rate;
}

void uart_set_pins(struct uart *u, bool rts, bool dtr)
{
	if (rts == u->rts && dtr == u->dtr)
		return;
	bool released = u->rts && !rts;
	int64_t now = now_ns();
	if (rts && !u->rts)
		u->rts_since = now;
	u->rts = rts;
	u->dtr = dtr;
	log_event(u->device->name, "modem", "rts=%d dtr=%d", rts, dtr);
	if (released && u->far->rts_released)
		u->far->rts_released(u->far_self, now - u->rts_since);
}

void uart_purge_in(struct uart *u)
{
	empty(&u->in);
}

/* The drivers poll the event endpoint for just as long as their tty is open. */
static void set_open(struct uart *u, bool open)
{
	if (open == u->open)
		return;
	u->open = open;
	log_event(u->device->name, open ? "open" : "close", NULL);
	if (open && u->far->host_opened)
		u->far->host_opened(u->far_self);
}

void uart_submit(struct device *d, struct urb *urb)
{
	struct uart *u = d->own;
	if (urb->ep == u->adapter->ep_events && urb->in)
		set_open(u, true);
	else if (urb->ep == u->adapter->ep_in && urb->in)
		wait_for_next(&u->in);
	else if (urb->ep == u->adapter->ep_out && !urb->in)
		take_packets(u);
}

void uart_unlinked(struct device *d, uint8_t ep, bool in)
{
	struct uart *u = d->own;
	if (ep == u->adapter->ep_events && in)
		set_open(u, false);
}

/* A reset or a power loss: the queues are empty and the pins are high. */
void uart_quiet(struct device *d)
{
	struct uart *u = d->own;
	set_open(u, false);
	empty(&u->in);
	empty(&u->out);
	u->out_free = 0;
	u->rate = u->nominal = 0;
	uart_set_pins(u, false, false);
}

void uart_power_lost(struct device *d)
{
	struct uart *u = d->own;
	if (u->far->power_lost)
		u->far->power_lost(u->far_self);
}

int uart_set(struct device *d, const char *key, const char *value)
{
	struct uart *u = d->own;
	return u->far->set(u->far_self, key, value);
}

int uart_stats(const struct device *d, char *out, size_t size)
{
	const struct uart *u = d->own;
	int n = snprintf(out, size, " rate=%ld open=%d sent=%lu received=%lu lost=%lu", u->rate, u->open, u->sent,
		u->received, u->lost);
	return n + u->far->stats(u->far_self, out + n, size - (size_t)n);
}

void uart_init(struct uart *u, struct device *d, const struct adapter *adapter)
{
	u->device = d;
	u->adapter = adapter;
	u->out.timer = (struct timer){.fire = out_due, .arg = u};
	u->in.timer = (struct timer){.fire = deliver, .arg = u};
	d->own = u;
}

void uart_connect(struct uart *u, const struct far_end *far, void *self)
{
	u->far = far;
	u->far_self = self;
}
