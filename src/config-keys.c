/* SPDX-License-Identifier: MIT */
#include "config-keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

const char *const node_class_name[NODE_CLASSES + 1] = {
	[NODE_VIDEO] = "video4linux",
	[NODE_TTY] = "tty",
	[NODE_SOUND] = "sound",
	[NODE_HIDRAW] = "hidraw",
	[NODE_INPUT] = "input",
};

struct key;

/* A value being set: where it goes, and where the message goes if it cannot. */
struct value {
	const struct key *key;
	void *field;
	bool again; /* the key was set before in this section of this file */
	const char *text;
	char *msg;
	size_t size;
};

typedef int key_set(struct value *v);
typedef void key_show(const void *field, char *dst, size_t size);

struct key {
	const char *name;
	key_set *set;
	key_show *show;
	size_t offset; /* of the field in its section's struct */
	uint32_t min, max;
	bool repeat; /* may stand on several lines */
};

static int refuse(struct value *v, const char *what)
{
	char shown[160];

	text_clean(shown, sizeof(shown), v->text);
	snprintf(v->msg, v->size, "\"%s\" %s", shown, what);
	return -EINVAL;
}

/* One word of a fixed list; the index, or -EINVAL with the nearest word named. */
static int choose(struct value *v, const char *word, const char *const *list)
{
	char shown[96];

	for (int i = 0; list[i]; i++)
		if (text_is(list[i], word))
			return i;
	text_clean(shown, sizeof(shown), word);
	const char *near = text_nearest(word, list);
	int n = snprintf(v->msg, v->size, "\"%s\" is not known here; ", shown);
	if (n < 0 || (size_t)n >= v->size)
		return -EINVAL;
	if (near) {
		snprintf(v->msg + n, v->size - (size_t)n, "did you mean \"%s\"?", near);
		return -EINVAL;
	}
	for (int i = 0; list[i] && n > 0 && (size_t)n < v->size; i++)
		n += snprintf(v->msg + n, v->size - (size_t)n, "%s%s", i ? ", " : "valid are ", list[i]);
	return -EINVAL;
}

/* The next word of a list divided by commas and blanks; 0 at the end. */
static size_t list_word(const char **p, char *word, size_t size)
{
	size_t n = 0, len = 0;

	while (**p == ' ' || **p == '\t' || **p == ',')
		++*p;
	for (; **p && **p != ' ' && **p != '\t' && **p != ','; ++*p, len++)
		if (n + 1 < size)
			word[n++] = **p;
	word[n] = '\0';
	return len;
}

static int set_match(struct value *v)
{
	struct selector *sel = v->field;

	if (!v->again && sel->n)
		selector_free(sel);
	if (!*v->text)
		return 0; /* takes nothing: how a person switches off a section that was shipped */
	return selector_parse(sel, v->text, false, v->msg, v->size);
}

static void show_selector(const void *field, char *dst, size_t size)
{
	const struct selector *sel = field;
	size_t n = 0;

	*dst = '\0';
	for (size_t i = 0; i < sel->n; i++) {
		if (!sel->term[i].first)
			continue;
		if (i && n + 3 < size) {
			memcpy(dst + n, ", ", 3);
			n += 2;
		}
		n += selector_show(dst + n, size - n, sel, i);
	}
}

static int set_then(struct value *v)
{
	struct selector *sel = v->field;

	selector_free(sel);
	return *v->text ? selector_parse(sel, v->text, true, v->msg, v->size) : 0;
}

static const char *const reset_words[] = {[RESET_USB] = "usb", "none", NULL};

static int set_reset(struct value *v)
{
	struct conf_ladder *d = v->field;
	const char *p = v->text;
	char word[32];
	bool none = false;

	d->n = 0;
	while (list_word(&p, word, sizeof(word))) {
		int i = choose(v, word, reset_words);
		if (i < 0)
			return i;
		if (none || (i == RESET_METHODS && d->n))
			return refuse(v, "mixes none with a method");
		if (i == RESET_METHODS) {
			none = true;
			continue;
		}
		for (unsigned k = 0; k < d->n; k++)
			if (d->method[k] == (enum reset_method)i)
				return refuse(v, "names a method twice");
		d->method[d->n++] = (enum reset_method)i;
	}
	return none || d->n ? 0 : refuse(v, "names no method; valid are usb, none");
}

static void show_reset(const void *field, char *dst, size_t size)
{
	const struct conf_ladder *d = field;
	size_t n = 0;

	snprintf(dst, size, "none");
	for (unsigned i = 0; i < d->n && n < size; i++)
		n += (size_t)snprintf(dst + n, size - n, "%s%s", i ? ", " : "", reset_words[d->method[i]]);
}

