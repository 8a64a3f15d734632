/* SPDX-License-Identifier: MIT */
#include "match-link.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <unistd.h>

#include "text.h"

#define SYSFS_USB "/sys/bus/usb/devices"

/* One plugged device, as far as a selector asks. */
struct plugged {
	struct usb_facts facts;
	char serial[512], product[512];
};

static bool attribute(const char *port, const char *name, char *dst, size_t size)
{
	char path[128];
	int n = snprintf(path, sizeof(path), SYSFS_USB "/%s/%s", port, name);
	int fd = n < (int)sizeof(path) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t got = fd < 0 ? -1 : read(fd, dst, size - 1);

	if (fd >= 0)
		close(fd);
	dst[got > 0 ? got - (dst[got - 1] == '\n') : 0] = '\0';
	return got > 0;
}

static unsigned number(const char *port, const char *name, int base)
{
	char text[16];

	return attribute(port, name, text, sizeof(text)) ? (unsigned)strtoul(text, NULL, base) : 0;
}

/* Returns false where a string could not be read, because somebody has the device locked. */
static bool look(const char *port, bool strings, struct plugged *p)
{
	bool whole = true;
	char raw[512];

	p->facts = (struct usb_facts){.port = port,
		.vid = (uint16_t)number(port, "idVendor", 16),
		.pid = (uint16_t)number(port, "idProduct", 16),
		.bus = number(port, "busnum", 10),
		.dev = number(port, "devnum", 10)};
	errno = 0;
	if (strings && attribute(port, "serial", raw, sizeof(raw))) {
		text_clean(p->serial, sizeof(p->serial), raw);
		p->facts.serial = p->serial;
	} else {
		whole = errno != EINTR;
	}
	errno = 0;
	if (strings && attribute(port, "product", raw, sizeof(raw))) {
		text_clean(p->product, sizeof(p->product), raw);
		p->facts.product = p->product;
	} else {
		whole &= errno != EINTR;
	}
	return whole;
}

/* The port of the USB device that a path in sysfs leads through, the innermost; or "". */
static void port_of_path(const char *path, char *port)
{
	char part[LINK_PORT_SIZE];

	*port = '\0';
	while (*path) {
		size_t len = strcspn(path, "/");
		if (len && len < sizeof(part)) {
			memcpy(part, path, len);
			part[len] = '\0';
			if (selector_is_port(part))
				memcpy(port, part, len + 1);
		}
		path += len + (path[len] == '/');
	}
}

/* So many times have_patience() lets the node's own device be asked before it counts as one that cannot be. */
enum { TRIES = 20 };

static void woken(int sig)
{
	(void)sig; /* its arrival ends a read */
}

/* While the kernel resets a device, reading its strings waits for that; a signal ends the wait (usb/core/sysfs.c). */
static void have_patience(bool limited)
{
	const struct itimerval often = {.it_value.tv_usec = 100000, .it_interval.tv_usec = 100000}, never = {0};
	const struct sigaction sa = {.sa_handler = woken};

	if (limited)
		sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, limited ? &often : &never, NULL);
}

/* Finds the section and the other devices that it takes. Returns how the best of them compares: -1, 0, 1; -1: none.
 */
static int find_rivals(const struct config *c, struct link_claim *out)
{
	static struct plugged mine, other;
	DIR *dir = opendir(SYSFS_USB);
	struct dirent *e;
	int best = -1;

	have_patience(true);
	bool whole = false;
	for (unsigned i = 0; i < TRIES && !whole; i++)
		whole = look(out->port, c->strings, &mine);
	out->conf = whole ? config_match(c, &mine.facts, NULL) : NULL;
	unsigned weight = out->conf ? selector_match(&out->conf->match, &mine.facts, NULL) : 0;
	while (dir && weight && (e = readdir(dir))) {
		if (!selector_is_port(e->d_name) || text_is(e->d_name, out->port) ||
			strlen(e->d_name) >= LINK_PORT_SIZE)
			continue;
		/* One that is being reset is no rival by what cannot be read of it: its own event asks for all again.
		 */
		if (!look(e->d_name, c->strings, &other))
			continue;
		if (config_match(c, &other.facts, NULL) != out->conf)
			continue;
		unsigned theirs = selector_match(&out->conf->match, &other.facts, NULL);
		int compared = theirs > weight ? 1 : theirs == weight ? 0 : -1;
		if (compared > best)
			best = compared;
		if (out->rivals < LINK_RIVALS)
			strcpy(out->rival[out->rivals++], e->d_name);
		else
			out->more = true;
	}
	if (dir)
		closedir(dir);
	have_patience(false);
	return best;
}

