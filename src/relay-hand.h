/* SPDX-License-Identifier: MIT */
/* The process that talks to the board. */
#ifndef REPLUG_RELAY_HAND_H
#define REPLUG_RELAY_HAND_H

#include "relay-run.h"

/*
 * What the hand says on its socket, in this order: it is about to press, it has pressed, it waits for a board that
 * has gone in order to open its contact, it has opened it, it is done. The other side says one byte: open the contact
 * now, or that it has done so itself and told it.
 */
enum hand_said { HAND_PRESSES, HAND_PRESSED, HAND_WAITS, HAND_RELEASED, HAND_DONE };

/* What the other side says. */
enum { HAND_STOP = 's', HAND_SUPERSEDED = 'x' };

struct hand_message {
	enum hand_said said;
	uint64_t due;             /* of clock_ms; PRESSED */
	struct relay_outcome out; /* DONE */
};

/* How long a board's own word on a contact is waited for. */
enum { HAND_CONFIRM_MS = 400 };

struct hand {
	const struct relay_job *job;
	struct relay_target t; /* as the board is now: it may have come back as another node */
	struct board b;
	int lock;                  /* of the board; -1: not held */
	struct relay_state loaded; /* what was remembered when the lock was taken */
	int socket;
	uint64_t deadline;
	struct relay_outcome out;
	bool hangs; /* the board does not answer: it is not asked, nor its lock waited for */
};

/* For a process that talks to the board of a job; socket -1: nobody is told. */
void hand_init(struct hand *h, const struct relay_job *job, uint64_t deadline, int socket);

/* Returns whether somebody is there to be told. */
bool hand_say(struct hand *h, enum hand_said said, uint64_t due);

/*
 * Takes the next message off the socket, without waiting, and with PRESSES the descriptor of the board, that it may
 * be opened from there. Returns as recv(2).
 */
ssize_t hand_hear(int socket, struct hand_message *m, int *board);

/* Takes the board's lock and what is remembered of it. Returns 0, -EWOULDBLOCK or another negative errno. */
int hand_lock(struct hand *h, uint64_t deadline);

/* Remembers what was commanded, and lets the board's lock go. */
void hand_let_go(struct hand *h);

/* A negative errno of this board in words, with the next step where there is one. */
void hand_explain(const struct hand *h, int e, char *dst, size_t size);

/*
 * Whether the contact is as it was told to be, as far as the board can tell by then. Returns 0; -EOPNOTSUPP it
 * cannot; -EIO it is not; or what went wrong.
 */
int hand_confirm(struct hand *h, unsigned channel, bool closed, uint64_t until);

/* How a contact was opened. */
struct hand_opened {
	bool sent;       /* the board took the command */
	bool away;       /* it was gone in between */
	bool unrecorded; /* what is remembered of the board could not be put right: the press stays on record */
	int e;           /* 0: it says that it is open; else as hand_confirm, or why it was not sent */
	char why[300];   /* in words, whichever it is */
};

/*
 * Opens a contact that may be closed, whatever stands in the way: through the descriptor that is open, or else in the
 * same port as soon as the same board is back there, until the deadline. Asks it whether it did, and lets the board
 * go.
 */
void hand_open_contact(struct hand *h, uint64_t deadline, struct hand_opened *o);

/*
 * Opens the contact in the place of a process that did not, and because of what, strikes the press off the record,
 * and sets h->out: FAILED, and critical if it may be pressed still.
 */
void hand_stand_in(struct hand *h, const char *because);

/* Makes this a process of its own: the caller's descriptors are the caller's. */
void hand_detach(void);

/* Does the job and says how it went; socket is a SOCK_SEQPACKET. */
void hand_run(const struct relay_job *job, uint64_t deadline, int socket);

#endif
