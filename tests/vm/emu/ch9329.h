/* A CH9329 (serial to USB HID), as far as its UART shows it. Powered by its target, not by the bridge. */
#ifndef EMU_CH9329_H
#define EMU_CH9329_H

#include "far_end.h"

struct uart;
struct chip;

/* What ch9329_end's functions are given. */
struct chip *chip_new(const char *name, struct uart *uart);

extern const struct far_end ch9329_end;

#endif
