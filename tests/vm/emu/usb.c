#include "device.h"

#include "faults.h"
#include "log.h"

#include <errno.h>
#include <string.h>

/* Request and descriptor numbers: USB 2.0 specification, tables 9-3 to 9-6. */
enum {
	GET_STATUS,
	CLEAR_FEATURE,
	SET_FEATURE = 3,
	SET_ADDRESS = 5,
	GET_DESCRIPTOR = 6,
	GET_CONFIGURATION = 8,
	SET_CONFIGURATION = 9,
	GET_INTERFACE = 10,
	SET_INTERFACE = 11
};
enum { DT_DEVICE = 1, DT_CONFIG = 2, DT_STRING = 3, DT_QUALIFIER = 6 };
enum { TYPE_MASK = 0x60, STANDARD = 0, TO_DEVICE = 0, TO_INTERFACE = 1, TO_ENDPOINT = 2, RECIPIENT_MASK = 0x1f };
enum { DEVICE_TO_HOST = 0x80 };

#define STALL       (-EPIPE)
#define ANSWER_ROOM 4096

/* The kernel asks for so much, and for no other reason, right after a bus reset (GET_DESCRIPTOR_BUFSIZE in hub.c). */
#define AFTER_RESET_LENGTH 64

static size_t put16(uint8_t *at, unsigned v)
{
	at[0] = (uint8_t)v;
	at[1] = (uint8_t)(v >> 8);
	return 2;
}

/* One UTF-8 sequence; a byte that starts none stands for itself, so that any argument makes a string. */
static size_t decode(const unsigned char *s, uint32_t *out)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = *s < 0x80 ? 1 : *s >= 0xf0 && *s < 0xf5 ? 4 : *s >= 0xe0 ? 3 : *s >= 0xc2 ? 2 : 0;
	uint32_t c = n == 1 ? *s : n == 4 ? *s & 7u : n == 3 ? *s & 15u : *s & 31u;

	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			n = 0;
			break;
		}
		c = c << 6 | (s[i] & 0x3fu);
	}
	if (n == 0 || *s >= 0xf5 || (n > 1 && c < least[n]) || c > 0x10ffff) {
		*out = *s;
		return 1;
	}
	*out = c;
	return n;
}

size_t usb_string(const char *text, uint8_t *out)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = 2;

	while (*s && n + 4 <= 254) {
		uint32_t c;
		s += decode(s, &c);
		if (c >= 0x10000) {
			n += put16(out + n, 0xd800 + ((c - 0x10000) >> 10));
			c = 0xdc00 + ((c - 0x10000) & 0x3ff);
		}
		n += put16(out + n, c);
	}
	out[0] = (uint8_t)n;
	out[1] = DT_STRING;
	return n;
}

static int string_descriptor(const struct device *d, unsigned index, uint8_t *out)
{
	static const uint8_t languages[] = {4, DT_STRING, 0x09, 0x04};
	const char *text = index == 1 ? d->manufacturer : index == 2 ? d->product : index == 3 ? d->serial : "";

	if (index == 0) {
		memcpy(out, languages, sizeof(languages));
		return sizeof(languages);
	}
	return *text ? (int)usb_string(text, out) : STALL;
}

static uint8_t max_packet0(const struct device *d)
{
	return d->speed == SPEED_HIGH ? 64 : d->kind->max_packet0;
}

static int device_descriptor(const struct device *d, uint8_t *out)
{
	uint8_t *p = out;
	*p++ = 18;
	*p++ = DT_DEVICE;
	p += put16(p, d->speed == SPEED_HIGH ? 0x0200 : d->kind->usb);
	memcpy(p, d->kind->class, 3);
	p += 3;
	*p++ = max_packet0(d);
	p += put16(p, d->vid);
	p += put16(p, d->pid);
	p += put16(p, d->bcd);
	*p++ = *d->manufacturer ? 1 : 0;
	*p++ = *d->product ? 2 : 0;
	*p++ = *d->serial ? 3 : 0;
	*p++ = 1;
	return 18;
}

static int qualifier(const struct device *d, uint8_t *out)
{
	if (d->speed != SPEED_HIGH)
		return STALL;
	out[0] = 10;
	out[1] = DT_QUALIFIER;
	put16(out + 2, 0x0200);
	memcpy(out + 4, d->kind->class, 3);
	out[7] = 64;
	out[8] = 1;
	out[9] = 0;
	return 10;
}

/*
 * Tells resets from what follows them. The kernel reads the device descriptor several times for one reset when an
 * answer does not please it, and a logical disconnect is followed by a second bus reset to enumerate: all of that is
 * one reset, until the device is configured again (or, if it was not configured before, read in full).
 */
static void after_reset(struct device *d)
{
	if (!d->known || d->in_reset)
		return;
	d->in_reset = true;
	d->was_configured = d->configuration != 0;
	d->configuration = 0;
	d->resets++;
	log_event(d->name, "reset", NULL);
	if (d->kind->quiet)
		d->kind->quiet(d);
	memset(d->alternate, 0, sizeof(d->alternate));
	d->halted = 0;

	if (d->drop_at_reset >= 0) {
		long back = d->drop_at_reset;
		d->drop_at_reset = -1;
		device_leave(d, "dropped", back > 0 ? back : -1);
		return;
	}
	if (d->fail_resets > 0) {
		d->fail_resets--;
		d->failing = true;
		timer_set(&d->step, now_ns() + MS(10));
		return;
	}
	fault_reset(d);
	d->stalls_left = d->stall_descriptors;
	d->stall_descriptors = 0;
	if (d->change_descriptors || d->reenumerate) {
		d->bcd++;
		d->change_descriptors = false;
	}
}

