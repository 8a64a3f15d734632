/* SPDX-License-Identifier: MIT */
/* Words, durations and untrusted strings. */
#ifndef REPLUG_TEXT_H
#define REPLUG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* strcmp for short words, without the cost of binding one more symbol in a program that runs for every plug. */
static inline bool text_is(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

/*
 * Copies src into dst (size bytes, at least 1) so that it is safe on a terminal and in a log: control characters
 * (C0, DEL, C1), bidirectional overrides and invalid UTF-8 become \xNN.
 * Truncates at a whole character. Returns the length of what stands in dst.
 */
size_t text_clean(char *dst, size_t size, const char *src);

/* Of a text that did not fit into size bytes (at least 4) and fills them: has it end in three dots, behind a whole
 * character. */
void text_cut(char *text, size_t size);

/*
 * The word of the NULL-terminated list that is closest to word, or NULL where none is close enough for a
 * person to have meant it.
 */
const char *text_nearest(const char *word, const char *const *list);

/*
 * Parses "500ms", "10s", "2min", "6h" into milliseconds; a bare number is seconds, as in systemd.
 * Returns 0, -EINVAL (not a duration) or -ERANGE (more than 49 days).
 */
int text_duration(const char *text, uint32_t *ms);

/* Whether a duration says its unit: where a finger is concerned, a bare 5 could mean too much. */
bool text_has_unit(const char *text);

/* Writes a duration in the largest unit that is exact: "3s", "500ms". */
void text_duration_show(char *dst, size_t size, uint32_t ms);

/* Writes a time span in its two largest units, for a person: "3h 12min", "4min 5s", "12s"; up to a second is "1s". */
void text_span(char *dst, size_t size, uint64_t ms);

/* Where root is refused, who refuses: " (this needs root)", or the like, for a positive errno; "" for any other. */
const char *text_refusal(int e);

/* A decimal number, nothing before or after it. Returns 0, -EINVAL or -ERANGE (outside min..max). */
int text_number(const char *text, unsigned min, unsigned max, unsigned *out);

#endif
