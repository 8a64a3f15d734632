/* SPDX-License-Identifier: MIT */
/* /run and /sys are the test program's own: a mount namespace with a tmpfs on each. */
#ifndef REPLUG_ISOLATED_H
#define REPLUG_ISOLATED_H

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

static inline bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	return fd >= 0 && !close(fd) && done;
}

/* A file, and the folders above it that are not there. */
static inline void file(const char *path, const char *text)
{
	char dir[256];

	snprintf(dir, sizeof(dir), "%s", path);
	for (char *p = dir + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		mkdir(dir, 0755);
	}
	assert_true(write_file(path, text));
}

static inline const char *content(const char *path)
{
	static char text[128];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n < 0 ? "(none)" : text;
}

/* From here on whatever opens a file is refused with EMFILE, until that is taken back. */
static inline void descriptors_end(bool on)
{
	struct rlimit limit;
	int next = dup(0);

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = on ? (rlim_t)next : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	if (next >= 0)
		close(next);
}

static inline int isolate(void **state)
{
	char map[32];
	unsigned uid = geteuid(), gid = getegid();

	(void)state;
	if (unshare(CLONE_NEWNS | (uid ? CLONE_NEWUSER : 0)))
		goto failed;
	snprintf(map, sizeof(map), "0 %u 1", uid);
	if (uid && !write_file("/proc/self/uid_map", map))
		goto failed;
	/* A file's group has to be one that is known there, too. */
	snprintf(map, sizeof(map), "0 %u 1", gid);
	if (uid && (!write_file("/proc/self/setgroups", "deny") || !write_file("/proc/self/gid_map", map)))
		goto failed;
	if (mount(NULL, "/", "", MS_REC | MS_PRIVATE, NULL) || mount("tmpfs", "/run", "tmpfs", 0, "mode=755") ||
		mount("tmpfs", "/sys", "tmpfs", 0, "mode=755"))
		goto failed;
	if (mkdir("/sys/bus", 0755) || mkdir("/sys/bus/usb", 0755) || mkdir("/sys/bus/usb/devices", 0755))
		goto failed;
	return 0;
failed:
	print_error("no mount namespace to be had: %s\n", strerror(errno));
	return -1;
}

#endif
