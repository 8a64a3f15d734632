/* SPDX-License-Identifier: MIT */
/* One USB device as the kernel and udev show it. Reading opens nothing but sysfs and udev's database. */
#ifndef REPLUG_DEVICE_H
#define REPLUG_DEVICE_H

#include <libudev.h>
#include <stdbool.h>
#include <sys/types.h>

#include "config.h"
#include "selector.h"

enum { DEVICE_NODES = 24, DEVICE_INTERFACES = 16, DEVICE_LINKS = 8, DEVICE_PORT_SIZE = 32 };

struct node {
	enum node_class class;
	bool capture;  /* the first capture node, udev's index 0 */
	char path[64]; /* below /dev, as the kernel names it */
	char syspath[512];
	ino_t ino;         /* of its sysfs folder: a node made anew has another one */
	bool known;        /* udev was done with it */
	uint64_t known_us; /* since when, of CLOCK_MONOTONIC */
	char link[DEVICE_LINKS][128];
	unsigned links;
};

struct interface {
	char name[48];   /* 1-1.4:1.0 */
	char driver[32]; /* empty: none is bound */
};

struct device {
	char port[DEVICE_PORT_SIZE];
	char syspath[512];
	uint16_t vid, pid;
	unsigned bus, dev;                                 /* dev is 0 while the kernel resets it */
	char manufacturer[128], product[128], serial[128]; /* cleaned; empty if there is none */
	bool configured;
	bool cut;                   /* not all could be read: somebody has it locked */
	unsigned interfaces_wanted; /* bNumInterfaces */
	struct interface interface[DEVICE_INTERFACES];
	unsigned interfaces;
	struct node node[DEVICE_NODES];
	unsigned nodes;
	const struct device_conf *conf; /* the section that takes it, or NULL */
	const struct relay_conf *relay; /* or that of a relay board's contact */
	size_t term;                    /* the alternative of its `match` that did */
};

/* Reads the device in a port such as "1-1.4"; without udev, its nodes' links are not read. Returns 0,
 * -ENODEV, or another negative errno where what it is cannot be read (sysfs_unread). */
int device_read(struct udev *udev, const struct config *c, const char *port, struct device *d);

/* A string such as "serial" of the device whose folder in sysfs is dir, as device_read has it; false where it could
 * not be read in time, because somebody has the device locked. */
bool device_string(const char *dir, const char *name, char *dst, size_t size);

/* Every USB device but the root hubs, sorted by port, in a malloc'ed array. Returns 0 or, where one cannot be
 * read or there is no memory, another negative errno. */
int device_list(struct udev *udev, const struct config *c, struct device **out, size_t *n);

/* Whether a device is in a port: one file looked for, nothing read, no lock of the kernel's taken. Where that cannot
 * be looked at, one is: it has not gone. */
bool device_present(const char *port);

/*
 * The devices that sel names, likewise. Where each alternative names a port, only those ports are looked at, however
 * many devices there are; else the bus is listed, and for each device on it that is none of them it takes the files
 * in sysfs up to the first that tells: one, where an ID, a number or a serial is asked for. Links of nodes are read
 * only where sel or a section of the configuration has nodes. One that could not be asked for the string that sel
 * wants (`cut`) is among them.
 */
int device_find(
	struct udev *udev, const struct config *c, const struct selector *sel, struct device **out, size_t *n);

/* Whether the selector names this device. */
bool device_matches(const struct device *d, const struct selector *sel);

/* What config_match and selector_match want to know of it; strings (nodes, 256 at most) point into d. */
void device_facts(const struct device *d, struct usb_facts *f, const char **nodes, size_t size);

/* The device's first node of a class, or NULL. */
const struct node *device_node(const struct device *d, enum node_class class);

/* "1-1.4 capture 534d:2109 "USB Video"": how a device is named in every message. */
void device_name(const struct device *d, char *dst, size_t size);

/* How long ago udev first saw the device, in ms; 0 where it does not say. */
uint64_t device_age(struct udev *udev, const struct device *d);

/* Follows the kernel's events and what udev writes down, to be woken by them. */
struct watch {
	struct udev *udev;
	struct udev_monitor *kernel; /* NULL where it cannot be had: then looking often has to do */
	int settled;                 /* inotify of udev's database; -1: likewise */
	int fd;                      /* readable when there is an event; -1: none */
};

void watch_open(struct watch *w, struct udev *udev);
void watch_close(struct watch *w);

/*
 * Waits until something happens, at most until the deadline and never longer than a look is worth. What the events
 * say is not used: sysfs is the truth. Returns 0, -EINTR or another negative errno.
 */
int watch_next(struct watch *w, uint64_t deadline);

/* What a device has to be before it counts as back. */
struct back {
	const struct device *before; /* as it was; drivers that were bound have to be bound again */
	unsigned expect;             /* classes of nodes, bits of 1 << enum node_class */
	bool renumbered;   /* the kernel dropped it: only a device with another number is the returned one */
	bool settled;      /* udev has to be done with it and its nodes, links included; else these are not read */
	uint64_t since_us; /* CLOCK_MONOTONIC: nodes made anew count only if udev saw them after this */
	uint64_t deadline;
};

/*
 * Waits until the device is back and reads it into *now. Returns 0, -EINTR, -ENODEV (nothing, or something
 * else, is in the port at the deadline) or -ETIMEDOUT (it is there, but not as it has to be); why says what
 * is missing. Check, subscribe and check again is done by the caller opening the watch before it resets.
 */
int device_wait(
	struct watch *w, const struct config *c, const struct back *b, struct device *now, char *why, size_t size);

#endif
