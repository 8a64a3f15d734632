/* What hangs on the wire behind a USB serial adapter: a chip or a board, as its UART shows it. */
#ifndef EMU_FAR_END_H
#define EMU_FAR_END_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct far_end {
	/*
	 * A byte's stop bit went by at `at`. grace: how much longer than the protocol allows the line may stay idle
	 * before that counts as a gap, because the host is known to have more to send.
	 */
	void (*receive)(void *self, uint8_t byte, int64_t at, int64_t grace);
	/* It has seen the beginning of something and no gap since. */
	bool (*mid_frame)(const void *self);
	long (*baud)(const void *self);

	/* Each of these may be NULL. */
	void (*host_opened)(void *self);
	void (*rts_released)(void *self, int64_t held);
	void (*power_lost)(void *self);    /* of what lives on the adapter's USB power */
	bool (*breaks_packet)(void *self); /* true: the packet on its way to the adapter is to fail */

	/* As struct kind's. */
	int (*set)(void *self, const char *key, const char *value);
	int (*stats)(const void *self, char *out, size_t size);
};

#endif
