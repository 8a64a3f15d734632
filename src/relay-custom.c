/* SPDX-License-Identifier: MIT */
/* Boards that follow nobody: the configuration has the bytes, for a tty or as an output report. */
#include <errno.h>
#include <string.h>

#include "relay.h"

static int set(struct board *b, unsigned channel, bool closed)
{
	const struct conf_bytes *out = closed ? &b->conf->on : &b->conf->off;

	(void)channel;
	return board_send(b, out->byte, out->n);
}

/* How much of want the answer begins with: all of it, or nothing. */
static size_t begins(const uint8_t *answer, size_t n, const struct conf_bytes *want)
{
	return n >= want->n && !memcmp(answer, want->byte, want->n) ? want->n : 0;
}

static int get(struct board *b, unsigned channel, bool *closed)
{
	const struct conf_bytes *ask = &b->conf->status;
	uint8_t in[128];

	(void)channel;
	if (!ask->n || b->hid)
		return -EOPNOTSUPP;
	/* Read to its end, or what is left of it would be the beginning of the next. */
	ssize_t n = board_ask(b, ask->byte, ask->n, in, sizeof(in));
	if (n < 0)
		return (int)n;
	size_t yes = begins(in, (size_t)n, &b->conf->closed), no = begins(in, (size_t)n, &b->conf->open);
	if (yes == no)
		return -EBADMSG;
	*closed = yes > no;
	return 0;
}

const struct relay_driver relay_custom = {
	.node = "tty or hidraw", .channels = RELAY_CHANNELS, .set = set, .get = get};
