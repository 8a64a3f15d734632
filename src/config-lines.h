/* SPDX-License-Identifier: MIT */
/* The lines of a file of the configuration: for config.c, which finds the files. */
#ifndef REPLUG_CONFIG_LINES_H
#define REPLUG_CONFIG_LINES_H

#include "config-keys.h"

/* c, report, ctx, file and number are the caller's to set. */
struct reading {
	struct config *c;
	config_report *report;
	void *ctx;
	const char *file;
	unsigned number; /* of the file, from 1 */
	unsigned line;
	unsigned errors; /* of all files */
	char *next;
	const char *key; /* what inih said that the last one in this file is called, and its value */
	const char *value;
	struct conf_section section;
	bool in_section, skip; /* skip: the section's header was wrong, its keys would only add noise */
};

/* Reports an error and counts it; line 0 is the whole file. */
void config_complain(struct reading *r, unsigned line, const char *message);

/* Reads what a file holds: its last line, too, ends in a newline. text is changed. Returns 0 or -ENOMEM. */
int config_read_lines(struct reading *r, char *text);

#endif
