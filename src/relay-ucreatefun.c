/* SPDX-License-Identifier: MIT */
/* Ucreatefun's HID, 0519:2018: one byte as an output report, F0 + channel closes, the channel alone opens. */
#include "relay.h"

static int set(struct board *b, unsigned channel, bool closed)
{
	const uint8_t out = (uint8_t)(channel + (closed ? 0xf0 : 0));

	return board_send(b, &out, 1);
}

const struct relay_driver relay_ucreatefun = {.node = "hidraw", .channels = 8, .set = set};
