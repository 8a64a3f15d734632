/* SPDX-License-Identifier: MIT */
#include "sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int trouble;

bool sysfs_unread(int e)
{
	if (e != ENOMEM && e != EMFILE && e != ENFILE && e != EIO)
		return false;
	if (!trouble)
		trouble = e;
	return true;
}

int sysfs_trouble(void)
{
	return trouble;
}

bool sysfs_read(const char *dir, const char *name, char *dst, size_t size)
{
	char path[PATH_MAX];
	ssize_t n = -1;

	*dst = '\0';
	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return false;
	int fd = open(path, O_RDONLY | O_CLOEXEC), e = fd < 0 ? errno : 0;
	if (fd >= 0) {
		n = read(fd, dst, size - 1);
		e = n < 0 ? errno : 0;
		close(fd);
	}
	if (n < 0) {
		sysfs_unread(e);
		n = 0;
	}
	while (n && dst[n - 1] == '\n')
		n--;
	dst[n] = '\0';
	errno = e;
	return n > 0;
}

unsigned sysfs_number(const char *dir, const char *name, int base)
{
	char text[32];

	return sysfs_read(dir, name, text, sizeof(text)) ? (unsigned)strtoul(text, NULL, base) : 0;
}

bool sysfs_link(const char *dir, const char *name, char *dst, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];

	*dst = '\0';
	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return false;
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	if (n < 0) {
		sysfs_unread(errno);
		return false;
	}
	target[n] = '\0';
	const char *slash = strrchr(target, '/');
	snprintf(dst, size, "%.*s", (int)size - 1, slash ? slash + 1 : target);
	return true;
}

int sysfs_write(const char *dir, const char *name, const char *text)
{
	char path[PATH_MAX];
	ssize_t n;
	int e = 0;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENXIO ? -ENODEV : -errno;
	n = write(fd, text, strlen(text));
	if (n < 0)
		e = -errno;
	close(fd);
	return e;
}
