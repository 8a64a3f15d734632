/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config-keys.h"
#include "config-lines.h"
#include "text.h"

const struct config_paths config_default_paths = {
	.vendor = REPLUG_LIBDIR "/replug.conf",
	.own = REPLUG_SYSCONFDIR "/replug.conf",
	.dropins = REPLUG_SYSCONFDIR "/replug.conf.d",
};

static char text[(1 << 20) + 1]; /* of a file; nobody reads two configurations at once */

/* Reads the whole file into text, and ends its last line. Returns 0 or a negative errno. */
static int slurp(const char *path)
{
	/* Not blocking: a fifo in the place of a file must not stop udev. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), e = 0;
	size_t n = 0;

	if (fd < 0)
		return -errno;
	while (n < sizeof(text) - 1) {
		ssize_t got = read(fd, text + n, sizeof(text) - 1 - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			e = -errno;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	close(fd);
	if (n == sizeof(text) - 1)
		return -EFBIG;
	text[n] = '\0';
	if (!e && strlen(text) != n) /* a NUL would hide what stands behind it */
		e = -EILSEQ;
	if (n && text[n - 1] != '\n')
		memcpy(text + n, "\n", 2);
	return e;
}

/* A link to a file that is not there, or is out of a unit's sight, is not a configuration that nobody has written. */
static bool leads_nowhere(const char *path)
{
	char to;

	return readlink(path, &to, 1) >= 0;
}

static const char nowhere[] = "the link leads to nothing here (units of replug's see neither /home nor /root)";

/* path is kept: it has to live as long as the configuration. */
static int read_file(struct reading *r, const char *path)
{
	char msg[160];
	int e = slurp(path);

	if (e == -ENOENT && !leads_nowhere(path))
		return 0;
	if (r->c->n_files == CONF_FILES) {
		r->file = path;
		config_complain(r, 0, "too many drop-ins");
		return 0;
	}
	r->file = r->c->file[r->c->n_files++] = path;
	r->number++;
	if (e) {
		snprintf(msg, sizeof(msg), "cannot be read: %s", e == -ENOENT ? nowhere : strerror(-e));
		config_complain(r, 0, msg);
		return 0;
	}
	return config_read_lines(r, text);
}

static int is_dropin(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return d->d_name[0] != '.' && len > 5 && text_is(d->d_name + len - 5, ".conf");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name); /* the same order in every locale, as systemd has it */
}

static int read_dropins(struct reading *r, const char *dir)
{
	struct dirent **list;
	char msg[160], *path;
	int e = 0, n, fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	/* No drop-ins is the common case, and much cheaper to find out this way. */
	if (fd < 0 && errno == ENOENT && !leads_nowhere(dir))
		return 0;
	n = fd < 0 ? -1 : scandirat(fd, ".", &list, is_dropin, by_name);
	if (n < 0) {
		snprintf(msg, sizeof(msg), "cannot be read: %s", errno == ENOENT ? nowhere : strerror(errno));
		r->file = dir;
		config_complain(r, 0, msg);
		if (fd >= 0)
			close(fd);
		return 0;
	}
	close(fd);
	for (int i = 0; i < n; i++) {
		if (!e && asprintf(&path, "%s/%s", dir, list[i]->d_name) >= 0) {
			size_t before = r->c->n_files;
			e = read_file(r, path);
			if (r->c->n_files == before)
				free(path);
			else
				r->c->n_own++;
		} else {
			e = -ENOMEM;
		}
		free(list[i]);
	}
	free(list);
	return e;
}

int config_load(struct config **out, const struct config_paths *paths, config_report *report, void *ctx)
{
	struct config *c = realloc(NULL, sizeof(*c)); /* calloc would be one more symbol to bind for replug-match */
	struct reading r = {.c = c, .report = report, .ctx = ctx};

	*out = NULL;
	if (!c)
		return -ENOMEM;
	*c = (struct config){0};
	config_guard_defaults(&c->guard);
	int e = read_file(&r, paths->vendor);
	if (!e)
		e = read_file(&r, paths->own);
	if (!e)
		e = read_dropins(&r, paths->dropins);
	if (!e && !r.errors)
		r.errors = config_cross_check(c, report, ctx);
	if (!e && r.errors)
		e = -EINVAL;
	if (e)
		config_free(c);
	else
		*out = c;
	return e;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++) {
		selector_free(&c->device[i].match);
		selector_free(&c->device[i].then);
	}
	for (size_t i = 0; i < c->relays; i++)
		selector_free(&c->relay[i].match);
	free(c->relay);
	for (size_t i = c->n_files - c->n_own; i < c->n_files; i++)
		// NOLINTNEXTLINE(performance-no-int-to-ptr): to cast the const away directly -Wcast-qual forbids
		free((char *)(uintptr_t)c->file[i]);
	free(c->device);
	free(c);
}
