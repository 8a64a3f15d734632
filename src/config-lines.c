/* SPDX-License-Identifier: MIT */
#include "config-lines.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

void config_complain(struct reading *r, unsigned line, const char *message)
{
	r->errors++;
	r->report(r->ctx, r->file, line, message);
}

/* Sections remember where their header stood, so that a second one in the same file is seen. */
static bool seen_twice(struct reading *r, const char *kind, const char *name, unsigned *file, unsigned *line)
{
	char msg[160];

	if (*file == r->number) {
		snprintf(msg, sizeof(msg), "[%s%s] is there already, at line %u", kind, name, *line);
		config_complain(r, r->line, msg);
		return true;
	}
	*file = r->number;
	*line = r->line;
	return false;
}

/* Room for one more element. Powers of sixteen: a thousand are moved twice, and untouched memory costs nothing. */
static void *grow(void *array, size_t n, size_t size)
{
	size_t room = 16;

	while (room < n)
		room *= 16;
	if (n && n < room)
		return array;
	return realloc(array, (n ? room * 16 : room) * size);
}

static struct device_conf *add_device(struct config *c, const char *name, const struct conf_name *n)
{
	unsigned *first = &c->by_name[n->bucket];
	struct device_conf *d = config_find_from(c, *first, name);

	if (d)
		return d;
	d = grow(c->device, c->n, sizeof(*d));
	if (!d)
		return NULL;
	c->device = d;
	d = &c->device[c->n++];
	config_device_defaults(d);
	memcpy(d->name, name, n->len + 1);
	d->next = *first;
	*first = (unsigned)c->n;
	return d;
}

static struct relay_conf *add_relay(struct config *c, const char *name, size_t len)
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
	memcpy(r->name, name, len + 1);
	return r;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool starts_comment(char c)
{
	return c == '#' || c == ';';
}

static char *skip_blanks(char *p)
{
	while (is_blank(*p))
		p++;
	return p;
}

static void unknown_section(struct reading *r, char *kind)
{
	static const char *const kinds[] = {"device", "relay", "guard", NULL};
	char msg[256], shown[96], *name = kind;

	while (*name && !is_blank(*name))
		name++;
	if (*name)
		*name++ = '\0';
	name = skip_blanks(name);
	const char *near = text_nearest(kind, kinds);
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
	config_complain(r, r->line, msg);
}

/* Ends the text at end, or before the blanks there. Returns its new end. */
static char *cut(char *text, char *end)
{
	while (end > text && (is_blank(end[-1]) || end[-1] == '\r'))
		end--;
	*end = '\0';
	return end;
}

/* Whether p is at the header's ], with nothing behind that but a comment. */
static bool closes(const char *p)
{
	const char *rest = p + 1;

	while (is_blank(*rest))
		rest++;
	return *p == ']' && (!*rest || (rest > p + 1 && starts_comment(*rest)));
}

/* A line that begins with a [, which is wrong. */
static void bad_header(struct reading *r, char *line)
{
	char *close = strchr(line, ']');

	if (!close) {
		config_complain(r, r->line, "the [ is not closed");
	} else if (!closes(close)) {
		config_complain(r, r->line, "there is something behind the ]");
	} else {
		cut(line, close);
		unknown_section(r, line + 1);
	}
}

/* What stands behind this word in the header that ends at end, or NULL where another is there. */
static inline char *behind(char *header, const char *end, const char *word)
{
	size_t len = strlen(word);

	return (size_t)(end - header) > len && !memcmp(header, word, len) ? header + len : NULL;
}

/* The name that is all that follows in the header, or NULL. */
static char *only_name(char *rest, struct conf_name *n)
{
	char *name = skip_blanks(rest);

	*n = conf_read_name(name);
	if (name == rest || !n->len || n->len > CONF_NAME_MAX || !closes(skip_blanks(name + n->len)))
		return NULL;
	name[n->len] = '\0';
	return name;
}

