/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config-keys.h"
#include "text.h"

const struct config_paths config_default_paths = {
	.vendor = REPLUG_LIBDIR "/replug.conf",
	.own = REPLUG_SYSCONFDIR "/replug.conf",
	.dropins = REPLUG_SYSCONFDIR "/replug.conf.d",
};

struct reading {
	struct config *c;
	config_report *report;
	void *ctx;
	const char *file;
	unsigned number; /* of the file, from 1 */
	unsigned line;
	unsigned errors;
	char *next;
	char *value, quoted[256]; /* the value as it was written, where inih must not be asked for it */
	struct conf_section section;
	bool in_section, skip; /* skip: the section's header was wrong, its keys would only add noise */
	char text[1 << 20];
};

static void complain(struct reading *r, unsigned line, const char *message)
{
	r->errors++;
	r->report(r->ctx, r->file, line, message);
}

/* Sections remember where their header stood, so that a second one in the same file is seen. */
static bool seen_twice(struct reading *r, const char *kind, const char *name, unsigned *file, unsigned *line)
{
	char msg[160];

	if (*file == r->number) {
		snprintf(msg, sizeof(msg), "[%s%s%s] is there already, at line %u", kind, *name ? " " : "", name,
			*line);
		complain(r, r->line, msg);
		return true;
	}
	*file = r->number;
	*line = r->line;
	return false;
}

/* Room for one more element. Powers of two: a configuration of a thousand sections costs ten moves. */
static void *grow(void *array, size_t n, size_t size)
{
	return n & (n - 1) ? array : realloc(array, (n ? n * 2 : 1) * size);
}

static struct device_conf *add_device(struct config *c, const char *name)
{
	struct device_conf *d = config_find(c, name);

	if (d)
		return d;
	d = grow(c->device, c->n, sizeof(*d));
	if (!d)
		return NULL;
	c->device = d;
	d = &c->device[c->n++];
	config_device_defaults(d);
	memcpy(d->name, name, strlen(name) + 1);
	unsigned *first = &c->by_name[config_hash(name)];
	d->next = *first;
	*first = (unsigned)c->n;
	return d;
}

static struct relay_conf *add_relay(struct config *c, const char *name)
{
	struct relay_conf *r = c->relay;

	for (size_t i = 0; i < c->relays; i++, r++)
		if (text_is(r->name, name))
			return r;
	r = grow(c->relay, c->relays, sizeof(*r));
	if (!r)
		return NULL;
	c->relay = r;
	r = &c->relay[c->relays++];
	config_relay_defaults(r);
	memcpy(r->name, name, strlen(name) + 1);
	return r;
}

static bool valid_name(const char *name)
{
	return *name && selector_is_name(name) && strlen(name) <= CONF_NAME_MAX;
}

static void unknown_section(struct reading *r, const char *kind, const char *name)
{
	static const char *const kinds[] = {"device", "relay", "guard", NULL};
	const char *near = text_nearest(kind, kinds);
	char msg[256], shown[96];

	text_clean(shown, sizeof(shown), kind);
	if ((text_is(kind, "device") || text_is(kind, "relay")) && !*name) {
		snprintf(msg, sizeof(msg), "[%s] has no name; write [%s NAME]", kind, kind);
	} else if (text_is(kind, "device") || text_is(kind, "relay")) {
		text_clean(shown, sizeof(shown), name);
		snprintf(msg, sizeof(msg), "\"%s\" cannot be a section's name; letters, digits, - and _, at most %d",
			shown, (int)CONF_NAME_MAX);
	} else if (!*name && (config_find(r->c, kind) || config_find_relay(r->c, kind))) {
		snprintf(msg, sizeof(msg), "unknown section [%s]; did you mean [%s %s]?", kind,
			config_find(r->c, kind) ? "device" : "relay", kind);
	} else if (near) {
		snprintf(msg, sizeof(msg), "unknown section [%s%s]; did you mean [%s%s]?", shown, *name ? " …" : "",
			near, strcmp(near, "guard") ? " NAME" : "");
	} else {
		snprintf(msg, sizeof(msg),
			"unknown section [%s%s]; known are [device NAME], [relay NAME] and [guard]", shown,
			*name ? " …" : "");
	}
	complain(r, r->line, msg);
}

