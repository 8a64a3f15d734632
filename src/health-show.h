/* SPDX-License-Identifier: MIT */
/* What a round of health found: as a table, as JSON, or for Prometheus. */
#ifndef REPLUG_HEALTH_SHOW_H
#define REPLUG_HEALTH_SHOW_H

#include <stdio.h>

#include "health.h"
#include "status.h"

/* One port of a round. */
struct patient {
	const struct device *d; /* NULL: nothing answers in this port, and its record says what should */
	char port[DEVICE_PORT_SIZE];
	struct use use;
	struct record r; /* as it was when the device was asked */
	enum health health;
	char evidence[640];
	bool turned;  /* that is news, see health_note */
	bool due;     /* it is to be recovered now */
	bool stopped; /* it was told to stop while it was asked */
};

enum status health_table(const struct patient *p, size_t n);
enum status health_json(const struct patient *p, size_t n);

/*
 * Prometheus text exposition format, version 0.0.4 (prometheus.io, "Exposition formats"), as node_exporter's textfile
 * collector reads it: the round's devices, and the counters of all (others of them) records. An unknown health has
 * no sample.
 */
void health_metrics(const struct patient *p, size_t n, const struct record *all, size_t others, FILE *to);

/* A label's value, with backslash, quote and newline escaped. Cut where it does not fit, never within an escape. */
void health_label(char *dst, size_t size, const char *value);

#endif
