/* SPDX-License-Identifier: MIT */
/*
 * The configuration: vendor's file, own file and two drop-ins. Broken ones are refused with a place and clean words,
 * and nothing is half-applied; of good ones, and of those without the lines that were refused, what `replug check`
 * shows is a file that means the same.
 */
#include "fuzz.h"

#include <errno.h>

#include "config.h"

#define VENDOR  "/run/vendor.conf"
#define OWN     "/run/own.conf"
#define DROPINS "/run/conf.d"
#define SHOWN   "/run/shown.conf"

static const struct config_paths all = {VENDOR, OWN, DROPINS}, none_but_shown = {SHOWN, "/run/none", "/run/none.d"};

struct seen {
	unsigned reports;
	char text[1 << 16];
	size_t n;
	const char *section;
	char header[64];
	bool cut; /* a value is longer than what can be shown of it */
	char bad_file[64];
	unsigned bad_line;
};

static void report(void *ctx, const char *file, unsigned line, const char *message)
{
	struct seen *s = ctx;

	if (!s->reports++) {
		snprintf(s->bad_file, sizeof(s->bad_file), "%s", file);
		s->bad_line = line;
	}
	MUST(!strncmp(file, "/run/", 5) && line < 1 << 20);
	MUST(*message && is_clean(message));
}

static void put(struct seen *s, const char *text, size_t n)
{
	if (s->n + n >= sizeof(s->text)) {
		s->cut = true;
		return;
	}
	memcpy(s->text + s->n, text, n);
	s->n += n;
	s->text[s->n] = '\0';
}

/* A list of selectors on lines of one each, for a line has its limit. */
static void put_lines(struct seen *s, const char *key, const char *value)
{
	bool quoted = false;

	for (const char *p = value, *from = value;; p++) {
		quoted ^= *p == '"';
		if (*p && (*p != ',' || quoted))
			continue;
		put(s, key, strlen(key));
		put(s, " = ", 3);
		put(s, from, (size_t)(p - from));
		put(s, "\n", 1);
		if (!*p)
			break;
		from = p + 1;
	}
}

static void line(void *ctx, const char *section, const char *key, const char *value, const struct conf_origin *origin)
{
	struct seen *s = ctx;

	MUST(!origin->file || !strncmp(origin->file, "/run/", 5));
	MUST(!strchr(value, '\n'));
	if (strlen(value) >= 4000)
		s->cut = true;
	if (strcmp(s->header, section)) {
		snprintf(s->header, sizeof(s->header), "%s", section);
		put(s, "[", 1);
		put(s, section, strlen(section));
		put(s, "]\n", 2);
	}
	if (!*value && strcmp(key, "match"))
		return; /* not set */
	if (!strcmp(key, "match")) {
		put_lines(s, key, value);
		return;
	}
	put(s, key, strlen(key));
	put(s, " = ", 3);
	put(s, value, strlen(value));
	put(s, "\n", 1);
	if (strlen(value) > 150)
		s->cut = true;
}

static void check_values(const struct config *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct device_conf *d = &c->device[i];
		MUST(*d->name && selector_is_name(d->name) && config_find(c, d->name) == d);
		MUST(d->ladder.n <= RESET_METHODS && d->init <= INIT_CH9329 && d->busy <= BUSY_SKIP);
		MUST(d->attempts >= 1 && d->attempts <= 10 && d->baud <= 115200 && d->allow_ganged <= 1);
		MUST(d->init == INIT_NONE || d->expect & 1u << NODE_TTY);
		MUST(memchr(d->name, '\0', sizeof(d->name)) && memchr(d->symlink, '\0', sizeof(d->symlink)));
		MUST(is_clean(d->symlink) && !strstr(d->symlink, "..") && d->symlink[0] != '/');
	}
	for (size_t i = 0; i < c->relays; i++) {
		const struct relay_conf *r = &c->relay[i];
		MUST(memchr(r->name, '\0', sizeof(r->name)));
		MUST(*r->name && selector_is_name(r->name) && config_find_relay(c, r->name) == r);
		MUST(r->channel >= 1 && r->channel <= RELAY_CHANNELS && r->momentary <= 1 && r->baud);
		MUST(r->pulse_ms <= r->max_pulse_ms && r->max_pulse_ms <= 60000);
		MUST(r->protocol < RELAY_PROTOCOLS && (r->protocol != RELAY_CUSTOM || (r->on.n && r->off.n)));
		MUST(r->on.n <= CONF_BYTES && r->off.n <= CONF_BYTES && r->status.n <= CONF_BYTES);
	}
	MUST(c->guard.max_resets >= 1 && c->guard.max_resets <= GUARD_RESETS_MAX);
}

/* The file without a line that was refused, so that what stands around it is looked at, too. */
static bool mend(const char *path, unsigned line)
{
	char text[1 << 16];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (n < 0 || !line)
		return false;
	text[n] = '\0';
	char *from = text;
	while (--line && from)
		from = (from = strchr(from, '\n')) ? from + 1 : NULL;
	MUST(from && *from); /* there is such a line */
	memset(from, '#', strcspn(from, "\n"));
	return write_file(path, text);
}

static int load(struct config **c, struct seen *s)
{
	s->reports = 0;
	int e = config_load(c, &all, report, s);
	MUST(e == 0 || e == -EINVAL);
	MUST(!e == !s->reports && !e == !!*c);
	return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const path[] = {VENDOR, OWN, DROPINS "/a.conf", DROPINS "/b.conf"};
	static struct seen first, second;
	struct config *c, *back;

	mkdir(DROPINS, 0755);
	for (size_t i = 0; i < COUNT(path); i++) {
		unlink(path[i]);
		char *part = size ? next_part(&data, &size) : NULL;
		MUST(!part || write_file(path[i], part));
		free(part);
	}
	second.reports = 0;
	first.n = second.n = 0;
	first.cut = second.cut = false;
	*first.header = *second.header = '\0';
	int e = load(&c, &first);
	for (unsigned tries = 8; e && tries && mend(first.bad_file, first.bad_line); tries--)
		e = load(&c, &first);
	count(!e);
	if (e)
		return 0;
	check_values(c);
	config_walk(c, line, &first);
	if (!first.cut) {
		MUST(write_file(SHOWN, first.text));
		MUST(!config_load(&back, &none_but_shown, report, &second));
		check_values(back);
		config_walk(back, line, &second);
		MUST(!strcmp(first.text, second.text));
		config_free(back);
	}
	config_free(c);
	return 0;
}
