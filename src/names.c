/* SPDX-License-Identifier: MIT */
#include "names.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config-keys.h"
#include "text.h"

/* Where udev looks for rules; of two files of one name, the one in the folder that comes first counts (udev(7)). */
static const char *const rules_dirs[] = {"/etc/udev/rules.d", "/run/udev/rules.d", "/usr/local/lib/udev/rules.d",
	"/usr/lib/udev/rules.d", "/lib/udev/rules.d"};
enum { RULES_DIRS = sizeof(rules_dirs) / sizeof(rules_dirs[0]) };

/* "/dev/kvmd-video of [device capture] (/etc/replug.conf:2)" */
static void show_claim(const struct device_conf *d, char *dst, size_t size)
{
	const struct conf_origin *at = config_key_origin(d, "symlink");

	snprintf(dst, size, "/dev/%s of [device %s] (%s:%u)", d->symlink, d->name, at->file, at->line);
}

/* Whether a line of rules gives this name: SYMLINK is assigned, and the name stands in its value as a word. */
static bool line_gives(const char *line, const char *name)
{
	size_t len = strlen(name);
	const char *p = line + strspn(line, " \t");

	if (*p == '#')
		return false;
	while ((p = strstr(p, "SYMLINK"))) {
		p += 7;
		const char *value = strchr(p, '"');
		/* == and != ask for a link and give none. */
		if (!value || value == p || value[-1] != '=' || (value - p > 1 && strchr("=!", value[-2])))
			continue;
		const char *end = strchr(++value, '"');
		for (const char *at = value; end && (at = strstr(at, name)) && at < end; at++)
			if ((at == value || at[-1] == ' ') && (at[len] == ' ' || at[len] == '"'))
				return true;
	}
	return false;
}

static bool file_gives(const char *path, const char *name, unsigned *line)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;
	bool found = false;

	for (*line = 0; f && !found && getline(&text, &size, f) >= 0;) {
		++*line;
		found = line_gives(text, name);
	}
	free(text);
	if (f)
		fclose(f);
	return found;
}

static bool overridden(unsigned dir, const char *file)
{
	char path[PATH_MAX];

	for (unsigned i = 0; i < dir; i++)
		if (snprintf(path, sizeof(path), "%s/%s", rules_dirs[i], file) < (int)sizeof(path) &&
			!access(path, F_OK))
			return true;
	return false;
}

static int is_rules(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return len > 6 && !strcmp(e->d_name + len - 6, ".rules");
}

/* The rule that gives a name, as FILE:LINE; one that puts the name together from something else is not found. */
static void find_rule(const char *name, char *dst, size_t size)
{
	snprintf(dst, size, "a rule of udev's");
	for (unsigned dir = 0; dir < RULES_DIRS; dir++) {
		struct dirent **list;
		int n = scandir(rules_dirs[dir], &list, is_rules, alphasort);
		bool found = false;
		for (int i = 0; i < n; i++) {
			char path[PATH_MAX];
			unsigned line;
			if (!found && !overridden(dir, list[i]->d_name) &&
				snprintf(path, sizeof(path), "%s/%s", rules_dirs[dir], list[i]->d_name) <
					(int)sizeof(path) &&
				file_gives(path, name, &line)) {
				snprintf(dst, size, "%s:%u", path, line);
				found = true;
			}
			free(list[i]);
		}
		if (n >= 0)
			free(list);
		if (found)
			return;
	}
}

/* The USB device in whose part of sysfs a path lies, or NULL. */
static const struct device *device_of(const char *syspath, const struct device *list, size_t n)
{
	const struct device *innermost = NULL;
	size_t most = 0;

	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(list[i].syspath);
		if (len > most && !strncmp(syspath, list[i].syspath, len) && syspath[len] == '/') {
			innermost = &list[i];
			most = len;
		}
	}
	return innermost;
}

static bool has_link(struct udev_device *u, const char *link)
{
	struct udev_list_entry *e;

	udev_list_entry_foreach(e, udev_device_get_devlinks_list_entry(u))
	{
		if (!strcmp(udev_list_entry_get_name(e), link))
			return true;
	}
	return false;
}

