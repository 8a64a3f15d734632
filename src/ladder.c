/* SPDX-License-Identifier: MIT */
#include "ladder.h"

#include <errno.h>
#include <fcntl.h>
#include <libusb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* One opened device. libusb is told of the descriptor and never looks at the bus. */
struct usb {
	int fd;
	libusb_context *ctx;
	libusb_device_handle *handle;
};

static int to_errno(int e)
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

static void usb_close(struct usb *u)
{
	if (u->handle)
		libusb_close(u->handle);
	if (u->ctx)
		libusb_exit(u->ctx);
	if (u->fd >= 0)
		close(u->fd);
}

static int usb_open(struct usb *u, const struct device *d, char *why, size_t size)
{
	char path[64];

	*u = (struct usb){.fd = -1};
	snprintf(path, sizeof(path), "/dev/bus/usb/%03u/%03u", d->bus, d->dev);
	u->fd = open(path, O_RDWR | O_CLOEXEC);
	if (u->fd < 0) {
		int e = errno == ENOENT || errno == ENXIO ? ENODEV : errno;
		snprintf(why, size, "%s: %s%s", path, strerror(e), e == EACCES ? " (this needs root)" : "");
		return -e;
	}
	int e = init_context(&u->ctx);
	if (!e)
		e = libusb_wrap_sys_device(u->ctx, (intptr_t)u->fd, &u->handle);
	if (!e)
		return 0;
	snprintf(why, size, "%s: %s", path, libusb_strerror(e));
	usb_close(u);
	return to_errno(e);
}

static int take_usb(const struct device *d, bool *renumbered, char *why, size_t size)
{
	struct usb u;
	int e = usb_open(&u, d, why, size);

	*renumbered = false;
	if (e)
		return e;
	e = libusb_reset_device(u.handle);
	/* Not found means that the kernel could not match the device to what it was: it takes it down and puts it
	 * up again under a new number, if it still answers at all. */
	if (e == LIBUSB_ERROR_NOT_FOUND || e == LIBUSB_ERROR_NO_DEVICE) {
		*renumbered = true;
		e = 0;
	}
	if (e)
		snprintf(why, size, "the port reset failed: %s (%s)", libusb_strerror(e), strerror(errno));
	usb_close(&u);
	return e ? to_errno(e) : 0;
}

static const struct {
	const char *name;
	int (*take)(const struct device *d, bool *renumbered, char *why, size_t size);
} ladder[RESET_METHODS] = {
	[RESET_USB] = {"usb", take_usb},
};

const char *ladder_name(enum reset_method method)
{
	return ladder[method].name;
}

int ladder_take(enum reset_method method, const struct device *d, bool *renumbered, char *why, size_t size)
{
	return ladder[method].take(d, renumbered, why, size);
}

int ladder_alive(const struct device *d, char *why, size_t size)
{
	unsigned char status[2];
	struct usb u;
	int e = usb_open(&u, d, why, size);

	if (e)
		return e;
	int n = libusb_control_transfer(u.handle,
		LIBUSB_ENDPOINT_IN | LIBUSB_REQUEST_TYPE_STANDARD | LIBUSB_RECIPIENT_DEVICE,
		LIBUSB_REQUEST_GET_STATUS, 0, 0, status, sizeof(status), 1000);
	if (n < 0)
		snprintf(why, size, "it does not answer GET_STATUS: %s", libusb_strerror(n));
	usb_close(&u);
	return n < 0 ? to_errno(n) : 0;
}
