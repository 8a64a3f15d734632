#include "relay_board.h"

#include "log.h"

#include <stdio.h>
#include <string.h>

#define ALL_CONTACTS ((1 << CONTACTS_MAX) - 1)

void relay_init(struct relay_board *b, struct device *d, long channels)
{
	*b = (struct relay_board){.device = d, .channels = channels};
}

bool relay_closed(const struct relay_board *b, long n)
{
	return n >= 1 && n <= b->channels && b->closed >> (n - 1) & 1;
}

bool relay_order_one(const struct relay_board *b, long n, bool close, struct relay_order *order)
{
	if (n < 1 || n > b->channels)
		return false;
	order->which = 1u << (n - 1);
	order->closed = close ? order->which : 0;
	return true;
}

bool relay_order_all(const struct relay_board *b, bool close, struct relay_order *order)
{
	order->which = (1u << b->channels) - 1;
	order->closed = close ? order->which : 0;
	return true;
}

void relay_obey(struct relay_board *b, struct relay_order order)
{
	for (long n = 1; n <= b->channels; n++) {
		unsigned bit = 1u << (n - 1);
		bool close = order.closed & bit;
		if (!(order.which & bit) || relay_closed(b, n) == close || b->stuck & bit)
			continue;
		b->closed ^= bit;
		/* Not "open": that is what a tty does. */
		log_event(b->device->name, close ? "closed" : "opened", "%ld", n);
	}
}

void relay_power_lost(struct relay_board *b)
{
	struct relay_order open_all;
	relay_order_all(b, false, &open_all);
	relay_obey(b, open_all);
}

bool relay_breaks(struct relay_board *b, const char *transfer)
{
	if (b->eproto == 0)
		return false;
	b->eproto--;
	log_event(b->device->name, "eproto", "%s", transfer);
	return true;
}

int relay_set(struct relay_board *b, const char *key, const char *value)
{
	const struct {
		const char *key;
		long *number;
		long min, max;
	} keys[] = {
		{"channels", &b->channels, 1, CONTACTS_MAX},
		{"stuck", &b->stuck, 0, ALL_CONTACTS},
		{"eproto", &b->eproto, 0, 1000000},
	};
	long v;

	if (strcmp(key, "mute") == 0) {
		if (parse_number(value, 0, 1, &v) < 0)
			return -1;
		b->mute = v != 0;
		return 1;
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(key, keys[i].key) != 0)
			continue;
		/* Nobody solders another relay onto a board that is plugged in. */
		if (keys[i].number == &b->channels && b->device->life != AWAY)
			return -1;
		if (parse_number(value, keys[i].min, keys[i].max, keys[i].number) < 0)
			return -1;
		/* What is not welded any more, and has no power, opens. */
		if (keys[i].number == &b->stuck && b->device->life == AWAY)
			relay_power_lost(b);
		return 1;
	}
	return 0;
}

int relay_stats(const struct relay_board *b, char *out, size_t size)
{
	return snprintf(out, size, " channels=%ld closed=0x%02lx stuck=0x%02lx eproto=%ld%s", b->channels, b->closed,
		b->stuck, b->eproto, b->mute ? " mute" : "");
}
