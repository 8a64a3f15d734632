#include "link.h"

#include "loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Message numbers and layout: drivers/usb/usbip/usbip_common.h. All fields are big endian, but for the setup bytes.
 */
enum { CMD_SUBMIT = 1, CMD_UNLINK = 2, RET_SUBMIT = 3, RET_UNLINK = 4 };
enum { AT_COMMAND = 0, AT_SEQ = 4, AT_DIRECTION = 12, AT_EP = 16, AT_BODY = 20, HEADER = 48 };
enum { AT_LENGTH = 24, AT_PACKETS = 32, AT_SETUP = 40 };
enum { AT_STATUS = 20, AT_ACTUAL = 24, AT_RET_PACKETS = 32 };

struct unlink {
	struct unlink *next;
	uint32_t seq, victim;
};

#define BIGGEST (4u << 20)

static uint32_t get32(const uint8_t *at)
{
	uint32_t v;
	memcpy(&v, at, sizeof(v));
	return ntohl(v);
}

static void put32(uint8_t *at, uint32_t v)
{
	v = htonl(v);
	memcpy(at, &v, sizeof(v));
}

static void send_all(struct link *l, const uint8_t *data, size_t n)
{
	while (n > 0 && l->fd >= 0) {
		ssize_t did = send(l->fd, data, n, MSG_NOSIGNAL);
		if (did < 0 && errno == EINTR)
			continue;
		if (did < 0)
			return; /* the reading side will see the end of the link */
		data += did;
		n -= (size_t)did;
	}
}

static void urb_free(struct urb *u)
{
	free(u->data);
	free(u->iso);
	free(u);
}

static void forget(struct link *l, struct urb *u)
{
	for (struct urb **p = &l->pending; *p; p = &(*p)->next) {
		if (*p == u) {
			*p = u->next;
			break;
		}
	}
	urb_free(u);
}

struct urb *link_first(struct link *l, uint8_t ep, bool in)
{
	for (struct urb *u = l->pending; u; u = u->next) {
		if (u->ep == ep && u->in == in)
			return u;
	}
	return NULL;
}

struct urb *link_held(struct link *l)
{
	struct urb *u = l->pending;
	while (u && !u->held)
		u = u->next;
	return u;
}

static void header_of(uint8_t *h, const struct urb *u, int status, size_t actual)
{
	memset(h, 0, HEADER);
	put32(h + AT_COMMAND, RET_SUBMIT);
	put32(h + AT_SEQ, u->seq);
	put32(h + AT_STATUS, (uint32_t)status);
	put32(h + AT_ACTUAL, (uint32_t)actual);
	put32(h + AT_RET_PACKETS, u->packets);
}

void link_reply(struct link *l, struct urb *u, int status, const uint8_t *data, size_t n)
{
	/* One message in one write: the kernel's reading thread then wakes once. */
	uint8_t message[HEADER + 8192];

	if (n > u->length)
		n = u->length;
	if (n > sizeof(message) - HEADER)
		n = sizeof(message) - HEADER;
	header_of(message, u, status, n);
	if (u->in && n)
		memcpy(message + HEADER, data, n);
	send_all(l, message, HEADER + (u->in ? n : 0));
	forget(l, u);
}

void link_reply_iso(struct link *l, struct urb *u, const uint8_t *data, size_t n)
{
	uint8_t header[HEADER];
	size_t size = HEADER + n + u->packets * 16u;
	uint8_t *message = malloc(size);

	if (!message)
		abort();
	header_of(header, u, 0, n);
	memcpy(message, header, HEADER);
	if (n)
		memcpy(message + HEADER, data, n);
	uint8_t *at = message + HEADER + n;
	for (uint32_t i = 0; i < u->packets; i++, at += 16) {
		put32(at, u->iso[i].offset);
		put32(at + 4, u->iso[i].length);
		put32(at + 8, u->iso[i].actual);
		put32(at + 12, u->iso[i].status);
	}
	send_all(l, message, size);
	free(message);
	forget(l, u);
}

/* status -ECONNRESET says "it was pending and is gone now", 0 "it had been answered already". */
static void answer_unlink(struct link *l, uint32_t seq, uint32_t victim)
{
	uint8_t reply[HEADER] = {0};
	struct urb *u = l->pending;

	while (u && u->seq != victim)
		u = u->next;
	put32(reply + AT_COMMAND, RET_UNLINK);
	put32(reply + AT_SEQ, seq);
	put32(reply + AT_STATUS, u ? (uint32_t)-ECONNRESET : 0);
	if (u) {
		uint8_t ep = u->ep;
		bool in = u->in;
		forget(l, u);
		send_all(l, reply, HEADER);
		l->unlinked(l->owner, ep, in);
	} else {
		send_all(l, reply, HEADER);
	}
}

