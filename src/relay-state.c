/* SPDX-License-Identifier: MIT */
#include "relay-state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "selector.h"
#include "wait.h"

#define PARENT "/run/replug"

/* How long somebody who is told to let go may take. */
enum { TELL_MS = 2000 };

static int path_of(char *dst, size_t size, const char *port, const char *ending)
{
	if (!selector_is_port(port) || snprintf(dst, size, RELAY_DIR "/%s.%s", port, ending) >= (int)size)
		return -EINVAL;
	return 0;
}

static int path_of_press(char *dst, size_t size, const char *port, unsigned channel)
{
	char ending[24];

	snprintf(ending, sizeof(ending), "%u.press", channel);
	return path_of(dst, size, port, ending);
}

/* systemd-tmpfiles makes the folder at boot; where it has not, root does, in the same way. */
static void make_folder(void)
{
	struct group *group;

	if (geteuid() || (mkdir(PARENT, 0755) && errno != EEXIST) || mkdir(RELAY_DIR, 0770))
		return;
	group = getgrnam("replug");
	if (!group || chown(RELAY_DIR, 0, group->gr_gid) || chmod(RELAY_DIR, 02770))
		chmod(RELAY_DIR, 0700);
}

static int open_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0660);

	if (fd < 0 && errno == ENOENT) {
		make_folder();
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0660);
	}
	if (fd < 0)
		return -errno;
	/* A file of ours and nothing else: its folder is the whole group's. And for all of the group, whatever the
	 * umask of whoever came first. */
	struct stat st;
	int e = fstat(fd, &st) ? -errno : !S_ISREG(st.st_mode) || st.st_nlink != 1 ? -EPERM : 0;
	if (!e && (st.st_mode & 0660) != 0660 && st.st_uid == geteuid() && fchmod(fd, 0660))
		e = -errno;
	if (e) {
		close(fd);
		return e;
	}
	return fd;
}

/* One line of names and numbers, in this order. */
#define FORMAT "dev %u known %u closed %u channels %u ready %u asked %u"

static void read_state(int fd, unsigned dev, struct relay_state *s)
{
	char text[160];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, FORMAT, &s->dev, &s->known, &s->closed, &s->channels, &s->ready, &s->asked) != 6 ||
		s->dev != dev || s->channels > RELAY_CHANNELS || s->known > 0xff || s->closed > 0xff)
		*s = (struct relay_state){.dev = dev};
}

int relay_lock(const char *port, unsigned dev, uint64_t deadline, struct relay_state *state)
{
	char path[128];
	int e = path_of(path, sizeof(path), port, "board"), fd;

	if (e)
		return e;
	fd = open_file(path);
	if (fd < 0)
		return fd;
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		e = -errno;
		if (e == -EWOULDBLOCK && clock_ms() < deadline)
			e = wait_for(-1, 0, clock_ms() + 5);
		if (e) {
			close(fd);
			return e;
		}
	}
	read_state(fd, dev, state);
	return fd;
}

int relay_remember(int lock, const struct relay_state *s)
{
	char text[160];
	errno = 0;
	int n = snprintf(
		text, sizeof(text), FORMAT "\n", s->dev, s->known, s->closed, s->channels, s->ready, s->asked);

	return pwrite(lock, text, (size_t)n, 0) == n && !ftruncate(lock, n) ? 0 : errno ? -errno : -EIO;
}

void relay_unlock(int lock)
{
	close(lock);
}

void relay_lock_trouble(int e, char *dst, size_t size)
{
	snprintf(dst, size, "cannot be locked in " RELAY_DIR ": %s%s", strerror(-e),
		e == -ENOENT   ? "; `systemd-tmpfiles --create replug.conf` makes it"
		: e == -EACCES ? "; its user has to be root or in group replug"
		: e == -EPERM  ? "; something is there that replug did not make"
			       : "");
}

void relay_peek(const char *port, unsigned dev, struct relay_state *state)
{
	char path[128];
	int fd = -1;

	*state = (struct relay_state){.dev = dev};
	if (!path_of(path, sizeof(path), port, "board"))
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return;
	read_state(fd, dev, state);
	close(fd);
}

int relay_take(const char *port, unsigned channel)
{
	char path[128];
	int e = path_of_press(path, sizeof(path), port, channel);

	if (e)
		return e;
	int fd = open_file(path);
	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		e = -errno;
		close(fd);
		return e;
	}
	return fd;
}

int relay_note_press(int contact, const struct relay_conf *conf, uint16_t vid, uint16_t pid)
{
	char text[160], off[2 * CONF_BYTES + 2] = "-";

	/* With all that it takes to open it: the configuration may be broken by then. */
	for (unsigned i = 0; i < conf->off.n; i++)
		snprintf(off + (size_t)2 * i, 3, "%02x", conf->off.byte[i]);
	int n = snprintf(text, sizeof(text), "pid %d protocol %u baud %u off %s id %04x:%04x\n", (int)getpid(),
		conf->protocol, conf->baud, off, vid, pid);
	errno = 0;
	int e = pwrite(contact, text, (size_t)n, 0) == n && !ftruncate(contact, n) ? 0 : errno ? -errno : -EIO;
	if (e) /* half a note is none, and there will be no press */
		relay_note_release(contact);
	return e;
}

