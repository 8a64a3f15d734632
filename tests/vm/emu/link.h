/* The wire to the kernel: USB/IP messages on a socket (Documentation/usb/usbip_protocol.rst). */
#ifndef EMU_LINK_H
#define EMU_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct iso_packet {
	uint32_t offset, length, actual, status;
};

struct urb {
	struct urb *next;
	uint32_t seq;
	uint8_t ep;
	bool in;
	uint32_t length; /* asked for, or brought along */
	uint8_t setup[8];
	uint8_t *data; /* what the host sends, if it sends */
	uint32_t packets;
	struct iso_packet *iso;
	bool held;   /* by a fault, not by its kind */
	int64_t due; /* for whoever holds it back */
};

struct unlink;

struct link {
	int fd;
	uint8_t *buffer;
	size_t used, room;
	struct urb *pending;
	bool hold_unlinks;
	struct unlink *unlinked_later;
	unsigned long urbs, unlinks;
	void *owner;
	void (*submit)(void *owner, struct urb *u);
	void (*unlinked)(void *owner, uint8_t ep, bool in);
	void (*lost)(void *owner);
};

/* Returns the other end of the pair, for the kernel; the caller closes it after attaching. */
int link_open(struct link *l);
void link_close(struct link *l);

struct urb *link_first(struct link *l, uint8_t ep, bool in);
struct urb *link_held(struct link *l);

/* Requests to take an urb back stay without an answer; all of them are answered when that ends. */
void link_hold_unlinks(struct link *l, bool hold);

/* Each answers an urb and frees it. status is a negative errno. */
void link_reply(struct link *l, struct urb *u, int status, const uint8_t *data, size_t n);
/* data holds the packets' contents one after the other, without the padding between them. */
void link_reply_iso(struct link *l, struct urb *u, const uint8_t *data, size_t n);

#endif
