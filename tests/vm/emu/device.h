/* One named device: its settings, its faults, and its life in a port. */
#ifndef EMU_DEVICE_H
#define EMU_DEVICE_H

#include "link.h"
#include "loop.h"
#include "vhci.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct device;

/* No answer now or later: the request waits until the host takes it back, or the device leaves. */
#define CONTROL_PENDING (-9999)

struct setup {
	uint8_t type, request;
	uint16_t value, index, length;
};

struct kind {
	const char *name;
	uint16_t vid, pid, bcd, usb;
	const char *product, *manufacturer;
	uint8_t class[3];
	uint8_t max_packet0; /* at full speed; high speed has 64 by the specification */
	enum speed speed;
	void (*create)(struct device *d);
	size_t (*config)(const struct device *d, uint8_t *out, size_t room);
	/* An interface's own descriptors (a HID's). Returns the length, or a negative errno. */
	int (*descriptor)(const struct device *d, uint8_t type, uint8_t *out);
	/* Class and vendor requests. Returns the length of the answer, a negative errno, or CONTROL_PENDING. */
	int (*control)(struct device *d, const struct setup *s, const uint8_t *sent, uint8_t *answer, size_t room);
	void (*submit)(struct device *d, struct urb *u);
	void (*unlinked)(struct device *d, uint8_t ep, bool in);
	void (*alternate)(struct device *d, uint8_t interface, uint8_t setting);
	void (*quiet)(struct device *d);      /* bus reset, or no longer on the bus */
	void (*power_lost)(struct device *d); /* no longer on the bus: what lived on its power is off */
	/* Returns 1 for a key that was taken, 0 for an unknown key, -1 for a bad value. */
	int (*set)(struct device *d, const char *key, const char *value);
	int (*stats)(const struct device *d, char *out, size_t size);
};

enum life {
	AWAY, /* not on the bus */
	ON_BUS,
	LEAVING, /* answers -EPROTO until no control request is on its way */
	FREEING, /* detached; the port is not free yet */
};

enum silence { NOT_SILENT, SILENT_AT_RESET, SILENT };
enum heals_on { ON_RESET, ON_CONFIGURE, ON_POWER };

struct device {
	struct device *next;
	char name[32];
	const struct kind *kind;
	uint16_t vid, pid, bcd;
	char *product, *manufacturer, *serial;
	enum speed speed;
	int port;  /* -1: never had one */
	void *own; /* the kind's state */

	enum life life;
	struct link link;
	const char *leaving_as; /* the event word to log */
	int64_t come_back_ms;   /* -1: only by order */
	int64_t left_at;
	bool plugged; /* a person put it in and has not taken it out, be it on the bus or not */
	bool dark;    /* its port has no power */
	bool plug_wanted;
	const char *arriving_as; /* the event word of its next return */
	bool patient;            /* … which waits until the kernel has forgotten the device */
	struct timer step, flap;
	int client; /* waits for the end of a plug or an unplug; -1: none */

	/* what the host has made of it since it came on the bus */
	uint8_t configuration;
	uint8_t alternate[8];
	uint32_t halted;
	bool enumerated, known, in_reset, was_configured;
	unsigned long resets, plugs;

	/* faults */
	long fail_resets, stall_descriptors, stalls_left, back_after;
	long drop_at_reset; /* -1: off */
	long flap_on, flap_off;
	bool change_descriptors, reenumerate, ep0_stall, failing;
	bool ep0_silent; /* answers nothing, until it is reset */
	char unplug_on[24];
	long unplug_nth; /* … when it has come so often */
	struct timer unplug_soon;
	enum silence silence; /* for this and the rest see faults.h */
	enum heals_on heals_on;
	bool sick, deaf, stuck;
	bool emptied; /* SET_CONFIGURATION(0) was the last of its kind */
	long probe_fails;
};

struct device *device_find(const char *name);
struct device *device_list(void);
struct device *device_create(const char *name, const struct kind *kind);
const struct kind *kind_find(const char *name);
/* "bridge, stick, …" */
const char *kind_names(void);

/* 0, or -1 with a message. done is told when the plug or unplug has taken place. */
int device_set(struct device *d, const char *key, const char *value, char *why, size_t size);
int device_plug(struct device *d, char *why, size_t size);
int device_unplug(struct device *d, char *why, size_t size);
void device_on_done(void (*done)(struct device *d, const char *error));

/* The power of a port went off or on. */
void device_power(int port, bool on);

/* For the fault code: leave the bus under this event word, come back by itself after ms (-1: not). */
void device_leave(struct device *d, const char *event, int64_t back_ms);
/* Each control request puts the end of LEAVING off a little. */
void device_still_busy(struct device *d);

/* A number in a setting's value: decimal or 0x…; -1 if it is none or out of range. */
int parse_number(const char *text, long min, long max, long *out);

/* usb.c */
void usb_submit(void *device, struct urb *u);
size_t usb_string(const char *text, uint8_t *out);

#endif
