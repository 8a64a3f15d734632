/* SPDX-License-Identifier: MIT */
#include "device.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sysfs.h"
#include "text.h"

/* How long one of them may take. */
enum { PATIENCE_MS = 100 };

static void attr_clean(const char *dir, const char *name, char *dst, size_t size)
{
	char raw[512];

	sysfs_read(dir, name, raw, sizeof(raw));
	text_clean(dst, size, raw);
}

static void add_node(struct device *d, const char *dir)
{
	char subsystem[32], uevent[1024], path[PATH_MAX], *name;
	struct stat st;
	unsigned class = 0;

	if (d->nodes == DEVICE_NODES || !sysfs_link(dir, "subsystem", subsystem, sizeof(subsystem)))
		return;
	while (class < NODE_CLASSES && strcmp(node_class_name[class], subsystem))
		class ++;
	if (class == NODE_CLASSES || snprintf(path, sizeof(path), "%s/uevent", dir) >= (int)sizeof(path))
		return;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, uevent, sizeof(uevent) - 1);
	if (n < 0)
		sysfs_unread(errno);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return;
	if (stat(dir, &st)) {
		sysfs_unread(errno);
		return;
	}
	uevent[n] = '\0';
	name = strstr(uevent, "DEVNAME=");
	if (!name)
		return;
	name += 8;
	name[strcspn(name, "\n")] = '\0';
	struct node *node = &d->node[d->nodes];
	*node = (struct node){.class = (enum node_class) class, .ino = st.st_ino};
	if (snprintf(node->path, sizeof(node->path), "/dev/%s", name) >= (int)sizeof(node->path) ||
		snprintf(node->syspath, sizeof(node->syspath), "%s", dir) >= (int)sizeof(node->syspath))
		return;
	node->capture =
		class == NODE_VIDEO && sysfs_read(dir, "index", uevent, sizeof(uevent)) && !strcmp(uevent, "0");
	d->nodes++;
}

/* Device nodes sit at most this deep below an interface: 1-1:1.0/0003:…/input/input3/event2. */
enum { DEPTH = 6 };

/* Only this device's own part of the tree: what hangs on a hub has ports of its own. */
static void find_nodes(struct device *d, const char *dir, int depth) // NOLINT(misc-no-recursion): to DEPTH only
{
	char path[PATH_MAX];
	struct stat st;
	struct dirent *e;
	DIR *dp = opendir(dir);

	if (!dp) {
		sysfs_unread(errno);
		return;
	}
	while ((errno = 0, e = readdir(dp))) {
		if (e->d_type != DT_DIR || *e->d_name == '.' || !strcmp(e->d_name, "power") ||
			!strncmp(e->d_name, "ep_", 3) || selector_is_port(e->d_name))
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) >= (int)sizeof(path))
			continue;
		size_t len = strlen(path);
		if (depth && len + 5 < sizeof(path)) {
			memcpy(path + len, "/dev", 5);
			bool has = !lstat(path, &st) ? S_ISREG(st.st_mode) : sysfs_unread(errno) && false;
			path[len] = '\0';
			if (has)
				add_node(d, path);
		}
		if (!depth && strchr(e->d_name, ':') && d->interfaces < DEVICE_INTERFACES) {
			struct interface *i = &d->interface[d->interfaces++];
			snprintf(i->name, sizeof(i->name), "%.47s", e->d_name);
			sysfs_link(path, "driver", i->driver, sizeof(i->driver));
		}
		if (depth < DEPTH && (depth || strchr(e->d_name, ':')))
			find_nodes(d, path, depth + 1);
	}
	sysfs_unread(errno);
	closedir(dp);
}

/* video2 before video10, 1-2 before 1-10. */
static int natural(const char *a, const char *b)
{
	return strverscmp(a, b);
}

static int node_order(const void *a, const void *b)
{
	const struct node *x = a, *y = b;

	return x->class != y->class ? (int)x->class - (int)y->class : natural(x->path, y->path);
}

