/* A relay board at the UART of a USB adapter, on whose power it lives. What it understands is its protocol's matter.
 */
#ifndef EMU_RELAY_SERIAL_H
#define EMU_RELAY_SERIAL_H

#include "far_end.h"
#include "relay_board.h"

#define SERIAL_ANSWER_ROOM 128

struct serial_relay;
struct uart;

struct serial_protocol {
	const char *name;
	long only_channels; /* 0: as many as the board has */
	/* How long a frame is that begins with this byte; 0: none does. */
	size_t (*frame_size)(const struct serial_relay *s, uint8_t first);
	/* False: it is none of this board's commands. */
	bool (*parse)(const struct serial_relay *s, const uint8_t *frame, struct relay_order *order);
	/* What a good frame does besides, once the contacts have moved. Returns the length of the answer. */
	size_t (*respond)(struct serial_relay *s, const uint8_t *frame, uint8_t *out);
	void (*power_lost)(struct serial_relay *s);
	/* Settings that only this protocol has, as struct kind's. */
	int (*set)(struct serial_relay *s, const char *key, const char *value);
};

extern const struct serial_protocol lcus_protocol, kmtronic_protocol, dtype_protocol, icse_protocol;

enum dialect { PLAIN, DIUSTOU, FEEDBACK };

struct serial_relay {
	struct relay_board board;
	const struct serial_protocol *protocol;
	struct uart *uart;
	long baud;
	bool query; /* it answers questions */
	enum dialect dialect;

	uint8_t frame[8], garbage[64];
	size_t used, garbage_used;
	struct timer gap;

	/* an ICSE's */
	uint8_t model;
	bool identified, started;
};

/* What serial_relay_end's functions are given. */
struct serial_relay *serial_relay_new(
	struct device *d, struct uart *uart, const struct serial_protocol *protocol, long channels);

extern const struct far_end serial_relay_end;

#endif
