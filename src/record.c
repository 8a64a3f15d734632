/* SPDX-License-Identifier: MIT */
#include "record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "device.h"
#include "selector.h"
#include "sysfs.h"
#include "wait.h"

const char *const record_state_name[RECORD_STATES + 1] = {
	"none", "busy", "recovered", "failed", "held", "gone", "silent", "stuck", NULL};

static int record_path(char *dst, size_t size, const char *port, const char *ending)
{
	if (!selector_is_port(port) || strlen(port) >= sizeof(((struct record *)0)->port) ||
		snprintf(dst, size, RECORD_DIR "/%s%s", port, ending) >= (int)size)
		return -EINVAL;
	return 0;
}

int record_lock(const char *port, uint64_t deadline)
{
	char path[128];
	int e = record_path(path, sizeof(path), port, ".lock"), fd;

	if (e)
		return e;
	/* For all to read, whatever the umask of whoever comes first. */
	if (mkdir(RECORD_DIR, 0755) ? errno != EEXIST : chmod(RECORD_DIR, 0755))
		return -errno;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		e = -errno;
		if (e == -EWOULDBLOCK && clock_ms() < deadline)
			e = wait_for(-1, 0, clock_ms() + WAIT_POLL_MS);
		if (e) {
			close(fd);
			return e;
		}
	}
	return fd;
}

void record_unlock(int fd)
{
	close(fd);
}

/* /proc/locks (proc(5)): "4: FLOCK  ADVISORY  WRITE 812 00:17:1234 0 EOF". */
bool record_locked_by(const char *port, pid_t pid)
{
	char path[128], line[256];
	struct stat st;
	bool found = false;

	if (record_path(path, sizeof(path), port, ".lock") || stat(path, &st))
		return false;
	FILE *f = fopen("/proc/locks", "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		unsigned long long inode;
		unsigned high, low;
		int who;
		found = sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%llu", &who, &high, &low, &inode) == 4 &&
			who == pid && inode == st.st_ino && makedev(high, low) == st.st_dev;
	}
	if (f)
		fclose(f);
	return found;
}

/* Field by field, both ways: what one direction knows, the other cannot forget. */
enum kind { TEXT, U32, U64, FLAG };
static const struct field {
	const char *name;
	enum kind kind;
	size_t offset, size;
} fields[] = {
#define FIELD(kind, member)                                                                                          \
	{                                                                                                            \
#member, kind, offsetof(struct record, member), sizeof(((struct record *)0)->member)                 \
	}
	FIELD(TEXT, id),
	FIELD(TEXT, section),
	FIELD(TEXT, product),
	FIELD(TEXT, action),
	FIELD(TEXT, error),
	FIELD(TEXT, owed),
	FIELD(U32, duration_ms),
	FIELD(U64, when),
	FIELD(FLAG, chip),
	FIELD(U32, version),
	FIELD(U32, baud),
	FIELD(FLAG, target),
	FIELD(FLAG, num_lock),
	FIELD(FLAG, caps_lock),
	FIELD(FLAG, scroll_lock),
	FIELD(U32, pid),
	FIELD(U64, started),
	FIELD(U32, dev),
	FIELD(U64, verified_ms),
	FIELD(U64, gone_ms),
	FIELD(U64, event_ms),
	FIELD(U64, ended_ms),
	FIELD(U64, last_reset_ms),
	FIELD(FLAG, held),
	FIELD(TEXT, health),
	FIELD(U64, health_when),
	FIELD(FLAG, well_again),
	FIELD(U64, woken_ms),
	FIELD(U32, health_bad),
	FIELD(U64, refreshed_ms),
	FIELD(FLAG, postponed),
	FIELD(U32, recoveries),
	FIELD(U32, failures),
	FIELD(U32, recovered_ms),
	FIELD(U64, recovered_when),
#undef FIELD
};
enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

