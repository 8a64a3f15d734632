#include "log.h"

#include "loop.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LISTENERS 4

static int fd = -1;
static char **lines;
static size_t count, room;
static void (*listeners[LISTENERS])(size_t, const char *, const char *);

int log_open(void)
{
	fd = open(LOG_PATH, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	return fd < 0 ? -1 : 0;
}

size_t log_count(void)
{
	return count;
}

const char *log_line(size_t seq)
{
	return lines[seq];
}

void log_listen(void (*heard)(size_t seq, const char *name, const char *event))
{
	for (size_t i = 0; i < LISTENERS; i++) {
		if (!listeners[i]) {
			listeners[i] = heard;
			return;
		}
	}
	abort();
}

void log_event(const char *name, const char *event, const char *fmt, ...)
{
	char details[512] = "";
	char *line = NULL;
	int64_t ms = now_ns() / 1000000;
	size_t seq = count;

	if (fmt) {
		va_list ap;
		details[0] = ' ';
		va_start(ap, fmt);
		vsnprintf(details + 1, sizeof(details) - 1, fmt, ap);
		va_end(ap);
	}
	int n = asprintf(
		&line, "%zu %" PRId64 ".%03d %s %s%s\n", seq, ms / 1000, (int)(ms % 1000), name, event, details);
	if (n < 0)
		abort();
	if (count == room) {
		room = room ? room * 2 : 1024;
		lines = realloc(lines, room * sizeof(*lines));
		if (!lines)
			abort();
	}
	if (fd >= 0 && write(fd, line, (size_t)n) < 0)
		fd = -1;
	line[n - 1] = '\0';
	lines[count++] = line;
	for (size_t i = 0; i < LISTENERS && listeners[i]; i++)
		listeners[i](seq, name, event);
}

char *log_hex(char *out, size_t size, const uint8_t *bytes, size_t n)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < n && at + 4 <= size; i++) {
		snprintf(out + at, size - at, i ? " %02X" : "%02X", bytes[i]);
		at += i ? 3 : 2;
	}
	return out;
}
