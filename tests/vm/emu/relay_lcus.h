/* The command of LC Technology's boards, serial or HID: A0, channel, 1 or 0, and the sum of the three. */
#ifndef EMU_RELAY_LCUS_H
#define EMU_RELAY_LCUS_H

#include "relay_board.h"

#define LCUS_HEADER 0xa0
#define LCUS_FRAME  4

bool lcus_sum_right(const uint8_t *frame);
/* False: the sum is wrong, or it is none of the two commands, or there is no such channel. */
bool lcus_parse(const struct relay_board *b, const uint8_t *frame, struct relay_order *order);

#endif