/* A line from its [ to its end. */
static void header_line(struct reading *r, char *line, const char *end)
{
	struct guard_conf *guard = &r->c->guard;
	char *name, *rest;
	struct conf_name n;

	r->in_section = r->skip = true;
	if ((rest = behind(line + 1, end, "device")) && (name = only_name(rest, &n))) {
		struct device_conf *d = add_device(r->c, name, &n);
		if (!d) {
			config_complain(r, r->line, strerror(ENOMEM));
			return;
		}
		r->section = (struct conf_section){.device = d};
		r->skip = seen_twice(r, "device ", name, &d->header_file, &d->header_line);
	} else if ((rest = behind(line + 1, end, "relay")) && (name = only_name(rest, &n))) {
		struct relay_conf *relay = add_relay(r->c, name, n.len);
		if (!relay) {
			config_complain(r, r->line, strerror(ENOMEM));
			return;
		}
		r->section = (struct conf_section){.relay = relay};
		r->skip = seen_twice(r, "relay ", name, &relay->header_file, &relay->header_line);
	} else if ((rest = behind(line + 1, end, "guard")) && closes(skip_blanks(rest))) {
		r->section = (struct conf_section){.guard = guard};
		r->skip = seen_twice(r, "guard", "", &guard->header_file, &guard->header_line);
	} else {
		bad_header(r, line);
	}
}

/* Cuts the comment, which begins at a # or ; behind a blank, unless a quote is open. */
static void cut_comment(char *value)
{
	bool quoted = false;

	for (char *p = value; *p; p++) {
		quoted ^= *p == '"';
		if (starts_comment(*p) && !quoted && is_blank(p[-1])) {
			cut(value, p);
			return;
		}
	}
}

/* Where inih would end a key: a colon divides for it, too, and of a line with a comment there it says nothing. */
static bool ends_key(char c)
{
	return !c || c == '=' || c == ':' || starts_comment(c);
}

static void set_key(struct reading *r)
{
	struct conf_origin at = {.file = r->file, .line = r->line};
	char msg[512];

	if (r->skip)
		return;
	if (!r->in_section) {
		config_complain(r, r->line,
			"a key before the first section; sections are [device NAME], [relay NAME] and [guard]");
		r->skip = true;
	} else if (config_key_set(&r->section, r->key, r->value, &at, msg, sizeof(msg))) {
		config_complain(r, r->line, msg);
	}
}

/*
 * Sets the key where it is spelt like the last one, as in a long list of `match` lines. Else it is for inih to read:
 * true, and str is what stands before the value. The value goes past inih, which would cut it at a semicolon, quoted
 * or not.
 */
static bool key_line(struct reading *r, char *str, char *line)
{
	char msg[256], shown[160], *divider = line;

	while (!ends_key(*divider))
		divider++;
	if (*divider != '=' || (unsigned char)*line < ' ') { /* inih would take a control character for an indent */
		cut_comment(line);
		text_clean(shown, sizeof(shown), line);
		snprintf(msg, sizeof(msg), "\"%s\" is neither [section] nor key = value", shown);
		config_complain(r, r->line, msg);
		return false;
	}
	char *value = divider + 1;
	if (strchr(value, '#') || strchr(value, ';'))
		cut_comment(value);
	r->value = skip_blanks(value);
	while (divider > line && is_blank(divider[-1]))
		divider--;
	*divider = '\0';
	if (r->key && text_is(r->key, line)) {
		set_key(r);
		return false;
	}
	size_t len = (size_t)(divider - line);
	memcpy(str, line, len);
	memcpy(str + len, "=", 2);
	return true;
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
		char *line = skip_blanks(r->next), *end = strchrnul(line, '\n');

		*end = '\0';
		r->next = end + 1;
		r->line++;
		if (starts_comment(*line))
			continue;
		if (end - line > num - 2) { /* inih would take a full buffer for a line cut in two */
			char msg[120];
			snprintf(msg, sizeof(msg),
				"the line is longer than %d characters; `match` may be given on several lines",
				num - 2);
			config_complain(r, r->line, msg);
			continue;
		}
		end = cut(line, end);
		if (*line == '[')
			header_line(r, line, end);
		else if (*line && key_line(r, str, line))
			return str;
	}
	return NULL;
}

static int handle_value(void *user, const char *section, const char *name, const char *value)
{
	struct reading *r = user;

	(void)section;
	(void)value;
	r->key = name;
	set_key(r);
	return 1;
}

int config_read_lines(struct reading *r, char *text)
{
	r->next = text;
	if (*text == '\xef' && text[1] == '\xbb' && text[2] == '\xbf') /* a byte order mark */
		r->next += 3;
	r->line = 0;
	r->key = NULL;
	r->in_section = r->skip = false;
	return ini_parse_stream(read_line, r, handle_value, r) < 0 ? -ENOMEM : 0;
}
