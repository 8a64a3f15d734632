/* SPDX-License-Identifier: MIT */
/* What one recovery knows and how it is put on record; its order is in recover.c, what comes after it in then.c. */
#ifndef REPLUG_STORY_H
#define REPLUG_STORY_H

#include "chip.h"
#include "record.h"
#include "recover.h"

/* An event waits this long for the run that has the port: it may have to finish what that one leaves. */
enum { STORY_LOCK_MS = 30000 };

/* How often a device may drop off after one rung. */
enum { DROPS = 3 };

struct story {
	const struct run *run;
	const struct device_conf *conf;
	struct device d; /* as it was, then as it came back */
	char name[256];
	bool lost;          /* there is no device, only its port */
	bool kept;          /* another program keeps its tty to itself */
	struct watch watch; /* fd -1 until story_begin */
	struct record r;
	uint64_t begun;
	uint64_t since_us;
	struct chip_state chip;
	char why[512];
	char unpaid[DEBT_SIZE]; /* of an earlier run's debts */
};

/* With s->d read: the rest of what is known before anything is done, the port's record above all. Returns a negative
 * errno, which is told, where that cannot be read. */
int story_open(struct story *s, const struct run *run);

/* The settings that apply to s->d, which may be a device that is not there any more. */
void story_settings(struct story *s, const struct run *run);

/* "1-1.4 capture 534d:2109 "USB Video"", of a device that is gone: from its record. */
void story_name_from_record(struct story *s);

/* The one warning for a port that is left alone, also on record. */
void story_tell_held(struct story *s);

/* The port is busy from here on, and says so on record. */
void story_begin(struct story *s);

/* Adds a word to what was done, once. */
void story_did(struct story *s, const char *what);

void story_save(struct story *s);

/* Tries what the mode, the guard and the ladder allow. Returns 0 or a negative errno with s->why in words. */
int story_heal(struct story *s, bool verify_first);

/* The ladder that the mode climbs. */
const struct conf_ladder *story_ladder(const struct story *s);

/* Whether the hub sees something in a device's port: 1, 0, or a negative errno where it cannot be asked. */
int story_connected(const char *device);

/* Whether it does although the kernel lists no device: unplugged and gone silent are not the same. */
bool story_silent(const char *device);

/*
 * Pays what an earlier run that was ended left switched off, if anything, and writes the record. The lock is held.
 * Returns 1 when something was paid, 0, or a negative errno when something is owed still.
 */
int story_settle(struct record *r);

/* " (process 812)", or nothing where the record names none. */
const char *story_process(const struct record *r, char *dst, size_t size);

/* Puts the outcome on record and into the log. e is story_heal's, or -EDQUOT for a port that is to be left alone. */
enum status story_conclude(struct story *s, int e);

/*
 * Initialises the chips that a section's `then` names, each unless that was done after since (of clock_ms).
 * The caller holds no lock: two sections may name each other.
 */
enum status story_then(const struct run *run, const struct device_conf *conf, const char *port, uint64_t since);

#endif
