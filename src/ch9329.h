/* SPDX-License-Identifier: MIT */
/*
 * The frames and commands of the WCH CH9329 (serial to USB HID), as in "CH9329 serial communication protocol",
 * V1.2: 57 AB addr cmd len data… sum, len 0..64, sum the low byte of the sum of all bytes before it. An answer
 * has cmd|80, or cmd|C0 with one status byte.
 */
#ifndef REPLUG_CH9329_H
#define REPLUG_CH9329_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CH9329_DATA_MAX = 64,
	CH9329_FRAME_MAX = 5 + CH9329_DATA_MAX + 1,
	CH9329_GET_INFO = 0x01,
	CH9329_RESET = 0x0f,
	CH9329_ANSWER_MS = 500, /* no answer within this is a failure, says the protocol */
};

enum ch9329_status {
	CH9329_OK = 0x00,
	CH9329_TIMEOUT = 0xe1,
	CH9329_HEADER = 0xe2,
	CH9329_COMMAND = 0xe3,
	CH9329_SUM = 0xe4,
	CH9329_PARAMETER = 0xe5,
	CH9329_FAILED = 0xe6,
};

struct ch9329_answer {
	uint8_t cmd; /* of the request: without 80 or C0 */
	bool error;  /* the chip answered cmd|C0 */
	uint8_t len;
	uint8_t data[CH9329_DATA_MAX];
};

struct ch9329_info {
	uint8_t version;                       /* 0x38 is V1.8 */
	bool target;                           /* the controlled computer has enumerated the chip */
	bool num_lock, caps_lock, scroll_lock; /* the LEDs as that computer sets them */
};

/* Finds answers in a stream of bytes; starts all zero. */
struct ch9329_parser {
	uint8_t buf[CH9329_FRAME_MAX];
	size_t n;
};

/* Puts a request into frame. Returns its length, or 0 if len is above CH9329_DATA_MAX. */
size_t ch9329_frame(uint8_t frame[CH9329_FRAME_MAX], uint8_t cmd, const void *data, size_t len);

/*
 * Takes one byte. Returns true when it completed an answer. What is no frame is skipped: after a wrong header,
 * length or sum the search goes on with the next 57 among the bytes already there.
 */
bool ch9329_feed(struct ch9329_parser *p, uint8_t byte, struct ch9329_answer *a);

/*
 * The line fell silent: what the parser still waits for will not come, so it was no frame. Returns true when an
 * answer stands in what is left; there may be another one behind it.
 */
bool ch9329_gap(struct ch9329_parser *p, struct ch9329_answer *a);

/* A status byte in words. */
const char *ch9329_status_text(uint8_t status);

/*
 * Sends one request and waits until wait_ms after it has left for the answer to it; other answers are skipped.
 * Returns 0; -EBADE (the chip refused, a->data[0] is the status); -ETIMEDOUT (nothing came); -EBADMSG (something
 * came, but no answer to this); -ENODEV (the tty is gone); -EINTR; or another negative errno.
 */
int ch9329_request(int fd, unsigned baud, uint8_t cmd, unsigned wait_ms, struct ch9329_answer *a);

/* GET_INFO with the same wait and errors as ch9329_request; E4 (bad sum) is asked again once. */
int ch9329_get_info(int fd, unsigned baud, unsigned wait_ms, struct ch9329_info *info, uint8_t *status);

/* RESET and its acknowledgement, likewise. */
int ch9329_reset(int fd, unsigned baud, unsigned wait_ms, uint8_t *status);

#endif
