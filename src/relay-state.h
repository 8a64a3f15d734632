/* SPDX-License-Identifier: MIT */
/*
 * /run/replug/relay, which belongs to root and group replug: for each board PORT.board, whose lock is held for the
 * length of one exchange and which remembers what was commanded, and PORT.CHANNEL.press, held while a contact is
 * closed.
 */
#ifndef REPLUG_RELAY_STATE_H
#define REPLUG_RELAY_STATE_H

#include "relay.h"

#define RELAY_DIR  "/run/replug/relay"
#define RELAY_HAND "replug-hand" /* what the process that presses is called */

/*
 * Takes a board's lock and reads what is remembered of the board that is there now (device number dev). Returns the
 * descriptor, -EWOULDBLOCK when another command still had it at the deadline (of clock_ms), -EINTR, or another
 * negative errno.
 */
int relay_lock(const char *port, unsigned dev, uint64_t deadline, struct relay_state *state);

/* Writes what is to be remembered; the lock is held. Returns 0 or a negative errno. */
int relay_remember(int lock, const struct relay_state *state);
void relay_unlock(int lock);

/* Why a lock could not be had, with the next step. */
void relay_lock_trouble(int e, char *dst, size_t size);

/* Reads without the lock: for showing, and for a release that cannot wait. */
void relay_peek(const char *port, unsigned dev, struct relay_state *state);

/*
 * Takes a contact for pressing; held as long as any process has the descriptor. Returns it, -EWOULDBLOCK when
 * somebody has it pressed, or another negative errno.
 */
int relay_take(const char *port, unsigned channel);

/* Puts on record that the contact is about to be closed, which board's, and what it takes to open it; or that it is
 * open again. */
int relay_note_press(int contact, const struct relay_conf *conf, uint16_t vid, uint16_t pid);
void relay_note_release(int contact);

/* The same of a contact that was not taken. If it is being pressed, that is left to whoever presses it. */
void relay_forget_press(const char *port, unsigned channel);

/* A contact on record as pressed. */
struct relay_orphan {
	char port[32];
	unsigned channel, protocol, baud;
	struct conf_bytes off; /* of a custom board */
	uint16_t vid, pid;     /* of the board; 0: not on record */
};

/*
 * Has every contact let go that is on record as pressed: whoever presses it is told to, if he may be told by us, and
 * those that nobody watches any more are called back for, with the contact taken; the callback uses
 * relay_note_release when it is open. Called back for are also those of which that cannot be done, with a negative
 * errno in the contact's place: -EALREADY if who pressed it has let go, -EINPROGRESS if he was told and has not yet,
 * -EBUSY if he could not be told. Returns 0 or a negative errno.
 */
typedef void relay_found(void *ctx, const struct relay_orphan *o, int contact);
int relay_orphans(relay_found *found, void *ctx);

#endif
