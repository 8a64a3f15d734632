/* SPDX-License-Identifier: MIT */
/* Presses buttons through USB relay boards: the command line. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libudev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/time.h>
#include <unistd.h>

#include "log.h"
#include "record.h"
#include "relay-left.h"
#include "relay-list.h"
#include "relay-run.h"
#include "text.h"
#include "wait.h"

enum { CHANNEL = 256, PROTOCOL, FOR, ALL, DRY_RUN, JSON };
#define OPTION(o) (1u << ((o)-CHANNEL))

struct call {
	const struct verb *verb;
	struct relay_words words;
	uint32_t for_ms;
	bool dry_run, json;
	uint64_t begun;
};

struct verb {
	const char *name, *args, *help;
	enum relay_verb relay;
	bool list, release; /* no contact is named */
	unsigned options;
};

#define WHICH OPTION(CHANNEL) | OPTION(PROTOCOL)

static const struct verb verbs[] = {
	{"list", "[--json]", "shows relay boards and sections: name, port, ID, protocol, channel, state",
		.list = true, .options = OPTION(JSON)},
	{"pulse", "[--for=TIME] [--dry-run] TARGET",
		"closes the contact for a time, as a finger does\n\n"
		"The time is the section's `pulse`, or --for=500ms, and never more than its `max-pulse` (10 s). The "
		"contact is\n"
		"opened on every way out, and verified where the board can tell.",
		RELAY_PULSE, .options = WHICH | OPTION(FOR) | OPTION(DRY_RUN)},
	{"on", "[--dry-run] TARGET",
		"closes the contact\n\n"
		"Refused for a button: a section with a `pulse`, unless it says `momentary = no`.",
		RELAY_ON, .options = WHICH | OPTION(DRY_RUN)},
	{"off", "[--all] [--dry-run] TARGET", "opens the contact", RELAY_OFF,
		.options = WHICH | OPTION(ALL) | OPTION(DRY_RUN)},
	{"toggle", "[--dry-run] TARGET",
		"closes an open contact, opens a closed one\n\n"
		"By what the board says or, where it cannot tell, by the last command.",
		RELAY_TOGGLE, .options = WHICH | OPTION(DRY_RUN)},
	{"get", "TARGET",
		"asks the board: exit status 0 closed, 1 open, 5 cannot tell\n\n"
		"Never a guess: a board that cannot be asked, or does not answer, is 5, and 4 where another\n"
		"command has the board. Takes at most half a second.",
		RELAY_GET, .options = WHICH},
	{"release", "",
		"has everything let go that is being pressed, or was left pressed\n\n"
		"kvmd.service runs it when it is stopped (kvmd.service.d/replug.conf).",
		.release = true},
	{NULL},
};

static void usage(FILE *to)
{
	fputs("usage: replug-relay VERB [OPTION…] TARGET\n\n", to);
	for (const struct verb *v = verbs; v->name; v++)
		fprintf(to, "  %-7s %-32s %.*s\n", v->name, v->args, (int)strcspn(v->help, "\n"), v->help);
	fputs("\nTARGET is the name of a [relay] section of the configuration, or a selector with a channel, as in\n"
	      "  replug-relay pulse power\n"
	      "  replug-relay on 16c0:05df --channel=2      replug-relay off 'usb=1-1.3' --all\n\n"
	      "Exit status: 0 done and verified (get: closed), 1 tried and failed (get: open), 2 wrong usage or\n"
	      "configuration, 3 no such board, 4 held back (already being pressed, or in use), 5 cannot tell.\n\n"
	      "replug-relay VERB --help says more; replug-relay --version.\n",
		to);
}

static void verb_usage(const struct verb *v, FILE *to)
{
	static const struct {
		int option;
		const char *text;
	} lines[] = {
		{CHANNEL, "  --channel=N     the contact, from 1; a section has its own\n"},
		{PROTOCOL, "  --protocol=P    what the board understands, where its ID does not tell\n"},
		{FOR, "  --for=TIME      how long, such as 500ms or 5s\n"},
		{ALL, "  --all           every contact of the board\n"},
		{DRY_RUN, "  --dry-run       say what would be done, and do nothing\n"},
		{JSON, "  --json          print an array of objects\n"},
	};

	fprintf(to, "usage: replug-relay %s%s%s\n\n%s\n\n", v->name, *v->args ? " " : "", v->args, v->help);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (v->options & OPTION(lines[i].option))
			fputs(lines[i].text, to);
	fputs("  --help          this text\n", to);
}

static int wrong(const char *what, const char *given, const char *const *valid)
{
	const char *near = valid ? text_nearest(given, valid) : NULL;
	char shown[96];

	text_clean(shown, sizeof(shown), given);
	fprintf(stderr, "replug-relay: \"%s\" %s%s%s%s\n", shown, what, near ? "; did you mean \"" : "",
		near ? near : "", near ? "\"?" : "");
	return STATUS_USAGE;
}

