#include "orders.h"

#include "device.h"
#include "log.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- orders about devices ---- */

static void plug_done(struct device *d, const char *error)
{
	for (struct client *c = clients; c; c = c->next) {
		if (c->fd != d->client)
			continue;
		if (error)
			answer_fail(c, "%s: %s", d->name, error);
		else
			answer_ok(c, "%s", "");
		return;
	}
}

static bool settings(struct client *c, struct device *d, char **words, int n)
{
	char why[256];
	for (int i = 0; i < n; i++) {
		char *equals = strchr(words[i], '=');
		if (!equals) {
			answer_fail(c, "'%s' is not of the form key=value", words[i]);
			return false;
		}
		*equals = '\0';
		if (device_set(d, words[i], equals + 1, why, sizeof(why)) < 0) {
			answer_fail(c, "%s", why);
			return false;
		}
	}
	return true;
}

static bool good_name(const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)name[i]) && !strchr("-_.", name[i]))
			return false;
	}
	return n > 0 && n < 32;
}

static void order_plug(struct client *c, char **words, int n)
{
	char why[256];
	struct device *d = n > 0 ? device_find(words[0]) : NULL;
	const struct kind *kind = n > 1 && !strchr(words[1], '=') ? kind_find(words[1]) : NULL;
	int rest = kind ? 2 : 1;

	if (n < 1 || !good_name(words[0])) {
		answer_fail(c, "plug needs a name of letters, digits, - _ and .");
	} else if (n > 1 && !kind && !strchr(words[1], '=')) {
		answer_fail(c, "there is no kind '%s': %s", words[1], kind_names());
	} else if (!d && !kind) {
		answer_fail(c, "%s is new: of what kind is it?", words[0]);
	} else if (d && kind && d->kind != kind) {
		answer_fail(c, "%s is a %s", d->name, d->kind->name);
	} else {
		if (d && d->life == ON_BUS) {
			answer_fail(c, "%s is plugged in already", d->name);
			return;
		}
		if (!d)
			d = device_create(words[0], kind);
		if (!settings(c, d, words + rest, n - rest))
			return;
		if (device_plug(d, why, sizeof(why)) < 0)
			answer_fail(c, "%s", why);
		else
			d->client = c->fd;
	}
}

static void order_unplug(struct client *c, char **words, int n)
{
	char why[256];
	struct device *d = n == 1 ? device_find(words[0]) : NULL;
	if (!d)
		answer_fail(c, "there is no device '%s'", n ? words[0] : "");
	else if (device_unplug(d, why, sizeof(why)) < 0)
		answer_fail(c, "%s", why);
	else if (d->life == AWAY)
		answer_ok(c, "%s", "");
	else
		d->client = c->fd;
}

static void order_unplug_all(struct client *c, char **words, int n)
{
	char why[256];
	struct device *last = NULL;
	(void)words;
	(void)n;
	for (struct device *d = device_list(); d; d = d->next) {
		if (device_unplug(d, why, sizeof(why)) == 0 && d->life != AWAY)
			last = d;
	}
	if (last)
		last->client = c->fd; /* they leave side by side; the one asked last is as good as any */
	else
		answer_ok(c, "%s", "");
}

static void order_set(struct client *c, char **words, int n)
{
	struct device *d = n >= 1 ? device_find(words[0]) : NULL;
	if (!d)
		answer_fail(c, "there is no device '%s'", n ? words[0] : "");
	else if (settings(c, d, words + 1, n - 1))
		answer_ok(c, "%s", "");
}

static void order_port(struct client *c, char **words, int n)
{
	char name[32];
	struct device *d = n == 1 ? device_find(words[0]) : NULL;
	if (!d || d->port < 0 || vhci_port_name(d->port, name, sizeof(name)) < 0)
		answer_fail(c, "'%s' has no port", n ? words[0] : "");
	else
		answer_ok(c, "%s\n", name);
}

static void order_stats(struct client *c, char **words, int n)
{
	static const char *const lives[] = {"away", "on", "leaving", "freeing"};
	(void)words;
	(void)n;
	send_text(c->fd, "0", 1);
	for (struct device *d = device_list(); d; d = d->next) {
		char text[512];
		int used = snprintf(text, sizeof(text),
			"%s %s %04x:%04x port=%d %s plugs=%lu resets=%lu urbs=%lu unlinks=%lu", d->name,
			d->kind->name, d->vid, d->pid, d->port, lives[d->life], d->plugs, d->resets, d->link.urbs,
			d->link.unlinks);
		if (d->kind->stats)
			used += d->kind->stats(d, text + used, sizeof(text) - (size_t)used);
		text[used++] = '\n';
		send_text(c->fd, text, (size_t)used);
	}
	client_free(c);
}