static int get_descriptor(struct device *d, const struct setup *s, uint8_t *out)
{
	unsigned type = s->value >> 8, index = s->value & 0xff;

	switch (type) {
	case DT_DEVICE:
		if (d->failing)
			return STALL;
		if (d->stalls_left > 0) {
			d->stalls_left--;
			return STALL;
		}
		return device_descriptor(d, out);
	case DT_CONFIG: {
		int n = (int)d->kind->config(d, out, ANSWER_ROOM);
		d->known = true;
		if (s->length >= n && !d->was_configured)
			d->in_reset = false;
		return index == 0 ? n : STALL;
	}
	case DT_STRING:
		return string_descriptor(d, index, out);
	case DT_QUALIFIER:
		return qualifier(d, out);
	default:
		if ((s->type & RECIPIENT_MASK) == TO_INTERFACE && d->kind->descriptor)
			return d->kind->descriptor(d, (uint8_t)type, out);
		return STALL;
	}
}

static uint32_t endpoint_bit(unsigned address)
{
	return 1u << ((address & 15u) + (address & 0x80u ? 16u : 0u));
}

static int get_status(const struct device *d, const struct setup *s, uint8_t *out)
{
	unsigned status = 0;
	if ((s->type & RECIPIENT_MASK) == TO_ENDPOINT && d->halted & endpoint_bit(s->index))
		status = 1;
	return (int)put16(out, status);
}

static int feature(struct device *d, const struct setup *s)
{
	bool endpoint = (s->type & RECIPIENT_MASK) == TO_ENDPOINT;
	if (!endpoint)
		return s->value <= 2 ? 0 : STALL;
	if (s->value != 0) /* ENDPOINT_HALT is the only one that an endpoint has */
		return STALL;
	if (s->request == SET_FEATURE)
		d->halted |= endpoint_bit(s->index);
	else
		d->halted &= ~endpoint_bit(s->index);
	return 0;
}

static int set_configuration(struct device *d, unsigned value)
{
	if (value > 1)
		return STALL;
	d->configuration = (uint8_t)value;
	fault_configuration(d, value);
	d->halted = 0;
	memset(d->alternate, 0, sizeof(d->alternate));
	if (value == 0)
		return 0;
	d->in_reset = false;
	d->failing = false;
	if (!d->enumerated) {
		d->enumerated = true;
		log_event(d->name, "enumerated", NULL);
	}
	log_event(d->name, "configured", NULL);
	return 0;
}

static int standard(struct device *d, const struct setup *s, uint8_t *out)
{
	switch (s->request) {
	case GET_STATUS:
		return get_status(d, s, out);
	case CLEAR_FEATURE:
	case SET_FEATURE:
		return feature(d, s);
	case SET_ADDRESS: /* vhci keeps it to itself */
		return 0;
	case GET_DESCRIPTOR:
		return get_descriptor(d, s, out);
	case GET_CONFIGURATION:
		out[0] = d->configuration;
		return 1;
	case SET_CONFIGURATION:
		return set_configuration(d, s->value);
	case GET_INTERFACE:
		if (s->index >= sizeof(d->alternate))
			return STALL;
		out[0] = d->alternate[s->index];
		return 1;
	case SET_INTERFACE:
		if (s->index >= sizeof(d->alternate))
			return STALL;
		d->alternate[s->index] = (uint8_t)s->value;
		if (d->kind->alternate)
			d->kind->alternate(d, (uint8_t)s->index, (uint8_t)s->value);
		return 0;
	default:
		return STALL;
	}
}

static int regular(struct device *d, const struct setup *s, const uint8_t *sent, uint8_t *answer)
{
	if ((s->type & TYPE_MASK) == STANDARD)
		return standard(d, s, answer);
	if (d->ep0_stall || !d->kind->control)
		return STALL;
	return d->kind->control(d, s, sent, answer, ANSWER_ROOM);
}

static void control(struct device *d, struct urb *u)
{
	uint8_t answer[ANSWER_ROOM];
	const struct setup s = {
		.type = u->setup[0],
		.request = u->setup[1],
		.value = (uint16_t)(u->setup[2] | u->setup[3] << 8),
		.index = (uint16_t)(u->setup[4] | u->setup[5] << 8),
		.length = (uint16_t)(u->setup[6] | u->setup[7] << 8),
	};
	int n;

	memset(answer, 0, 64);
	/* A reset is no request: whatever a fault makes of the one that tells of it, the device felt it. */
	if (s.type == DEVICE_TO_HOST && s.request == GET_DESCRIPTOR && s.value == DT_DEVICE << 8 &&
		s.length == AFTER_RESET_LENGTH) {
		d->ep0_silent = false;
		after_reset(d);
	}
	n = d->life == LEAVING ? -EPROTO : d->ep0_silent ? CONTROL_PENDING : fault_control(d, &s);
	u->held = n == CONTROL_PENDING;
	if (n == 0)
		n = regular(d, &s, u->data, answer);
	if (n == CONTROL_PENDING)
		return;
	if (n < 0)
		link_reply(&d->link, u, n, NULL, 0);
	else
		link_reply(&d->link, u, 0, answer, u->in ? (size_t)n : u->length);
}

void usb_submit(void *device, struct urb *u)
{
	struct device *d = device;

	if (u->ep == 0 && d->life == LEAVING) {
		device_still_busy(d);
		link_reply(&d->link, u, -EPROTO, NULL, 0);
	} else if (u->ep == 0) {
		control(d, u);
	} else if (d->halted & endpoint_bit(u->ep | (u->in ? 0x80u : 0u))) {
		link_reply(&d->link, u, STALL, NULL, 0);
	} else if (d->kind->submit) {
		d->kind->submit(d, u);
	}
}