static void load_field(struct json_object *o, const struct field *f, struct record *r)
{
	struct json_object *v;
	char *at = (char *)r + f->offset;

	if (!json_object_object_get_ex(o, f->name, &v))
		return;
	switch (f->kind) {
	case TEXT:
		if (json_object_is_type(v, json_type_string))
			snprintf(at, f->size, "%s", json_object_get_string(v));
		break;
	case U32: {
		int64_t n = json_object_get_int64(v);
		*(uint32_t *)at = n < 0 || n > INT32_MAX ? 0 : (uint32_t)n;
		break;
	}
	case U64: {
		int64_t n = json_object_get_int64(v);
		*(uint64_t *)at = n < 0 ? 0 : (uint64_t)n;
		break;
	}
	case FLAG:
		*(bool *)at = json_object_is_type(v, json_type_boolean) && json_object_get_boolean(v);
		break;
	}
}

static struct json_object *save_field(const struct field *f, const struct record *r)
{
	const char *at = (const char *)r + f->offset;

	switch (f->kind) {
	case TEXT:
		return json_object_new_string(at);
	case U32:
		return json_object_new_int64(*(const uint32_t *)at);
	case U64:
		return json_object_new_int64((int64_t) * (const uint64_t *)at);
	case FLAG:
		return json_object_new_boolean(*(const bool *)at);
	}
	return NULL;
}

static void load_lists(struct json_object *o, struct record *r)
{
	struct json_object *v;

	if (json_object_object_get_ex(o, "state", &v))
		for (int i = 0; record_state_name[i]; i++)
			if (!strcmp(record_state_name[i], json_object_get_string(v) ? json_object_get_string(v) : ""))
				r->state = (enum record_state)i;
	if (json_object_object_get_ex(o, "resets", &v) && json_object_is_type(v, json_type_array))
		for (size_t i = 0; i < json_object_array_length(v) && r->resets < GUARD_RESETS_MAX; i++) {
			int64_t ms = json_object_get_int64(json_object_array_get_idx(v, i));
			r->reset_ms[r->resets++] = ms < 0 ? 0 : (uint64_t)ms;
		}
	if (json_object_object_get_ex(o, "steps", &v) && json_object_is_type(v, json_type_object)) {
		json_object_object_foreach(v, name, ms)
		{
			int64_t n = json_object_get_int64(ms);
			record_step(r, name, n < 0 ? 0 : (uint64_t)n);
		}
	}
}

int record_load(const char *port, struct record *r)
{
	char path[128], text[8192];
	int e = record_path(path, sizeof(path), port, ".json");

	*r = (struct record){0};
	if (e)
		return e;
	snprintf(r->port, sizeof(r->port), "%s", port);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	e = n < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	if (e) {
		sysfs_unread(-e);
		return e;
	}
	text[n] = '\0';
	struct json_object *o = json_tokener_parse(text);
	if (!json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		return -EBADMSG;
	}
	for (int i = 0; i < FIELDS; i++)
		load_field(o, &fields[i], r);
	load_lists(o, r);
	json_object_put(o);
	return 0;
}

bool record_unread(int e)
{
	return e && e != -ENOENT && e != -EBADMSG && e != -EINVAL;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

int record_save(const struct record *r)
{
	char path[128], temp[160];
	int e = record_path(path, sizeof(path), r->port, ".json");

	if (e)
		return e;
	struct json_object *o = json_object_new_object(), *list = json_object_new_array(),
			   *steps = json_object_new_object();
	json_object_object_add(o, "port", json_object_new_string(r->port));
	json_object_object_add(o, "state", json_object_new_string(record_state_name[r->state]));
	for (int i = 0; i < FIELDS; i++)
		json_object_object_add(o, fields[i].name, save_field(&fields[i], r));
	for (unsigned i = 0; i < r->resets; i++)
		json_object_array_add(list, json_object_new_int64((int64_t)r->reset_ms[i]));
	json_object_object_add(o, "resets", list);
	for (unsigned i = 0; i < r->steps; i++)
		json_object_object_add(steps, r->step[i].name, json_object_new_int64(r->step[i].ms));
	json_object_object_add(o, "steps", steps);
	const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY);
	/* One writer a port, for the lock is held: the name need not be unique, and a leftover is overwritten. Only
	 * that the holder is stuck is written by another, while it may have a record half done. */
	snprintf(temp, sizeof(temp), "%s.%s", path, r->state == RECORD_STUCK ? "stuck" : "new");
	int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0) {
		e = -errno;
	} else {
		e = write_all(fd, text, strlen(text));
		if (fchmod(fd, 0644) && !e) /* whatever the caller's umask is */
			e = -errno;
		if (close(fd) && !e)
			e = -errno;
		if (!e && rename(temp, path))
			e = -errno;
		if (e)
			unlink(temp);
	}
	json_object_put(o);
	return e;
}

