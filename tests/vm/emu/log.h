/* The log: what the devices saw, numbered from 0, on file and in memory. */
#ifndef EMU_LOG_H
#define EMU_LOG_H

#include <stddef.h>
#include <stdint.h>

#define LOG_PATH "/run/emu.log"

int log_open(void);

/* fmt may be NULL: an event without details. */
void log_event(const char *name, const char *event, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

size_t log_count(void);
const char *log_line(size_t seq);

/* Called after each line, in the order in which they were added. */
void log_listen(void (*heard)(size_t seq, const char *name, const char *event));

/* Writes "57 AB 00" for at most max bytes; returns out. */
char *log_hex(char *out, size_t size, const uint8_t *bytes, size_t n);

#endif
