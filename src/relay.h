/* SPDX-License-Identifier: MIT */
/*
 * USB relay boards: what each family understands, behind one interface, and one opened board. Channels count from 1.
 * A contact is "closed" when NO and COM are connected, whatever the board calls that.
 */
#ifndef REPLUG_RELAY_H
#define REPLUG_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "config.h"

/* A board that has never answered is one that cannot tell; after so many questions it is asked no more, until it is
 * plugged anew. */
enum { RELAY_MUTE = 3, RELAY_TELLS = 9 };

/* What is remembered of a board between commands; forgotten when it is enumerated anew. */
struct relay_state {
	unsigned dev;      /* the device number that this is about */
	unsigned known;    /* bit 0 is channel 1: a command to it succeeded */
	unsigned closed;   /* what that command was */
	unsigned channels; /* as the board said; 0: it did not */
	unsigned ready;    /* 1: the handshake after power-up was made */
	unsigned asked;    /* questions without an answer, or RELAY_TELLS once one came */
};

struct relay_driver;

/* One board, opened. */
struct board {
	const struct relay_driver *driver;
	const struct relay_conf *conf;
	bool hid;
	int fd;
	uint64_t deadline; /* of whatever is asked of it, of clock_ms */
	struct relay_state state;
};

/*
 * A family of boards. Functions return 0; -ENODEV (the board is gone); -ETIMEDOUT; -EPROTO (the transfer failed on
 * the bus: worth another try); -EBADMSG (an answer that is none); -EOPNOTSUPP (it cannot tell); or another negative
 * errno.
 */
struct relay_driver {
	const char *node;                 /* "hidraw", "tty", or both */
	unsigned channels;                /* the largest board of the family */
	bool all_tell;                    /* each board of it can be asked: one that does not answer is in trouble */
	bool answers_for_all;             /* in one answer: silence is never that of a contact it does not have */
	int (*identify)(struct board *b); /* what has to be said after power-up; NULL: nothing. Sets state.channels */
	int (*start)(struct board *b);    /* and then; from here on every byte is a command */
	int (*set)(struct board *b, unsigned channel, bool closed);
	int (*get)(struct board *b, unsigned channel, bool *closed); /* NULL: these boards cannot tell */
};

extern const struct relay_driver relay_dcttech, relay_lcus, relay_lcus_hid, relay_diustou, relay_kmtronic,
	relay_ucreatefun, relay_icse, relay_custom;

/* By enum relay_protocol; NULL for RELAY_UNKNOWN. */
const struct relay_driver *relay_driver(unsigned protocol);

/*
 * What boards of this ID and product string (NULL: whatever it is) speak: as a set of bits 1 << enum relay_protocol,
 * 0 for no known board.
 */
unsigned relay_propose(uint16_t vid, uint16_t pid, const char *product);

/* The names of the protocols in such a set, "lcus, custom"; 128 bytes hold all of them. */
void relay_protocol_words(unsigned set, char *dst, size_t size);

/*
 * Opens node, and makes sure that it is the one that sysfs shows at syspath, now (NULL: any). Errors as above, and
 * those of open(2).
 */
int board_open(struct board *b, const char *node, const char *syspath);
void board_close(struct board *b);

/* Switches one contact and remembers that; transfers that fail on the bus are repeated until the deadline. */
int board_set(struct board *b, unsigned channel, bool closed);

/* Whether it may be worth asking: the family can tell, and this board has not been silent too often. */
bool board_tells(const struct board *b);

/* Asks the board itself. */
int board_get(struct board *b, unsigned channel, bool *closed);

/* For drivers. */

/* Sends bytes in one write: as an output report where the board is a HID, and until they have left where it is a tty.
 */
int board_send(struct board *b, const uint8_t *bytes, size_t n);

/*
 * Asks a board behind a tty: what has come before the question is no answer, and the answer ends with size bytes or
 * when the line falls silent. Returns its length, -ETIMEDOUT where nothing came, or an error as board_send.
 */
ssize_t board_ask(struct board *b, const uint8_t *question, size_t n, void *answer, size_t size);

/* What an errno of a board means: see struct relay_driver. */
int board_error(int e);

/* Reads from a tty until size bytes have come or it has been silent for quiet_ms. Returns the number of bytes. */
ssize_t board_read(struct board *b, uint8_t *dst, size_t size, unsigned first_ms, unsigned quiet_ms);

#endif
