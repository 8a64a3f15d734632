#include "faults.h"

#include "log.h"

#include <errno.h>
#include <string.h>

#define STALL (-EPIPE)

enum { TYPE_MASK = 0x60, STANDARD = 0, DEVICE_TO_HOST = 0x80, GET_STATUS = 0 };

int fault_set_silent(struct device *d, const char *value)
{
	if (strcmp(value, "0") == 0) {
		d->silence = NOT_SILENT;
	} else if (strcmp(value, "1") == 0) {
		if (d->silence == NOT_SILENT)
			d->silence = SILENT_AT_RESET;
	} else if (strcmp(value, "now") == 0) {
		if (d->silence == SILENT)
			return 0;
		d->silence = SILENT;
		if (d->life == ON_BUS) {
			device_leave(d, "silent", 0);
			/* One that is back very soon would be taken for the device that the kernel knows. */
			d->patient = true;
		}
	} else {
		return -1;
	}
	return 0;
}

static void heal(struct device *d)
{
	if (!d->sick)
		return;
	d->sick = false;
	log_event(d->name, "healed", NULL);
}

int fault_set_sick(struct device *d, const char *value)
{
	long v;
	if (parse_number(value, 0, 1, &v) < 0)
		return -1;
	if (v == 0)
		heal(d);
	d->sick = v != 0;
	d->emptied = false;
	return 0;
}

int fault_set_heals_on(struct device *d, const char *value)
{
	static const char *const words[] = {
		[ON_RESET] = "reset",
		[ON_CONFIGURE] = "configure",
		[ON_POWER] = "power",
	};
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(value, words[i]) == 0) {
			d->heals_on = (enum heals_on)i;
			return 0;
		}
	}
	return -1;
}

static void answer_held(struct device *d)
{
	struct urb *u;
	while (!d->deaf && !d->stuck && (u = link_held(&d->link)) != NULL) {
		u->held = false;
		usb_submit(d, u);
	}
}

int fault_set_deaf(struct device *d, const char *value)
{
	long v;
	if (parse_number(value, 0, 1, &v) < 0)
		return -1;
	d->deaf = v != 0;
	answer_held(d);
	return 0;
}

int fault_set_stuck(struct device *d, const char *value)
{
	long v;
	if (parse_number(value, 0, 1, &v) < 0)
		return -1;
	d->stuck = v != 0;
	link_hold_unlinks(&d->link, d->stuck && d->life == ON_BUS);
	answer_held(d);
	return 0;
}

int fault_control(struct device *d, const struct setup *s)
{
	bool standard = (s->type & TYPE_MASK) == STANDARD;

	if (d->silence == SILENT)
		return -EPROTO; /* as a host controller says it, and quickly: no need to wait for it 5 s each time */
	if (d->deaf || d->stuck)
		return CONTROL_PENDING;
	if (d->sick && (!standard || (s->type == DEVICE_TO_HOST && s->request == GET_STATUS)))
		return STALL;
	if (!standard && d->probe_fails > 0) {
		d->probe_fails--;
		return STALL;
	}
	return 0;
}

void fault_reset(struct device *d)
{
	d->emptied = false;
	if (d->heals_on == ON_RESET)
		heal(d);
	if (d->silence == SILENT_AT_RESET) {
		d->silence = SILENT;
		log_event(d->name, "silent", NULL);
	}
}

void fault_configuration(struct device *d, unsigned value)
{
	if (value == 0) {
		d->emptied = true;
		return;
	}
	if (d->emptied && d->heals_on == ON_CONFIGURE)
		heal(d);
	d->emptied = false;
}

void fault_power_lost(struct device *d)
{
	if (d->silence == SILENT)
		d->silence = NOT_SILENT;
	heal(d);
	d->deaf = d->stuck = false;
}
