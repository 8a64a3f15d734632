/* SPDX-License-Identifier: MIT */
#include "ladder.h"

#include <errno.h>
#include <libusb.h>
#include <stdio.h>
#include <string.h>

#include "debt.h"
#include "port.h"
#include "sysfs.h"
#include "text.h"
#include "usb.h"
#include "wait.h"

static int take_usb(struct rung *r)
{
	struct usb u;
	int e = usb_open(&u, r->d->bus, r->d->dev, r->why, r->size);

	if (e)
		return e;
	r->tried = true;
	e = libusb_reset_device(u.handle);
	/* Not found means that the kernel could not match the device to what it was: it takes it down and puts it
	 * up again under a new number, if it still answers at all. */
	if (e == LIBUSB_ERROR_NOT_FOUND || e == LIBUSB_ERROR_NO_DEVICE) {
		r->renumbered = true;
		e = 0;
	}
	if (e)
		snprintf(r->why, r->size, "the port reset failed: %s (%s)", libusb_strerror(e), strerror(errno));
	usb_close(&u);
	return e ? usb_errno(e) : 0;
}

static int owe(struct rung *r, const char *owed)
{
	int e = r->owe(r->ctx, owed);

	if (e)
		snprintf(
			r->why, r->size, "not begun, because what it owes cannot be put on record: %s", strerror(-e));
	return e;
}

/* The second half of every method that has one: what is off goes on again, whatever came before. */
static int settle(struct rung *r, char *owed)
{
	char why[256];
	int e = debt_pay(owed, why, sizeof(why));

	r->owe(r->ctx, owed);
	if (e)
		snprintf(r->why, r->size, "%s", why);
	return e;
}

static bool bound(const struct interface *i)
{
	return i->driver[0] && strcmp(i->driver, "usbfs") && strcmp(i->driver, "hub");
}

/* Takes the drivers off all interfaces, then has the kernel look for drivers of all of them. */
static int take_rebind(struct rung *r)
{
	char owed[DEBT_SIZE] = "", dir[96];
	const struct device *d = r->d;
	const char *what[DEVICE_INTERFACES + 1];
	unsigned n = 0;
	int e = 0;

	for (unsigned i = 0; i < d->interfaces; i++)
		if (bound(&d->interface[i]) || !d->interface[i].driver[0])
			what[n++] = d->interface[i].name;
	if (!n && d->interfaces) {
		snprintf(r->why, r->size, "refused: its interfaces are a hub's or another program's");
		return -EOPNOTSUPP;
	}
	if (!d->interfaces) /* not even a configuration: the device's own driver sets it */
		what[n++] = d->port;
	for (unsigned i = 0; i < n && !e; i++)
		e = debt_bind(owed, what[i], d->dev);
	if (e)
		snprintf(r->why, r->size, "not begun: %s", strerror(-e));
	if (e || (e = owe(r, owed)))
		return e;
	r->tried = true;
	for (unsigned i = 0; i < n; i++) {
		snprintf(dir, sizeof(dir), SYSFS_USB "/%.40s/driver", what[i]);
		int failed = sysfs_write(dir, "unbind", what[i]);
		/* One that has no driver, or lost it along with another's, is where it was to be. */
		if (failed && failed != -ENODEV && !e)
			snprintf(r->why, r->size, "%s cannot be unbound: %s%s", what[i], strerror(-(e = failed)),
				text_refusal(-failed));
	}
	int paid = settle(r, owed);
	return e ? e : paid;
}

static int take_authorize(struct rung *r)
{
	char owed[DEBT_SIZE] = "", dir[64];
	int e;

	snprintf(dir, sizeof(dir), SYSFS_USB "/%.40s", r->d->port);
	if (!sysfs_number(dir, "authorized", 10)) {
		e = errno;
		if (sysfs_unread(e)) {
			snprintf(r->why, r->size, "not begun: %s/authorized: %s", dir, strerror(e));
			return -e;
		}
		snprintf(r->why, r->size,
			"refused: somebody has withdrawn its authorization, which is not ours to give");
		return -EOPNOTSUPP;
	}
	if ((e = debt_authorize(owed, r->d->port, r->d->dev)) || (e = owe(r, owed)))
		return e;
	r->tried = true;
	e = sysfs_write(dir, "authorized", "0");
	if (e && e != -ENODEV)
		snprintf(r->why, r->size, "%s/authorized: %s%s", dir, strerror(-e), text_refusal(-e));
	int paid = settle(r, owed);
	return e ? e : paid;
}

/* The ports whose power goes together with p's: all of a ganged hub's, and the twins of each. */
static int add_ports(const struct port *p, enum hub_power power, unsigned ports, char *owed)
{
	bool connected, powered;
	struct port each = *p;
	int e = 0;

	for (unsigned i = power == HUB_POWER_GANGED ? 1 : p->number; i <= ports && !e; i++) {
		char name[PORT_NAME_SIZE + 16];
		snprintf(name, sizeof(name), "%s-port%u", p->hub, i);
		if (i == p->number)
			each = *p;
		else if (port_named(name, &each))
			return -ENODEV;
		/* What somebody else has switched off is not ours to switch on. */
		if (i != p->number && !port_state(&each, &connected, &powered) && !powered)
			continue;
		e = debt_power(owed, each.name);
		if (!e && each.peer[0])
			e = debt_power(owed, each.peer);
		if (power != HUB_POWER_GANGED)
			break;
	}
	return e;
}

