/* SPDX-License-Identifier: MIT */
/* One line an event: to the journal under systemd, to the terminal and syslog when a person runs it. */
#ifndef REPLUG_LOG_H
#define REPLUG_LOG_H

#include <stdbool.h>
#include <syslog.h>

/* With keep, lines of this program also go to syslog when no journal is listening on stderr: what a person did is on
 * record too. */
void log_open(const char *program, bool keep);

/* Whether lines go to the journal, as they do in a unit. */
bool log_to_journal(void);

/*
 * Writes one line in one write(), so that lines of processes side by side do not mix. priority is LOG_ERR …
 * LOG_DEBUG; debug lines are dropped unless stderr is the journal.
 */
__attribute__((format(printf, 2, 3))) void log_line(int priority, const char *format, ...);

/* With on, nothing is written until it is off again: for what is told otherwise, or once and not each time. */
void log_hush(bool on);

/* A config_report: one error of the configuration, to stderr. */
void log_config_error(void *ctx, const char *file, unsigned line, const char *message);

#endif
