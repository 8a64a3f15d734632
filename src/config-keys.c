/* SPDX-License-Identifier: MIT */
#include "config-keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config-values.h"
#include "text.h"

const char *const node_class_name[NODE_CLASSES + 1] = {
	[NODE_VIDEO] = "video4linux",
	[NODE_TTY] = "tty",
	[NODE_SOUND] = "sound",
	[NODE_HIDRAW] = "hidraw",
	[NODE_INPUT] = "input",
};

static int set_then(struct value *v)
{
	struct selector *sel = v->field;

	selector_free(sel);
	return *v->text ? selector_parse(sel, v->text, true, v->msg, v->size) : 0;
}

static const char *const reset_words[] = {[RESET_USB] = "usb",
	[RESET_REBIND] = "rebind",
	[RESET_AUTHORIZE] = "authorize",
	[RESET_POWER] = "power",
	"none",
	NULL};

static int set_reset(struct value *v)
{
	struct conf_ladder *d = v->field;
	const char *p = v->text;
	char word[32];
	bool none = false;

	d->n = 0;
	while (conf_list_word(&p, word, sizeof(word))) {
		int i = conf_choose(v, word, reset_words);
		if (i < 0)
			return i;
		if (none || (i == RESET_METHODS && d->n))
			return conf_refuse(v, "mixes none with a method");
		if (i == RESET_METHODS) {
			none = true;
			continue;
		}
		for (unsigned k = 0; k < d->n; k++)
			if (d->method[k] == (enum reset_method)i)
				return conf_refuse(v, "names a method twice");
		d->method[d->n++] = (enum reset_method)i;
	}
	return none || d->n ? 0 : conf_refuse(v, "names no method; valid are usb, rebind, authorize, power, none");
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
	while (conf_list_word(&p, word, sizeof(word))) {
		int i = conf_choose(v, word, words);
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

static void show_init(const void *field, char *dst, size_t size)
{
	snprintf(dst, size, "%s", init_words[*(const unsigned *)field]);
}

static bool symlink_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	       c == '+' || c == ':';
}

/* Names that the kernel numbers itself: where a link already is, it could not make its node. */
static bool kernel_name(const char *name)
{
	/* No pointers: each would be relocated at every plug. */
	static const char stems[][12] = {"tty", "ttyS", "ttyAMA", "ttyUSB", "ttyACM", "video", "vbi", "radio",
		"swradio", "media", "v4l-subdev", "v4l-touch", "hidraw", "hidg"};
	size_t len = strlen(name), stem = len;

	while (stem && name[stem - 1] >= '0' && name[stem - 1] <= '9')
		stem--;
	for (size_t i = 0; stem < len && i < sizeof(stems) / sizeof(stems[0]); i++)
		if (strlen(stems[i]) == stem && !memcmp(stems[i], name, stem))
			return true;
	return text_is(name, "tty");
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
		return conf_refuse(v, "is not a name below /dev, such as kvmd-hid");
	if (len >= CONF_SYMLINK_SIZE)
		return conf_refuse(v, "is too long for a symbolic link");
	if (kernel_name(v->text))
		return conf_refuse(v, "is a name that the kernel gives by itself; choose another, such as kvmd-hid");
	memcpy(dst, v->text, len + 1);
	return 0;
}

static void show_symlink(const void *field, char *dst, size_t size)
{
	snprintf(dst, size, "%s", (const char *)field);
}

const char *const relay_protocol_name[RELAY_PROTOCOLS + 1] = {
	[RELAY_UNKNOWN] = "",
	[RELAY_DCTTECH] = "dcttech",
	[RELAY_LCUS] = "lcus",
	[RELAY_LCUS_HID] = "lcus-hid",
	[RELAY_DIUSTOU] = "diustou",
	[RELAY_KMTRONIC] = "kmtronic",
	[RELAY_UCREATEFUN] = "ucreatefun",
	[RELAY_ICSE] = "icse",
	[RELAY_CUSTOM] = "custom",
};

static int set_protocol(struct value *v)
{
	int i = conf_choose(v, v->text, relay_protocol_name + 1);

	if (i < 0)
		return i;
	*(unsigned *)v->field = (unsigned)i + 1;
	return 0;
}

static void show_protocol(const void *field, char *dst, size_t size)
{
	snprintf(dst, size, "%s", relay_protocol_name[*(const unsigned *)field]);
}

/* The default follows `pulse`, which may come later: config_cross_check settles it. */
enum { MOMENTARY_UNSET = 2 };
static const char *const no_yes[] = {"no", "yes", NULL};

static void show_no_yes(const void *field, char *dst, size_t size)
{
	snprintf(dst, size, "%s", no_yes[*(const unsigned *)field ? 1 : 0]);
}

static int set_pulse(struct value *v)
{
	return text_has_unit(v->text) ? conf_set_duration(v) : conf_refuse(v, "has no unit; write it as 500ms or 2s");
}

static void show_pulse(const void *field, char *dst, size_t size)
{
	if (*(const uint32_t *)field)
		conf_show_duration(field, dst, size);
	else
		*dst = '\0';
}

static const char *const busy_words[] = {
	[BUSY_POSTPONE] = "postpone", [BUSY_RESET] = "reset", [BUSY_SKIP] = "skip", NULL};

static void show_busy(const void *field, char *dst, size_t size)
{
	snprintf(dst, size, "%s", busy_words[*(const unsigned *)field]);
}

static int set_every(struct value *v)
{
	uint32_t ms;

	if (!text_is(v->text, "0") && !text_is(v->text, "none") && !text_is(v->text, "never"))
		return text_duration(v->text, &ms) == -EINVAL
			       ? conf_refuse(v, "is neither a duration, such as 30min or 6h, nor never")
			       : conf_set_duration(v);
	*(uint32_t *)v->field = 0;
	return 0;
}

static void show_every(const void *field, char *dst, size_t size)
{
	if (*(const uint32_t *)field)
		conf_show_duration(field, dst, size);
	else
		snprintf(dst, size, "never");
}

enum { EVERY_MAX_H = 1193 }; /* of 1193.05 that 32 bits of milliseconds hold */
#define EVERY_MAX_MS   (EVERY_MAX_H * UINT32_C(3600000))
#define DEVICE(member) offsetof(struct device_conf, member)
#define RELAY(member)  offsetof(struct relay_conf, member)
#define GUARD(member)  offsetof(struct guard_conf, member)

static const struct key device_key[] = {
	{"match", conf_set_match, conf_show_selector, DEVICE(match), .repeat = true},
	{"reset", set_reset, show_reset, DEVICE(ladder)},
	{"expect", set_expect, show_expect, DEVICE(expect)},
	{"init", conf_set_word, show_init, DEVICE(init), .words = init_words},
	{"baud", conf_set_baud, conf_show_baud, DEVICE(baud), .words = conf_rates_or_auto},
	{"attempts", conf_set_count, conf_show_count, DEVICE(attempts), 1, 10},
	{"ready", conf_set_duration, conf_show_duration, DEVICE(ready_ms), 100, 60000},
	{"timeout", conf_set_duration, conf_show_duration, DEVICE(timeout_ms), 1000, 120000},
	{"power-off", conf_set_duration, conf_show_duration, DEVICE(power_off_ms), 100, 30000},
	{"allow-ganged", conf_set_word, show_no_yes, DEVICE(allow_ganged), .words = no_yes},
	{"every", set_every, show_every, DEVICE(every_ms), 1000, EVERY_MAX_MS},
	{"busy", conf_set_word, show_busy, DEVICE(busy), .words = busy_words},
	{"symlink", set_symlink, show_symlink, DEVICE(symlink)},
	{"then", set_then, conf_show_selector, DEVICE(then)},
	{NULL},
};

static const struct key relay_key[] = {
	{"match", conf_set_match, conf_show_selector, RELAY(match), .repeat = true},
	{"protocol", set_protocol, show_protocol, RELAY(protocol)},
	{"channel", conf_set_count, conf_show_count, RELAY(channel), 1, RELAY_CHANNELS},
	{"pulse", set_pulse, show_pulse, RELAY(pulse_ms), 20, 60000},
	{"max-pulse", set_pulse, conf_show_duration, RELAY(max_pulse_ms), 20, 60000},
	{"momentary", conf_set_word, show_no_yes, RELAY(momentary), .words = no_yes},
	{"baud", conf_set_baud, conf_show_baud, RELAY(baud), .words = conf_rates},
	{"on", conf_set_bytes, conf_show_bytes, RELAY(on)},
	{"off", conf_set_bytes, conf_show_bytes, RELAY(off)},
	{"status", conf_set_bytes, conf_show_bytes, RELAY(status)},
	{"status-closed", conf_set_bytes, conf_show_bytes, RELAY(closed)},
	{"status-open", conf_set_bytes, conf_show_bytes, RELAY(open)},
	{NULL},
};

static const struct key guard_key[] = {
	{"max-resets", conf_set_count, conf_show_count, GUARD(max_resets), 1, GUARD_RESETS_MAX},
	{"window", conf_set_duration, conf_show_duration, GUARD(window_ms), 1000, 3600000},
	{"cool-down", conf_set_duration, conf_show_duration, GUARD(cool_down_ms), 0, 60000},
	{"forgive", conf_set_duration, conf_show_duration, GUARD(forgive_ms), 0, 3600000},
	{NULL},
};

_Static_assert(sizeof(device_key) / sizeof(device_key[0]) <= CONF_KEYS + 1, "an origin for each key");
_Static_assert(sizeof(relay_key) / sizeof(relay_key[0]) <= CONF_KEYS + 1, "an origin for each key");

/* The table, the struct and the origins of the section being read or shown. */
static const struct key *table_of(const struct conf_section *s, char **base, struct conf_origin **origin)
{
	if (s->device) {
		*base = (char *)s->device;
		*origin = s->device->origin;
		return device_key;
	}
	if (s->relay) {
		*base = (char *)s->relay;
		*origin = s->relay->origin;
		return relay_key;
	}
	*base = (char *)s->guard;
	*origin = s->guard->origin;
	return guard_key;
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
		return r == -ENOMEM ? conf_refuse(&v, "does not fit in memory") : r;
	}
	names[n] = NULL;
	v.text = name;
	const char *near = text_nearest(name, names);
	char what[160];
	snprintf(what, sizeof(what), "is not a key of this section; %s%s%s",
		near ? "did you mean `" : "the vendor's replug.conf names them all", near ? near : "",
		near ? "`?" : "");
	return conf_refuse(&v, what);
}