static int is_record(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return len > 5 && !strcmp(d->d_name + len - 5, ".json");
}

static int by_port(const void *a, const void *b)
{
	return strverscmp(((const struct record *)a)->port, ((const struct record *)b)->port);
}

int record_list(struct record **out, size_t *n)
{
	struct dirent **list;
	int found = scandir(RECORD_DIR, &list, is_record, NULL);

	*n = 0;
	*out = NULL;
	if (found < 0 && sysfs_unread(errno))
		return -errno;
	*out = calloc(found > 0 ? (size_t)found : 1, sizeof(**out));
	for (int i = 0; i < found; i++) {
		list[i]->d_name[strlen(list[i]->d_name) - 5] = '\0';
		if (*out && !record_load(list[i]->d_name, &(*out)[*n]))
			++*n;
		free(list[i]);
	}
	if (found >= 0)
		free(list);
	if (!*out)
		return -ENOMEM;
	qsort(*out, *n, sizeof(**out), by_port);
	return 0;
}

/*
 * When a process was started, in clock ticks since boot, or 0: field 22 of /proc/PID/stat (proc(5)). One that has
 * ended and was not yet collected (state Z or X) is listed there still, but at nothing any more.
 */
static uint64_t start_of(pid_t pid)
{
	char path[64], text[1024];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	char *p = strrchr(text, ')'); /* the name before it may hold blanks */
	if (p && (p[1] == ' ') && (p[2] == 'Z' || p[2] == 'X'))
		return 0;
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p, NULL, 10) : 0;
}

void record_claim(struct record *r)
{
	r->state = RECORD_BUSY;
	r->pid = getpid();
	r->started = start_of(r->pid);
}

void record_stuck(struct record *r, pid_t pid)
{
	r->state = RECORD_STUCK;
	r->pid = pid;
	r->started = start_of(pid);
	r->duration_ms = 0; /* it has not ended */
	snprintf(r->error, sizeof(r->error),
		"the kernel is still waiting for this device (process %d); unplug it, or restart the machine if that "
		"does "
		"not help",
		(int)pid);
}

/* Whether the process that is at work on it, or is kept by the kernel, is there still. */
static bool has_process(const struct record *r)
{
	uint64_t started = r->pid > 0 ? start_of(r->pid) : 0;

	return started && started == r->started;
}

enum record_state record_state_now(struct record *r)
{
	bool there = device_present(r->port);

	/* What we have switched off has not been unplugged. */
	if ((r->state == RECORD_GONE && r->owed[0]) ||
		((r->state == RECORD_BUSY || r->state == RECORD_STUCK) && !has_process(r))) {
		snprintf(r->error, sizeof(r->error), "%s; `replug recover usb=%s` %s",
			r->state == RECORD_STUCK ? "the kernel waited too long for it, and has let go by now"
			: r->owed[0]             ? "the run was killed and has left something switched off"
						 : "the run was killed",
			r->port, r->owed[0] ? "puts it right" : "starts another");
		r->state = RECORD_FAILED;
	}
	if (there && r->state == RECORD_SILENT) { /* plugged anew, and nobody has looked at it yet */
		r->state = RECORD_NONE;
		r->error[0] = '\0';
	}
	if (!there && r->state != RECORD_BUSY && r->state != RECORD_STUCK && r->state != RECORD_SILENT && !r->owed[0])
		r->state = RECORD_GONE;
	return r->state;
}

void record_step(struct record *r, const char *name, uint64_t ms)
{
	uint32_t add = ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;

	/* A step that was taken again adds to itself. */
	for (unsigned i = 0; i < r->steps; i++)
		if (!strncmp(r->step[i].name, name, sizeof(r->step[i].name) - 1)) {
			r->step[i].ms += add;
			return;
		}
	if (r->steps == RECORD_STEPS)
		return;
	snprintf(r->step[r->steps].name, sizeof(r->step[0].name), "%s", name);
	r->step[r->steps++].ms = add;
}
