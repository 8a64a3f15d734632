/*
 * An HDMI capture dongle in the manner of the MS2109: USB Video Class 1.0 (descriptors and requests: "USB Device
 * Class Definition for Video Devices" 1.0, chapters 3 and 4), one MJPEG format, isochronous. It has no audio.
 */
#include "jpeg.h"
#include "kinds.h"
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SET_CUR = 0x01, GET_CUR = 0x81, GET_MIN, GET_MAX, GET_RES, GET_LEN, GET_INFO, GET_DEF };
enum { VC = 0, VS = 1 }; /* interfaces */
enum { TERMINAL_IN = 1, PROCESSING = 2, TERMINAL_OUT = 3 };
enum { PROBE = 1, COMMIT = 2, PROBE_SIZE = 26 };
enum { EP_VIDEO = 1, EP_STATUS = 3 };
enum { PACKET = 1024, PAYLOAD_HEADER = 2 };
enum { CONTROLS = 4 }; /* brightness, contrast, hue, saturation: selectors 2, 3, 6, 7 */

#define FASTEST 333333u /* 100 ns units */
#define SLOWEST 1000000u

static const uint16_t sizes[][2] = {{1920, 1080}, {1280, 720}, {640, 480}};
#define FRAMES (sizeof(sizes) / sizeof(sizes[0]))

struct dongle {
	struct device *device;
	uint8_t probe[PROBE_SIZE], commit[PROBE_SIZE];
	int16_t values[CONTROLS];
	bool streaming;
	uint8_t *picture;
	size_t picture_size, at;
	bool toggle;
	int64_t next_frame, next_urb;
	struct timer timer;
	unsigned long pictures;
};

static size_t put16(uint8_t *at, unsigned v)
{
	at[0] = (uint8_t)v;
	at[1] = (uint8_t)(v >> 8);
	return 2;
}

static size_t put32(uint8_t *at, uint32_t v)
{
	put16(at, v & 0xffff);
	put16(at + 2, v >> 16);
	return 4;
}

