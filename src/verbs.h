/* SPDX-License-Identifier: MIT */
/* What each verb of the command line does. */
#ifndef REPLUG_VERBS_H
#define REPLUG_VERBS_H

#include <libudev.h>
#include <stdbool.h>

#include "config.h"
#include "device.h"
#include "recover.h"
#include "status.h"

/* One invocation: what was asked, and what it is asked of. */
struct call {
	const struct verb *verb;
	bool json, dry_run, event, heal, metrics;
	unsigned baud; /* of --baud; 0: auto */
	bool baud_set;
	enum reset_method method; /* of --method */
	bool method_set;
	char **arg;
	int args;
	struct udev *udev;
	struct config *config;
	struct selector sel; /* all selectors, any may match */
	struct device *device;
	size_t devices;
	enum status missing; /* NO_DEVICE when one of several selectors names nothing */
};

typedef enum status verb_run(struct call *c);

enum { JSON = 1, DRY_RUN = 2, EVENT = 4, BAUD = 8, METHOD = 16, HEAL = 32, METRICS = 64 };

struct verb {
	const char *name, *args, *help;
	verb_run *run;
	unsigned options;
	int min, max; /* arguments; max -1: any number */
};

/* Parses the selectors and reads the devices that they need; says which selector names nothing. */
enum status verb_select(struct call *c);

/* Parses one of them onto *sel, and says so if a section that it names is not there. */
enum status verb_add_selector(const struct call *c, struct selector *sel, const char *arg);

/* Runs a job with a run of this mode on every selected device, side by side, or says what that would do. */
enum status verb_on_each(struct call *c, enum recover_mode mode, supervise_job *job);

verb_run verb_list, verb_status, verb_check, verb_recover, verb_reset, verb_gone, verb_lost, verb_settle;
verb_run verb_ch9329;  /* verb-ch9329.c */
verb_run verb_watch;   /* watch.c */
verb_run verb_health;  /* checkup.c */
verb_run verb_refresh; /* refresh.c */

#endif