void relay_note_release(int contact)
{
	if (ftruncate(contact, 0))
		return; /* it is told to open once more than it has to be, then */
}

void relay_forget_press(const char *port, unsigned channel)
{
	char path[128];
	struct stat st;

	/* Without a note it is not taken, lest a press that begins just now find it taken. */
	if (path_of_press(path, sizeof(path), port, channel) || lstat(path, &st) || !st.st_size)
		return;
	int contact = relay_take(port, channel);
	if (contact < 0)
		return;
	relay_note_release(contact);
	close(contact);
}

/* PORT.CHANNEL.press, where PORT has dots of its own. */
static bool is_press(const char *file, struct relay_orphan *o)
{
	const char *end = strstr(file, ".press"), *dot = end;

	while (dot && dot > file && *--dot != '.')
		;
	if (!end || end[6] || dot == file || (size_t)(dot - file) >= sizeof(o->port) ||
		sscanf(dot + 1, "%u", &o->channel) != 1)
		return false;
	memcpy(o->port, file, (size_t)(dot - file));
	o->port[dot - file] = '\0';
	return selector_is_port(o->port) && o->channel >= 1 && o->channel <= RELAY_CHANNELS;
}

/* Tells a hand to let go, and returns 0 or -errno. Somebody of the group wrote the number: it has to be a hand's. */
static int tell(pid_t pid)
{
	char path[64], name[16] = "";

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, name, sizeof(name) - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0 || strcmp(name, RELAY_HAND "\n"))
		return -ESRCH;
	return kill(pid, SIGTERM) ? -errno : 0;
}

static void read_bytes(const char *text, struct conf_bytes *b)
{
	size_t len = strlen(text) / 2;
	unsigned byte;

	for (b->n = 0; b->n < len && b->n < CONF_BYTES && sscanf(text + (size_t)2 * b->n, "%2x", &byte) == 1; b->n++)
		b->byte[b->n] = (uint8_t)byte;
}

/* A contact that is asked for, and whom it was that had to be told, with what came of that. */
struct claim {
	struct relay_orphan o;
	int told, refused;
};

/*
 * Returns the contact if it is on record as pressed and nobody watches it, once those who do have been told; -ENOENT
 * if it is not pressed; -EALREADY if who pressed it has let go now; -EINPROGRESS if who presses it was told and is at
 * it still; -EBUSY if it could not be told; or another negative errno: that cannot be told.
 */
static int take_over(struct claim *c, uint64_t deadline)
{
	struct relay_orphan *o = &c->o;
	char path[128], text[160], off[2 * CONF_BYTES + 2];
	int fd, pid, e = path_of_press(path, sizeof(path), o->port, o->channel);

	if (e || (fd = open_file(path)) < 0)
		return e ? e : fd;
	for (;;) {
		bool taken = !flock(fd, LOCK_EX | LOCK_NB);
		e = taken || errno == EWOULDBLOCK ? 0 : -errno;
		ssize_t n = e ? 0 : pread(fd, text, sizeof(text) - 1, 0);
		if (n < 0)
			e = -errno;
		if (e)
			break;
		text[n] = '\0';
		int read = sscanf(text, "pid %d protocol %u baud %u off %32s id %4hx:%4hx", &pid, &o->protocol,
			&o->baud, off, &o->vid, &o->pid);
		if (read < 4) {
			e = c->told ? -EALREADY : -ENOENT;
			break;
		}
		if (read != 6)
			o->vid = o->pid = 0;
		read_bytes(off, &o->off);
		if (taken)
			return fd;
		/* Who has just taken the contact shows the number of the last one until he has written his own. */
		if (pid != c->told)
			c->refused = tell((pid_t)pid);
		c->told = pid;
		e = clock_ms() < deadline ? wait_for(-1, 0, clock_ms() + WAIT_POLL_MS)
		    : c->refused          ? -EBUSY
					  : -EINPROGRESS;
		if (e < 0)
			break;
	}
	close(fd);
	return e;
}

static void pass_on(struct claim *c, int contact, relay_found *found, void *ctx)
{
	if (contact != -ENOENT)
		found(ctx, &c->o, contact);
	if (contact >= 0)
		close(contact);
}

int relay_orphans(relay_found *found, void *ctx)
{
	struct claim *watched = NULL, *grown;
	DIR *d = opendir(RELAY_DIR);
	struct dirent *e;
	size_t n = 0;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	/* What nobody watches is opened before anybody is waited for. */
	while ((e = readdir(d))) {
		struct claim c = {.refused = -ESRCH};
		int contact = is_press(e->d_name, &c.o) ? take_over(&c, 0) : -ENOENT;
		bool wait = contact == -EBUSY || contact == -EINPROGRESS;
		if (!wait || !(grown = realloc(watched, (n + 1) * sizeof(*watched)))) {
			pass_on(&c, contact, found, ctx);
			continue;
		}
		watched = grown;
		watched[n++] = c;
	}
	closedir(d);
	uint64_t deadline = clock_ms() + TELL_MS;
	for (size_t i = 0; i < n; i++)
		pass_on(&watched[i], take_over(&watched[i], deadline), found, ctx);
	free(watched);
	return 0;
}