/* One device of udev's that has the link. */
static void warn_holder(const struct device_conf *d, struct udev_device *u, const struct device *list, size_t n)
{
	const struct device *whose = device_of(udev_device_get_syspath(u), list, n);
	char claim[256], rule[PATH_MAX + 16], port[64] = "";

	if (whose && whose->conf == d)
		return;
	show_claim(d, claim, sizeof(claim));
	find_rule(d->symlink, rule, sizeof(rule));
	if (whose)
		snprintf(port, sizeof(port), " of the device in %s", whose->port);
	fprintf(stderr, "warning: %s is also a name of %s%s, by %s: that one keeps it\n", claim,
		udev_device_get_devnode(u), port, rule);
}

/* Everything that has a name which is there. */
static void warn_holders(struct udev *udev, const struct device_conf *d, const struct device *list, size_t n)
{
	char link[CONF_SYMLINK_SIZE + 8], claim[256], target[PATH_MAX];
	struct udev_list_entry *e;
	struct stat st;
	size_t holders = 0;

	snprintf(link, sizeof(link), "/dev/%s", d->symlink);
	if (lstat(link, &st))
		return;
	show_claim(d, claim, sizeof(claim));
	if (!S_ISLNK(st.st_mode)) {
		fprintf(stderr, "warning: %s can never be: there is a %s of that name\n", claim,
			S_ISDIR(st.st_mode)                          ? "folder"
			: S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode) ? "device node of the kernel's"
								     : "file");
		return;
	}
	struct udev_enumerate *all = udev_enumerate_new(udev);
	if (!all || udev_enumerate_add_match_is_initialized(all) < 0 || udev_enumerate_scan_devices(all) < 0) {
		udev_enumerate_unref(all);
		return;
	}
	udev_list_entry_foreach(e, udev_enumerate_get_list_entry(all))
	{
		struct udev_device *u = udev_device_new_from_syspath(udev, udev_list_entry_get_name(e));
		if (!u)
			continue;
		if (udev_device_get_devnode(u) && has_link(u, link)) {
			holders++;
			warn_holder(d, u, list, n);
		}
		udev_device_unref(u);
	}
	udev_enumerate_unref(all);
	ssize_t len = holders ? 0 : readlink(link, target, sizeof(target) - 1);
	if (len > 0) {
		char shown[256];
		target[len] = '\0';
		text_clean(shown, sizeof(shown), target);
		fprintf(stderr, "warning: %s is there already, leads to %s, and is none of udev's\n", claim, shown);
	}
}

/* Several devices that one section takes: what replug-match does with its name (match-link.h), said beforehand. */
static void warn_rivals(const struct device_conf *d, const struct device *list, size_t n)
{
	char claim[256], ports[512] = "";
	unsigned most = 0, weight;
	size_t equal = 0, len = 0;
	struct usb_facts facts;
	const char *nodes[256];

	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < n; i++) {
			if (list[i].conf != d)
				continue;
			device_facts(&list[i], &facts, nodes, sizeof(nodes) / sizeof(nodes[0]));
			weight = selector_match(&d->match, &facts, NULL);
			if (!round && weight > most)
				most = weight;
			if (round && weight == most && len < sizeof(ports))
				len += (size_t)snprintf(
					ports + len, sizeof(ports) - len, "%s%s", equal++ ? ", " : "", list[i].port);
		}
	if (equal < 2)
		return;
	show_claim(d, claim, sizeof(claim));
	fprintf(stderr,
		"warning: %s would be the name of each of the devices in %s, so none of them gets it: name the one "
		"that "
		"is meant in its `match`, by usb=PORT\n",
		claim, ports);
}

void names_warn(struct udev *udev, const struct config *c, const struct device *list, size_t n)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct device_conf *d = &c->device[i];
		if (!d->symlink[0] || !d->match.n)
			continue;
		warn_rivals(d, list, n);
		warn_holders(udev, d, list, n);
	}
}
