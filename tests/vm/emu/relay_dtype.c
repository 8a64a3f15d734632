/* "D type" boards of one relay: D0 01 closes it, D0 00 opens it (mofeng-git/One-KVM, issue 271). */
#include "relay_serial.h"

enum { HEADER = 0xd0, FRAME = 2 };

static size_t frame_size(const struct serial_relay *s, uint8_t first)
{
	(void)s;
	return first == HEADER ? FRAME : 0;
}

static bool parse(const struct serial_relay *s, const uint8_t *frame, struct relay_order *order)
{
	return frame[1] <= 1 && relay_order_one(&s->board, 1, frame[1] == 1, order);
}

const struct serial_protocol dtype_protocol = {
	.name = "dtype",
	.only_channels = 1,
	.frame_size = frame_size,
	.parse = parse,
};
