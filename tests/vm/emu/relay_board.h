/*
 * What every relay board has: contacts, and faults of the board. Kinds: relay-hid, relay-lcus-hid, relay-ucreatefun,
 * relay-serial, relay-icse. Settings of all of them:
 * - channels=N: contacts, 1 to 8; before the plug (an ICSE's follow from model=012|013|014)
 * - stuck=MASK: these contacts stay as they are, whatever is commanded; bit 0 is contact 1
 * - eproto=N: the next N commands and questions fail on the bus and reach nobody
 * - mute=1: questions are not answered; one to a HID stays open until the host gives it up
 *
 * Of single kinds: board-serial= (relay-hid), dialect=plain|ff55 (relay-lcus-hid), protocol=lcus|kmtronic|dtype,
 * query=0 and dialect=plain|diustou|feedback (relay-serial), board-baud= (relay-serial, relay-icse).
 *
 * In the log: "closed N" and "opened N", only when contact N has moved. Before them what made it move: "report XX…"
 * of a HID (with " ignored" if it made nothing), "frame XX… ok|bad" of a serial board; there also "garbage XX…".
 * Besides "answer XX…", "suppressed mute" and "eproto WHAT".
 *
 * A board tells of its contacts, not of what it was last told. Leaving the bus takes its power: all contacts open.
 */
#ifndef EMU_RELAY_BOARD_H
#define EMU_RELAY_BOARD_H

#include "device.h"

#define CONTACTS_MAX 8

struct relay_board {
	struct device *device;
	long channels;
	long closed; /* bit 0: contact 1 */
	long stuck;  /* these do not move, neither by a command nor without power */
	long eproto; /* so many transfers are still to fail */
	bool mute;
};

/* What a command wants; bit 0 is contact 1. A question wants nothing. */
struct relay_order {
	unsigned which, closed;
};

void relay_init(struct relay_board *b, struct device *d, long channels);

/* Both: false if the board has no contact n. */
bool relay_order_one(const struct relay_board *b, long n, bool close, struct relay_order *order);
bool relay_order_all(const struct relay_board *b, bool close, struct relay_order *order);
void relay_obey(struct relay_board *b, struct relay_order order);
bool relay_closed(const struct relay_board *b, long n);
/* The coils have no power: what can open is open. */
void relay_power_lost(struct relay_board *b);

/* True: this transfer fails with -EPROTO. */
bool relay_breaks(struct relay_board *b, const char *transfer);

/* As struct kind's. */
int relay_set(struct relay_board *b, const char *key, const char *value);
int relay_stats(const struct relay_board *b, char *out, size_t size);

#endif