/* ---- orders about the log ---- */

/* Takes --since N and --timeout S off the front. */
static bool options(struct client *c, char ***words, int *n, double *timeout)
{
	while (*n >= 2 && strncmp((*words)[0], "--", 2) == 0) {
		char *end, *value = (*words)[1];
		if (strcmp((*words)[0], "--since") == 0)
			c->since = strtoul(value, &end, 10);
		else if (timeout && strcmp((*words)[0], "--timeout") == 0)
			*timeout = strtod(value, &end);
		else
			end = NULL;
		if (!end || end == value || *end) {
			answer_fail(c, "bad option: %s %s", (*words)[0], value);
			return false;
		}
		*words += 2;
		*n -= 2;
	}
	return true;
}

static bool compile(struct client *c, const char *pattern)
{
	char why[256];
	int bad = regcomp(&c->pattern, pattern, REG_EXTENDED | REG_NOSUB);
	if (!bad)
		return true;
	regerror(bad, &c->pattern, why, sizeof(why));
	answer_fail(c, "%s: %s", pattern, why);
	return false;
}

static void order_log(struct client *c, char **words, int n)
{
	if (!options(c, &words, &n, NULL))
		return;
	send_text(c->fd, "0", 1);
	for (size_t i = c->since; i < log_count(); i++) {
		send_text(c->fd, log_line(i), strlen(log_line(i)));
		send_text(c->fd, "\n", 1);
	}
	client_free(c);
}

static void order_mark(struct client *c, char **words, int n)
{
	(void)words;
	(void)n;
	answer_ok(c, "%zu\n", log_count());
}

static void order_count(struct client *c, char **words, int n)
{
	size_t found = 0;
	if (!options(c, &words, &n, NULL))
		return;
	if (n != 1) {
		answer_fail(c, "count needs one pattern");
		return;
	}
	if (!compile(c, words[0]))
		return;
	for (size_t i = c->since; i < log_count(); i++)
		found += regexec(&c->pattern, log_line(i), 0, NULL, 0) == 0;
	regfree(&c->pattern);
	answer_ok(c, "%zu\n", found);
}

static void too_late(void *arg)
{
	struct client *c = arg;
	answer_fail(c, "no line like '%s' came in time", c->text);
}

static void order_wait(struct client *c, char **words, int n)
{
	double timeout = 10;
	if (!options(c, &words, &n, &timeout))
		return;
	if (n != 1) {
		answer_fail(c, "wait needs one pattern");
		return;
	}
	if (!compile(c, words[0]))
		return;
	c->waiting = true;
	c->text = strdup(words[0]);
	for (size_t i = c->since; i < log_count(); i++) {
		if (regexec(&c->pattern, log_line(i), 0, NULL, 0) == 0) {
			answer_ok(c, "%s\n", log_line(i));
			return;
		}
	}
	c->deadline = (struct timer){.fire = too_late, .arg = c};
	timer_set(&c->deadline, now_ns() + (int64_t)(timeout * 1e9));
}

static void heard(size_t seq, const char *name, const char *event)
{
	(void)name;
	(void)event;
	for (struct client *c = clients, *next; c; c = next) {
		next = c->next;
		if (c->waiting && seq >= c->since && regexec(&c->pattern, log_line(seq), 0, NULL, 0) == 0)
			answer_ok(c, "%s\n", log_line(seq));
	}
}

static void order_stop(struct client *c, char **words, int n)
{
	(void)words;
	(void)n;
	loop_stop();
	answer_ok(c, "%s", "");
}

void orders_open(void)
{
	log_listen(heard);
	device_on_done(plug_done);
}

bool order_run(struct client *c, const char *order, char **words, int n)
{
	static const struct {
		const char *name;
		void (*run)(struct client *c, char **words, int n);
	} orders[] = {
		{"plug", order_plug},
		{"unplug", order_unplug},
		{"unplug-all", order_unplug_all},
		{"set", order_set},
		{"port", order_port},
		{"stats", order_stats},
		{"log", order_log},
		{"mark", order_mark},
		{"count", order_count},
		{"wait", order_wait},
		{"stop", order_stop},
	};

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		if (strcmp(order, orders[i].name) == 0) {
			orders[i].run(c, words, n);
			return true;
		}
	}
	return false;
}
