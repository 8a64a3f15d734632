/* SPDX-License-Identifier: MIT */
#include "watch-source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "text.h"

#define PARENT "/run"
#define FOLDER (&RECORD_DIR[sizeof(PARENT)]) /* its name in there */

static void clean(char *text, size_t size)
{
	char before[512];

	snprintf(before, sizeof(before), "%s", text);
	text_clean(text, size, before);
}

static void tell_record(struct source *s, struct record *r)
{
	enum record_state written = r->state;

	record_state_now(r);
	if ((written == RECORD_BUSY || written == RECORD_STUCK) && r->state != written) {
		/* The run may have written its outcome and ended since its record was read. */
		char port[DEVICE_PORT_SIZE];
		snprintf(port, sizeof(port), "%s", r->port);
		if (record_load(port, r))
			return;
		written = r->state;
		record_state_now(r);
	}
	/* Ours are clean, but a file is a file. */
	clean(r->id, sizeof(r->id));
	clean(r->section, sizeof(r->section));
	clean(r->product, sizeof(r->product));
	clean(r->action, sizeof(r->action));
	clean(r->error, sizeof(r->error));
	ports_recorded(s->ports, r, written);
}

/* What a device that could be read is called, and whether it is asked for. */
static void tell_device(struct source *s, const struct device *d)
{
	struct event who = {0};
	bool mine = s->ports->sel ? device_matches(d, s->ports->sel) : d->conf || d->relay;

	snprintf(who.port, sizeof(who.port), "%s", d->port);
	snprintf(who.id, sizeof(who.id), "%04x:%04x", d->vid, d->pid);
	snprintf(who.section, sizeof(who.section), "%s", d->conf ? d->conf->name : "");
	snprintf(who.relay, sizeof(who.relay), "%s", d->relay ? d->relay->name : "");
	snprintf(who.product, sizeof(who.product), "%s", d->product);
	ports_plugged(s->ports, &who, d->dev, mine);
}

/* It went before it could be read: what the kernel said of it has to do. */
static void tell_passer_by(struct source *s, const char *port, unsigned dev, struct udev_device *u)
{
	const char *product = udev_device_get_property_value(u, "PRODUCT"), *end;
	struct event who = {0};
	struct usb_facts f = {.port = who.port, .dev = dev};

	snprintf(who.port, sizeof(who.port), "%s", port);
	if (product && !selector_id(product, '/', &f.vid, &f.pid, &end))
		snprintf(who.id, sizeof(who.id), "%04x:%04x", f.vid, f.pid);
	const struct device_conf *conf = config_match(s->config, &f, NULL);
	const struct relay_conf *relay = conf ? NULL : config_match_relay(s->config, &f, NULL);
	f.section = conf ? conf->name : NULL;
	snprintf(who.section, sizeof(who.section), "%s", conf ? conf->name : "");
	snprintf(who.relay, sizeof(who.relay), "%s", relay ? relay->name : "");
	bool mine = s->ports->sel ? selector_match(s->ports->sel, &f, NULL) > 0 : conf || relay;
	ports_plugged(s->ports, &who, dev, mine);
}

/* Looking up links costs more than the rest, and only selectors can ask for them. */
static struct udev *for_links(const struct source *s)
{
	return s->ports->sel && selector_has(s->ports->sel, SEL_NODE) ? s->udev : NULL;
}

static unsigned property_number(struct udev_device *u, const char *name)
{
	const char *text = udev_device_get_property_value(u, name);

	return text ? (unsigned)strtoul(text, NULL, 10) : 0;
}

/* A record's state depends on whether something is in its port. */
static void look_again(struct source *s, const char *port)
{
	struct record r;

	if (!record_load(port, &r))
		tell_record(s, &r);
}

/* The kernel takes the node away before it tells of a removal. (`udevadm trigger` removes nothing.) */
static bool is_there(struct udev_device *u)
{
	const char *node = udev_device_get_devnode(u);

	return node && !access(node, F_OK);
}

