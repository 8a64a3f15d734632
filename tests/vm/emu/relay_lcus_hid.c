/*
 * LC Technology's boards "LCUS HID" (5131:2007), full speed, without any string: what darrylb123/usbrelay's issue 103
 * shows of one. The command is that of their serial boards. There is no question that they answer. Others of the same
 * ID want FF 55 … instead (dialect=ff55): they are deaf to this.
 */
#include "kinds.h"
#include "relay_hid.h"
#include "relay_lcus.h"

#include <string.h>

static bool parse(const struct hid_relay *r, const uint8_t *bytes, size_t n, struct relay_order *order)
{
	return n >= LCUS_FRAME && lcus_parse(&r->board, bytes, order);
}

static const struct hid_model model = {
	.report_descriptor = hid_relay_reports,
	.report_descriptor_size = HID_RELAY_REPORTS_SIZE,
	.hid_version = 0x00,
	.attributes = 0x80,
	.max_power = 50,
	.ep_in = 0x81, /* where a real one has them is not known */
	.ep_out = 0x01,
	.interval = 10,
	.parse = parse,
};

static void create(struct device *d)
{
	hid_relay_create(d, &model, 1);
}

static int set(struct device *d, const char *key, const char *value)
{
	struct hid_relay *r = d->own;

	if (strcmp(key, "dialect") != 0)
		return hid_relay_set(d, key, value);
	if (strcmp(value, "plain") != 0 && strcmp(value, "ff55") != 0)
		return -1;
	r->other_dialect = strcmp(value, "ff55") == 0;
	return 1;
}

const struct kind relay_lcus_hid_kind = {
	.name = "relay-lcus-hid",
	.vid = 0x5131,
	.pid = 0x2007,
	.bcd = 0x0000,
	.usb = 0x0110,
	.product = "",
	.manufacturer = "",
	.max_packet0 = 8,
	.speed = SPEED_FULL,
	.create = create,
	.set = set,
	HID_RELAY_FUNCTIONS,
};
