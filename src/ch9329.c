/* SPDX-License-Identifier: MIT */
#include "ch9329.h"

#include <errno.h>
#include <string.h>

#include "serial.h"
#include "wait.h"

static uint8_t sum(const uint8_t *p, size_t n)
{
	uint8_t s = 0;

	while (n--)
		s = (uint8_t)(s + *p++);
	return s;
}

size_t ch9329_frame(uint8_t frame[CH9329_FRAME_MAX], uint8_t cmd, const void *data, size_t len)
{
	if (len > CH9329_DATA_MAX)
		return 0;
	frame[0] = 0x57;
	frame[1] = 0xab;
	frame[2] = 0x00; /* address 00 is answered by every chip; FF would be a broadcast, answered by none */
	frame[3] = cmd;
	frame[4] = (uint8_t)len;
	if (len)
		memcpy(frame + 5, data, len);
	frame[5 + len] = sum(frame, 5 + len);
	return 6 + len;
}

/* Whether what is in the buffer can still become a frame. */
static bool plausible(const struct ch9329_parser *p)
{
	return (p->n < 1 || p->buf[0] == 0x57) && (p->n < 2 || p->buf[1] == 0xab) &&
	       (p->n < 4 || p->buf[3] & 0x80) && /* a request, our own perhaps, echoed by the line */
	       (p->n < 5 || p->buf[4] <= CH9329_DATA_MAX) &&
	       (p->n < 6 || p->n < 6u + p->buf[4] || sum(p->buf, 5u + p->buf[4]) == p->buf[5u + p->buf[4]]);
}

bool ch9329_feed(struct ch9329_parser *p, uint8_t byte, struct ch9329_answer *a)
{
	p->buf[p->n++] = byte;
	while (!plausible(p)) {
		uint8_t *next = memchr(p->buf + 1, 0x57, p->n - 1);
		p->n = next ? p->n - (size_t)(next - p->buf) : 0;
		if (next)
			memmove(p->buf, next, p->n);
	}
	if (p->n < 6 || p->n < 6u + p->buf[4])
		return false;
	a->error = (p->buf[3] & 0x40) != 0;
	a->cmd = p->buf[3] & 0x3f;
	a->len = p->buf[4];
	a->data[0] = a->error ? CH9329_FAILED : CH9329_OK; /* should it have no status byte */
	memcpy(a->data, p->buf + 5, a->len);
	p->n -= 6u + a->len; /* after a resynchronisation, the next one may have begun */
	memmove(p->buf, p->buf + 6 + a->len, p->n);
	return true;
}

bool ch9329_gap(struct ch9329_parser *p, struct ch9329_answer *a)
{
	struct ch9329_parser rest = *p;

	p->n = 0;
	for (size_t skip = 0; skip < rest.n; skip++) {
		for (size_t i = skip; i < rest.n; i++) {
			if (!ch9329_feed(p, rest.buf[i], a))
				continue;
			memcpy(p->buf + p->n, rest.buf + i + 1, rest.n - i - 1);
			p->n += rest.n - i - 1;
			return true;
		}
		p->n = 0;
	}
	return false;
}

const char *ch9329_status_text(uint8_t status)
{
	switch (status) {
	case CH9329_OK:
		return "done";
	case CH9329_TIMEOUT:
		return "a byte of the frame came too late (E1)";
	case CH9329_HEADER:
		return "the frame's header was wrong (E2)";
	case CH9329_COMMAND:
		return "the command is not known to the chip (E3)";
	case CH9329_SUM:
		return "the frame's checksum was wrong (E4)";
	case CH9329_PARAMETER:
		return "a parameter was wrong (E5)";
	case CH9329_FAILED:
		return "the chip could not carry it out (E6)";
	default:
		return "a status that the protocol does not list";
	}
}

/* Milliseconds that n bytes need on the wire, ten bits each. */
static unsigned wire_ms(unsigned baud, size_t n)
{
	return (unsigned)(n * 10000 / baud + 1);
}

int ch9329_request(int fd, unsigned baud, uint8_t cmd, unsigned wait_ms, struct ch9329_answer *a)
{
	uint8_t frame[CH9329_FRAME_MAX], in[CH9329_FRAME_MAX];
	struct ch9329_parser parser = {.n = 0};
	size_t len = ch9329_frame(frame, cmd, NULL, 0);
	bool heard = false;
	uint64_t now = clock_ms(), deadline = now + wire_ms(baud, len) + wait_ms;
	int r = serial_write(fd, frame, len, now + CH9329_ANSWER_MS);

	if (r)
		return r;
	for (;;) {
		ssize_t n = serial_read(fd, in, sizeof(in), deadline);
		if (n < 0)
			return (int)n;
		/* The first byte may be that of the answer: then the rest of it is worth waiting for. */
		if (n && !heard && clock_ms() + wire_ms(baud, 2 * CH9329_FRAME_MAX) > deadline)
			deadline = clock_ms() + wire_ms(baud, 2 * CH9329_FRAME_MAX);
		heard |= n > 0;
		bool found = false;
		while (n == 0 && !found && ch9329_gap(&parser, a))
			found = a->cmd == cmd;
		for (ssize_t i = 0; i < n && !found; i++)
			found = ch9329_feed(&parser, in[i], a) && a->cmd == cmd;
		if (found)
			return a->error ? -EBADE : 0;
		if (n == 0)
			return heard ? -EBADMSG : -ETIMEDOUT;
	}
}

/* A chip that met the end of another reader's frame complains of a bad sum: the next one will be whole. */
static int request_again(int fd, unsigned baud, uint8_t cmd, unsigned wait_ms, struct ch9329_answer *a)
{
	int r = ch9329_request(fd, baud, cmd, wait_ms, a);

	if (r == -EBADE && a->data[0] == CH9329_SUM)
		r = ch9329_request(fd, baud, cmd, wait_ms, a);
	return r;
}

int ch9329_get_info(int fd, unsigned baud, unsigned wait_ms, struct ch9329_info *info, uint8_t *status)
{
	struct ch9329_answer a = {0};
	int r = request_again(fd, baud, CH9329_GET_INFO, wait_ms, &a);

	*status = r == -EBADE ? a.data[0] : CH9329_OK;
	if (r)
		return r;
	if (a.len < 3)
		return -EBADMSG;
	*info = (struct ch9329_info){.version = a.data[0],
		.target = a.data[1] != 0,
		.num_lock = (a.data[2] & 1) != 0,
		.caps_lock = (a.data[2] & 2) != 0,
		.scroll_lock = (a.data[2] & 4) != 0};
	return 0;
}

int ch9329_reset(int fd, unsigned baud, unsigned wait_ms, uint8_t *status)
{
	struct ch9329_answer a = {0};
	int r = request_again(fd, baud, CH9329_RESET, wait_ms, &a);

	*status = r == -EBADE || (!r && a.len) ? a.data[0] : CH9329_OK;
	return !r && *status != CH9329_OK ? -EBADE : r;
}
