/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "columns.h"

/* On a terminal, where a character may take two columns. */
static int width_of(const char *cell)
{
	char scratch[4096];

	return (int)columns_fit(scratch, sizeof(scratch), cell, UINT_MAX);
}

void table_add(struct table *t, const char *const *cell)
{
	char *(*grown)[COLUMNS] = realloc(t->row, (t->n + 1) * sizeof(*grown));

	if (!grown)
		return;
	t->row = grown;
	char **row = t->row[t->n++];
	memset(row, 0, sizeof(*grown));
	for (int i = 0; i < COLUMNS && cell[i]; i++)
		row[i] = strdup(*cell[i] ? cell[i] : "-"); /* where there is no memory, the row ends here */
}

void table_drop(struct table *t)
{
	for (size_t r = 0; r < t->n; r++)
		for (int i = 0; i < COLUMNS; i++)
			free(t->row[r][i]);
	free(t->row);
	*t = (struct table){0};
}

enum status print_end(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return STATUS_DONE;
	if (errno != EPIPE) /* whoever reads it may leave, and needs no word about that */
		fprintf(stderr, "the answer cannot be printed: %s\n", strerror(errno));
	return STATUS_FAILED;
}

enum status table_print(struct table *t)
{
	int width[COLUMNS] = {0};

	for (size_t r = 0; r < t->n; r++)
		for (int i = 0; i < COLUMNS && t->row[r][i]; i++) {
			int w = width_of(t->row[r][i]);
			width[i] = w > width[i] ? w : width[i];
		}
	for (size_t r = 0; r < t->n; r++) {
		for (int i = 0; i < COLUMNS && t->row[r][i]; i++) {
			bool last = i + 1 == COLUMNS || !t->row[r][i + 1];
			int gap = last ? 0 : width[i] - width_of(t->row[r][i]);
			printf("%s%s%*s", i ? "  " : "", t->row[r][i], gap, "");
		}
		putchar('\n');
	}
	table_drop(t);
	return print_end();
}

struct json_object *json_text(const char *s)
{
	return s && *s ? json_object_new_string(s) : NULL;
}

enum status json_print(struct json_object *o)
{
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
	return print_end();
}

enum status table_end(struct table *t, struct json_object *array, bool json, bool nothing)
{
	enum status s = STATUS_DONE;

	if (json)
		s = json_print(array);
	else
		json_object_put(array);
	if (json || nothing)
		table_drop(t);
	else
		s = table_print(t);
	return nothing && s == STATUS_DONE ? STATUS_NO_DEVICE : s;
}
