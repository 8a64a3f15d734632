#ifndef EMU_KINDS_H
#define EMU_KINDS_H

#include "device.h"

extern const struct kind capture_kind;
extern const struct kind bridge_kind;
extern const struct kind stick_kind;

#endif