static int unknown_verb(const char *word)
{
	const char *names[16];
	int n = 0;

	for (const struct verb *v = verbs; v->name; v++)
		names[n++] = v->name;
	names[n] = NULL;
	return wrong("is no verb; see replug-relay --help", word, names);
}

static int take_protocol(struct call *c, const char *word)
{
	for (unsigned p = 1; p < RELAY_PROTOCOLS; p++)
		if (!strcmp(word, relay_protocol_name[p])) {
			c->words.protocol = p;
			return -1;
		}
	char what[192], words[128];
	relay_protocol_words(~1u, words, sizeof(words));
	snprintf(what, sizeof(what), "is no protocol of a relay board; there are: %s", words);
	return wrong(what, word, relay_protocol_name + 1);
}

/* Returns -1 to go on, or the exit status. */
static int take_option(struct call *c, int o)
{
	switch (o) {
	case CHANNEL:
		if (text_number(optarg, 1, RELAY_CHANNELS, &c->words.channel))
			return wrong("is not a channel; they are numbers from 1 to 8", optarg, NULL);
		break;
	case PROTOCOL:
		return take_protocol(c, optarg);
	case FOR:
		if (!text_has_unit(optarg) || text_duration(optarg, &c->for_ms) || c->for_ms < 20 ||
			c->for_ms > 60000)
			return wrong("is not a time from 20ms to 60s, such as 500ms or 2s", optarg, NULL);
		break;
	case ALL:
		c->words.all = true;
		break;
	case DRY_RUN:
		c->dry_run = true;
		break;
	default:
		c->json = true;
	}
	return -1;
}

