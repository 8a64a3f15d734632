/* SPDX-License-Identifier: MIT */
#include "port.h"

#include <errno.h>
#include <libusb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "selector.h"
#include "sysfs.h"
#include "text.h"
#include "usb.h"

/* Hub class requests and features: USB 2.0 tables 11-15 to 11-17, 11-21; USB 3.2 table 10-10 for the power bit. */
enum {
	HUB_IN = LIBUSB_ENDPOINT_IN | LIBUSB_REQUEST_TYPE_CLASS | LIBUSB_RECIPIENT_DEVICE,
	PORT_IN = LIBUSB_ENDPOINT_IN | LIBUSB_REQUEST_TYPE_CLASS | LIBUSB_RECIPIENT_OTHER,
	PORT_OUT = LIBUSB_ENDPOINT_OUT | LIBUSB_REQUEST_TYPE_CLASS | LIBUSB_RECIPIENT_OTHER,
	DT_HUB = 0x29,
	DT_SS_HUB = 0x2a,
	FEATURE_POWER = 8,
	CONNECTION = 0x0001,
	POWER = 0x0100,
	SS_POWER = 0x0200
};

/* Of a hub: there is one in all but odd ones; the kernel looks at no more of any device (USB_MAXCONFIG in
 * drivers/usb/core/config.c). */
enum { CONFIGURATIONS = 8 };

const char *const hub_power_name[] = {
	[HUB_POWER_EACH] = "per port", [HUB_POWER_GANGED] = "ganged", [HUB_POWER_NONE] = "none"};

/* With the hub and the number known: the names, the folder and the twin. */
static int locate(struct port *p)
{
	bool root = !strncmp(p->hub, "usb", 3);
	char interface[64];
	unsigned config = 0;
	int missing;

	snprintf(p->name, sizeof(p->name), "%s-port%u", p->hub, p->number);
	/* Interface 0 of a root hub is called 1-0:1.0, of another 1-1:1.0. Its bConfigurationValue would tell which,
	 * once the kernel has done with all that goes on at the hub; a device that does not answer keeps it there for
	 * long. */
	do {
		if (++config > CONFIGURATIONS)
			return -ENODEV;
		snprintf(
			interface, sizeof(interface), "%s%s:%u.0", p->hub + (root ? 3 : 0), root ? "-0" : "", config);
		if (snprintf(p->dir, sizeof(p->dir), SYSFS_USB "/%s/%s", interface, p->name) >= (int)sizeof(p->dir))
			return -EINVAL;
		missing = access(p->dir, F_OK);
		if (missing && sysfs_unread(errno))
			return -errno;
	} while (missing);
	sysfs_link(p->dir, "peer", p->peer, sizeof(p->peer));
	return 0;
}

int port_of(const char *device, struct port *p)
{
	const char *dash = strchr(device, '-'), *dot = strrchr(device, '.');

	*p = (struct port){0};
	if (!selector_is_port(device) || !dash || strlen(device) >= sizeof(p->hub))
		return -EINVAL;
	p->number = (unsigned)strtoul((dot ? dot : dash) + 1, NULL, 10);
	if (dot)
		snprintf(p->hub, sizeof(p->hub), "%.*s", (int)(dot - device), device);
	else
		snprintf(p->hub, sizeof(p->hub), "usb%.*s", (int)(dash - device), device);
	return locate(p);
}

int port_named(const char *name, struct port *p)
{
	const char *end = strstr(name, "-port");
	char *rest;

	*p = (struct port){0};
	if (!end || end == name || (size_t)(end - name) >= sizeof(p->hub))
		return -EINVAL;
	snprintf(p->hub, sizeof(p->hub), "%.*s", (int)(end - name), name);
	if (strchr(p->hub, '/') || strchr(p->hub, '.') == p->hub)
		return -EINVAL;
	p->number = (unsigned)strtoul(end + 5, &rest, 10);
	if (!p->number || *rest)
		return -EINVAL;
	return locate(p);
}

static bool super_speed(const struct port *p)
{
	char hub[64];

	snprintf(hub, sizeof(hub), SYSFS_USB "/%s", p->hub);
	return sysfs_number(hub, "speed", 10) >= 5000;
}

static int open_hub(const struct port *p, struct usb *u, char *why, size_t size)
{
	char hub[64];

	snprintf(hub, sizeof(hub), SYSFS_USB "/%s", p->hub);
	return usb_open(u, sysfs_number(hub, "busnum", 10), sysfs_number(hub, "devnum", 10), why, size);
}

