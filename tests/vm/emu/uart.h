/*
 * The UART of a USB serial adapter, and the wire to what hangs on it. Time on the wire is reckoned, not slept: each
 * byte has the time at which its stop bit ends. The adapters themselves only translate requests of their drivers.
 */
#ifndef EMU_UART_H
#define EMU_UART_H

#include "device.h"
#include "far_end.h"

struct wire_byte {
	uint8_t byte;
	bool sequel;
	int64_t at;
};

#define WIRE_ROOM 4096

struct wire {
	struct wire_byte bytes[WIRE_ROOM];
	size_t head, used;
	struct timer timer;
};

struct adapter {
	uint8_t ep_events, ep_in, ep_out;
	size_t packet; /* the size of bulk packets */
};

/* The first member of an adapter's own state, so that the functions below serve as struct kind's. */
struct uart {
	struct device *device;
	const struct adapter *adapter;
	const struct far_end *far;
	void *far_self;
	long rate, nominal;
	bool open, rts, dtr;
	int64_t rts_since;
	struct wire out, in;
	int64_t out_free, in_free; /* when the last byte queued has left */
	unsigned long sent, received, lost;
};

void uart_init(struct uart *u, struct device *d, const struct adapter *adapter);
void uart_connect(struct uart *u, const struct far_end *far, void *self);

/* What the driver asked of the adapter. */
void uart_set_rate(struct uart *u, long rate);
void uart_set_pins(struct uart *u, bool rts, bool dtr);
void uart_purge_in(struct uart *u);

/*
 * The far end speaks: the first byte's start bit is at `from`, or when the line is free, and the others follow
 * without gaps. Returns when the last one has left.
 */
int64_t uart_answer(struct uart *u, const uint8_t *bytes, size_t n, int64_t from);

/* What struct kind has the same for every adapter; quiet is for those that keep nothing else. */
#define UART_FUNCTIONS                                                                                               \
	.submit = uart_submit, .unlinked = uart_unlinked, .power_lost = uart_power_lost, .set = uart_set,            \
	.stats = uart_stats
void uart_submit(struct device *d, struct urb *u);
void uart_unlinked(struct device *d, uint8_t ep, bool in);
void uart_quiet(struct device *d);
void uart_power_lost(struct device *d);
int uart_set(struct device *d, const char *key, const char *value);
int uart_stats(const struct device *d, char *out, size_t size);

#endif
