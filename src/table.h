/* SPDX-License-Identifier: MIT */
/* How lists are printed: as a table for a person, or as JSON. */
#ifndef REPLUG_TABLE_H
#define REPLUG_TABLE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "status.h"

/* Columns are as wide as they have to be; the last one is left as it is. Starts all zero. */
enum { COLUMNS = 8 };
struct table {
	char *(*row)[COLUMNS];
	size_t n;
};

/* Adds a row of at most COLUMNS cells, NULL behind the last; an empty one becomes "-". */
void table_add(struct table *t, const char *const *cell);

/* Prints and frees it. Returns STATUS_FAILED where that did not reach its reader. */
enum status table_print(struct table *t);

/* Frees it. */
void table_drop(struct table *t);

/*
 * Prints the one, frees both. Where nothing is what was asked for, a table's heading would be in the way, and the
 * status is STATUS_NO_DEVICE.
 */
enum status table_end(struct table *t, struct json_object *array, bool json, bool nothing);

/* A string, or null where it is empty or NULL. */
struct json_object *json_text(const char *s);

/* Likewise. */
enum status json_print(struct json_object *o);

/* The end of an answer on stdout. Returns STATUS_FAILED, which is told, where not all of it could be written. */
enum status print_end(void);

#endif