/* The port of the device that a node of a class belongs to; "" where it is in none, or not of the class. */
static void port_of_node(const char *class, const char *node, char *port)
{
	char path[128], real[PATH_MAX];

	*port = '\0';
	if (snprintf(path, sizeof(path), "/sys/class/%s/%s", class, node) < (int)sizeof(path) && realpath(path, real))
		port_of_path(real, port);
}

/*
 * Whether the node has the name from us, as udev remembers it: by an earlier configuration then, for of the present
 * one only rivals can have it. Its own event, which may be still to come, takes the name away.
 */
static bool given_before(const char *class, const char *node, const char *name)
{
	static char text[8192];
	char path[64], ours[160];
	struct stat st;

	if (stat(node, &st))
		return false;
	snprintf(path, sizeof(path), "/run/udev/data/c%u:%u", major(st.st_rdev), minor(st.st_rdev));
	snprintf(ours, sizeof(ours), "\nE:REPLUG_LINK_%s=%s\n", text_is(class, "tty") ? "TTY" : "VIDEO", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, ours) != NULL;
}

/* Whether the name leads to a node of a device that the section does not take. */
static bool held_by_another(const char *class, const char *name, struct link_claim *out)
{
	char link[128], real[PATH_MAX], port[LINK_PORT_SIZE];

	if (snprintf(link, sizeof(link), "/dev/%s", name) >= (int)sizeof(link) || !realpath(link, real))
		return false; /* a link whose node is gone is as good as none */
	port_of_node(class, strrchr(real, '/') + 1, port);
	if (text_is(port, out->port))
		return false;
	for (unsigned i = 0; i < out->rivals; i++)
		if (text_is(port, out->rival[i]))
			return false;
	if (given_before(class, real, name))
		return false;
	size_t len = strlen(real);
	if (len >= sizeof(out->holder))
		real[sizeof(out->holder) - 1] = '\0';
	strcpy(out->holder, real);
	return true;
}

enum link_verdict link_claim(
	const struct config *c, const char *class, const char *name, const char *devpath, struct link_claim *out)
{
	*out = (struct link_claim){0};
	port_of_path(devpath, out->port);
	int best = c && out->port[0] ? find_rivals(c, out) : -1;
	if (best >= 0)
		return best ? LINK_THEIRS : LINK_NOBODYS;
	return held_by_another(class, name, out) ? LINK_FOREIGN : LINK_OURS;
}

void link_nudge_rivals(const struct link_claim *claim, const char *class)
{
	char path[128], port[LINK_PORT_SIZE];
	struct dirent *e;

	snprintf(path, sizeof(path), "/sys/class/%s", class);
	DIR *dir = claim->rivals ? opendir(path) : NULL;
	while (dir && (e = readdir(dir))) {
		port_of_node(class, e->d_name, port);
		bool rival = claim->more && *port && !text_is(port, claim->port);
		for (unsigned i = 0; i < claim->rivals; i++)
			rival |= text_is(port, claim->rival[i]);
		if (!rival || snprintf(path, sizeof(path), "/sys/class/%s/%s/uevent", class, e->d_name) >=
				      (int)sizeof(path))
			continue;
		int fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		ssize_t done = write(fd, "change", 6);
		(void)done; /* a node that went has taken its claim with it */
		close(fd);
	}
	if (dir)
		closedir(dir);
}
