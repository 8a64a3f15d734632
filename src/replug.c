/* SPDX-License-Identifier: MIT */
/* The command line. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libudev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ladder.h"
#include "log.h"
#include "record.h"
#include "serial.h"
#include "supervise.h"
#include "sysfs.h"
#include "table.h"
#include "text.h"
#include "verbs.h"
#include "wait.h"

static const struct verb verbs[];

static void usage(FILE *to)
{
	fputs("usage: replug VERB [OPTION…] [SELECTOR…]\n\n", to);
	for (const struct verb *v = verbs; v->name; v++)
		fprintf(to, "  %-8s %-41s %.*s\n", v->name, v->args, (int)strcspn(v->help, "\n"), v->help);
	fputs("\nA SELECTOR names USB devices: 534d:2109, usb=1-1.4 (port), serial=…, product=\"…\", bus=001/004,\n"
	      "/dev/video0, /dev/ttyUSB0, /dev/bus/usb/001/004, or a section of the configuration such as capture.\n"
	      "Blanks within one argument mean and (quote it), commas mean or; several arguments name the devices of "
	      "each:\n"
	      "  replug recover '1a86:7523 usb=1-1.4'      replug recover capture hid\n\n"
	      "Exit status: 0 done and verified, 1 tried and failed, 2 wrong usage or configuration, 3 no such "
	      "device,\n"
	      "4 held back (another run has it, or the guard), 5 cannot tell. Of several devices the worst "
	      "counts.\n\n"
	      "replug VERB --help says more; replug --version.\n",
		to);
}

static void verb_usage(const struct verb *v, FILE *to)
{
	fprintf(to, "usage: replug %s%s%s\n\n%s\n\n", v->name, *v->args ? " " : "", v->args, v->help);
	if (v->options & JSON)
		fprintf(to, "  --json      print %s\n",
			v->run == verb_watch ? "an object a line" : "an array of objects");
	if (v->options & DRY_RUN)
		fputs("  --dry-run   say what would be done, and do nothing\n", to);
	if (v->options & EVENT)
		fputs("  --event     as systemd runs it for a plug: the guard decides, and a run that has the port "
		      "is waited for\n",
			to);
	if (v->options & METHOD)
		fputs("  --method=M  usb (a port reset, the default), rebind (its drivers), authorize (take it off, "
		      "let "
		      "it\n              in again) or power (its port's, where the hub can; every method verifies)\n",
			to);
	if (v->options & METRICS)
		fputs("  --metrics   print them for Prometheus, as node_exporter's textfile collector reads them\n",
			to);
	if (v->options & HEAL)
		fputs("  --heal      as a timer runs it: what was bad in two rounds in a row is recovered, under the "
		      "guard; says\n"
		      "              only what changed\n",
			to);
	if (v->options & BAUD)
		fputs("  --baud=N    the chip's rate, or auto; without it, the configuration's\n", to);
	fputs("  --help      this text\n", to);
}

static const struct verb verbs[] = {
	{"list", "[--json] [SELECTOR...]",
		"shows USB devices: port, ID, section, state, power, names, nodes\n\n"
		"Every device but the root hubs. The state is that of `replug status`. POWER says how the device's "
		"hub\n"
		"claims to switch its ports: per port, ganged (all together) or none; only root can ask.",
		verb_list, JSON, 0, -1},
	{"status", "[--json] [SELECTOR...]",
		"shows what was recovered when, and what is wrong now\n\n"
		"States: recovered, failed, held (too many resets), busy (at work), gone (unplugged),\n"
		"none (plugged, and not looked at yet), silent (given up by the kernel, but still in its\n"
		"port), stuck (the kernel does not let go of it).",
		verb_status, JSON, 0, -1},
	{"watch", "[--json] [SELECTOR...]",
		"shows what happens, as it happens\n\n"
		"On a terminal: the table of `replug status`, kept up to date, and the latest events; q quits. "
		"Elsewhere:\n"
		"one line an event, with --json one object. Events: plugged, unplugged, and the states of `replug "
		"status`.\n"
		"A device that no section takes is followed where a SELECTOR names it.",
		verb_watch, JSON, 0, -1},
	{"check", "[--json]",
		"shows the merged configuration, and who takes which device\n\n"
		"Says what is wrong with it, with file and line, and exits 2. For each plugged device: which section "
		"takes\n"
		"it and by which match.",
		verb_check, JSON, 0, 0},
	{"recover", "[--dry-run] [--event] SELECTOR...",
		"resets, waits, initialises, verifies, records\n\n"
		"What happens at a plug, by hand. Devices on different ports are recovered side by side. By hand, "
		"the guard's\n"
		"memory of earlier resets is wiped.",
		verb_recover, DRY_RUN | EVENT, 1, -1},
	{"reset", "[--dry-run] [--method=METHOD] SELECTOR...",
		"resets a USB device and waits until it is back\n\n"
		"The reset alone, by one method: nothing is initialised afterwards.",
		verb_reset, DRY_RUN | METHOD, 1, -1},
	{"ch9329", "info|reset [--baud=N] [SELECTOR...]",
		"asks or resets the CH9329 behind a serial adapter\n\n"
		"info prints its version, whether the controlled computer sees it, and the LEDs. reset restarts the "
		"chip and\n"
		"waits until it answers. Without a SELECTOR: every device of a section with `init = ch9329`.",
		verb_ch9329, BAUD, 1, -1},
	{"health", "[--json|--metrics] [--heal] [SELECTOR...]",
		"asks devices for a sign of life; disturbs none\n\n"
		"Without a SELECTOR: every device that a section takes. well; ailing (it answers, but its stream, "
		"its chip or its\n"
		"nodes do not); dead; unknown. Exit status: 0 all are well, 1 one is not, 3 no such device, 5 cannot "
		"tell.",
		verb_health, JSON | METRICS | HEAL, 0, -1},
	{"refresh", "[--dry-run] [SELECTOR...]",
		"recovers what is due for it by `every`\n\n"
		"What the timer runs: each device whose section has `every` and that was last verified that long "
		"ago, "
		"one after\n"
		"the other. One that is in use is left alone, unless its section's `busy` says otherwise.",
		verb_refresh, DRY_RUN, 0, -1},
	{"settle", "[PORT...]",
		"switches on what an interrupted run left off (systemd runs this)\n\n"
		"Pays what is owed on record: power, authorization, drivers. Without PORT: of all ports.",
		verb_settle, 0, 0, -1},
	{"lost", "",
		"looks after devices that fell off the bus (systemd runs this)\n\n"
		"Of the ports of which `replug gone` has left a note: where the hub still sees something, its "
		"section's "
		"`power`\nmethod is tried, or it is put on record as silent.",
		verb_lost, 0, 0, 0},
	{"gone", "PORT",
		"puts a device's removal on record (udev runs this)\n\n"
		"PORT may be a sysfs path, also of a device that is not there any more.",
		verb_gone, 0, 1, 1},
	{NULL},
};

static int unknown_verb(const char *word)
{
	const char *names[16], *near;
	char shown[96];
	int n = 0;

	for (const struct verb *v = verbs; v->name; v++)
		names[n++] = v->name;
	names[n] = NULL;
	near = text_nearest(word, names);
	text_clean(shown, sizeof(shown), word);
	fprintf(stderr, "replug: unknown verb \"%s\"%s%s%s\n", shown,
		near ? "; did you mean \"" : "; see replug --help", near ? near : "", near ? "\"?" : "");
	return STATUS_USAGE;
}

/* Returns -1 to go on, or the exit status. */
static int parse_options(struct call *c, int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, JSON},
		{"dry-run", no_argument, NULL, DRY_RUN}, {"event", no_argument, NULL, EVENT},
		{"heal", no_argument, NULL, HEAL}, {"metrics", no_argument, NULL, METRICS},
		{"baud", required_argument, NULL, BAUD}, {"method", required_argument, NULL, METHOD},
		{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	const char *methods[RESET_METHODS + 1] = {NULL};
	int o;

	for (int i = 0; i < RESET_METHODS; i++)
		methods[i] = ladder_name((enum reset_method)i);
	while ((o = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (o == 'h') {
			verb_usage(c->verb, stdout);
			return STATUS_DONE;
		}
		if (o == '?' || !(c->verb->options & (unsigned)o)) {
			if (o != '?')
				fprintf(stderr, "replug: %s does not have that option\n", c->verb->name);
			verb_usage(c->verb, stderr);
			return STATUS_USAGE;
		}
		c->json |= o == JSON;
		c->dry_run |= o == DRY_RUN;
		c->event |= o == EVENT;
		c->heal |= o == HEAL;
		c->metrics |= o == METRICS;
		if (o == METHOD) {
			const char *near = text_nearest(optarg, methods);
			c->method_set = true;
			for (c->method = 0; c->method < RESET_METHODS && strcmp(optarg, methods[c->method]);
				c->method++)
				;
			if (c->method == RESET_METHODS) {
				fprintf(stderr, "replug: --method takes usb, rebind, authorize or power%s%s%s\n",
					near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
				return STATUS_USAGE;
			}
		}
		if (o == BAUD) {
			c->baud_set = true;
			if (strcmp(optarg, "auto") &&
				(text_number(optarg, 1200, 115200, &c->baud) || !serial_knows(c->baud))) {
				fprintf(stderr, "replug: --baud takes a usual rate from 1200 to 115200, such as "
						"9600, or auto\n");
				return STATUS_USAGE;
			}
		}
	}
	if (c->json && c->metrics) {
		fprintf(stderr, "replug: %s prints either --json or --metrics\n", c->verb->name);
		verb_usage(c->verb, stderr);
		return STATUS_USAGE;
	}
	c->arg = argv + optind;
	c->args = argc - optind;
	if (c->args < c->verb->min || (c->verb->max >= 0 && c->args > c->verb->max)) {
		fprintf(stderr, "replug: %s %s\n", c->verb->name,
			!c->verb->max                 ? "takes no arguments"
			: c->verb->run == verb_ch9329 ? "needs info or reset"
			: c->args < c->verb->min      ? "needs to be told which device; `replug list` shows them"
						      : "takes fewer arguments");
		verb_usage(c->verb, stderr);
		return STATUS_USAGE;
	}
	return -1;
}

/* What the timers' rounds have said of a broken configuration. */
#define MISTAKE RECORD_DIR "/mistake"
enum { MISTAKE_SIZE = 1024 };

static void first_mistake(void *ctx, const char *file, unsigned line, const char *message)
{
	char *text = ctx;

	if (!*text && line)
		snprintf(text, MISTAKE_SIZE, "%s:%u: %s", file, line, message);
	else if (!*text)
		snprintf(text, MISTAKE_SIZE, "%s: %s", file, message);
}

/* Twice a minute the same would be no news: it is said again when it has become another one. */
static void tell_mistake(const char *text)
{
	char before[MISTAKE_SIZE] = "";
	int fd = open(MISTAKE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0 || read(fd, before, sizeof(before) - 1) < 0 || strcmp(before, text)) {
		log_line(LOG_ERR,
			"%s; until that is mended no device is looked after (`replug check` shows all mistakes)",
			text);
		if (fd >= 0 && (ftruncate(fd, 0) || pwrite(fd, text, strlen(text), 0) < 0))
			unlink(MISTAKE); /* so it will be said once more */
	}
	if (fd >= 0)
		close(fd);
}

/* As config_load, for a round that a timer asks for. */
static int load_for_round(struct config **config)
{
	char mistake[MISTAKE_SIZE] = "";
	int e = config_load(config, &config_default_paths, first_mistake, mistake);

	if (e == -EINVAL)
		tell_mistake(mistake);
	else
		unlink(MISTAKE);
	return e;
}

static enum status run_call(struct call *c)
{
	enum status s = STATUS_DONE, broken = STATUS_DONE;

	/* Whoever reads our output may leave; the device is still to be finished. */
	signal(SIGPIPE, SIG_IGN);
	c->udev = udev_new();
	if (!c->udev || wait_block_signals()) {
		fprintf(stderr, "replug: %s\n", strerror(errno));
		return c->verb->run == verb_health ? STATUS_UNKNOWN : STATUS_FAILED;
	}
	/* A removal is recorded whatever the configuration says by now. */
	if (c->verb->run != verb_gone && c->verb->run != verb_settle) {
		bool round = (c->heal || c->verb->run == verb_refresh) && log_to_journal();
		int e = round ? load_for_round(&c->config)
			      : config_load(&c->config, &config_default_paths, log_config_error, NULL);
		/* What is plugged, and was done, is what a person needs for the repair; a note of a lost device that
		 * nobody takes would have its unit started for ever. */
		if (e == -EINVAL && (c->verb->run == verb_list || c->verb->run == verb_status ||
					    c->verb->run == verb_watch || c->verb->run == verb_lost)) {
			broken = STATUS_USAGE;
			e = config_load(&c->config, &(struct config_paths){"", "", ""}, log_config_error, NULL);
			if (!e)
				c->config->broken = true;
		}
		if (e && e != -EINVAL)
			fprintf(stderr, "replug: the configuration cannot be read: %s\n", strerror(-e));
		if (e)
			s = e == -EINVAL ? STATUS_USAGE : STATUS_FAILED;
		else if (c->verb->run != verb_ch9329 && c->verb->run != verb_lost)
			s = verb_select(c);
	}
	if (s == STATUS_FAILED && c->verb->run == verb_health)
		s = STATUS_UNKNOWN;
	if (!s)
		s = c->verb->run(c);
	if (!s && (c->verb->run == verb_check || c->dry_run))
		s = print_end();
	/* Only of what is told has all to be known; who acts has said what failed. */
	if (sysfs_trouble() && (c->verb->run == verb_list || c->verb->run == verb_status ||
				       c->verb->run == verb_check || c->verb->run == verb_health || c->dry_run)) {
		fprintf(stderr, "replug: not everything could be read: %s\n", strerror(sysfs_trouble()));
		s = status_worse(s, STATUS_UNKNOWN);
	}
	selector_free(&c->sel);
	free(c->device);
	config_free(c->config);
	udev_unref(c->udev);
	return status_worse(s, broken);
}

int main(int argc, char **argv)
{
	struct call c = {0};

	log_open("replug", false);
	if (argc < 2) {
		usage(stderr);
		return STATUS_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		usage(stdout);
		return STATUS_DONE;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("replug " REPLUG_VERSION);
		return STATUS_DONE;
	}
	for (c.verb = verbs; c.verb->name && strcmp(c.verb->name, argv[1]); c.verb++)
		;
	if (!c.verb->name)
		return unknown_verb(argv[1]);
	argv[1] = argv[0]; /* for getopt's own messages */
	int e = parse_options(&c, argc - 1, argv + 1);
	return e >= 0 ? e : (int)run_call(&c);
}
