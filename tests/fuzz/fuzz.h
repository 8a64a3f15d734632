/* SPDX-License-Identifier: MIT */
/*
 * What the targets share. A target is a program of libFuzzer's for one reader of bytes that somebody else wrote; it
 * asserts what must be true of whatever was read, and counts what was taken: one that takes nothing tests nothing.
 */
#ifndef REPLUG_FUZZ_H
#define REPLUG_FUZZ_H

#include "isolated.h"

#include "text.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* abort() is libFuzzer's sign to keep the input. */
__attribute__((noreturn)) static inline void broken(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
	abort();
}
#define MUST(what) ((what) ? (void)0 : broken(#what, __FILE__, __LINE__))

/* How many inputs were taken by what is tested; told at the end. */
static unsigned long taken, refused;

static inline void count(bool good)
{
	good ? taken++ : refused++;
}

static void tell_counts(void)
{
	fprintf(stderr, "taken %lu refused %lu\n", taken, refused);
}

/* Each target has a /run and a /sys of its own: nothing it does reaches this machine. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	MUST(!isolate(NULL));
	atexit(tell_counts);
	return 0;
}

/* The input's next part, up to a line of "%%" or its end, as a string; free it. NUL bytes become what they hide. */
static inline char *next_part(const uint8_t **data, size_t *size)
{
	const uint8_t *mark = *size ? memmem(*data, *size, "%%\n", 3) : NULL;
	size_t n = mark ? (size_t)(mark - *data) : *size, skip = mark ? n + 3 : n;
	char *part = malloc(n + 1);

	MUST(part);
	if (n)
		memcpy(part, *data, n);
	part[n] = '\0';
	*data += skip;
	*size -= skip;
	return part;
}

/* Whether a text is what may be put on a terminal and in a log. */
static inline bool is_clean(const char *text)
{
	char clean[8192];

	text_clean(clean, sizeof(clean), text);
	return !strcmp(clean, text);
}

#endif
