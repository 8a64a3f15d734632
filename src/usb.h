/* SPDX-License-Identifier: MIT */
/* One USB device, or hub, opened through usbfs and libusb, and no other one looked at. */
#ifndef REPLUG_USB_H
#define REPLUG_USB_H

#include <stddef.h>
#include <stdint.h>

struct libusb_context;
struct libusb_device_handle;

struct usb {
	int fd;
	struct libusb_context *ctx;
	struct libusb_device_handle *handle;
};

/* Opens /dev/bus/usb/BUS/DEV. Returns 0, -ENODEV, -EACCES or another negative errno with why (size bytes) in words.
 */
int usb_open(struct usb *u, unsigned bus, unsigned dev, char *why, size_t size);
void usb_close(struct usb *u);

/* The errno for a libusb error code. */
int usb_errno(int e);

/* One control request with a deadline of a second. Returns the number of bytes, or one of libusb's error codes. */
int usb_request(
	struct usb *u, uint8_t type, uint8_t request, uint16_t value, uint16_t index, void *data, uint16_t len);

#endif
