/* A client of the daemon, between its order and its answer. */
#ifndef EMU_ORDERS_H
#define EMU_ORDERS_H

#include "loop.h"

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

struct client {
	struct client *next;
	int fd;
	char order[16384];
	size_t used;
	/* a `wait` that has not found its line yet */
	bool waiting;
	regex_t pattern;
	char *text;
	size_t since;
	struct timer deadline;
};

extern struct client *clients;

/* Each of these is the end of the client: it must not be used any more. */
void answer_ok(struct client *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void answer_fail(struct client *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void client_free(struct client *c);

void send_text(int fd, const char *text, size_t n);

/* Those who wait for a line, or for a device, are told from here on. */
void orders_open(void);
/* False: there is no such order. */
bool order_run(struct client *c, const char *order, char **words, int n);

#endif
