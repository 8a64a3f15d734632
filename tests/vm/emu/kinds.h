#ifndef EMU_KINDS_H
#define EMU_KINDS_H

#include "device.h"

extern const struct kind capture_kind;
extern const struct kind bridge_kind;
extern const struct kind relay_dcttech_kind;
extern const struct kind relay_icse_kind;
extern const struct kind relay_lcus_hid_kind;
extern const struct kind relay_serial_kind;
extern const struct kind relay_ucreatefun_kind;
extern const struct kind stick_kind;

#endif