/* header is what stands between the brackets. */
static void open_section(struct reading *r, char *header)
{
	char *name = header;

	r->in_section = true;
	r->skip = true;
	while (*name && *name != ' ' && *name != '\t')
		name++;
	if (*name)
		*name++ = '\0';
	while (*name == ' ' || *name == '\t')
		name++;
	size_t len = strlen(name);
	while (len && (name[len - 1] == ' ' || name[len - 1] == '\t'))
		name[--len] = '\0';
	if (text_is(header, "guard") && !*name) {
		r->section = (struct conf_section){.guard = &r->c->guard};
		r->skip = seen_twice(r, header, "", &r->c->guard.header_file, &r->c->guard.header_line);
	} else if (text_is(header, "device") && valid_name(name)) {
		struct device_conf *d = add_device(r->c, name);
		if (!d) {
			complain(r, r->line, strerror(ENOMEM));
			return;
		}
		r->section = (struct conf_section){.device = d};
		r->skip = seen_twice(r, header, name, &d->header_file, &d->header_line);
	} else if (text_is(header, "relay") && valid_name(name)) {
		struct relay_conf *relay = add_relay(r->c, name);
		if (!relay) {
			complain(r, r->line, strerror(ENOMEM));
			return;
		}
		r->section = (struct conf_section){.relay = relay};
		r->skip = seen_twice(r, header, name, &relay->header_file, &relay->header_line);
	} else {
		unknown_section(r, header, name);
	}
}

/* Ends the line at a # or ; behind a blank, unless a quote is open. Returns the new length. */
static size_t cut_comment(char *line)
{
	bool quoted = false;
	char *p = line;

	for (; *p; p++) {
		quoted ^= *p == '"';
		if ((*p == '#' || *p == ';') && !quoted && (p[-1] == ' ' || p[-1] == '\t'))
			break;
	}
	*p = '\0';
	return (size_t)(p - line);
}

/* Settles what inih would only see as noise. Returns true where the line is a key's. */
static bool key_line(struct reading *r, char *str, size_t len)
{
	char msg[256], shown[160];

	if (*str == '[') {
		char *close = str;
		while (*close && *close != ']')
			close++;
		if (close != str + len - 1) {
			complain(r, r->line, *close ? "there is something behind the ]" : "the [ is not closed");
			r->in_section = r->skip = true;
			return false;
		}
		*close = '\0';
		open_section(r, str + 1);
		return false;
	}
	const char *divider = str;
	while (*divider && *divider != '=' && *divider != ':') /* inih would take a colon for one, too */
		divider++;
	if (*divider == '=')
		return true;
	text_clean(shown, sizeof(shown), str);
	snprintf(msg, sizeof(msg), "\"%s\" is neither [section] nor key = value", shown);
	complain(r, r->line, msg);
	return false;
}

/*
 * Feeds inih one meaningful line at a time. inih neither tells the handler the line's number nor mentions
 * a section without keys, and takes an indented line for a continuation: all three are settled here, before it
 * sees the line.
 */
static char *read_line(char *str, int num, void *stream)
{
	struct reading *r = stream;

	while (*r->next) {
		char *line = r->next, *end = strchr(line, '\n');
		size_t len;

		if (!end)
			end = line + strlen(line);
		r->next = *end ? end + 1 : end;
		r->line++;
		while (*line == ' ' || *line == '\t')
			line++;
		len = (size_t)(end - line);
		if (*line == '#' || *line == ';' || !len)
			continue;
		if (len > (size_t)num - 2 ||
			len >= sizeof(r->quoted)) { /* inih would take a full buffer for a line cut in two */
			char msg[120];
			snprintf(msg, sizeof(msg),
				"the line is longer than %d characters; `match` may be given on several lines",
				num - 2);
			complain(r, r->line, msg);
			continue;
		}
		memcpy(str, line, len);
		str[len] = '\0';
		char *semicolon = strchr(str, ';');
		if (semicolon || strchr(str, '#'))
			len = cut_comment(str);
		while (len && (str[len - 1] == ' ' || str[len - 1] == '\t' || str[len - 1] == '\r'))
			str[--len] = '\0';
		if (!len || !key_line(r, str, len))
			continue;
		r->value = NULL;
		if (semicolon) /* inih would cut the value there, quoted or not */
			r->value = strcpy(r->quoted, strchr(str, '=') + 1);
		return str;
	}
	return NULL;
}

static int handle_value(void *user, const char *section, const char *name, const char *value)
{
	struct reading *r = user;
	char msg[512];

	(void)section;
	if (r->skip)
		return 1;
	if (!r->in_section) {
		complain(r, r->line,
			"a key before the first section; sections are [device NAME], [relay NAME] and [guard]");
		r->skip = true;
		return 1;
	}
	struct conf_origin at = {.file = r->file, .line = r->line};
	if (r->value) {
		value = r->value;
		while (*value == ' ' || *value == '\t')
			value++;
	}
	if (config_key_set(&r->section, name, value, &at, msg, sizeof(msg)))
		complain(r, r->line, msg);
	return 1;
}

