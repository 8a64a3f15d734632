/* SPDX-License-Identifier: MIT */
#include "use.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

/* One node that is looked for, and where to say that it was found. */
struct sought {
	dev_t rdev;
	unsigned bit; /* of its class */
	char *who;    /* the names so far: size bytes, len of them used */
	size_t size, *len;
	unsigned *classes, *users;
	bool held; /* by the process being looked at */
};

static void name_process(const char *pid, char *dst, size_t size)
{
	char file[64], raw[64];

	snprintf(file, sizeof(file), "/proc/%.16s/comm", pid);
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, raw, sizeof(raw) - 1);
	if (fd >= 0)
		close(fd);
	raw[got > 0 ? got - 1 : 0] = '\0';
	text_clean(dst, size, raw);
}

static void note(struct sought *s, size_t n, struct sought *at, const char *pid)
{
	char comm[64];

	if (at->held) /* by another of its descriptors */
		return;
	at->held = true;
	*at->classes |= at->bit;
	for (size_t i = 0; i < n; i++) /* a process that has several nodes of one device is named once */
		if (s[i].held && s[i].who == at->who && &s[i] != at)
			return;
	name_process(pid, comm, sizeof(comm));
	++*at->users;
	if (*at->len >= at->size)
		return;
	*at->len += (size_t)snprintf(
		at->who + *at->len, at->size - *at->len, "%s%s (%.16s)", *at->len ? ", " : "", comm, pid);
	if (*at->len >= at->size && at->size >= 4)
		text_cut(at->who, at->size);
}

static void look_at(const char *pid, struct sought *s, size_t n)
{
	char path[64], to[256];
	struct dirent *e;
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%.16s/fd", pid);
	DIR *d = opendir(path);
	if (!d)
		return;
	while ((e = readdir(d))) {
		ssize_t len =
			isdigit((unsigned char)*e->d_name) ? readlinkat(dirfd(d), e->d_name, to, sizeof(to) - 1) : -1;
		to[len > 0 ? len : 0] = '\0';
		/* Only a node is asked what it is: a file on a network mount whose server is gone would keep us for
		 * good. In a container or chroot, too, there is a /dev in its path. */
		if (!strstr(to, "/dev/") || fstatat(dirfd(d), e->d_name, &st, 0) || !S_ISCHR(st.st_mode))
			continue;
		for (size_t i = 0; i < n; i++)
			if (s[i].rdev == st.st_rdev)
				note(s, n, &s[i], pid);
	}
	closedir(d);
	for (size_t i = 0; i < n; i++)
		s[i].held = false;
}

static void look(struct sought *s, size_t n)
{
	DIR *proc = n ? opendir("/proc") : NULL;
	struct dirent *e;

	if (!proc)
		return;
	while ((e = readdir(proc)))
		if (isdigit((unsigned char)*e->d_name) && atoi(e->d_name) != getpid())
			look_at(e->d_name, s, n);
	closedir(proc);
}

static bool counts(const struct node *n)
{
	switch (n->class) {
	case NODE_VIDEO:
	case NODE_TTY:
	case NODE_HIDRAW:
		return true;
	case NODE_SOUND:
		return !strncmp(n->path, "/dev/snd/pcm", 12);
	default:
		return false;
	}
}

void use_find(const struct device *const *device, size_t n, struct use *use)
{
	struct sought *s = calloc(n * DEVICE_NODES + 1, sizeof(*s));
	size_t *len = calloc(n + 1, sizeof(*len)), found = 0;
	unsigned *users = calloc(n + 1, sizeof(*users));
	struct stat st;

	for (size_t i = 0; i < n; i++) {
		use[i] = (struct use){0};
		for (unsigned k = 0; s && len && users && k < device[i]->nodes; k++) {
			const struct node *node = &device[i]->node[k];
			if (!counts(node) || stat(node->path, &st) || !S_ISCHR(st.st_mode))
				continue;
			s[found++] = (struct sought){.rdev = st.st_rdev,
				.bit = 1u << node->class,
				.who = use[i].who,
				.size = sizeof(use[i].who),
				.len = &len[i],
				.classes = &use[i].classes,
				.users = &users[i]};
		}
	}
	look(s, found);
	free(users);
	free(len);
	free(s);
}

unsigned use_of_node(const char *path, char *dst, size_t size)
{
	unsigned classes = 0, users = 0;
	size_t len = 0;
	struct stat st;

	*dst = '\0';
	if (stat(path, &st))
		return 0;
	look(&(struct sought){.rdev = st.st_rdev,
		     .bit = 1,
		     .who = dst,
		     .size = size,
		     .len = &len,
		     .classes = &classes,
		     .users = &users},
		1);
	return users;
}
