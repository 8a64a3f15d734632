/* A device that no driver wants, and the list of all kinds. */
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

static const struct kind stick = {
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

const struct kind *kind_find(const char *name)
{
	static const struct kind *const kinds[] = {&capture_kind, &bridge_kind, &stick};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	}
	return NULL;
}
