/*
 * The HID relays of www.dcttech.com, firmware on V-USB. Commands and answer: libusbrelay.c of darrylb123/usbrelay,
 * and its issues 2 and 15 for the strings; V-USB's hid-data example for the report descriptor.
 */
#include "kinds.h"
#include "relay_hid.h"

#include <stdio.h>
#include <string.h>

enum { ALL_OFF = 0xfc, OFF = 0xfd, ALL_ON = 0xfe, ON = 0xff };
enum { SERIAL_SIZE = 5, AT_STATE = 7, FEATURE_SIZE = 8 };

static const uint8_t report_descriptor[] = {
	0x06, 0x00, 0xff, 0x09, 0x01,   /* usage page: vendor's, usage 1 */
	0xa1, 0x01,                     /* application */
	0x15, 0x00, 0x26, 0xff, 0x00,   /* values 0 to 255 */
	0x75, 0x08, 0x95, FEATURE_SIZE, /* in bytes */
	0x09, 0x00, 0xb2, 0x02, 0x01,   /* feature, buffered bytes */
	0xc0,                           /* end */
};

static bool parse(const struct hid_relay *r, const uint8_t *bytes, size_t n, struct relay_order *order)
{
	switch (bytes[0]) {
	case ON:
	case OFF:
		return n > 1 && relay_order_one(&r->board, bytes[1], bytes[0] == ON, order);
	case ALL_ON:
	case ALL_OFF:
		return relay_order_all(&r->board, bytes[0] == ALL_ON, order);
	default:
		return false;
	}
}

static size_t feature(const struct hid_relay *r, uint8_t *out)
{
	memset(out, 0, FEATURE_SIZE);
	memcpy(out, r->serial, SERIAL_SIZE);
	out[AT_STATE] = (uint8_t)r->board.closed;
	return FEATURE_SIZE;
}

static const struct hid_model model = {
	.report_descriptor = report_descriptor,
	.report_descriptor_size = sizeof(report_descriptor),
	.hid_version = 0x01,
	.attributes = 0x80,
	.max_power = 10, /* 20 mA: what the real one says, coils or not */
	.ep_in = 0x81,
	.interval = 20,
	.parse = parse,
	.feature = feature,
};

/* usbrelay takes the number of channels from the product string, and there is no other place that tells it. */
static void name_product(struct device *d)
{
	const struct hid_relay *r = d->own;
	char product[16], why[64];
	snprintf(product, sizeof(product), "USBRelay%ld", r->board.channels);
	device_set(d, "product", product, why, sizeof(why));
}

static void create(struct device *d)
{
	struct hid_relay *r = hid_relay_create(d, &model, 2);
	strcpy(r->serial, "HURTM");
	name_product(d);
}

static int set(struct device *d, const char *key, const char *value)
{
	struct hid_relay *r = d->own;

	if (strcmp(key, "board-serial") == 0) {
		if (strlen(value) != SERIAL_SIZE)
			return -1;
		strcpy(r->serial, value);
		return 1;
	}
	int taken = hid_relay_set(d, key, value);
	if (taken > 0 && strcmp(key, "channels") == 0)
		name_product(d);
	return taken;
}

const struct kind relay_dcttech_kind = {
	.name = "relay-hid",
	.vid = 0x16c0,
	.pid = 0x05df,
	.bcd = 0x0100,
	.usb = 0x0110,
	.product = "",
	.manufacturer = "www.dcttech.com",
	.max_packet0 = 8,
	.speed = SPEED_LOW,
	.create = create,
	.set = set,
	HID_RELAY_FUNCTIONS,
};
