/* SPDX-License-Identifier: MIT */
/* What fits into a terminal's line, and how long ago something was. */
#ifndef REPLUG_COLUMNS_H
#define REPLUG_COLUMNS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Copies of src (UTF-8, without control characters) as many whole characters as take no more than so many columns and
 * fit into dst (size bytes). What has no width of its own stays with the character before it. Returns the columns
 * taken.
 */
unsigned columns_fit(char *dst, size_t size, const char *src, unsigned columns);

/* "now", "12 s ago", "3 min ago", "5 h ago", "2 d ago". */
void columns_ago(char *dst, size_t size, int64_t seconds);

/* In how many seconds, at least one, that will read differently. */
int64_t columns_ago_changes(int64_t seconds);

#endif