static uint32_t get32(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint32_t picture_limit(unsigned frame)
{
	return sizes[frame][0] * sizes[frame][1] * 2u;
}

static size_t frame_descriptor(uint8_t *out, unsigned index)
{
	uint8_t *p = out;
	*p++ = 34;
	*p++ = 0x24;
	*p++ = 7; /* VS_FRAME_MJPEG */
	*p++ = (uint8_t)(index + 1);
	*p++ = 0;
	p += put16(p, sizes[index][0]);
	p += put16(p, sizes[index][1]);
	p += put32(p, 8000000);
	p += put32(p, 80000000);
	p += put32(p, picture_limit(index));
	p += put32(p, FASTEST);
	*p++ = 2;
	p += put32(p, FASTEST);
	p += put32(p, SLOWEST);
	return (size_t)(p - out);
}

static size_t config(const struct device *d, uint8_t *out, size_t room)
{
	static const uint8_t control_part[] = {
		8,
		11,
		VC,
		2,
		14,
		3,
		0,
		0, /* video function: two interfaces */
		9,
		4,
		VC,
		0,
		1,
		14,
		1,
		0,
		0,
		13,
		0x24,
		1,
		0x00,
		0x01,
		52,
		0,
		0x00,
		0x6c,
		0xdc,
		0x02,
		1,
		VS, /* 48 MHz */
		18,
		0x24,
		2,
		TERMINAL_IN,
		0x01,
		0x02,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		3,
		0,
		0,
		0, /* "camera" */
		12,
		0x24,
		5,
		PROCESSING,
		TERMINAL_IN,
		0,
		0,
		2,
		0x0f,
		0,
		0,
		0,
		9,
		0x24,
		3,
		TERMINAL_OUT,
		0x01,
		0x01,
		0,
		PROCESSING,
		0,
		7,
		5,
		0x80 | EP_STATUS,
		3,
		16,
		0,
		8,
		5,
		0x25,
		3,
		16,
		0,
		9,
		4,
		VS,
		0,
		0,
		14,
		2,
		0,
		0,
	};
	static const uint8_t colours[] = {6, 0x24, 13, 1, 1, 4};
	static const uint8_t stream_part[] = {
		9, 4, VS, 1, 1, 14, 2, 0, 0, 7, 5, 0x80 | EP_VIDEO, 5, 0x00, 0x04,
		4, /* asynchronous isochronous, 1024 bytes each millisecond */
	};
	const size_t head = 14 + 11, formats = head + FRAMES * 34 + sizeof(colours);
	uint8_t *p = out + 9;

	if (room < 512)
		return 0;
	memcpy(p, control_part, sizeof(control_part));
	p += sizeof(control_part);
	const uint8_t header[] = {14, 0x24, 1, 1, (uint8_t)formats, (uint8_t)(formats >> 8), 0x80 | EP_VIDEO, 0,
		TERMINAL_OUT, 0, 0, 0, 1, 0};
	memcpy(p, header, sizeof(header));
	p += sizeof(header);
	const uint8_t mjpeg[] = {11, 0x24, 6, 1, FRAMES, 0, 1, 0, 0, 0, 0};
	memcpy(p, mjpeg, sizeof(mjpeg));
	p += sizeof(mjpeg);
	for (unsigned i = 0; i < FRAMES; i++)
		p += frame_descriptor(p, i);
	memcpy(p, colours, sizeof(colours));
	p += sizeof(colours);
	memcpy(p, stream_part, sizeof(stream_part));
	p += sizeof(stream_part);
	if (d->speed != SPEED_HIGH) /* 1023 bytes and one frame are the most at full speed */
		put16(p - 3, 1023), p[-1] = 1;
	const uint8_t top[] = {9, 2, (uint8_t)(p - out), (uint8_t)((p - out) >> 8), 2, 1, 0, 0x80, 250};
	memcpy(out, top, sizeof(top));
	return (size_t)(p - out);
}

/* The device's part of the negotiation: what it cannot do is set right, as the class wants it. */
static void settle(uint8_t *probe)
{
	uint32_t interval = get32(probe + 4);
	unsigned frame = probe[3];

	if (frame < 1 || frame > FRAMES)
		frame = 1;
	interval = interval == 0 || interval < (FASTEST + SLOWEST) / 2 ? FASTEST : SLOWEST;
	probe[2] = 1;
	probe[3] = (uint8_t)frame;
	put32(probe + 4, interval);
	put32(probe + 18, picture_limit(frame - 1));
	put32(probe + 22, PACKET);
}

static int streaming_request(struct dongle *g, const struct setup *s, const uint8_t *sent, uint8_t *answer)
{
	unsigned selector = s->value >> 8;
	uint8_t *state = selector == PROBE ? g->probe : g->commit;

	if (selector != PROBE && selector != COMMIT)
		return -EPIPE;
	switch (s->request) {
	case SET_CUR:
		if (s->length > PROBE_SIZE || !sent)
			return -EPIPE;
		memcpy(state, sent, s->length);
		settle(state);
		log_event(g->device->name, selector == PROBE ? "probe" : "commit", NULL);
		return 0;
	case GET_LEN:
		return (int)put16(answer, PROBE_SIZE);
	case GET_INFO:
		answer[0] = 3;
		return 1;
	case GET_CUR:
	case GET_MIN:
	case GET_MAX:
	case GET_DEF:
		memset(answer, 0, PROBE_SIZE);
		if (s->request == GET_CUR)
			memcpy(answer, state, PROBE_SIZE);
		put32(answer + 4, s->request == GET_MAX   ? SLOWEST
				  : s->request == GET_CUR ? get32(state + 4)
							  : FASTEST);
		settle(answer);
		return PROBE_SIZE;
	default:
		return -EPIPE;
	}
}

static int processing_request(struct dongle *g, const struct setup *s, const uint8_t *sent, uint8_t *answer)
{
	static const uint8_t selectors[CONTROLS] = {2, 3, 6, 7};
	static const int16_t from[CONTROLS] = {-128, 0, -128, 0}, to[CONTROLS] = {127, 255, 127, 255};
	size_t i = 0;

	while (i < CONTROLS && selectors[i] != s->value >> 8)
		i++;
	if (i == CONTROLS)
		return -EPIPE;
	switch (s->request) {
	case SET_CUR:
		if (s->length != 2 || !sent)
			return -EPIPE;
		g->values[i] = (int16_t)(sent[0] | sent[1] << 8);
		return 0;
	case GET_CUR:
		return (int)put16(answer, (uint16_t)g->values[i]);
	case GET_MIN:
		return (int)put16(answer, (uint16_t)from[i]);
	case GET_MAX:
		return (int)put16(answer, (uint16_t)to[i]);
	case GET_RES:
		return (int)put16(answer, 1);
	case GET_DEF:
		return (int)put16(answer, (uint16_t)((from[i] + to[i] + 1) / 2));
	case GET_LEN:
		return (int)put16(answer, 2);
	case GET_INFO:
		answer[0] = 3;
		return 1;
	default:
		return -EPIPE;
	}
}

static int control(struct device *d, const struct setup *s, const uint8_t *sent, uint8_t *answer, size_t room)
{
	(void)room;
	if ((s->type & 0x7f) != 0x21) /* class, to an interface */
		return -EPIPE;
	if ((s->index & 0xff) == VS)
		return streaming_request(d->own, s, sent, answer);
	if ((s->index & 0xff) == VC && s->index >> 8 == PROCESSING)
		return processing_request(d->own, s, sent, answer);
	return -EPIPE;
}

/* One packet's worth of the picture that is being sent; between pictures a packet is empty. */
static size_t payload(struct dongle *g, uint8_t *out, size_t room, int64_t when)
{
	if (!g->picture) {
		if (when < g->next_frame)
			return 0;
		unsigned frame = g->commit[3] - 1u;
		g->picture = jpeg_grey(sizes[frame][0], sizes[frame][1], (unsigned)g->pictures, &g->picture_size);
		g->at = 0;
		g->next_frame += (int64_t)get32(g->commit + 4) * 100;
		if (g->next_frame < when) /* late: the pictures missed are missed */
			g->next_frame = when;
	}
	size_t n = g->picture_size - g->at;
	if (n > room - PAYLOAD_HEADER)
		n = room - PAYLOAD_HEADER;
	memcpy(out + PAYLOAD_HEADER, g->picture + g->at, n);
	g->at += n;
	bool last = g->at == g->picture_size;
	out[0] = PAYLOAD_HEADER;
	out[1] = (uint8_t)(0x80 | (last ? 2 : 0) | (g->toggle ? 1 : 0)); /* end of header, end of frame, frame id */
	if (last) {
		free(g->picture);
		g->picture = NULL;
		g->toggle = !g->toggle;
		g->pictures++;
	}
	return n + PAYLOAD_HEADER;
}

static void stream(void *arg)
{
	struct dongle *g = arg;
	struct urb *u = link_first(&g->device->link, EP_VIDEO, true);
	uint8_t data[64 * PACKET];
	size_t used = 0;

	if (!u || !g->streaming)
		return;
	for (uint32_t i = 0; i < u->packets; i++) {
		size_t room = u->iso[i].length < PACKET ? u->iso[i].length : PACKET;
		if (used + room > sizeof(data) || room <= PAYLOAD_HEADER)
			continue;
		u->iso[i].actual = (uint32_t)payload(g, data + used, room, u->due);
		used += u->iso[i].actual;
	}
	g->next_urb = u->due;
	link_reply_iso(&g->device->link, u, data, used);
	u = link_first(&g->device->link, EP_VIDEO, true);
	if (u)
		timer_set(&g->timer, u->due);
}

static void submit(struct device *d, struct urb *u)
{
	struct dongle *g = d->own;
	int64_t now = now_ns();

	if (u->ep != EP_VIDEO || !u->in)
		return; /* the status endpoint has nothing to say */
	/* An URB takes as many milliseconds as it has packets; the next one follows it. */
	int64_t start = now;
	for (struct urb *o = link_first(&d->link, EP_VIDEO, true); o; o = o->next) {
		if (o != u && o->ep == EP_VIDEO && o->due > start)
			start = o->due;
	}
	if (start == now && g->next_urb > now - MS(50))
		start = g->next_urb; /* submitted a little late, as it happens in a virtual machine */
	u->due = start + MS(u->packets);
	if (link_first(&d->link, EP_VIDEO, true) == u)
		timer_set(&g->timer, u->due);
}

static void stop(struct dongle *g)
{
	if (g->streaming)
		log_event(g->device->name, "stream", "off");
	g->streaming = false;
	timer_stop(&g->timer);
	free(g->picture);
	g->picture = NULL;
}

static void alternate(struct device *d, uint8_t interface, uint8_t setting)
{
	struct dongle *g = d->own;
	if (interface != VS)
		return;
	stop(g);
	if (setting == 0)
		return;
	settle(g->commit);
	g->streaming = true;
	g->next_frame = g->next_urb = now_ns();
	log_event(d->name, "stream", "%ux%u", sizes[g->commit[3] - 1][0], sizes[g->commit[3] - 1][1]);
}

static void unlinked(struct device *d, uint8_t ep, bool in)
{
	struct dongle *g = d->own;
	struct urb *u = link_first(&d->link, EP_VIDEO, true);
	if (ep == EP_VIDEO && in && u)
		timer_set(&g->timer, u->due);
}

static void quiet(struct device *d)
{
	stop(d->own);
}

static int stats(const struct device *d, char *out, size_t size)
{
	const struct dongle *g = d->own;
	return snprintf(out, size, " streaming=%d pictures=%lu", g->streaming, g->pictures);
}

static void create(struct device *d)
{
	struct dongle *g = calloc(1, sizeof(*g));
	if (!g)
		abort();
	g->device = d;
	g->values[1] = g->values[3] = 128;
	settle(g->probe);
	settle(g->commit);
	g->timer = (struct timer){.fire = stream, .arg = g};
	d->own = g;
}

const struct kind capture_kind = {
	.name = "capture",
	.vid = 0x534d,
	.pid = 0x2109,
	.bcd = 0x2100,
	.usb = 0x0200,
	.product = "USB Video",
	.manufacturer = "MACROSILICON",
	.class = {0xef, 2, 1},
	.max_packet0 = 64,
	.speed = SPEED_HIGH,
	.create = create,
	.config = config,
	.control = control,
	.submit = submit,
	.unlinked = unlinked,
	.alternate = alternate,
	.quiet = quiet,
	.stats = stats,
};