static void read_links(struct udev *udev, struct node *n)
{
	struct udev_device *u = udev ? udev_device_new_from_syspath(udev, n->syspath) : NULL;
	struct udev_list_entry *e;
	struct timespec t;

	if (!u)
		return;
	n->known = udev_device_get_is_initialized(u) > 0;
	if (n->known && !clock_gettime(CLOCK_MONOTONIC, &t))
		n->known_us = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000 -
			      udev_device_get_usec_since_initialized(u);
	udev_list_entry_foreach(e, udev_device_get_devlinks_list_entry(u))
	{
		const char *link = udev_list_entry_get_name(e);
		char clean[sizeof(n->link[0]) * 4];
		/* Names that udev made of a device's strings may hold what a terminal obeys; the others lead there
		 * too. */
		text_clean(clean, sizeof(clean), link);
		if (strcmp(clean, link))
			continue;
		if (n->links < DEVICE_LINKS && strlen(link) < sizeof(n->link[0]))
			memcpy(n->link[n->links++], link, strlen(link) + 1);
	}
	udev_device_unref(u);
}

static volatile sig_atomic_t cut;

static void too_long(int sig)
{
	cut = sig; /* and its arrival ends a read */
}

/*
 * What the kernel shows under the device's lock only: while somebody resets the device, that is for as long as the
 * reset takes, and for one that does not answer a minute and more. A signal ends such a read (usb_string_attr and
 * usb_actconfig_attr in the kernel's usb/core/sysfs.c lock interruptibly); what could not be read is left empty.
 */
struct patience {
	struct sigaction before;
	timer_t timer;
	bool timed;
};

static void patience_begin(struct patience *p)
{
	const struct itimerspec often = {
		.it_value.tv_nsec = PATIENCE_MS * 1000000L, .it_interval.tv_nsec = PATIENCE_MS * 1000000L};
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
	struct sigaction sa = {.sa_handler = too_long};

	p->timed = !sigaction(SIGRTMIN, &sa, &p->before) && !timer_create(CLOCK_MONOTONIC, &ev, &p->timer);
	cut = 0;
	if (p->timed)
		timer_settime(p->timer, 0, &often, NULL);
}

/* Returns whether it ended. */
static bool patience_end(struct patience *p)
{
	if (p->timed) {
		timer_delete(p->timer);
		sigaction(SIGRTMIN, &p->before, NULL);
	}
	return cut;
}

static void read_locked(struct device *d, const char *real)
{
	struct patience p;

	patience_begin(&p);
	d->interfaces_wanted = sysfs_number(real, "bNumInterfaces", 10);
	d->configured = sysfs_number(real, "bConfigurationValue", 10) != 0;
	attr_clean(real, "manufacturer", d->manufacturer, sizeof(d->manufacturer));
	attr_clean(real, "product", d->product, sizeof(d->product));
	attr_clean(real, "serial", d->serial, sizeof(d->serial));
	d->cut = patience_end(&p);
}

bool device_string(const char *dir, const char *name, char *dst, size_t size)
{
	struct patience p;

	patience_begin(&p);
	attr_clean(dir, name, dst, size);
	bool read = !sysfs_unread(errno);
	return !patience_end(&p) && read;
}

/* Whose it is hangs on these: one that cannot be read is not 0. */
static int read_identity(struct device *d, const char *real)
{
	unsigned vid = 0, pid = 0;
	const struct {
		const char *name;
		int base;
		unsigned *to;
	} numbers[] = {
		{"idVendor", 16, &vid}, {"idProduct", 16, &pid}, {"busnum", 10, &d->bus}, {"devnum", 10, &d->dev}};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		char text[32];
		bool there = sysfs_read(real, numbers[i].name, text, sizeof(text));
		if (!there && sysfs_unread(errno))
			return -errno;
		*numbers[i].to = there ? (unsigned)strtoul(text, NULL, numbers[i].base) : 0;
	}
	d->vid = (uint16_t)vid;
	d->pid = (uint16_t)pid;
	return 0;
}