static void take_message(struct source *s, struct udev_device *u)
{
	const char *port = udev_device_get_sysname(u), *action = udev_device_get_action(u);
	unsigned dev = property_number(u, "DEVNUM");
	struct device d;

	if (!port || !action || !selector_is_port(port) || strlen(port) >= sizeof(d.port))
		return;
	if (!strcmp(action, "remove")) {
		if (is_there(u))
			return;
		ports_unplugged(s->ports, port, dev);
		look_again(s, port);
	} else if (!strcmp(action, "add")) {
		const struct watch_port *w = ports_find(s->ports, port);
		bool there = !device_read(for_links(s), s->config, port, &d);
		/* sysfs may be ahead of the messages; what it has shown before is no news. */
		if (there && d.dev && d.dev != dev && w && w->plugged && w->dev == d.dev)
			return;
		if (there && (d.dev == dev || !d.dev)) {
			d.dev = dev; /* none, while it is being reset */
			tell_device(s, &d);
		} else {
			tell_passer_by(s, port, dev, u);
		}
	}
}

/* udev runs `replug gone` for a removal before it tells of it: what is not there any more is told first. */
static void see_removal(struct source *s, const char *port)
{
	const struct watch_port *w = ports_find(s->ports, port);
	char path[96], text[16] = "";

	if (!w || !w->plugged)
		return;
	snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s/devnum", port);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	if (fd >= 0)
		close(fd);
	unsigned dev = (unsigned)strtoul(text, NULL, 10);
	if (fd < 0 || (dev && dev != w->dev))
		ports_unplugged(s->ports, port, w->dev);
}

/* A device that selectors name by a node is recognised when it has that: later than when it is plugged. */
static void recognise(struct source *s, const char *port)
{
	struct watch_port *w = ports_find(s->ports, port);
	struct device d;

	if (w && w->plugged && !w->mine && for_links(s) && !device_read(s->udev, s->config, port, &d))
		w->mine = device_matches(&d, s->ports->sel);
}

/* Whether a name in the folder is a record's; its port then. */
static bool port_of(const char *name, char *port, size_t size)
{
	size_t len = strlen(name);

	if (len <= 5 || len - 5 >= size || strcmp(name + len - 5, ".json"))
		return false;
	memcpy(port, name, len - 5);
	port[len - 5] = '\0';
	return selector_is_port(port);
}

static void reread_record(struct source *s, const char *port)
{
	struct record r;
	int e = record_load(port, &r);

	if (e == -ENOENT)
		ports_forgotten(s->ports, port);
	if (e)
		return; /* a damaged one says nothing */
	recognise(s, port);
	if (r.state == RECORD_GONE)
		see_removal(s, port);
	tell_record(s, &r);
}

static void reread_records(struct source *s)
{
	struct record *list;
	size_t n;

	if (record_list(&list, &n))
		return;
	for (size_t i = 0; i < s->ports->n; i++) {
		struct watch_port *w = &s->ports->list[i];
		bool there = false;
		for (size_t k = 0; k < n && !there; k++)
			there = !strcmp(list[k].port, w->port);
		if (!there)
			ports_forgotten(s->ports, w->port);
	}
	for (size_t k = 0; k < n; k++)
		tell_record(s, &list[k]);
	free(list);
}

static void reread_devices(struct source *s)
{
	struct device *list;
	size_t n;

	if (device_list(for_links(s), s->config, &list, &n))
		return;
	for (size_t i = 0; i < s->ports->n; i++) {
		struct watch_port *w = &s->ports->list[i];
		bool there = false;
		for (size_t k = 0; k < n && !there; k++)
			there = !strcmp(list[k].port, w->port);
		if (!there)
			ports_unplugged(s->ports, w->port, 0);
	}
	for (size_t k = 0; k < n; k++) {
		const struct watch_port *w = ports_find(s->ports, list[k].port);
		if (list[k].dev || !w || !w->plugged) /* without a number it is being reset, and still the same */
			tell_device(s, &list[k]);
	}
	free(list);
}

