/* SPDX-License-Identifier: MIT */
/* When a device is due to be recovered for its age (`every`). */
#ifndef REPLUG_REFRESH_H
#define REPLUG_REFRESH_H

#include <stdint.h>

#include "record.h"

/*
 * Milliseconds from now until a device that was plugged at plugged is due again after every_ms (not 0); 0: it is due.
 * Counted from whatever was last: its last verification, the last try, its plug; times of clock_ms, 0: not since
 * boot. Pure.
 */
uint64_t refresh_left(const struct record *r, uint32_t every_ms, uint64_t plugged, uint64_t now);

#endif
