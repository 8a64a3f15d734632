/* SPDX-License-Identifier: MIT */
/* `replug ch9329`: the chip alone. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "chip.h"
#include "gone.h"
#include "log.h"
#include "record.h"
#include "recover.h"
#include "table.h"
#include "text.h"
#include "verbs.h"
#include "wait.h"

/* GET_INFO of the chip in one port. */
static enum status ask_chip_in(const struct run *run, const char *port)
{
	char name[256], why[512];
	struct chip_state state;
	struct device d;
	struct record r;

	int e = device_read(run->udev, run->config, port, &d);
	if (e) {
		log_line(LOG_ERR, "%s: %s%s", port,
			e == -ENODEV ? "nothing is plugged there any more" : "what is plugged there cannot be read: ",
			e == -ENODEV ? "" : strerror(-e));
		return e == -ENODEV ? STATUS_NO_DEVICE : STATUS_FAILED;
	}
	device_name(&d, name, sizeof(name));
	const struct node *tty = device_node(&d, NODE_TTY);
	if (!tty) {
		log_line(LOG_ERR, "%s: it has no tty, so no CH9329 can be behind it", name);
		return STATUS_FAILED;
	}
	record_load(port, &r);
	struct chip_job job = {.tty = tty->path,
		.baud = run->baud_set ? run->baud
			: d.conf      ? d.conf->baud
				      : 0,
		.hint = r.baud,
		.attempts = d.conf ? d.conf->attempts : 3,
		.deadline = clock_ms() + 10000};
	e = chip_info(&job, &state, why, sizeof(why));
	if (e) {
		log_line(LOG_ERR, "%s: %s", name, why);
		return e == -ENODEV ? STATUS_NO_DEVICE : STATUS_FAILED;
	}
	chip_show(&state, why, sizeof(why));
	printf("%s: %s at %s\n", name, why, tty->path);
	return print_end();
}

static enum status ask_chip(void *ctx, const char *port)
{
	int lock = recover_lock(port);

	if (lock == -EWOULDBLOCK) {
		log_line(LOG_WARNING, "%s: another run has this port; `replug status` shows how it ends", port);
		return STATUS_HELD;
	}
	/* Without root there is no lock to be had: asking is harmless, and the tty's permissions decide. */
	enum status s = ask_chip_in(ctx, port);
	if (lock >= 0) {
		record_unlock(lock);
		if (!device_present(port)) /* its removal found the port locked */
			gone_note(port, NULL, NULL);
	}
	return s;
}

enum status verb_ch9329(struct call *c)
{
	bool reset = !strcmp(c->arg[0], "reset");
	enum status s;

	if (!reset && strcmp(c->arg[0], "info")) {
		char shown[96];
		const char *near = text_nearest(c->arg[0], (const char *const[]){"info", "reset", NULL});
		text_clean(shown, sizeof(shown), c->arg[0]);
		fprintf(stderr, "replug: ch9329 has no \"%s\"; %s%s%s\n", shown,
			near ? "did you mean \"" : "it has info and reset", near ? near : "", near ? "\"?" : "");
		return STATUS_USAGE;
	}
	c->arg++;
	c->args--;
	if ((s = verb_select(c)))
		return s;
	if (!c->sel.n) { /* every chip that the configuration knows of */
		for (size_t i = 0; i < c->config->n; i++)
			if (c->config->device[i].init == INIT_CH9329 &&
				(s = verb_add_selector(c, &c->sel, c->config->device[i].name)))
				return s;
		bool any = false;
		for (size_t i = 0; i < c->devices; i++)
			any |= c->sel.n && device_matches(&c->device[i], &c->sel);
		if (!any) {
			fprintf(stderr, "replug: no plugged device belongs to a section with `init = ch9329`; name "
					"one, as in "
					"`replug ch9329 info /dev/ttyUSB0`\n");
			return STATUS_NO_DEVICE;
		}
	}
	log_open("replug", reset); /* an answer is no news */
	return verb_on_each(c, RECOVER_CHIP, reset ? recover_port : ask_chip);
}
