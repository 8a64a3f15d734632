/* SPDX-License-Identifier: MIT */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool journal, to_syslog, hushed;

/* $JOURNAL_STREAM names the socket that systemd made our stderr (systemd.exec(5)); it may be a parent's. */
static bool stderr_is_journal(void)
{
	const char *env = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return env && sscanf(env, "%llu:%llu", &dev, &ino) == 2 && !fstat(STDERR_FILENO, &st) && st.st_dev == dev &&
	       st.st_ino == ino;
}

void log_open(const char *program, bool keep)
{
	journal = stderr_is_journal();
	to_syslog = keep && !journal;
	if (to_syslog)
		openlog(program, LOG_PID, LOG_DAEMON);
}

bool log_to_journal(void)
{
	return journal;
}

void log_hush(bool on)
{
	hushed = on;
}

void log_line(int priority, const char *format, ...)
{
	char line[1024];
	va_list ap;
	int start = 0;

	if (hushed || (priority == LOG_DEBUG && !journal))
		return;
	if (journal)
		start = snprintf(line, sizeof(line), "<%d>", priority);
	va_start(ap, format);
	int n = vsnprintf(line + start, sizeof(line) - (size_t)start - 1, format, ap);
	va_end(ap);
	if (n < 0)
		return;
	size_t len = strlen(line);
	if (to_syslog)
		syslog(priority, "%s", line + start);
	line[len++] = '\n';
	/* Results are what a person asked for, the rest is about trouble. */
	int fd = !journal && priority >= LOG_NOTICE ? STDOUT_FILENO : STDERR_FILENO;
	if (write(fd, line, len) < 0)
		return; /* nobody is left to be told */
}

void log_config_error(void *ctx, const char *file, unsigned line, const char *message)
{
	(void)ctx;
	if (line)
		fprintf(stderr, "%s:%u: %s\n", file, line, message);
	else
		fprintf(stderr, "%s: %s\n", file, message);
}
