/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "device.h"
#include "wait.h"

/* How often to look all the same while both kinds of event are heard: a queue that overflowed loses some. */
enum { SAFETY_MS = 250 };

static struct udev_monitor *listen_to_kernel(struct watch *w)
{
	static const char *const subsystems[] = {"usb", "tty", "video4linux", "sound", "hidraw", "input"};
	struct udev_monitor *m = udev_monitor_new_from_netlink(w->udev, "kernel");
	struct epoll_event ev = {.events = EPOLLIN};

	if (!m)
		return NULL;
	for (size_t i = 0; i < sizeof(subsystems) / sizeof(subsystems[0]); i++)
		udev_monitor_filter_add_match_subsystem_devtype(m, subsystems[i], NULL);
	if (udev_monitor_enable_receiving(m) < 0 || epoll_ctl(w->fd, EPOLL_CTL_ADD, udev_monitor_get_fd(m), &ev)) {
		udev_monitor_unref(m);
		return NULL;
	}
	return m;
}

/*
 * udev renames a device's entry into its database once links and permissions are done (device_update_db in systemd's
 * libsystemd/sd-device, udev_device_update_db in eudev). Its own events stay within its network namespace, which is
 * not that of our units; the kernel sends its events to all of the initial user namespace (uevent_net_init in
 * lib/kobject_uevent.c). An event says no more than "look again": the watch is there before the reset, each look
 * comes after what woke it has been read, and an event in between is the next wake-up, so that none is missed. A
 * queue that overflows is readable, too. Where the directory is not there (no udev, or none that has run yet), or is
 * taken away, looking every so often is all there is, as it is without the kernel's events.
 */
static int listen_to_udev(struct watch *w)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd >= 0 && (inotify_add_watch(fd, "/run/udev/data", IN_MOVED_TO | IN_ONLYDIR) < 0 ||
			       epoll_ctl(w->fd, EPOLL_CTL_ADD, fd, &ev))) {
		close(fd);
		return -1;
	}
	return fd;
}

void watch_open(struct watch *w, struct udev *udev)
{
	*w = (struct watch){.udev = udev, .settled = -1, .fd = epoll_create1(EPOLL_CLOEXEC)};
	if (w->fd < 0)
		return;
	w->kernel = listen_to_kernel(w);
	w->settled = listen_to_udev(w);
}

void watch_close(struct watch *w)
{
	if (w->kernel)
		udev_monitor_unref(w->kernel);
	if (w->fd >= 0) {
		if (w->settled >= 0)
			close(w->settled);
		close(w->fd);
	}
	*w = (struct watch){.settled = -1, .fd = -1};
}

static void drain(struct watch *w)
{
	char events[4096];
	struct udev_device *u;

	while (w->kernel && (u = udev_monitor_receive_device(w->kernel)))
		udev_device_unref(u);
	while (w->settled >= 0 && read(w->settled, events, sizeof(events)) > 0)
		;
}

int watch_next(struct watch *w, uint64_t deadline)
{
	uint64_t look = clock_ms() + (w->kernel && w->settled >= 0 ? SAFETY_MS : WAIT_POLL_MS);
	int r = wait_for(w->fd, POLLIN, look < deadline ? look : deadline);

	if (r > 0)
		drain(w);
	return r < 0 ? r : 0;
}

static bool was_bound(const struct device *before, const char *name)
{
	for (unsigned i = 0; i < before->interfaces; i++)
		if (!strcmp(before->interface[i].name, name))
			/* A program's claim through usbfs is no driver, and does not come back by itself. */
			return before->interface[i].driver[0] && strcmp(before->interface[i].driver, "usbfs");
	return false;
}

/*
 * Whether udev is done with a node: links, permissions. A node made anew by the reset may still have the database
 * entry of the one before it: only what udev wrote since the reset counts then.
 */
static bool node_settled(const struct back *b, const struct node *n)
{
	for (unsigned i = 0; i < b->before->nodes; i++)
		if (b->before->node[i].ino == n->ino)
			return n->known;
	return n->known && n->known_us >= b->since_us;
}

static bool udev_settled(const struct back *b, const struct device *now, char *why, size_t size)
{
	if (access("/run/udev/control", F_OK))
		return true; /* nobody makes links here */
	for (unsigned i = 0; i < now->nodes; i++) {
		const struct node *n = &now->node[i];
		if (!node_settled(b, n)) {
			snprintf(why, size, "udev has not finished with %s", n->path);
			return false;
		}
	}
	return true;
}

/*
 * uvc_delete() (drivers/media/usb/uvc/uvc_driver.c) runs when a node of before is closed at last, and then takes its
 * driver off the streaming interfaces, whichever instance of it has those by now. The picture does not need them
 * claimed.
 */
static bool let_go_late(const struct device *before, const struct device *now, const char *name)
{
	static const char uvc[] = "uvcvideo";
	bool had = false, has = false;

	for (unsigned i = 0; i < before->interfaces; i++)
		had |= !strcmp(before->interface[i].name, name) && !strcmp(before->interface[i].driver, uvc);
	for (unsigned i = 0; i < now->interfaces; i++)
		has |= !strcmp(now->interface[i].driver, uvc);
	return had && has;
}

static bool is_back(const struct back *b, const struct device *now, char *why, size_t size)
{
	if (!now->configured) {
		snprintf(why, size, "it has no configuration set");
		return false;
	}
	if (now->interfaces < now->interfaces_wanted && now->interfaces < DEVICE_INTERFACES) {
		snprintf(why, size, "it shows %u of %u interfaces", now->interfaces, now->interfaces_wanted);
		return false;
	}
	for (unsigned i = 0; i < now->interfaces; i++)
		if (!now->interface[i].driver[0] && was_bound(b->before, now->interface[i].name) &&
			!let_go_late(b->before, now, now->interface[i].name)) {
			snprintf(why, size, "no driver is bound to interface %s", now->interface[i].name);
			return false;
		}
	for (unsigned class = 0; class < NODE_CLASSES; class ++) {
		const struct node *n = device_node(now, (enum node_class) class);
		if (!(b->expect & 1u << class))
			continue;
		if (!n || access(n->path, F_OK)) {
			snprintf(why, size, "it has no %s node", node_class_name[class]);
			return false;
		}
	}
	return !b->settled || udev_settled(b, now, why, size);
}

int device_wait(
	struct watch *w, const struct config *c, const struct back *b, struct device *now, char *why, size_t size)
{
	for (;;) {
		/* What udev knows is half the cost of a look. */
		int r = device_read(b->settled ? w->udev : NULL, c, b->before->port, now);
		if (!r && (!now->dev || (b->renumbered && now->dev == b->before->dev)))
			snprintf(why, size, "the kernel is not done with its reset");
		else if (!r && (b->before->vid || b->before->pid) &&
			 (now->vid != b->before->vid || now->pid != b->before->pid))
			r = -ENODEV;
		else if (!r && is_back(b, now, why, size))
			return 0;
		if (r && now->syspath[0])
			snprintf(why, size, "another device, %04x:%04x, is in its port", now->vid, now->pid);
		else if (r)
			snprintf(why, size, "it is not on the bus");
		if (clock_ms() >= b->deadline)
			return r ? r : -ETIMEDOUT;
		int e = watch_next(w, b->deadline);
		if (e < 0)
			return e;
	}
}
