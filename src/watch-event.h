/* SPDX-License-Identifier: MIT */
/* One thing that happened in a port, and how it is told. */
#ifndef REPLUG_WATCH_EVENT_H
#define REPLUG_WATCH_EVENT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device.h"
#include "record.h"

/* Every string is cleaned. */
struct event {
	int64_t time; /* seconds since 1970 */
	char port[DEVICE_PORT_SIZE];
	char id[10];
	char section[CONF_NAME_MAX + 1], relay[CONF_NAME_MAX + 1];
	char product[128];
	const char *word; /* "plugged", "unplugged", or a state's name */
	bool outcome;     /* a change of the record, which says these: */
	char action[64], error[384];
	uint32_t duration_ms;
};

/* What a record says happened, unless it is left over from before: a run that begins has no outcome. */
void event_of_record(struct event *e, const struct record *r);

/* "1-1.4 capture recovered reset in 412 ms" */
void event_text(const struct event *e, char *dst, size_t size);

/* A line for programs and files: that, behind "2026-11-24T09:31:02Z ", or an object; with its newline. */
void event_line(const struct event *e, bool json, char *dst, size_t size);

/* A line for the screen, behind local time of day. */
void event_short(const struct event *e, char *dst, size_t size);

#endif
