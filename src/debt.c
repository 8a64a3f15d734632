/* SPDX-License-Identifier: MIT */
#include "debt.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "port.h"
#include "selector.h"
#include "sysfs.h"
#include "text.h"

__attribute__((format(printf, 2, 3))) static int add(char *owed, const char *format, ...)
{
	size_t n = strlen(owed);
	va_list ap;

	if (n && n + 1 < DEBT_SIZE)
		owed[n++] = ' ';
	va_start(ap, format);
	int len = vsnprintf(owed + n, DEBT_SIZE - n, format, ap);
	va_end(ap);
	if (len >= 0 && n + (size_t)len < DEBT_SIZE)
		return 0;
	owed[n ? n - 1 : 0] = '\0';
	return -ENOSPC;
}

int debt_authorize(char *owed, const char *device, unsigned dev)
{
	return add(owed, "authorize@%u=%s", dev, device);
}

int debt_bind(char *owed, const char *what, unsigned dev)
{
	return add(owed, "bind@%u=%s", dev, what);
}

int debt_power(char *owed, const char *port)
{
	return add(owed, "power=%s", port);
}

/* Whether the device (of which what may be an interface) is still the one that the debt is about: 1 or 0; or a
 * negative errno where that cannot be told. */
static int same_device(const char *what, unsigned dev, char *dir, size_t size)
{
	char device[32];

	snprintf(device, sizeof(device), "%.*s", (int)strcspn(what, ":"), what);
	if (!selector_is_port(device) || strlen(what) >= 64 || strchr(what, '/') ||
		snprintf(dir, size, SYSFS_USB "/%s", device) >= (int)size)
		return 0;
	unsigned now = sysfs_number(dir, "devnum", 10);
	return sysfs_unread(errno) ? -errno : now == dev;
}

static bool gone(const char *dir)
{
	return access(dir, F_OK) && !sysfs_unread(errno);
}

static int pay_authorize(const char *device, unsigned dev, char *why, size_t size)
{
	char dir[64];

	int e = same_device(device, dev, dir, sizeof(dir));

	if (!e || (e > 0 && sysfs_number(dir, "authorized", 10)))
		return 0;
	if (e > 0)
		e = sysfs_write(dir, "authorized", "1");
	/* The kernel authorizes it also where it then cannot configure it: that is for whoever verifies to tell. */
	if (!e || sysfs_number(dir, "authorized", 10) || gone(dir))
		return 0;
	snprintf(why, size, "%s cannot be authorized again: %s%s", device, strerror(-e), text_refusal(-e));
	return e;
}

static int pay_bind(const char *what, unsigned dev, char *why, size_t size)
{
	char dir[64], driver[32];
	int e = same_device(what, dev, dir, sizeof(dir));

	if (!e)
		return 0;
	if (e > 0) {
		snprintf(dir, sizeof(dir), SYSFS_USB "/%s", what);
		if (sysfs_link(dir, "driver", driver, sizeof(driver)) || gone(dir))
			return 0;
		e = sysfs_write("/sys/bus/usb", "drivers_probe", what);
		/* That a driver does not want it is for whoever verifies to tell; that, too, can come as an error:
		 * only what keeps us from asking leaves something owed. */
		if (e != -EACCES && e != -EPERM && e != -EROFS && e != -ENOMEM && e != -EMFILE && e != -ENFILE)
			return 0;
	}
	snprintf(why, size, "%s cannot be bound to its driver again: %s%s", what, strerror(-e), text_refusal(-e));
	return e;
}

static int pay_power(const char *name, char *why, size_t size)
{
	struct port p;
	int e = port_named(name, &p);

	if (e && sysfs_unread(-e))
		snprintf(why, size, "%s cannot be looked at: %s", name, strerror(-e));
	else
		e = e ? 0 : port_power(&p, true, why, size);
	return e == -ENODEV ? 0 : e;
}

static int pay(const char *word, char *why, size_t size)
{
	const char *at = strchr(word, '@'), *equals = strchr(word, '=');
	unsigned dev = at ? (unsigned)strtoul(at + 1, NULL, 10) : 0;

	if (!equals)
		return 0;
	if (!strncmp(word, "authorize@", 10))
		return pay_authorize(equals + 1, dev, why, size);
	if (!strncmp(word, "bind@", 5))
		return pay_bind(equals + 1, dev, why, size);
	if (!strncmp(word, "power=", 6))
		return pay_power(equals + 1, why, size);
	return 0;
}

int debt_pay(char *owed, char *why, size_t size)
{
	char list[DEBT_SIZE], *rest = list;
	int worst = 0;

	memcpy(list, owed, sizeof(list));
	*owed = '\0';
	for (char *word; (word = strsep(&rest, " "));) {
		int e = *word ? pay(word, why, size) : 0;
		if (!e)
			continue;
		worst = e;
		add(owed, "%s", word);
	}
	return worst;
}
