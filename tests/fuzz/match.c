/* SPDX-License-Identifier: MIT */
/*
 * replug-match as udev runs it: an environment, a configuration, and what the device calls itself. Whatever these
 * are, it answers in lines that udev can import, or with a status that udev takes for no.
 *
 * The input's parts: VARIABLE=VALUE lines, the configuration, serial, product.
 */
#include "fuzz.h"

#include <stdarg.h>
#include <syslog.h>

#include "config.h"

static struct config *kept;
static char answered[4096], complained[4096];
static size_t n_answered;

/* replug-match frees nothing, for its process ends; this one goes on. */
static int load(struct config **out, const struct config_paths *paths, config_report *report, void *ctx)
{
	static const struct config_paths own = {"/run/replug.conf", "/run/none", "/run/none.d"};

	(void)paths;
	int e = config_load(&kept, &own, report, ctx);
	*out = kept;
	return e;
}

static ssize_t written(int fd, const void *text, size_t n)
{
	if (fd == STDOUT_FILENO && n_answered + n < sizeof(answered)) {
		memcpy(answered + n_answered, text, n);
		n_answered += n;
		answered[n_answered] = '\0';
	}
	return (ssize_t)n;
}

__attribute__((format(printf, 2, 3))) static void logged(int priority, const char *format, ...)
{
	va_list ap;

	(void)priority;
	va_start(ap, format);
	vsnprintf(complained, sizeof(complained), format, ap);
	va_end(ap);
}

int replug_match(int argc, char **argv, char **env);

/* The program itself; of the system, only where it writes is exchanged. */
#define main        replug_match
#define config_load load
#define write       written
#define syslog      logged
#define openlog(...)
#include "../../src/replug-match.c"
#undef write
#undef main

/* What udev's IMPORT{program} takes: keys of ours, and values of which nothing has to be quoted. */
static void importable(char *lines)
{
	static const char *const keys[] = {"REPLUG_DEVICE", "REPLUG_LINK_TTY", "REPLUG_LINK_VIDEO", "REPLUG_RELAY"};
	size_t n = strlen(lines);

	MUST(n && lines[n - 1] == '\n');
	for (char *line; (line = strsep(&lines, "\n")) && *line;) {
		char *value = strchr(line, '=');
		bool known = false;
		MUST(value);
		*value++ = '\0';
		for (size_t i = 0; i < COUNT(keys); i++)
			known |= !strcmp(line, keys[i]);
		MUST(known && *value);
		MUST(!value[strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+:./")]);
	}
}

/* For an environment whose own configuration was refused, which is most of them: every kind of term, and a relay's.
 */
static const char sound[] = "[device id]\nmatch = 1a86:7523, bus=001/004\ninit = ch9329\nsymlink = kvmd-hid\n"
			    "[device port]\nmatch = usb=1-1.4 534d:2109\nexpect = video4linux\nsymlink = kvmd-video\n"
			    "[device serial]\nmatch = serial=A\n"
			    "[device product]\nmatch = product=\"USB*\", 1a86:7523 product=\"*[!a]?\"\n"
			    "[relay id]\nmatch = 16c0:05df\n"
			    "[relay port]\nmatch = 1a86:7523 usb=1-1.3, product=\"*Relay?\"\nprotocol = lcus\n";

static void ask(char **env)
{
	char *argv[] = {(char[]){"replug-match"}, NULL};

	*answered = *complained = '\0';
	n_answered = 0;
	int status = replug_match(1, argv, env);
	MUST(status == MATCHED || status == USAGE || status == NO_MATCH);
	MUST((status == MATCHED) == (n_answered > 0));
	MUST(!*complained || status == USAGE);
	count(status == MATCHED);
	if (status == MATCHED)
		importable(answered);
	config_free(kept);
	kept = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const path[] = {"/run/replug.conf", "/sys/d/1-1/serial", "/sys/d/1-1/product"};
	char *env[64], *vars = next_part(&data, &size), *rest = vars;
	size_t n = 0;

	mkdir("/sys/d", 0755);
	mkdir("/sys/d/1-1", 0755);
	for (char *var; n + 1 < COUNT(env) && (var = strsep(&rest, "\n"));)
		if (*var)
			env[n++] = var;
	env[n] = NULL;
	for (size_t i = 0; i < COUNT(path); i++) {
		char *part = next_part(&data, &size);
		MUST(write_file(path[i], part));
		free(part);
	}
	ask(env);
	if (*complained) {
		MUST(write_file(path[0], sound));
		ask(env);
		MUST(!*complained);
	}
	free(vars);
	return 0;
}
