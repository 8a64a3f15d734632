/* SPDX-License-Identifier: MIT */
/* A port of a hub: whether something is plugged there, and its power. Ports outlive devices. */
#ifndef REPLUG_PORT_H
#define REPLUG_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PORT_NAME_SIZE = 48 };

struct port {
	char hub[32];              /* its hub's port, 1-1; usb1 for a root hub */
	char name[PORT_NAME_SIZE]; /* as the kernel calls it: 1-1-port4, usb1-port2 */
	char peer[PORT_NAME_SIZE]; /* the other half of a USB 3 connector, 2-1-port4; empty: none */
	char dir[128];             /* in sysfs; it need not hold anything useful */
	unsigned number;           /* from 1 */
};

/* The port that a device such as 1-1.4 is, or was, plugged into. Returns 0, -EINVAL or -ENODEV (the hub is gone). */
int port_of(const char *device, struct port *p);

/* The port of this name, 1-1-port4, likewise. */
int port_named(const char *name, struct port *p);

/* How a hub switches its ports' power: wHubCharacteristics, USB 2.0 table 11-13 and USB 3.2 table 10-5. */
enum hub_power {
	HUB_POWER_EACH,   /* each port by itself */
	HUB_POWER_GANGED, /* all ports together */
	HUB_POWER_NONE,   /* not at all */
};

/* "per port", "ganged", "none". */
extern const char *const hub_power_name[];

/* What a hub's descriptor says; -EBADMSG where it is none. ports becomes the number of them. */
int hub_power_parse(const uint8_t *descriptor, size_t len, enum hub_power *power, unsigned *ports);

/* What its answer about a port says: wPortStatus, USB 2.0 table 11-21 and USB 3.2 table 10-10; -EBADMSG if it is cut.
 */
int port_state_parse(const uint8_t *status, size_t len, bool super_speed, bool *connected, bool *powered);

/*
 * Asks the port's hub, and opens nothing else. Returns 0 or a negative errno with why in words. That a hub says it
 * switches each port does not mean that it does (uhubctl's README lists some that lie).
 */
int port_switching(const struct port *p, enum hub_power *power, unsigned *ports, char *why, size_t size);

/* Whether the kernel has a device in a port: by sysfs, without asking the hub. */
bool port_holds_device(const struct port *p);

/* Whether the hub sees something in its port, and whether that has power. Returns 0 or a negative errno, likewise. */
int port_state(const struct port *p, bool *connected, bool *powered);

/*
 * Switches the port's power: by the hub's own request, and the `disable` attribute (Linux 6.0 and later), which keeps
 * the kernel from switching it on again. Returns 0 or a negative errno with why in words.
 */
int port_power(const struct port *p, bool on, char *why, size_t size);

#endif