static int set_expect(struct value *v)
{
	const char *words[NODE_CLASSES + 2], *p = v->text;
	char word[32];

	memcpy(words, node_class_name, NODE_CLASSES * sizeof(words[0]));
	words[NODE_CLASSES] = "none";
	words[NODE_CLASSES + 1] = NULL;
	unsigned *expect = v->field;
	*expect = 0;
	while (list_word(&p, word, sizeof(word))) {
		int i = choose(v, word, words);
		if (i < 0)
			return i;
		if (i < NODE_CLASSES)
			*expect |= 1u << i;
	}
	return 0;
}

static void show_expect(const void *field, char *dst, size_t size)
{
	size_t n = 0;

	snprintf(dst, size, "none");
	for (unsigned i = 0; i < NODE_CLASSES; i++)
		if (*(const unsigned *)field & 1u << i && n < size)
			n += (size_t)snprintf(dst + n, size - n, "%s%s", n ? ", " : "", node_class_name[i]);
}

static const char *const init_words[] = {[INIT_NONE] = "none", [INIT_CH9329] = "ch9329", NULL};

static int set_init(struct value *v)
{
	int i = choose(v, v->text, init_words);

	if (i < 0)
		return i;
	*(unsigned *)v->field = (unsigned)i;
	return 0;
}

static void show_init(const void *field, char *dst, size_t size)
{
	snprintf(dst, size, "%s", init_words[*(const unsigned *)field]);
}

static int set_baud(struct value *v)
{
	/* The rates of the chip that a tty can be set to everywhere: POSIX has no 14400. */
	static const char *const words[] = {
		"1200", "2400", "4800", "9600", "19200", "38400", "57600", "115200", "auto", NULL};
	unsigned baud = 0;
	int i = choose(v, v->text, words);

	if (i < 0)
		return i;
	if (words[i + 1])
		text_number(words[i], 1, 115200, &baud);
	*(unsigned *)v->field = baud;
	return 0;
}

static void show_count(const void *field, char *dst, size_t size);

static void show_baud(const void *field, char *dst, size_t size)
{
	if (*(const unsigned *)field)
		show_count(field, dst, size);
	else
		snprintf(dst, size, "auto");
}

static int set_duration(struct value *v)
{
	char lo[24], hi[24], what[120];
	uint32_t ms = 0;
	int r = text_duration(v->text, &ms);

	if (!r && ms >= v->key->min && ms <= v->key->max) {
		*(uint32_t *)v->field = ms;
		return 0;
	}
	text_duration_show(lo, sizeof(lo), v->key->min);
	text_duration_show(hi, sizeof(hi), v->key->max);
	if (r == -EINVAL)
		snprintf(what, sizeof(what), "is not a duration; they look like 500ms, 10s, 2min");
	else
		snprintf(what, sizeof(what), "is out of range; from %s to %s", lo, hi);
	return refuse(v, what);
}

static void show_duration(const void *field, char *dst, size_t size)
{
	text_duration_show(dst, size, *(const uint32_t *)field);
}

static int set_count(struct value *v)
{
	char what[80];

	if (!text_number(v->text, v->key->min, v->key->max, v->field))
		return 0;
	snprintf(what, sizeof(what), "is not a number from %u to %u", v->key->min, v->key->max);
	return refuse(v, what);
}

static void show_count(const void *field, char *dst, size_t size)
{
	snprintf(dst, size, "%u", *(const unsigned *)field);
}

static bool symlink_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	       c == '+' || c == ':';
}

static int set_symlink(struct value *v)
{
	const char *p = v->text;
	char before = '/', *dst = v->field;
	size_t len = 0;

	/* What udev itself would replace in a link's name is refused, so that what is asked for is what comes. */
	for (; *p; before = *p++, len++)
		if (*p == '/' ? before == '/' : *p == '.' ? before == '.' || before == '/' : !symlink_char(*p))
			break;
	if (*p || (len && before == '/'))
		return refuse(v, "is not a name below /dev, such as kvmd-hid");
	if (len >= CONF_SYMLINK_SIZE)
		return refuse(v, "is too long for a symbolic link");
	memcpy(dst, v->text, len + 1);
	return 0;
}

static void show_symlink(const void *field, char *dst, size_t size)
{
	snprintf(dst, size, "%s", (const char *)field);
}

#define DEVICE(member) offsetof(struct device_conf, member)
#define GUARD(member)  offsetof(struct guard_conf, member)

