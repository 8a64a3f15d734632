/* A device that no driver wants. */
#include "kinds.h"

#include <string.h>

static size_t config(const struct device *d, uint8_t *out, size_t room)
{
	const uint8_t text[] = {
		9, 2, 18, 0, 1, 1, 0, 0x80, 50,     /* configuration: one interface, 100 mA from the bus */
		9, 4, 0, 0, 0, 0xff, 0xff, 0xff, 0, /* interface: vendor specific, no endpoints */
	};
	(void)d;
	if (sizeof(text) > room)
		return 0;
	memcpy(out, text, sizeof(text));
	return sizeof(text);
}

const struct kind stick_kind = {
	.name = "stick",
	.vid = 0x1234,
	.pid = 0x5678,
	.bcd = 0x0100,
	.usb = 0x0200,
	.product = "Stick",
	.manufacturer = "Nobody",
	.max_packet0 = 64,
	.speed = SPEED_HIGH,
	.config = config,
};
