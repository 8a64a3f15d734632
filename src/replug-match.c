/* SPDX-License-Identifier: MIT */
/*
 * What udev runs for each USB device that is added: the event's environment and the configuration in, the
 * properties of the section that takes the device out. Opens no device and uses no stdio on its way, because
 * every plug on the machine pays for it. With --link, for a node for which a section has a `symlink`: whether the
 * node may have it.
 *
 * Exit status: 0 a section takes the device, or it may; 2 wrong usage or configuration; 3 none takes it, or it may
 * not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "config-keys.h"
#include "config.h"
#include "match-link.h"
#include "text.h"

enum { MATCHED = 0, USAGE = 2, NO_MATCH = 3 };

struct event {
	const char *product, *devpath, *bus, *dev;
};

struct complaint {
	unsigned n;
	unsigned line;
	char file[256], message[512];
};

static void keep_first(void *ctx, const char *file, unsigned line, const char *message)
{
	struct complaint *c = ctx;

	if (c->n++)
		return;
	c->line = line;
	strncpy(c->file, file, sizeof(c->file) - 1);
	strncpy(c->message, message, sizeof(c->message) - 1);
}

static const char *say(const char *text)
{
	size_t len = strlen(text);

	return write(STDERR_FILENO, text, len) == (ssize_t)len ? text : NULL;
}

/* A string descriptor as the kernel cached it when it enumerated the device; reading it asks the device nothing. */
static const char *attribute(const char *devpath, const char *name, char *dst, size_t size)
{
	char path[1024], raw[512];
	size_t n = strlen(devpath), m = strlen(name);

	if (n + m + 6 > sizeof(path))
		return NULL;
	memcpy(path, "/sys", 4);
	memcpy(path + 4, devpath, n);
	path[4 + n] = '/';
	memcpy(path + 5 + n, name, m + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	ssize_t got = read(fd, raw, sizeof(raw) - 1);
	close(fd);
	if (got <= 0)
		return NULL;
	raw[got - (raw[got - 1] == '\n')] = '\0';
	text_clean(dst, size, raw);
	return dst;
}

static char *put(char *p, const char *key, const char *value)
{
	while (*key)
		*p++ = *key++;
	while (*value)
		*p++ = *value++;
	*p++ = '\n';
	return p;
}

static int tell(const char *out, size_t n)
{
	while (n) {
		ssize_t done = write(STDOUT_FILENO, out, n);
		if (done < 0 && errno != EINTR)
			return USAGE;
		out += done > 0 ? done : 0;
		n -= done > 0 ? (size_t)done : 0;
	}
	return MATCHED;
}

/*
 * A relay board, for the rules that let its group have its node. An ID that only says "serial adapter" is not enough
 * to give a tty away: for that the rules want "port".
 */
static int answer_relay(const struct relay_conf *r, size_t term)
{
	const struct selector *sel = &r->match;
	const struct sel_term *t = selector_terms(sel);
	bool port = false;

	for (size_t i = term; i < sel->n && (i == term || !t[i].first); i++)
		port |= t[i].kind == SEL_PORT;
	return port ? tell("REPLUG_RELAY=port\n", 18) : tell("REPLUG_RELAY=id\n", 16);
}

static int answer(const struct device_conf *d)
{
	char out[CONF_NAME_MAX + CONF_SYMLINK_SIZE + 64], *p = put(out, "REPLUG_DEVICE=", d->name);

	switch (config_symlink_class(d)) {
	case NODE_TTY:
		p = put(p, "REPLUG_LINK_TTY=", d->symlink);
		break;
	case NODE_VIDEO:
		p = put(p, "REPLUG_LINK_VIDEO=", d->symlink);
		break;
	default:
		break;
	}
	return tell(out, (size_t)(p - out));
}

/* The value of NAME= in the environment; cheaper in one pass than four getenv. */
static void from_environment(char **env, struct event *e)
{
	static const struct {
		const char *name;
		size_t offset;
	} wanted[] = {
		{"PRODUCT=", offsetof(struct event, product)},
		{"DEVPATH=", offsetof(struct event, devpath)},
		{"BUSNUM=", offsetof(struct event, bus)},
		{"DEVNUM=", offsetof(struct event, dev)},
	};

	for (; *env; env++) {
		if (**env != 'P' && **env != 'D' && **env != 'B')
			continue;
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
			const char *w = wanted[i].name, *p = *env;
			while (*w && *w == *p) {
				w++;
				p++;
			}
			if (!*w)
				*(const char **)((char *)e + wanted[i].offset) = p;
		}
	}
}

