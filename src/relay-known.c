/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "relay.h"

#define BIT(protocol) (1u << (protocol))

/* An ID may be a serial adapter's, or shared by boards that speak differently: then there is a choice. */
static const struct {
	uint16_t vid, pid;
	const char *product; /* how it has to begin, where the ID is not the board's own; NULL: any */
	unsigned protocols;
} known[] = {
	/* 16c0:05df belongs to everybody's HIDs: the name tells (usbrelay, libusbrelay.c). */
	{0x16c0, 0x05df, "USBRelay", BIT(RELAY_DCTTECH)},
	{0x0519, 0x2018, NULL, BIT(RELAY_UCREATEFUN)},
	{0x5131, 0x2007, NULL, BIT(RELAY_LCUS_HID) | BIT(RELAY_CUSTOM)},
	{0x1a86, 0x7523, NULL, BIT(RELAY_LCUS) | BIT(RELAY_DIUSTOU) | BIT(RELAY_KMTRONIC) | BIT(RELAY_CUSTOM)},
	{0x0403, 0x6001, NULL, BIT(RELAY_KMTRONIC) | BIT(RELAY_CUSTOM)},
	{0x067b, 0x2303, NULL, BIT(RELAY_ICSE) | BIT(RELAY_CUSTOM)},
};

unsigned relay_propose(uint16_t vid, uint16_t pid, const char *product)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].vid == vid && known[i].pid == pid &&
			(!known[i].product || !product ||
				!strncmp(product, known[i].product, strlen(known[i].product))))
			return known[i].protocols;
	return 0;
}

void relay_protocol_words(unsigned set, char *dst, size_t size)
{
	size_t n = 0;

	*dst = '\0';
	for (unsigned p = 0; p < RELAY_PROTOCOLS && n < size; p++)
		if (set & 1u << p)
			n += (size_t)snprintf(dst + n, size - n, "%s%s", n ? ", " : "", relay_protocol_name[p]);
}
