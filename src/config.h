/* SPDX-License-Identifier: MIT */
/* replug.conf and its drop-ins -> struct config. */
#ifndef REPLUG_CONFIG_H
#define REPLUG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "selector.h"

enum { CONF_NAME_MAX = 40 };

/* A reset method; the ladder is a list of them. */
enum reset_method { RESET_USB, RESET_REBIND, RESET_AUTHORIZE, RESET_POWER, RESET_METHODS };

/* What has to be back before a device counts as recovered: classes of device nodes. */
enum node_class { NODE_VIDEO, NODE_TTY, NODE_SOUND, NODE_HIDRAW, NODE_INPUT, NODE_CLASSES };
extern const char *const node_class_name[NODE_CLASSES + 1]; /* kernel subsystem names, NULL at the end */

enum init_kind { INIT_NONE, INIT_CH9329 };

/* What is done when a device is due for `every` and somebody has it open. */
enum busy_rule { BUSY_POSTPONE, BUSY_RESET, BUSY_SKIP };

/* Where a value came from. A file of NULL means the built-in default. */
struct conf_origin {
	const char *file;
	unsigned line;
};

enum { CONF_KEYS = 16, CONF_FILES = 100, CONF_SYMLINK_SIZE = 64, GUARD_RESETS_MAX = 20 };

/* The reset methods to try, in order; none at all for `reset = none`. */
struct conf_ladder {
	enum reset_method method[RESET_METHODS];
	unsigned n;
};

struct device_conf {
	char name[CONF_NAME_MAX + 1];
	struct selector match;
	struct selector then;
	struct conf_ladder ladder;
	unsigned expect; /* bits of 1 << enum node_class */
	unsigned init;   /* enum init_kind */
	unsigned baud;   /* 0: find out */
	unsigned attempts;
	uint32_t timeout_ms; /* reset to nodes */
	uint32_t ready_ms;   /* chip reset to its first answer */
	uint32_t power_off_ms;
	unsigned allow_ganged; /* other devices may lose their power, too; 0 or 1 */
	uint32_t every_ms;     /* recovered again after this time, 0: never */
	unsigned busy;         /* enum busy_rule */
	char symlink[CONF_SYMLINK_SIZE];
	struct conf_origin origin[CONF_KEYS]; /* by index in the table of keys */
	unsigned header_file;                 /* number of the file whose header was read last */
	unsigned header_line;
	unsigned next; /* see struct config */
};

enum { CONF_BYTES = 16 };

/* Bytes as a person wrote them: D0 01. */
struct conf_bytes {
	uint8_t n, byte[CONF_BYTES];
};

/* What a relay board understands. RELAY_UNKNOWN: not said, its ID may tell. */
enum relay_protocol {
	RELAY_UNKNOWN,
	RELAY_DCTTECH,
	RELAY_LCUS,
	RELAY_LCUS_HID,
	RELAY_DIUSTOU,
	RELAY_KMTRONIC,
	RELAY_UCREATEFUN,
	RELAY_ICSE,
	RELAY_CUSTOM,
	RELAY_PROTOCOLS
};
extern const char *const relay_protocol_name[RELAY_PROTOCOLS + 1]; /* "" for RELAY_UNKNOWN, NULL at the end */

enum { RELAY_CHANNELS = 8, CONF_MAX_PULSE_MS = 10000 };

/* One contact of a relay board. */
struct relay_conf {
	char name[CONF_NAME_MAX + 1];
	struct selector match;
	unsigned protocol;               /* enum relay_protocol */
	unsigned channel;                /* from 1 */
	uint32_t pulse_ms, max_pulse_ms; /* pulse 0: not set */
	unsigned momentary;              /* it is a button's: closed by pulses only; 0 or 1 */
	unsigned baud;
	struct conf_bytes on, off, status, closed, open; /* for RELAY_CUSTOM */
	struct conf_origin origin[CONF_KEYS];
	unsigned header_file, header_line;
};

struct guard_conf {
	unsigned max_resets;
	uint32_t window_ms, cool_down_ms, forgive_ms;
	struct conf_origin origin[CONF_KEYS];
	unsigned header_file, header_line;
};

enum { CONF_BUCKETS = 256 };

struct config {
	struct device_conf *device;
	size_t n;
	/* By the bucket of conf_read_name: the index in device, plus 1, of the last one defined; the others follow by
	 * their `next`, 0 ends. Every plug reads the configuration, and a thousand sections need no million
	 * comparisons. */
	unsigned by_name[CONF_BUCKETS];
	struct relay_conf *relay;
	size_t relays;
	struct guard_conf guard;
	const char *file[CONF_FILES]; /* what was read, in order */
	size_t n_files, n_own;        /* the last n_own names are the configuration's to free */
	bool strings;                 /* some `match` asks for a serial number or a product */
	bool links;                   /* or for a node, which may be by a link of udev's */
	bool broken;                  /* it stands for one that was refused */
};

struct config_paths {
	const char *vendor, *own, *dropins;
};
extern const struct config_paths config_default_paths;

/* One call for each error, in the order of the files; message quotes the text and names the nearest word. */
typedef void config_report(void *ctx, const char *file, unsigned line, const char *message);

/*
 * Reads the vendor's file, the person's own and the drop-ins (*.conf, sorted by name); files that do not exist
 * are skipped. Later values win key by key. Returns 0, or -EINVAL after at least one report, or -ENOMEM; then
 * *out is NULL: nothing is half-applied.
 */
int config_load(struct config **out, const struct config_paths *paths, config_report *report, void *ctx);

void config_free(struct config *c);

/* What applies to a device that no section takes. */
void config_device_defaults(struct device_conf *d);

/* What applies to a board that no section takes. */
void config_relay_defaults(struct relay_conf *r);

struct device_conf *config_find(const struct config *c, const char *name);

/* The name of the section that a person may have meant by name, or NULL. */
const char *config_nearest(const struct config *c, const char *name);

/* The [relay] section of this name, or NULL; and the one that a person may have meant by it. */
const struct relay_conf *config_find_relay(const struct config *c, const char *name);
const char *config_nearest_relay(const struct config *c, const char *name);

/*
 * The section that takes the device, or NULL. The most specific match wins, then the section that was
 * defined last. *which, if not NULL, becomes the first term of the alternative that matched. A relay board is
 * taken by no [device] section unless that names it more specifically than its [relay] sections do.
 */
const struct device_conf *config_match(const struct config *c, const struct usb_facts *facts, size_t *which);

/*
 * The [relay] section that takes the board, likewise; of several for its contacts, the last. NULL also where a
 * [device] section names it more specifically.
 */
const struct relay_conf *config_match_relay(const struct config *c, const struct usb_facts *facts, size_t *which);

/*
 * Walks over the merged configuration, a call for each key: section header text, key, value as it would be
 * written in a file, and its origin.
 */
typedef void config_line(
	void *ctx, const char *section, const char *key, const char *value, const struct conf_origin *origin);
void config_walk(const struct config *c, config_line *line, void *ctx);

/* The class of node that a section's symbolic link is for: NODE_VIDEO, NODE_TTY, or NODE_CLASSES for none. */
enum node_class config_symlink_class(const struct device_conf *d);

#endif