int hub_power_parse(const uint8_t *descriptor, size_t len, enum hub_power *power, unsigned *ports)
{
	if (len < 5 || (descriptor[1] != DT_HUB && descriptor[1] != DT_SS_HUB))
		return -EBADMSG;
	*ports = descriptor[2];
	/* 1X stands for no switching: USB 2.0 has it for hubs of USB 1.0, Linux and most hubs read it so. */
	*power = descriptor[3] & 2 ? HUB_POWER_NONE : descriptor[3] & 1 ? HUB_POWER_EACH : HUB_POWER_GANGED;
	if (*power == HUB_POWER_GANGED && *ports == 1)
		*power = HUB_POWER_EACH;
	return 0;
}

int port_switching(const struct port *p, enum hub_power *power, unsigned *ports, char *why, size_t size)
{
	uint8_t descriptor[64];
	struct usb u;
	int e = open_hub(p, &u, why, size);

	if (e)
		return e;
	int n = usb_request(&u, HUB_IN, LIBUSB_REQUEST_GET_DESCRIPTOR,
		(uint16_t)((super_speed(p) ? DT_SS_HUB : DT_HUB) << 8), 0, descriptor, sizeof(descriptor));
	usb_close(&u);
	if (n < 0) {
		snprintf(why, size, "hub %s does not say how it switches power: %s", p->hub, libusb_strerror(n));
		return usb_errno(n);
	}
	e = hub_power_parse(descriptor, (size_t)n, power, ports);
	if (e)
		snprintf(why, size, "hub %s does not say how it switches power", p->hub);
	return e;
}

int port_state_parse(const uint8_t *status, size_t len, bool super_speed, bool *connected, bool *powered)
{
	if (len < 4)
		return -EBADMSG;
	unsigned bits = status[0] | (unsigned)status[1] << 8;
	*connected = bits & CONNECTION;
	*powered = bits & (super_speed ? SS_POWER : POWER);
	return 0;
}

int port_state(const struct port *p, bool *connected, bool *powered)
{
	uint8_t status[4];
	char why[128];
	struct usb u;
	int e = open_hub(p, &u, why, sizeof(why));

	if (e)
		return e;
	int n = usb_request(&u, PORT_IN, LIBUSB_REQUEST_GET_STATUS, 0, (uint16_t)p->number, status, sizeof(status));
	usb_close(&u);
	return n < 0 ? usb_errno(n) : port_state_parse(status, (size_t)n, super_speed(p), connected, powered);
}

bool port_holds_device(const struct port *p)
{
	char path[sizeof(p->dir) + 16];

	snprintf(path, sizeof(path), "%s/device", p->dir);
	return !access(path, F_OK);
}

/* The hub's own request. */
static int ask_power(const struct port *p, bool on, char *why, size_t size)
{
	struct usb u;
	int e = open_hub(p, &u, why, size);

	if (e)
		return e;
	int n = usb_request(&u, PORT_OUT, on ? LIBUSB_REQUEST_SET_FEATURE : LIBUSB_REQUEST_CLEAR_FEATURE,
		FEATURE_POWER, (uint16_t)p->number, NULL, 0);
	usb_close(&u);
	if (n < 0)
		snprintf(why, size, "hub %s does not switch its port %u: %s", p->hub, p->number, libusb_strerror(n));
	return n < 0 ? usb_errno(n) : 0;
}

int port_power(const struct port *p, bool on, char *why, size_t size)
{
	/* Off by request first: the attribute takes the device's drivers off before the power, and where the device
	 * keeps them waiting that never ends. Without the attribute, the kernel powers an emptied port again. */
	int asked = on ? 0 : ask_power(p, false, why, size);
	int e = sysfs_write(p->dir, "disable", on ? "0" : "1");

	if (e == -ENODEV) /* a kernel before 6.0 */
		return on ? ask_power(p, true, why, size) : asked;
	if (e)
		snprintf(why, size, "%s/disable: %s%s", p->dir, strerror(-e), text_refusal(-e));
	/* Where /sys is read-only and the hub's node is not, off was asked for as well. */
	return on && (e == -EACCES || e == -EPERM || e == -EROFS) ? ask_power(p, true, why, size) : e;
}
