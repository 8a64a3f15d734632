#include "relay_hid.h"

#include "log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "Device Class Definition for HID" 1.11, chapters 6.2.1 and 7.2. */
enum { GET_REPORT = 1, SET_REPORT = 9, SET_IDLE = 10 };
enum { DT_HID = 0x21, DT_REPORT = 0x22 };
enum { CLASS_TO_INTERFACE = 0x21, CLASS_FROM_INTERFACE = 0xa1 };

#define STALL       (-EPIPE)
#define PACKET      8
#define AT_HID      18 /* in the configuration descriptor */
#define HID_SIZE    9
#define REPORT_ROOM 64

const uint8_t hid_relay_reports[HID_RELAY_REPORTS_SIZE] = {
	0x06, 0x00, 0xff, 0x09, 0x01,             /* usage page: vendor's, usage 1 */
	0xa1, 0x01,                               /* application */
	0x09, 0x02, 0x15, 0x00, 0x26, 0xff, 0x00, /* values 0 to 255 */
	0x75, 0x08, 0x95, PACKET, 0x81, 0x06,     /* in bytes: input */
	0x09, 0x02, 0x15, 0x00, 0x26, 0xff, 0x00, /* values 0 to 255 */
	0x75, 0x08, 0x95, PACKET, 0x91, 0x06,     /* in bytes: output */
	0xc0,                                     /* end */
};

struct hid_relay *hid_relay_create(struct device *d, const struct hid_model *model, long channels)
{
	struct hid_relay *r = calloc(1, sizeof(*r));
	if (!r)
		abort();
	relay_init(&r->board, d, channels);
	r->model = model;
	d->own = r;
	return r;
}

size_t hid_relay_config(const struct device *d, uint8_t *out, size_t room)
{
	const struct hid_relay *r = d->own;
	const struct hid_model *m = r->model;
	const uint8_t text[] = {
		9, 2, m->ep_out ? 41 : 34, 0, 1, 1, 0, m->attributes, m->max_power, /* configuration: one interface */
		9, 4, 0, 0, m->ep_out ? 2 : 1, 3, 0, 0, 0,  /* interface: HID, no boot protocol */
		HID_SIZE, DT_HID, m->hid_version, 1, 0, 1,  /* HID 1.xx for any country, one descriptor: */
		DT_REPORT, m->report_descriptor_size, 0,    /* of reports */
		7, 5, m->ep_in, 3, PACKET, 0, m->interval,  /* interrupt in */
		7, 5, m->ep_out, 3, PACKET, 0, m->interval, /* interrupt out */
	};
	size_t size = text[2];

	if (size > room)
		return 0;
	memcpy(out, text, size);
	return size;
}

int hid_relay_descriptor(const struct device *d, uint8_t type, uint8_t *out)
{
	const struct hid_relay *r = d->own;
	uint8_t config[64];

	switch (type) {
	case DT_REPORT:
		memcpy(out, r->model->report_descriptor, r->model->report_descriptor_size);
		return r->model->report_descriptor_size;
	case DT_HID:
		hid_relay_config(d, config, sizeof(config));
		memcpy(out, config + AT_HID, HID_SIZE);
		return HID_SIZE;
	default:
		return STALL;
	}
}

static void take(struct hid_relay *r, const uint8_t *bytes, size_t n)
{
	char hex[3 * REPORT_ROOM + 1];
	struct relay_order order = {0};
	bool good = n > 0 && !r->other_dialect && r->model->parse(r, bytes, n, &order);

	log_hex(hex, sizeof(hex), bytes, n < REPORT_ROOM ? n : REPORT_ROOM);
	log_event(r->board.device->name, "report", "%s%s", hex, good ? "" : " ignored");
	if (good)
		relay_obey(&r->board, order);
}

static int get_report(struct hid_relay *r, uint8_t *answer)
{
	char hex[3 * REPORT_ROOM + 1];

	if (relay_breaks(&r->board, "GET_REPORT"))
		return -EPROTO;
	if (!r->model->feature)
		return STALL;
	if (r->board.mute) {
		log_event(r->board.device->name, "suppressed", "mute");
		return CONTROL_PENDING;
	}
	size_t n = r->model->feature(r, answer);
	log_event(r->board.device->name, "answer", "%s", log_hex(hex, sizeof(hex), answer, n));
	return (int)n;
}

/* Neither the type nor the id of a report matters to these boards: they have one for each direction. */
int hid_relay_control(struct device *d, const struct setup *s, const uint8_t *sent, uint8_t *answer, size_t room)
{
	struct hid_relay *r = d->own;
	(void)room;

	if (s->type == CLASS_FROM_INTERFACE && s->request == GET_REPORT)
		return get_report(r, answer);
	if (s->type == CLASS_TO_INTERFACE && s->request == SET_IDLE)
		return 0;
	if (s->type != CLASS_TO_INTERFACE || s->request != SET_REPORT)
		return STALL;
	if (relay_breaks(&r->board, "SET_REPORT"))
		return -EPROTO;
	take(r, sent, s->length);
	return 0;
}

/* What is asked of the endpoint in stays pending: these boards never report anything by themselves. */
void hid_relay_submit(struct device *d, struct urb *u)
{
	struct hid_relay *r = d->own;

	if (u->in || u->ep != r->model->ep_out)
		return;
	if (relay_breaks(&r->board, "OUT")) {
		link_reply(&d->link, u, -EPROTO, NULL, 0);
		return;
	}
	take(r, u->data, u->length);
	link_reply(&d->link, u, 0, NULL, u->length);
}

void hid_relay_power_lost(struct device *d)
{
	struct hid_relay *r = d->own;
	relay_power_lost(&r->board);
}

int hid_relay_set(struct device *d, const char *key, const char *value)
{
	struct hid_relay *r = d->own;
	return relay_set(&r->board, key, value);
}

int hid_relay_stats(const struct device *d, char *out, size_t size)
{
	const struct hid_relay *r = d->own;
	return relay_stats(&r->board, out, size);
}
