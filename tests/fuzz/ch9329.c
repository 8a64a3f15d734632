/* SPDX-License-Identifier: MIT */
/*
 * What comes from a CH9329's tty: an answer is one only if it stands in the stream, and one that does is found;
 * nothing waits longer than it may.
 *
 * The input: which request, how long it waits, and a line's events.
 */
#include "line.h"

#include "ch9329.h"

struct answers {
	struct ch9329_answer a[2048];
	size_t n;
};

static uint8_t sum_of(const uint8_t *p, size_t n)
{
	unsigned sum = 0;

	while (n--)
		sum += *p++;
	return (uint8_t)sum;
}

/* The answer that begins at p, n bytes before the end; its length, or 0. */
static size_t frame_at(const uint8_t *p, size_t n)
{
	if (n < 6 || p[0] != 0x57 || p[1] != 0xab || !(p[3] & 0x80) || p[4] > CH9329_DATA_MAX || n < 6u + p[4] ||
		sum_of(p, 5u + p[4]) != p[5u + p[4]])
		return 0;
	return 6u + p[4];
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

/* Every other input has right sums, which chance would hardly find. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	size = LLVMFuzzerMutate(data, size, max);
	for (size_t i = 0; seed & 1 && i + 6 <= size; i++)
		if (data[i] == 0x57 && data[i + 1] == 0xab && i + 6 + data[i + 4] <= size)
			data[i + 5 + data[i + 4]] = sum_of(data + i, 5u + data[i + 4]);
	return size;
}

/* All answers of a stream that has ended, by the definition: from left to right, none overlapping. */
static void define(const uint8_t *p, size_t n, struct answers *out)
{
	size_t len;

	for (out->n = 0; n && out->n < COUNT(out->a); p += len ? len : 1, n -= len ? len : 1) {
		struct ch9329_answer *a = &out->a[out->n];
		len = frame_at(p, n);
		if (!len)
			continue;
		*a = (struct ch9329_answer){.cmd = p[3] & 0x3f, .error = p[3] & 0x40, .len = p[4]};
		memcpy(a->data, p + 5, a->len);
		out->n++;
	}
}

static bool same(const struct ch9329_answer *a, const struct ch9329_answer *b)
{
	return a->cmd == b->cmd && a->error == b->error && a->len == b->len && !memcmp(a->data, b->data, a->len);
}

/* The parser gives the same answers, in the same order. */
static void parses(const uint8_t *p, size_t n, const struct answers *want)
{
	struct ch9329_parser *parser =
		calloc(1, sizeof(*parser)); /* on the heap, where what is behind it is guarded */
	struct ch9329_answer a;
	size_t found = 0;

	MUST(parser);
	for (size_t i = 0; i < n; i++) {
		if (ch9329_feed(parser, p[i], &a)) {
			MUST(found < want->n && same(&a, &want->a[found]));
			found++;
		}
		MUST(parser->n < CH9329_FRAME_MAX);
	}
	while (ch9329_gap(parser, &a)) {
		MUST(found < want->n && same(&a, &want->a[found]));
		found++;
	}
	MUST(found == want->n);
	MUST(parser->n == 0);
	free(parser);
}

static int ask(unsigned which, unsigned baud, unsigned wait, uint8_t *cmd, struct ch9329_answer *a)
{
	struct ch9329_info info;
	uint8_t status;
	int e;

	if (which == 0) {
		*cmd = CH9329_GET_INFO;
		e = ch9329_get_info(line.ours, baud, wait, &info, &status);
		MUST((e == -EBADE) >= (status != CH9329_OK));
	} else if (which == 1) {
		*cmd = CH9329_RESET;
		e = ch9329_reset(line.ours, baud, wait, &status);
		MUST(e || status == CH9329_OK);
	} else {
		e = ch9329_request(line.ours, baud, *cmd, wait, a);
	}
	MUST(*ch9329_status_text(e == -EBADE && which < 2 ? status : CH9329_OK));
	return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned rate[] = {115200, 9600, 1200, 57600};
	static struct answers all;
	struct ch9329_answer a = {0};

	if (size < 2)
		return -1;
	unsigned which = data[0] % 4, baud = rate[data[0] / 4 % COUNT(rate)], wait = data[1] * 8;
	uint8_t cmd = data[0] >> 4;

	define(data + 2, size - 2, &all);
	parses(data + 2, size - 2, &all);
	line_open(data + 2, size - 2);
	uint64_t begun = line.now;
	int e = ask(which, baud, wait, &cmd, &a);
	/* Two tries; each its own frame, the wait and the longest answers on the wire. */
	MUST(line.now - begun <= 2 * (wait + CH9329_ANSWER_MS + 20000u * 3 * CH9329_FRAME_MAX / baud + 10));
	MUST(e == 0 || e == -EBADE || e == -ETIMEDOUT || e == -EBADMSG || e == -ENODEV || e == -EINTR);
	define(line.heard, line.n_heard, &all);
	parses(line.heard, line.n_heard, &all);
	size_t mine = 0, nth = SIZE_MAX;
	for (size_t i = 0; i < all.n; i++)
		if (all.a[i].cmd == cmd && mine++ == 0)
			nth = i;
	if (which >= 2 && (e == 0 || e == -EBADE))
		MUST(mine && same(&a, &all.a[nth]) && a.error == (e == -EBADE));
	if (e == 0 || e == -EBADE)
		MUST(mine);
	if (which >= 2 && (e == -ETIMEDOUT || e == -EBADMSG))
		MUST(!mine && (e == -EBADMSG) == (line.n_heard > 0));
	count(e == 0);
	line_take();
	uint8_t frame[CH9329_FRAME_MAX];
	size_t len = ch9329_frame(frame, cmd, NULL, 0);
	MUST(line.n_sent % len == 0 && line.n_sent <= 2 * len);
	MUST(line.n_sent == 0 || !memcmp(line.sent, frame, len));
	line_close();
	return 0;
}
