/* SPDX-License-Identifier: MIT */
/* Kinds of values that a key of the configuration may have: how each is read, refused and shown. */
#ifndef REPLUG_CONFIG_VALUES_H
#define REPLUG_CONFIG_VALUES_H

#include "config.h"

struct key;

/* A value being set: where it goes, and where the message goes if it cannot. */
struct value {
	const struct key *key;
	void *field;
	bool again; /* the key was set before in this section of this file */
	const char *text;
	char *msg;
	size_t size;
};

/* Sets the field. Returns 0, -ENOMEM, or -EINVAL with the message written. */
typedef int key_set(struct value *v);
/* Writes the field as a file would have it. */
typedef void key_show(const void *field, char *dst, size_t size);

struct key {
	const char *name;
	key_set *set;
	key_show *show;
	size_t offset;            /* of the field in its section's struct */
	uint32_t min, max;        /* of a number; a duration's are milliseconds */
	const char *const *words; /* that may stand here, NULL at the end */
	bool repeat;              /* may stand on several lines */
};

/* Writes "TEXT" what into the message. Returns -EINVAL. */
int conf_refuse(struct value *v, const char *what);

/* One word of a fixed list: its index, or -EINVAL with the nearest word named. */
int conf_choose(struct value *v, const char *word, const char *const *list);

/* The next word of a list divided by commas and blanks; returns its length, 0 at the end. */
size_t conf_list_word(const char **p, char *word, size_t size);

/* Serial rates, for conf_set_baud. */
extern const char *const conf_rates[], *const conf_rates_or_auto[];

key_set conf_set_match, conf_set_baud, conf_set_duration, conf_set_count, conf_set_word, conf_set_bytes;
key_show conf_show_selector, conf_show_baud, conf_show_duration, conf_show_count, conf_show_bytes;

#endif