static const struct key device_key[] = {
	{"match", set_match, show_selector, DEVICE(match), .repeat = true},
	{"reset", set_reset, show_reset, DEVICE(ladder)},
	{"expect", set_expect, show_expect, DEVICE(expect)},
	{"init", set_init, show_init, DEVICE(init)},
	{"baud", set_baud, show_baud, DEVICE(baud)},
	{"attempts", set_count, show_count, DEVICE(attempts), 1, 10},
	{"ready", set_duration, show_duration, DEVICE(ready_ms), 100, 60000},
	{"timeout", set_duration, show_duration, DEVICE(timeout_ms), 1000, 120000},
	{"symlink", set_symlink, show_symlink, DEVICE(symlink)},
	{"then", set_then, show_selector, DEVICE(then)},
	{NULL},
};

static const struct key guard_key[] = {
	{"max-resets", set_count, show_count, GUARD(max_resets), 1, GUARD_RESETS_MAX},
	{"window", set_duration, show_duration, GUARD(window_ms), 1000, 3600000},
	{"cool-down", set_duration, show_duration, GUARD(cool_down_ms), 0, 60000},
	{"forgive", set_duration, show_duration, GUARD(forgive_ms), 0, 3600000},
	{NULL},
};

_Static_assert(sizeof(device_key) / sizeof(device_key[0]) <= CONF_KEYS + 1, "an origin for each key");

/* The table, the struct and the origins of the section being read or shown. */
static const struct key *table_of(const struct conf_section *s, char **base, struct conf_origin **origin)
{
	*base = s->device ? (char *)s->device : (char *)s->guard;
	*origin = s->device ? s->device->origin : s->guard->origin;
	return s->device ? device_key : guard_key;
}

int config_key_set(const struct conf_section *s, const char *name, const char *value, const struct conf_origin *at,
	char *msg, size_t size)
{
	char *base;
	struct conf_origin *origin;
	const struct key *key = table_of(s, &base, &origin);
	struct value v = {.text = value, .msg = msg, .size = size};
	const char *names[CONF_KEYS + 1];
	size_t n = 0;

	for (; key[n].name; n++) {
		names[n] = key[n].name;
		if (!text_is(key[n].name, name))
			continue;
		v.again = origin[n].file == at->file;
		if (v.again && !key[n].repeat) {
			snprintf(msg, size, "`%s` is set already, at line %u", name, origin[n].line);
			return -EINVAL;
		}
		origin[n] = *at;
		v.key = &key[n];
		v.field = base + key[n].offset;
		int r = key[n].set(&v);
		return r == -ENOMEM ? refuse(&v, "does not fit in memory") : r;
	}
	names[n] = NULL;
	v.text = name;
	const char *near = text_nearest(name, names);
	char what[160];
	snprintf(what, sizeof(what), "is not a key of this section; %s%s%s",
		near ? "did you mean `" : "replug.conf names them all", near ? near : "", near ? "`?" : "");
	return refuse(&v, what);
}

void config_device_defaults(struct device_conf *d)
{
	*d = (struct device_conf){.ladder = {.method = {RESET_USB}, .n = 1},
		.baud = 9600, /* the chip's factory setting */
		.attempts = 3,
		.ready_ms = 6000, /* some CH9329F need 5 s after a reset */
		.timeout_ms = 10000};
}

void config_guard_defaults(struct guard_conf *g)
{
	*g = (struct guard_conf){.max_resets = 3, .window_ms = 60000, .cool_down_ms = 2000, .forgive_ms = 3000};
}

enum node_class config_symlink_class(const struct device_conf *d)
{
	if (d->symlink[0] && d->expect & 1u << NODE_TTY)
		return NODE_TTY;
	if (d->symlink[0] && d->expect & 1u << NODE_VIDEO)
		return NODE_VIDEO;
	return NODE_CLASSES;
}

const struct conf_origin *config_key_origin(const struct device_conf *d, const char *name)
{
	size_t i = 0;

	while (strcmp(device_key[i].name, name))
		i++;
	return &d->origin[i];
}

static void walk(const struct conf_section *s, const char *header, config_line *line, void *ctx)
{
	char value[4096], *base;
	struct conf_origin *origin;
	const struct key *key = table_of(s, &base, &origin);

	for (size_t i = 0; key[i].name; i++) {
		key[i].show(base + key[i].offset, value, sizeof(value));
		line(ctx, header, key[i].name, value, &origin[i]);
	}
}

void config_walk(const struct config *c, config_line *line, void *ctx)
{
	char header[CONF_NAME_MAX + 16];
	struct guard_conf guard = c->guard;

	for (size_t i = 0; i < c->n; i++) {
		snprintf(header, sizeof(header), "device %s", c->device[i].name);
		walk(&(struct conf_section){.device = &c->device[i]}, header, line, ctx);
	}
	walk(&(struct conf_section){.guard = &guard}, "guard", line, ctx);
}