static void take_unlink(struct link *l, const uint8_t *h)
{
	struct unlink **end = &l->unlinked_later;

	l->unlinks++;
	if (!l->hold_unlinks) {
		answer_unlink(l, get32(h + AT_SEQ), get32(h + AT_BODY));
		return;
	}
	while (*end)
		end = &(*end)->next;
	*end = calloc(1, sizeof(**end));
	if (!*end)
		abort();
	(*end)->seq = get32(h + AT_SEQ);
	(*end)->victim = get32(h + AT_BODY);
}

void link_hold_unlinks(struct link *l, bool hold)
{
	l->hold_unlinks = hold;
	while (!hold && l->unlinked_later) {
		struct unlink *k = l->unlinked_later;
		l->unlinked_later = k->next;
		answer_unlink(l, k->seq, k->victim);
		free(k);
	}
}

static size_t message_size(const uint8_t *h)
{
	size_t size = HEADER;
	if (get32(h + AT_COMMAND) == CMD_SUBMIT) {
		uint32_t packets = get32(h + AT_PACKETS);
		if (get32(h + AT_DIRECTION) == 0)
			size += get32(h + AT_LENGTH);
		if (packets != UINT32_MAX) /* newer kernels say -1 for "not isochronous" */
			size += packets * 16u;
	}
	return size;
}

static void take_submit(struct link *l, const uint8_t *h)
{
	struct urb *u = calloc(1, sizeof(*u));
	struct urb **end = &l->pending;
	const uint8_t *at = h + HEADER;

	if (!u)
		abort();
	u->seq = get32(h + AT_SEQ);
	u->ep = (uint8_t)get32(h + AT_EP);
	u->in = get32(h + AT_DIRECTION) != 0;
	u->length = get32(h + AT_LENGTH);
	u->packets = get32(h + AT_PACKETS);
	if (u->packets == UINT32_MAX)
		u->packets = 0;
	memcpy(u->setup, h + AT_SETUP, sizeof(u->setup));
	if (!u->in && u->length) {
		u->data = malloc(u->length);
		if (!u->data)
			abort();
		memcpy(u->data, at, u->length);
		at += u->length;
	}
	if (u->packets) {
		u->iso = calloc(u->packets, sizeof(*u->iso));
		if (!u->iso)
			abort();
		for (uint32_t i = 0; i < u->packets; i++, at += 16) {
			u->iso[i].offset = get32(at);
			u->iso[i].length = get32(at + 4);
		}
	}
	while (*end)
		end = &(*end)->next;
	*end = u;
	l->urbs++;
	l->submit(l->owner, u);
}

static void lose(struct link *l)
{
	link_close(l);
	l->lost(l->owner);
}

static void readable(void *arg)
{
	struct link *l = arg;

	if (l->room - l->used < 65536) {
		l->room += 131072;
		l->buffer = realloc(l->buffer, l->room);
		if (!l->buffer)
			abort();
	}
	ssize_t n = recv(l->fd, l->buffer + l->used, l->room - l->used, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		lose(l);
		return;
	}
	l->used += (size_t)n;

	size_t at = 0;
	while (l->fd >= 0 && l->used - at >= HEADER) {
		const uint8_t *h = l->buffer + at;
		size_t size = message_size(h);
		if (size > BIGGEST) {
			lose(l);
			return;
		}
		if (l->used - at < size)
			break;
		at += size;
		switch (get32(h + AT_COMMAND)) {
		case CMD_SUBMIT:
			take_submit(l, h);
			break;
		case CMD_UNLINK:
			take_unlink(l, h);
			break;
		default:
			lose(l);
			return;
		}
	}
	if (l->fd < 0)
		return;
	l->used -= at;
	memmove(l->buffer, l->buffer + at, l->used);
}

int link_open(struct link *l)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	l->fd = pair[0];
	l->used = 0;
	loop_watch(l->fd, POLLIN, readable, l);
	return pair[1];
}

void link_close(struct link *l)
{
	if (l->fd < 0)
		return;
	loop_unwatch(l->fd);
	shutdown(l->fd, SHUT_RDWR);
	close(l->fd);
	l->fd = -1;
	while (l->pending)
		forget(l, l->pending);
	while (l->unlinked_later) {
		struct unlink *k = l->unlinked_later;
		l->unlinked_later = k->next;
		free(k);
	}
}