static int parse(struct call *c, int argc, char **argv)
{
	static const struct option options[] = {{"channel", required_argument, NULL, CHANNEL},
		{"protocol", required_argument, NULL, PROTOCOL}, {"for", required_argument, NULL, FOR},
		{"all", no_argument, NULL, ALL}, {"dry-run", no_argument, NULL, DRY_RUN},
		{"json", no_argument, NULL, JSON}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	int o, s;

	while ((o = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (o == 'h') {
			verb_usage(c->verb, stdout);
			return STATUS_DONE;
		}
		if (o == '?' || !(c->verb->options & OPTION(o))) {
			if (o != '?')
				fprintf(stderr, "replug-relay: %s does not have that option\n", c->verb->name);
			verb_usage(c->verb, stderr);
			return STATUS_USAGE;
		}
		if ((s = take_option(c, o)) >= 0)
			return s;
	}
	if (c->words.all && c->words.channel) {
		fprintf(stderr, "replug-relay: --all and --channel cannot both be meant\n");
		return STATUS_USAGE;
	}
	bool alone = c->verb->list || c->verb->release;
	if (argc - optind != !alone) {
		fprintf(stderr, "replug-relay: %s %s\n", c->verb->name,
			alone            ? "takes no arguments"
			: argc == optind ? "needs to be told which contact; `replug-relay list` shows them"
					 : "takes one target; what belongs together is quoted");
		verb_usage(c->verb, stderr);
		return STATUS_USAGE;
	}
	c->words.target = argv[optind];
	return -1;
}

/* How long to press, or 0 when that is not said or too long; then why. */
static uint32_t pulse_of(const struct call *c, const struct relay_target *t)
{
	uint32_t ms = c->for_ms ? c->for_ms : t->conf.pulse_ms;
	char most[24];

	text_duration_show(most, sizeof(most), t->conf.max_pulse_ms);
	if (!ms)
		log_line(LOG_ERR, "%s: for how long? say --for=500ms, or `pulse = 500ms` in its section", t->name);
	else if (ms > t->conf.max_pulse_ms)
		log_line(LOG_ERR, "%s: %u ms is longer than `max-pulse` (%s) allows", t->name, ms, most);
	return ms <= t->conf.max_pulse_ms ? ms : 0;
}

/*
 * Until the hand is at work, nothing is at stake but time: the kernel lets nobody read a device's strings while it
 * resets the device.
 */
static int too_late_status;
static void too_late(int sig)
{
	static const char text[] =
		"replug-relay: the kernel or the system is too busy to say in time what the device is; try again\n";

	(void)sig;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(too_late_status);
	_exit(too_late_status);
}

static void limit_time(unsigned ms)
{
	const struct itimerval in = {
		.it_value = {.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000) * 1000}};

	setitimer(ITIMER_REAL, &in, NULL);
}

/* Half of what is said to a board while it is reset gets lost. Letting go is tried all the same. */
static bool recovered_now(const struct call *c, const struct relay_target *t)
{
	struct record r;

	if (c->verb->relay == RELAY_OFF || !t->d.port[0] || record_load(t->d.port, &r) ||
		record_state_now(&r) != RECORD_BUSY)
		return false;
	log_line(LOG_WARNING, "%s: replug recovers what is in %s (process %d); `replug status` shows how it ends",
		c->words.target, t->d.port, (int)r.pid);
	return true;
}

static enum status act(const struct call *c, struct udev *udev, const struct config *config)
{
	static struct relay_target t;
	struct relay_job job = {.t = &t, .verb = c->verb->relay, .all = c->words.all};
	struct relay_outcome out;
	enum status s = relay_resolve(udev, config, &c->words, &t);

	if (!c->dry_run && recovered_now(c, &t))
		return STATUS_HELD;
	if (s) /* of get, 1 is an answer */
		return s == STATUS_FAILED && job.verb == RELAY_GET ? STATUS_UNKNOWN : s;
	if (t.conf.momentary && (job.verb == RELAY_ON || job.verb == RELAY_TOGGLE)) {
		log_line(LOG_ERR, "%s: it is a button (`momentary`), and would stay pressed; use pulse", t.name);
		return STATUS_USAGE;
	}
	if (job.verb == RELAY_PULSE && !(job.pulse_ms = pulse_of(c, &t)))
		return STATUS_USAGE;
	if (c->dry_run) {
		char how_long[40] = "";
		if (job.verb == RELAY_PULSE)
			snprintf(how_long, sizeof(how_long), " for %u ms", job.pulse_ms);
		log_line(LOG_INFO, "%s: would be %s%s (%s on %s)", t.name,
			job.verb == RELAY_PULSE ? "pressed"
			: job.verb == RELAY_ON  ? "closed"
			: job.verb == RELAY_OFF ? "opened"
						: "toggled",
			how_long, relay_protocol_name[t.conf.protocol], t.node);
		return STATUS_DONE;
	}
	limit_time(0);
	relay_run(&job, (job.verb == RELAY_GET ? c->begun + RELAY_GET_MS : clock_ms() + RELAY_SWITCH_MS), &out);
	log_line(out.priority, "%s: %s", t.name, out.text);
	return out.status;
}

static enum status run(struct call *c)
{
	bool alone = c->verb->list || c->verb->release, get = !alone && c->verb->relay == RELAY_GET;
	enum status s = get ? STATUS_UNKNOWN : STATUS_FAILED;
	struct udev *udev = udev_new();
	struct config *config = NULL;

	too_late_status = (int)s;
	signal(SIGALRM, too_late);
	if (!c->verb->release)
		limit_time(get ? RELAY_GET_MS : c->verb->list ? 3 * RELAY_RETURN_MS : RELAY_RETURN_MS);
	/* Only a change is worth a line in the journal: kvmd asks again and again. */
	log_open("replug-relay", !c->verb->list && !get && !c->dry_run);
	int e = udev ? wait_block_signals() : -ENOMEM;
	if (!e)
		e = config_load(&config, &config_default_paths, log_config_error, NULL);
	/* Letting go must not wait for a repair: without any configuration there are selectors still. */
	bool broken = e == -EINVAL;
	if (broken && (c->verb->release || (!c->verb->list && c->verb->relay == RELAY_OFF)))
		e = config_load(&config, &(struct config_paths){"", "", ""}, log_config_error, NULL);
	if (config)
		config->broken = broken;
	if (e == -EINVAL)
		s = STATUS_USAGE;
	else if (e)
		log_line(LOG_ERR, "replug-relay: %s", strerror(-e));
	else
		s = c->verb->list      ? relay_list(udev, config, c->json)
		    : c->verb->release ? relay_left_open(udev, config)
				       : act(c, udev, config);
	config_free(config);
	if (udev)
		udev_unref(udev);
	return s;
}

int main(int argc, char **argv)
{
	struct call c = {.begun = clock_ms()};
	int s;

	/* Its user is to be given what it needs by the udev rules, not by this program. AT_SECURE tells of
	 * capabilities of the file, too (getauxval(3)). */
	if (getauxval(AT_SECURE) || getuid() != geteuid() || getgid() != getegid()) {
		fputs("replug-relay: will not run setuid, setgid or with file capabilities; put its user into group "
		      "replug\n",
			stderr);
		return STATUS_USAGE;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	/* Or what is opened gets one of the first three numbers, which whoever presses has not for long. */
	int fd;
	while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd < 3)
		;
	close(fd);
	if (argc < 2) {
		usage(stderr);
		return STATUS_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		usage(stdout);
		return STATUS_DONE;
	}
	if (!strcmp(argv[1], "--version"))
		return puts("replug-relay " REPLUG_VERSION) < 0 ? STATUS_FAILED : STATUS_DONE;
	for (c.verb = verbs; c.verb->name && strcmp(c.verb->name, argv[1]); c.verb++)
		;
	if (!c.verb->name)
		return unknown_verb(argv[1]);
	argv[1] = argv[0]; /* for getopt's own messages */
	s = parse(&c, argc - 1, argv + 1);
	if (s >= 0)
		return s;
	s = (int)run(&c);
	/* The outcome is the contact's, not that of its telling. */
	fflush(stdout);
	return s;
}