/* Follows the records' folder, or, until there is one, the place where it will be. */
static int attach(struct source *s)
{
	for (;;) {
		bool waiting = s->parent >= 0;
		s->folder = inotify_add_watch(
			s->notify, RECORD_DIR, IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
		int e = s->folder < 0 ? -errno : 0;
		if (!e && waiting)
			inotify_rm_watch(s->notify, s->parent);
		if (!e)
			s->parent = -1;
		/* Whoever makes it may let others read it a moment later. */
		if (!e || (e != -ENOENT && e != -EACCES && e != -ENOTDIR))
			return e;
		if (waiting)
			return 0;
		s->parent = inotify_add_watch(s->notify, PARENT, IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR);
		if (s->parent < 0)
			return -errno;
	}
}

static int subscribe(struct source *s, char *why, size_t size)
{
	/* udev tells of a device when it is done with it; where none runs, the kernel has to do. */
	const char *group = access("/run/udev/control", F_OK) ? "kernel" : "udev";
	int e;

	s->monitor = udev_monitor_new_from_netlink(s->udev, group);
	e = s->monitor ? udev_monitor_filter_add_match_subsystem_devtype(s->monitor, "usb", "usb_device") : -errno;
	if (e >= 0)
		e = udev_monitor_enable_receiving(s->monitor);
	if (e < 0) {
		snprintf(why, size, "cannot listen to what is plugged (netlink, group %s): %s", group, strerror(-e));
		return e;
	}
	s->monitor_fd = udev_monitor_get_fd(s->monitor);
	s->notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	e = s->notify < 0 ? -errno : attach(s);
	if (e == -EMFILE || e == -ENOSPC)
		snprintf(why, size,
			"cannot follow " RECORD_DIR ": all inotify instances or watches of this user are in use; "
			"raise fs.inotify.max_user_%s",
			e == -EMFILE ? "instances" : "watches");
	else if (e)
		snprintf(why, size, "cannot follow " RECORD_DIR ": %s", strerror(-e));
	return e;
}

int source_open(struct source *s, char *why, size_t size)
{
	s->notify = s->folder = s->parent = s->monitor_fd = -1;
	int e = subscribe(s, why, size);

	if (e < 0)
		return e;
	s->ports->quiet = true;
	reread_devices(s);
	reread_records(s);
	s->ports->quiet = false;
	return 0;
}

void source_close(struct source *s)
{
	if (s->monitor)
		udev_monitor_unref(s->monitor);
	if (s->notify >= 0)
		close(s->notify);
	s->monitor = NULL;
	s->notify = -1;
}

static void read_messages(struct source *s)
{
	struct udev_device *u;
	int e = 0;

	do {
		errno = 0;
		while ((u = udev_monitor_receive_device(s->monitor))) {
			take_message(s, u);
			udev_device_unref(u);
			errno = 0;
		}
		if (errno != ENOBUFS) /* the queue overflowed, and is to be emptied yet */
			break;
		e = ENOBUFS;
	} while (true);
	if (e) {
		reread_devices(s);
		reread_records(s);
	}
}

/* One of inotify's; returns whether the folder, or all of what is in it, is another one. */
static bool take_notice(struct source *s, const struct inotify_event *i)
{
	char port[DEVICE_PORT_SIZE];

	if (i->mask & IN_Q_OVERFLOW)
		return true;
	if (i->wd == s->parent)
		return i->len && !strcmp(i->name, FOLDER);
	if (i->wd != s->folder)
		return false; /* left over from one that is not followed any more */
	if (i->mask & IN_MOVE_SELF)
		inotify_rm_watch(s->notify, s->folder);
	if (i->mask & (IN_MOVE_SELF | IN_IGNORED)) {
		s->folder = -1;
		return true;
	}
	if (i->len && port_of(i->name, port, sizeof(port)))
		reread_record(s, port);
	return false;
}

int source_read(struct source *s, char *why, size_t size)
{
	_Alignas(struct inotify_event) char buffer[4096];
	bool anew = false;
	ssize_t n;
	int e = 0;

	read_messages(s);
	while ((n = read(s->notify, buffer, sizeof(buffer))) > 0)
		for (char *at = buffer; at < buffer + n;) {
			const struct inotify_event *i = (const void *)at;
			anew |= take_notice(s, i);
			at += sizeof(*i) + i->len;
		}
	if (anew && s->folder < 0)
		e = attach(s);
	if (anew)
		reread_records(s);
	if (e)
		snprintf(why, size, "cannot follow " RECORD_DIR " any more: %s", strerror(-e));
	return e;
}

static bool has_run(const struct source *s, size_t i)
{
	return s->ports->list[i].recorded &&
	       (s->ports->list[i].r.state == RECORD_BUSY || s->ports->list[i].r.state == RECORD_STUCK);
}

bool source_has_runs(const struct source *s)
{
	for (size_t i = 0; i < s->ports->n; i++)
		if (has_run(s, i))
			return true;
	return false;
}

void source_look_after_runs(struct source *s)
{
	for (size_t i = 0; i < s->ports->n; i++)
		if (has_run(s, i))
			look_again(s, s->ports->list[i].port);
}
