/* SPDX-License-Identifier: MIT */
/*
 * dcttech boards, 16c0:05df "USBRelay1" to "USBRelay8": a HID of one feature report of eight bytes. Written: FF n
 * closes channel n, FD n opens it. Read: five characters of serial number, and in the last byte a bit for each closed
 * contact (pavel-a/usb-relay-hid, commands in usb_relay_hid.h; darrylb123/usbrelay).
 */
#include <errno.h>
#include <linux/hidraw.h>
#include <sys/ioctl.h>

#include "relay.h"

enum { REPORT = 8, STATE = 7 };

static int set(struct board *b, unsigned channel, bool closed)
{
	uint8_t report[1 + REPORT] = {0, closed ? 0xff : 0xfd, (uint8_t)channel};

	return ioctl(b->fd, HIDIOCSFEATURE(sizeof(report)), report) < 0 ? board_error(errno) : 0;
}

static int get(struct board *b, unsigned channel, bool *closed)
{
	/* Asked for as number 1 it comes from the first byte on, as number 0 behind a byte for the number. */
	uint8_t report[1 + REPORT] = {1};
	int n = ioctl(b->fd, HIDIOCGFEATURE(sizeof(report)), report);

	if (n < 0)
		return board_error(errno);
	if (n < REPORT)
		return -EBADMSG;
	*closed = report[STATE] >> (channel - 1) & 1;
	return 0;
}

const struct relay_driver relay_dcttech = {.node = "hidraw", .channels = 8, .all_tell = true, .set = set, .get = get};