/*
 * Whether what the kernel takes for the other half of a port's connector is another connector. Of root hubs without a
 * word of the firmware's it pairs ports by their numbers (find_and_link_peer in drivers/usb/core/port.c), and has
 * port 1 of a Raspberry Pi 4's USB 3 half, say, paired with the hub of all USB 2 sockets. Only a hub has a device in
 * both halves of its own.
 */
static bool another_connector(const struct device *d, const struct port *p)
{
	enum { CLASS_HUB = 9 };
	char dir[128];
	struct port twin;

	snprintf(dir, sizeof(dir), SYSFS_USB "/%.40s", d->port);
	if (!p->peer[0] || sysfs_number(dir, "bDeviceClass", 16) == CLASS_HUB || port_named(p->peer, &twin))
		return false;
	return port_holds_device(&twin);
}

/* Whether the power of this port may be cut, and what that takes. */
static int may_cut(struct rung *r, const struct port *p, char *owed)
{
	enum hub_power power, twins = HUB_POWER_EACH;
	unsigned ports, twin_ports;
	struct port twin;
	int e = port_switching(p, &power, &ports, r->why, r->size);

	if (!e && p->peer[0] && !port_named(p->peer, &twin))
		e = port_switching(&twin, &twins, &twin_ports, r->why, r->size);
	if (e)
		return e;
	if (power == HUB_POWER_NONE) {
		snprintf(r->why, r->size, "refused: hub %s cannot switch the power of its ports", p->hub);
		return -EOPNOTSUPP;
	}
	if ((power == HUB_POWER_GANGED || twins == HUB_POWER_GANGED) && !r->allow_ganged) {
		snprintf(r->why, r->size,
			"refused: hub %s switches all its %u ports together, and `allow-ganged = yes` is not set",
			p->hub, ports);
		return -EOPNOTSUPP;
	}
	return add_ports(p, twins == HUB_POWER_GANGED ? twins : power, ports, owed);
}

static int cut(char *owed, char *why, size_t size)
{
	char list[DEBT_SIZE], *rest = list;
	int worst = 0;

	memcpy(list, owed, sizeof(list));
	for (char *word; (word = strsep(&rest, " "));) {
		struct port p;
		const char *name = strchr(word, '=');
		if (!name || port_named(name + 1, &p))
			continue;
		int e = port_power(&p, false, why, size);
		worst = e ? e : worst;
	}
	return worst;
}

static int take_power(struct rung *r)
{
	char owed[DEBT_SIZE] = "";
	bool connected = false, powered;
	struct port p;
	int e = port_of(r->d->port, &p);

	if (e) {
		snprintf(r->why, r->size, "its hub is not there any more");
		return e;
	}
	if (another_connector(r->d, &p))
		p.peer[0] = '\0';
	e = may_cut(r, &p, owed);
	if (e && !*r->why)
		snprintf(r->why, r->size, "its hub's ports cannot be told: %s", strerror(-e));
	if (e || (e = owe(r, owed)))
		return e;
	r->tried = r->renumbered = true;
	e = cut(owed, r->why, r->size);
	uint64_t dark = clock_ms();
	if (!e && wait_for(-1, 0, dark + r->power_off_ms) < 0) {
		wait_for(-1, 0, dark + (r->power_off_ms < POWER_BLINK_MS ? r->power_off_ms : POWER_BLINK_MS));
		snprintf(r->why, r->size, "interrupted by a signal");
		e = -EINTR;
	}
	/* A hub that claims to have cut the power of a device which is connected all the same has not. */
	if (!e && !port_state(&p, &connected, &powered) && connected)
		snprintf(r->why, r->size, "hub %s does not really cut the power of its port %u", p.hub, p.number);
	int paid = settle(r, owed);
	return e ? e : paid;
}

static const struct {
	const char *name;
	int (*take)(struct rung *r);
	bool needs_device;
} ladder[RESET_METHODS] = {
	[RESET_USB] = {"usb", take_usb, true},
	[RESET_REBIND] = {"rebind", take_rebind, true},
	[RESET_AUTHORIZE] = {"authorize", take_authorize, true},
	[RESET_POWER] = {"power", take_power, false},
};

const char *ladder_name(enum reset_method method)
{
	return ladder[method].name;
}

bool ladder_needs_device(enum reset_method method)
{
	return ladder[method].needs_device;
}

int ladder_take(enum reset_method method, struct rung *r)
{
	r->renumbered = r->tried = false;
	*r->why = '\0';
	return ladder[method].take(r);
}

int ladder_alive(const struct device *d, char *why, size_t size)
{
	unsigned char status[2];
	struct usb u;
	int e = usb_open(&u, d->bus, d->dev, why, size);

	if (e)
		return e;
	int n = usb_request(&u, LIBUSB_ENDPOINT_IN | LIBUSB_REQUEST_TYPE_STANDARD | LIBUSB_RECIPIENT_DEVICE,
		LIBUSB_REQUEST_GET_STATUS, 0, 0, status, sizeof(status));
	if (n < 0)
		snprintf(why, size, "it does not answer GET_STATUS: %s", libusb_strerror(n));
	usb_close(&u);
	return n < 0 ? usb_errno(n) : 0;
}
