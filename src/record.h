/* SPDX-License-Identifier: MIT */
/*
 * /run/replug: for each port a lock (PORT.lock) and the last outcome (PORT.json, replaced as a whole, readable by
 * everybody). Ports outlive devices: a device that is gone, or came back as another one, is found by its port.
 */
#ifndef REPLUG_RECORD_H
#define REPLUG_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "config.h"
#include "debt.h"

#define RECORD_DIR "/run/replug"

enum record_state {
	RECORD_NONE,
	RECORD_BUSY,
	RECORD_RECOVERED,
	RECORD_FAILED,
	RECORD_HELD,
	RECORD_GONE,
	RECORD_SILENT, /* gone from the bus, and something is in its port all the same */
	RECORD_STUCK,  /* busy, with a call that the kernel does not end */
	RECORD_STATES,
};
extern const char *const record_state_name[RECORD_STATES + 1]; /* NULL at the end */

enum { RECORD_STEPS = 10 };

struct record {
	char port[32];
	char id[10];
	char section[CONF_NAME_MAX + 1];
	char product[128];
	enum record_state state;
	char action[64];      /* what was done: reset, rebind, authorize, power, init, verify, joined by + */
	char error[384];      /* empty: nothing is wrong */
	char owed[DEBT_SIZE]; /* what is switched off, in debt.h's words */
	uint32_t duration_ms;
	int64_t when; /* seconds since 1970 */
	struct {
		char name[12];
		uint32_t ms;
	} step[RECORD_STEPS];
	unsigned steps;

	bool chip; /* the CH9329's last answer stands below */
	unsigned version, baud;
	bool target, num_lock, caps_lock, scroll_lock;

	/* What the guard goes by. Times are milliseconds of CLOCK_BOOTTIME, 0: never. */
	pid_t pid; /* who is busy with it */
	uint64_t
		started; /* of that process, in clock ticks since boot: a number used again is not the same process */
	unsigned dev;    /* the device number that the outcome is about */
	uint64_t verified_ms, gone_ms, event_ms, ended_ms;
	uint64_t last_reset_ms;
	uint64_t reset_ms[GUARD_RESETS_MAX]; /* moved on by the time that runs took: guard_note_end */
	unsigned resets;
	bool held;

	/* What checkups found and did: see health.h and refresh.h. */
	char health[8];        /* the last word that was certain: well, ailing or dead; empty: none yet */
	bool well_again;       /* since it was found ill or its run failed: by a round, or its chip by a run */
	int64_t health_when;   /* it changed to that; seconds since 1970 */
	uint64_t woken_ms;     /* it was woken to be asked, and answered */
	unsigned health_bad;   /* rounds in a row that found it ailing or dead */
	uint64_t refreshed_ms; /* `every` counts from here, too: a refresh that failed or was skipped */
	bool postponed;        /* a refresh is due and waits for whoever uses the device; that was said */

	/* Counted since the machine started. */
	unsigned recoveries, failures;
	unsigned recovered_ms; /* how long the last recovery that succeeded took */
	int64_t recovered_when;
};

/*
 * Takes a port's lock. Returns the descriptor to pass to record_unlock, -EWOULDBLOCK when another run still had
 * it at the deadline (of clock_ms; 0: do not wait), -EINTR, or another negative errno.
 */
int record_lock(const char *port, uint64_t deadline);
void record_unlock(int fd);

/* Whether process pid has a port's lock. */
bool record_locked_by(const char *port, pid_t pid);

/* Reads a port's record. Returns 0, -ENOENT (*r is then empty but for the port), -EBADMSG or another negative errno.
 */
int record_load(const char *port, struct record *r);

/* Whether record_load's e means that there is a record which could not be read: nobody may write another over what it
 * owes. */
bool record_unread(int e);

/* Replaces a port's record, whose lock is held; by this process, or for STUCK by the one that is. Returns 0 or a
 * negative errno. */
int record_save(const struct record *r);

/* All records, sorted by port, in a malloc'ed array; unreadable ones are left out. Returns 0 or a negative errno. */
int record_list(struct record **out, size_t *n);

/* What a reader has to believe: BUSY or STUCK of a process that died is FAILED, what is not there any more is GONE.
 */
enum record_state record_state_now(struct record *r);

void record_step(struct record *r, const char *name, uint64_t ms);
void record_claim(struct record *r); /* state BUSY, by this process */

/* State STUCK: process pid, which has the port, does not come back from the kernel. */
void record_stuck(struct record *r, pid_t pid);

#endif