int device_read(struct udev *udev, const struct config *c, const char *port, struct device *d)
{
	char path[PATH_MAX], real[PATH_MAX];
	struct usb_facts facts;
	const char *nodes[256];

	*d = (struct device){0};
	snprintf(d->port, sizeof(d->port), "%s", port);
	if (strlen(port) >= sizeof(d->port) ||
		snprintf(path, sizeof(path), SYSFS_USB "/%s", port) >= (int)sizeof(path))
		return -ENODEV;
	if (!realpath(path, real))
		return sysfs_unread(errno) ? -errno : -ENODEV;
	if (strlen(real) >= sizeof(d->syspath))
		return -ENODEV;
	memcpy(d->syspath, real, strlen(real) + 1);
	int e = read_identity(d, real);
	if (e)
		return e;
	if (d->dev)
		read_locked(d, real);
	else
		d->cut = true;
	find_nodes(d, real, 0);
	qsort(d->node, d->nodes, sizeof(d->node[0]), node_order);
	for (unsigned i = 0; i < d->nodes; i++)
		read_links(udev, &d->node[i]);
	if (!d->dev && access(real, F_OK)) /* it went while we read; 0 alone means that it is being reset */
		return -ENODEV;
	device_facts(d, &facts, nodes, sizeof(nodes) / sizeof(nodes[0]));
	d->conf = c ? config_match(c, &facts, &d->term) : NULL;
	d->relay = c && !d->conf ? config_match_relay(c, &facts, &d->term) : NULL;
	return 0;
}

bool device_present(const char *port)
{
	char dir[96];

	return snprintf(dir, sizeof(dir), SYSFS_USB "/%s", port) < (int)sizeof(dir) &&
	       (!access(dir, F_OK) || sysfs_unread(errno));
}

void device_facts(const struct device *d, struct usb_facts *f, const char **nodes, size_t size)
{
	size_t n = 0;

	*f = (struct usb_facts){.vid = d->vid,
		.pid = d->pid,
		.bus = d->bus,
		.dev = d->dev,
		.port = d->port,
		.serial = d->serial[0] ? d->serial : NULL,
		.product = d->product[0] ? d->product : NULL,
		.section = d->conf ? d->conf->name : NULL,
		.nodes = nodes};
	for (unsigned i = 0; i < d->nodes; i++) {
		if (n + 1 < size)
			nodes[n++] = d->node[i].path;
		for (unsigned k = 0; k < d->node[i].links && n + 1 < size; k++)
			nodes[n++] = d->node[i].link[k];
	}
	nodes[n] = NULL;
}

bool device_matches(const struct device *d, const struct selector *sel)
{
	struct usb_facts facts;
	const char *nodes[256];

	device_facts(d, &facts, nodes, sizeof(nodes) / sizeof(nodes[0]));
	return selector_match(sel, &facts, NULL) > 0;
}

const struct node *device_node(const struct device *d, enum node_class class)
{
	for (unsigned i = 0; i < d->nodes; i++)
		if (d->node[i].class == class && (class != NODE_VIDEO || d->node[i].capture))
			return &d->node[i];
	return NULL;
}

uint64_t device_age(struct udev *udev, const struct device *d)
{
	struct udev_device *u = udev_device_new_from_syspath(udev, d->syspath);
	uint64_t age = u ? udev_device_get_usec_since_initialized(u) / 1000 : 0;

	if (u)
		udev_device_unref(u);
	return age;
}

void device_name(const struct device *d, char *dst, size_t size)
{
	snprintf(dst, size, "%s%s%s %04x:%04x%s%s%s", d->port, d->conf ? " " : "", d->conf ? d->conf->name : "",
		d->vid, d->pid, d->product[0] ? " \"" : "", d->product, d->product[0] ? "\"" : "");
}
