/* A CH9329 (serial to USB HID), as far as its UART shows it. Powered by its target, not by the bridge. */
#ifndef EMU_CH9329_H
#define EMU_CH9329_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chip;

/* send: bytes leave the chip, the first one's start bit at `from` (now_ns() time), one after the other without gaps.
 */
struct chip *chip_new(
	const char *name, void (*send)(void *arg, const uint8_t *bytes, size_t n, int64_t from), void *arg);

/*
 * A byte's stop bit went by at `at`. grace: how much longer than the protocol's 3 ms the line may stay idle before
 * that counts as a gap, because the host is known to have more to send.
 */
void chip_receive(struct chip *c, uint8_t byte, int64_t at, int64_t grace);
bool chip_mid_frame(const struct chip *c);
long chip_baud(const struct chip *c);

void chip_host_opened(struct chip *c);
/* The DEF pin was low for so long, and is high again. */
void chip_def_released(struct chip *c, int64_t held);

/* As struct kind's. */
int chip_set(struct chip *c, const char *key, const char *value);
int chip_stats(const struct chip *c, char *out, size_t size);

#endif