/* Why a node does not get its name, once for each time that it is made. */
static void log_verdict(const struct link_claim *l, enum link_verdict v, const char *name)
{
	char ports[LINK_RIVALS * (LINK_PORT_SIZE + 2)] = "";
	size_t n = 0;

	for (unsigned i = 0; i < l->rivals; i++)
		n += (size_t)snprintf(ports + n, sizeof(ports) - n, "%s%s", i ? ", " : "", l->rival[i]);
	openlog("replug-match", LOG_PID, LOG_DAEMON);
	if (v == LINK_NOBODYS) {
		const struct conf_origin *at = config_key_origin(l->conf, "symlink");
		syslog(LOG_WARNING,
			"%s: nobody gets /dev/%s (%s:%u): [device %s] takes the devices in %s and %s; name one of "
			"them in its `match`, by usb=PORT",
			l->port, name, at->file ? at->file : "default", at->line, l->conf->name, l->port, ports);
	} else if (v == LINK_THEIRS)
		syslog(LOG_INFO, "%s: /dev/%s is not for it: `match` of [device %s] names the one in %s more exactly",
			l->port, name, l->conf->name, ports);
	else if (v == LINK_FOREIGN)
		syslog(LOG_WARNING,
			"%s: it does not get /dev/%s: that leads to %s, and another rule gave it; `replug check` "
			"looks for it",
			l->port, name, l->holder);
}

static int answer_link(void)
{
	const char *devpath = getenv("DEVPATH"), *class = getenv("SUBSYSTEM"), *action = getenv("ACTION");
	const char *name = class && text_is(class, "tty") ? getenv("REPLUG_LINK_TTY") : getenv("REPLUG_LINK_VIDEO");
	static struct complaint complaint;
	struct link_claim claim;
	struct config *c;

	if (!devpath || !class || !name || !*name)
		return say("replug-match: --link is for udev's rules: DEVPATH, SUBSYSTEM and a REPLUG_LINK must be "
			   "in the "
			   "environment\n"),
		       USAGE;
	/* While the configuration is broken, what was promised at the plug holds: a reset takes no name away. */
	if (config_load(&c, &config_default_paths, keep_first, &complaint))
		c = NULL;
	enum link_verdict v = link_claim(c, class, name, devpath, &claim);
	/* Only the kernel's own event, or two nodes would make events for each other without end. */
	if (action && text_is(action, "add")) {
		if (v == LINK_OURS || v == LINK_NOBODYS)
			link_nudge_rivals(&claim, class);
		log_verdict(&claim, v, name);
	}
	return v == LINK_OURS ? MATCHED : NO_MATCH;
}

int main(int argc, char **argv, char **env)
{
	struct event event = {0};
	const char *end;
	struct usb_facts facts = {0};
	static struct complaint complaint;
	char serial[512], name[512];
	struct config *c;

	if (argc > 1 && !strcmp(argv[1], "--version"))
		return say("replug-match " REPLUG_VERSION "\n") ? 0 : USAGE;
	if (argc == 2 && !strcmp(argv[1], "--link"))
		return answer_link();
	from_environment(env, &event);
	if (argc > 1 || !event.product || !event.devpath ||
		selector_id(event.product, '/', &facts.vid, &facts.pid, &end)) {
		say("replug-match: run by udev for a USB device: PRODUCT and DEVPATH must be in the environment "
		    "(see `replug check` for what it would answer)\n");
		return USAGE;
	}
	facts.port = event.devpath;
	for (const char *p = event.devpath; *p; p++)
		if (*p == '/')
			facts.port = p + 1;
	if (!event.bus || !event.dev || text_number(event.bus, 0, 999, &facts.bus) ||
		text_number(event.dev, 0, 999, &facts.dev))
		facts.bus = facts.dev = 0;
	if (config_load(&c, &config_default_paths, keep_first, &complaint)) {
		/* udevd shows the stderr of its programs only when debugging: this has to go to the journal by
		 * itself. */
		char line[16] = "";
		if (complaint.line)
			snprintf(line, sizeof(line), ":%u", complaint.line);
		openlog("replug-match", LOG_PID, LOG_DAEMON);
		syslog(LOG_ERR,
			"%s: nothing is matched, the configuration is broken: %s%s: %s%s; `replug check` says all",
			facts.port, complaint.file, line, complaint.message, complaint.n > 1 ? " (and more)" : "");
		return USAGE;
	}
	if (c->strings) {
		facts.serial = attribute(event.devpath, "serial", serial, sizeof(serial));
		facts.product = attribute(event.devpath, "product", name, sizeof(name));
	}
	const struct device_conf *d = config_match(c, &facts, NULL);
	size_t term = 0;
	const struct relay_conf *r = d || !c->relays ? NULL : config_match_relay(c, &facts, &term);
	/* Nothing is freed: the process ends here, and every plug would pay for it. */
	return d ? answer(d) : r ? answer_relay(r, term) : NO_MATCH;
}