void config_device_defaults(struct device_conf *d)
{
	*d = (struct device_conf){.ladder = {.method = {RESET_USB, RESET_REBIND, RESET_AUTHORIZE}, .n = 3},
		.baud = 9600, /* the chip's factory setting */
		.attempts = 3,
		.ready_ms = 6000, /* some CH9329F need 5 s after a reset */
		.timeout_ms = 10000,
		.power_off_ms = 2000}; /* uhubctl's default: what is charged has to run down */
}

void config_relay_defaults(struct relay_conf *r)
{
	*r = (struct relay_conf){
		.channel = 1, .max_pulse_ms = CONF_MAX_PULSE_MS, .momentary = MOMENTARY_UNSET, .baud = 9600};
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

static const struct conf_origin *origin_of(const struct key *key, const struct conf_origin *origin, const char *name)
{
	size_t i = 0;

	while (!text_is(key[i].name, name))
		i++;
	return &origin[i];
}

const struct conf_origin *config_key_origin(const struct device_conf *d, const char *name)
{
	return origin_of(device_key, d->origin, name);
}

const struct conf_origin *config_relay_origin(const struct relay_conf *r, const char *name)
{
	return origin_of(relay_key, r->origin, name);
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
	for (size_t i = 0; i < c->relays; i++) {
		snprintf(header, sizeof(header), "relay %s", c->relay[i].name);
		walk(&(struct conf_section){.relay = &c->relay[i]}, header, line, ctx);
	}
	walk(&(struct conf_section){.guard = &guard}, "guard", line, ctx);
}
