/* SPDX-License-Identifier: MIT */
/* A CH9329 behind a tty: found at its rate, reset, and waited for until it answers again. */
#ifndef REPLUG_CHIP_H
#define REPLUG_CHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ch9329.h"

struct chip_job {
	const char *tty;   /* /dev/ttyUSB0 */
	unsigned baud;     /* 0: find out */
	unsigned hint;     /* the rate that was right last time, or 0 */
	bool searched;     /* baud is what a search came to, and not the configuration's word */
	unsigned attempts; /* with a pause between them that doubles from 100 ms */
	uint32_t ready_ms; /* from the reset to the first answer, at most */
	uint64_t deadline; /* of everything, of clock_ms */
};

struct chip_state {
	struct ch9329_info info;
	unsigned baud;
	unsigned attempts; /* that were made */
	bool acknowledged; /* the RESET's acknowledgement was seen, and not only its effect */
	uint32_t reset_ms; /* opening the tty to the acknowledgement */
	uint32_t ready_ms; /* from there to the first answer */
};

/*
 * Both return 0, -EINTR, -ENODEV (the tty is gone), -EBUSY (another program has it exclusively), or another negative
 * errno with why (size bytes) in words that name the wiring, the rate and who else has the tty open. Both close the
 * tty again.
 */

/* Asks for GET_INFO. */
int chip_info(const struct chip_job *job, struct chip_state *state, char *why, size_t size);

/* Resets the chip and asks until it answers. */
int chip_reset(const struct chip_job *job, struct chip_state *state, char *why, size_t size);

/* "CH9329 V1.8 at 9600 baud, target connected, LEDs num caps". */
void chip_show(const struct chip_state *s, char *dst, size_t size);

#endif
