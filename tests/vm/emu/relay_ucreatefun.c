/*
 * Ucreatefun's HID relay (0519:2018, a CH551G): strings, the one serial number that all of them have, and commands
 * from darrylb123/usbrelay's issue 34; endpoints and power from pavel-a/usb-relay-hid's issue 27, which is of one of
 * these or of its like. It cannot be asked anything, not even how many channels it has.
 */
#include "kinds.h"
#include "relay_hid.h"

#include <stdlib.h>
#include <string.h>

enum { ON = 0xf0, OFF = 0x00, ALL = 9 };

static bool parse(const struct hid_relay *r, const uint8_t *bytes, size_t n, struct relay_order *order)
{
	unsigned what = bytes[0] & 0xf0u, contact = bytes[0] & 0x0fu;
	(void)n;

	if (what != ON && what != OFF)
		return false;
	if (contact == ALL)
		return relay_order_all(&r->board, what == ON, order);
	return relay_order_one(&r->board, contact, what == ON, order);
}

static const struct hid_model model = {
	.report_descriptor = hid_relay_reports,
	.report_descriptor_size = HID_RELAY_REPORTS_SIZE,
	.hid_version = 0x00,
	.attributes = 0xa0, /* it says that it can wake its host */
	.max_power = 35,
	.ep_in = 0x82,
	.ep_out = 0x02,
	.interval = 24,
	.parse = parse,
};

static void create(struct device *d)
{
	hid_relay_create(d, &model, 1);
	free(d->serial);
	d->serial = strdup("A0001");
}

const struct kind relay_ucreatefun_kind = {
	.name = "relay-ucreatefun",
	.vid = 0x0519,
	.pid = 0x2018,
	.bcd = 0x0001,
	.usb = 0x0110,
	.product = "HIDRelay",
	.manufacturer = "Ucreatefun.com",
	.max_packet0 = 8,
	.speed = SPEED_FULL,
	.create = create,
	.set = hid_relay_set,
	HID_RELAY_FUNCTIONS,
};