/* Reads the whole file into r->text. Returns 0 or a negative errno. */
static int slurp(struct reading *r, const char *path)
{
	/* Not blocking: a fifo in the place of a file must not stop udev. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), e = 0;
	size_t n = 0;

	if (fd < 0)
		return -errno;
	while (n < sizeof(r->text)) {
		ssize_t got = read(fd, r->text + n, sizeof(r->text) - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			e = -errno;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	close(fd);
	if (n == sizeof(r->text))
		return -EFBIG;
	r->text[n] = '\0';
	/* A NUL would hide what stands behind it. */
	return e || strlen(r->text) == n ? e : -EILSEQ;
}

/* path is kept: it has to live as long as the configuration. */
static int read_file(struct reading *r, const char *path)
{
	char msg[160];
	int e = slurp(r, path);

	if (e == -ENOENT)
		return 0;
	if (r->c->n_files == CONF_FILES) {
		r->file = path;
		complain(r, 0, "too many drop-ins");
		return 0;
	}
	r->file = r->c->file[r->c->n_files++] = path;
	r->number++;
	if (e) {
		snprintf(msg, sizeof(msg), "cannot be read: %s", strerror(-e));
		complain(r, 0, msg);
		return 0;
	}
	r->next = r->text;
	if (*r->next == '\xef' && r->next[1] == '\xbb' && r->next[2] == '\xbf') /* a byte order mark */
		r->next += 3;
	r->line = 0;
	r->in_section = r->skip = false;
	return ini_parse_stream(read_line, r, handle_value, r) < 0 ? -ENOMEM : 0;
}

static int is_dropin(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return d->d_name[0] != '.' && len > 5 && text_is(d->d_name + len - 5, ".conf");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name); /* the same order in every locale, as systemd has it */
}

static int read_dropins(struct reading *r, const char *dir)
{
	struct dirent **list;
	char msg[160], *path;
	int e = 0, n, fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	/* No drop-ins is the common case, and much cheaper to find out this way. */
	if (fd < 0 && errno == ENOENT)
		return 0;
	n = fd < 0 ? -1 : scandirat(fd, ".", &list, is_dropin, by_name);
	if (n < 0) {
		snprintf(msg, sizeof(msg), "cannot be read: %s", strerror(errno));
		r->file = dir;
		complain(r, 0, msg);
		if (fd >= 0)
			close(fd);
		return 0;
	}
	close(fd);
	for (int i = 0; i < n; i++) {
		if (!e && asprintf(&path, "%s/%s", dir, list[i]->d_name) >= 0) {
			size_t before = r->c->n_files;
			e = read_file(r, path);
			if (r->c->n_files == before)
				free(path);
			else
				r->c->n_own++;
		} else {
			e = -ENOMEM;
		}
		free(list[i]);
	}
	free(list);
	return e;
}

int config_load(struct config **out, const struct config_paths *paths, config_report *report, void *ctx)
{
	static struct reading r;                      /* large, and nobody reads two configurations at once */
	struct config *c = realloc(NULL, sizeof(*c)); /* calloc would be one more symbol to bind for replug-match */

	*out = NULL;
	if (!c)
		return -ENOMEM;
	*c = (struct config){0};
	r.c = c;
	r.report = report;
	r.ctx = ctx;
	r.number = r.errors = 0;
	config_guard_defaults(&c->guard);
	int e = read_file(&r, paths->vendor);
	if (!e)
		e = read_file(&r, paths->own);
	if (!e)
		e = read_dropins(&r, paths->dropins);
	if (!e && !r.errors)
		r.errors = config_cross_check(c, report, ctx);
	if (!e && r.errors)
		e = -EINVAL;
	if (e)
		config_free(c);
	else
		*out = c;
	return e;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++) {
		selector_free(&c->device[i].match);
		selector_free(&c->device[i].then);
	}
	for (size_t i = 0; i < c->relays; i++)
		selector_free(&c->relay[i].match);
	free(c->relay);
	for (size_t i = c->n_files - c->n_own; i < c->n_files; i++)
		// NOLINTNEXTLINE(performance-no-int-to-ptr): to cast the const away directly -Wcast-qual forbids
		free((char *)(uintptr_t)c->file[i]);
	free(c->device);
	free(c);
}
