/* SPDX-License-Identifier: MIT */
/*
 * How a USB device is named, in the configuration and on the command line:
 *
 *   534d:2109               vendor and product ID
 *   usb=1-1.4               port, as in /sys/bus/usb/devices
 *   serial=…  product="…"   strings of the device; product may hold shell wildcards
 *   bus=001/004             bus and device number; /dev/bus/usb/001/004 is the same
 *   /dev/video0             a device node or a symbolic link that udev made
 *   /sys/…/1-1.4            a sysfs path
 *   capture                 a section of the configuration
 *
 * Blanks between terms mean and, commas mean or. Nothing here touches hardware.
 */
#ifndef REPLUG_SELECTOR_H
#define REPLUG_SELECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sel_kind {
	SEL_ID,
	SEL_PORT,
	SEL_SERIAL,
	SEL_PRODUCT,
	SEL_BUS,
	SEL_NODE,
	SEL_SECTION,
};

struct sel_term {
	enum sel_kind kind;
	bool first; /* begins an alternative */
	uint16_t vid, pid;
	unsigned bus, dev;
	char *text;
};

/* Most have one term: that needs no memory of its own. */
struct selector {
	size_t n;
	struct sel_term one, *several; /* where n is 1, and above */
};

/* The n terms, until one is added. */
static inline const struct sel_term *selector_terms(const struct selector *sel)
{
	return sel->n > 1 ? sel->several : &sel->one;
}

/* What a selector is compared with. Strings may be NULL: then what asks for them does not match. */
struct usb_facts {
	uint16_t vid, pid;
	unsigned bus, dev;
	const char *port;
	const char *serial, *product; /* as text_clean leaves them */
	const char *section;
	const char *const *nodes; /* NULL-terminated: device nodes and udev's links to them */
};

/*
 * Appends the alternatives that text holds to sel. With sections false a section's name is refused.
 * Returns 0, -ENOMEM or -EINVAL, with why (whysize bytes) saying in words what is wrong and quoting it.
 */
int selector_parse(struct selector *sel, const char *text, bool sections, char *why, size_t whysize);

void selector_free(struct selector *sel);

/*
 * 0: no alternative matches. Else how specific the best one is: terms that name one device (port, bus, node)
 * outweigh a serial number, that a product string, that an ID; terms of one alternative add up.
 * *which, if not NULL, becomes the index of that alternative's first term.
 */
unsigned selector_match(const struct selector *sel, const struct usb_facts *facts, size_t *which);

/* Writes the alternative that begins at term i as a person would type it. Returns the length of dst. */
size_t selector_show(char *dst, size_t size, const struct selector *sel, size_t i);

/* Whether any term is of this kind. */
bool selector_has(const struct selector *sel, enum sel_kind kind);

/* Whether a section's name may hold the character. */
static inline bool selector_in_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

/* Whether text holds only letters, digits, - and _, as a section's name must. */
bool selector_is_name(const char *text);

/* Whether text is a port's name such as 1-1.4. */
bool selector_is_port(const char *text);

/* "534d:2109" -> the two numbers; end becomes the first character not read. Returns 0 or -EINVAL. */
int selector_id(const char *text, char sep, uint16_t *vid, uint16_t *pid, const char **end);

#endif
