/* SPDX-License-Identifier: MIT */
#include "usb.h"

#include <errno.h>
#include <fcntl.h>
#include <libusb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

enum { REQUEST_MS = 1000 };

int usb_errno(int e)
{
	switch (e) {
	case LIBUSB_ERROR_ACCESS:
		return -EACCES;
	case LIBUSB_ERROR_NO_DEVICE:
	case LIBUSB_ERROR_NOT_FOUND:
		return -ENODEV;
	case LIBUSB_ERROR_TIMEOUT:
		return -ETIMEDOUT;
	case LIBUSB_ERROR_NO_MEM:
		return -ENOMEM;
	case LIBUSB_ERROR_BUSY:
		return -EBUSY;
	default:
		return -EIO;
	}
}

#if LIBUSB_API_VERSION < 0x01000109 /* as 1.0.25 has renamed it */
#define LIBUSB_OPTION_NO_DEVICE_DISCOVERY LIBUSB_OPTION_WEAK_AUTHORITY
#endif

static int init_context(libusb_context **ctx)
{
#if LIBUSB_API_VERSION >= 0x0100010A
	const struct libusb_init_option no_scan = {.option = LIBUSB_OPTION_NO_DEVICE_DISCOVERY};
	return libusb_init_context(ctx, &no_scan, 1);
#else
	/* Before 1.0.27 the option belongs to the process and has to be set before the first context. */
	int e = libusb_set_option(NULL, LIBUSB_OPTION_NO_DEVICE_DISCOVERY);
	return e ? e : libusb_init(ctx);
#endif
}

void usb_close(struct usb *u)
{
	if (u->handle)
		libusb_close(u->handle);
	if (u->ctx)
		libusb_exit(u->ctx);
	if (u->fd >= 0)
		close(u->fd);
}

int usb_open(struct usb *u, unsigned bus, unsigned dev, char *why, size_t size)
{
	char path[64];

	*u = (struct usb){.fd = -1};
	snprintf(path, sizeof(path), "/dev/bus/usb/%03u/%03u", bus, dev);
	u->fd = open(path, O_RDWR | O_CLOEXEC);
	if (u->fd < 0) {
		int e = errno == ENOENT || errno == ENXIO ? ENODEV : errno;
		snprintf(why, size, "%s: %s%s", path, strerror(e), text_refusal(e));
		return -e;
	}
	/* libusb is told of the descriptor and never looks at the bus. */
	int e = init_context(&u->ctx);
	if (!e)
		e = libusb_wrap_sys_device(u->ctx, (intptr_t)u->fd, &u->handle);
	if (!e)
		return 0;
	snprintf(why, size, "%s: %s", path, libusb_strerror(e));
	usb_close(u);
	return usb_errno(e);
}

int usb_request(
	struct usb *u, uint8_t type, uint8_t request, uint16_t value, uint16_t index, void *data, uint16_t len)
{
	return libusb_control_transfer(u->handle, type, request, value, index, data, len, REQUEST_MS);
}
