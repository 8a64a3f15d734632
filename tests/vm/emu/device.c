#include "device.h"

#include "faults.h"
#include "log.h"
#include "power.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct device *devices;
static void (*tell_done)(struct device *d, const char *error);

struct device *device_list(void)
{
	return devices;
}

struct device *device_find(const char *name)
{
	struct device *d = devices;
	while (d && strcmp(d->name, name) != 0)
		d = d->next;
	return d;
}

void device_on_done(void (*done)(struct device *d, const char *error))
{
	tell_done = done;
}

static void done(struct device *d, const char *error)
{
	if (d->client >= 0 && tell_done)
		tell_done(d, error);
	d->client = -1;
}

static void forget_host(struct device *d)
{
	d->configuration = 0;
	memset(d->alternate, 0, sizeof(d->alternate));
	d->halted = 0;
	d->enumerated = d->known = d->in_reset = d->failing = d->emptied = false;
	d->stalls_left = 0;
}

static int attach(struct device *d)
{
	int theirs = link_open(&d->link);
	if (theirs < 0)
		return -1;
	forget_host(d);
	int result = vhci_attach(d->port, theirs, d->speed);
	int saved = errno;
	close(theirs);
	if (result < 0) {
		link_close(&d->link);
		errno = saved;
		return -1;
	}
	d->life = ON_BUS;
	d->plugs++;
	link_hold_unlinks(&d->link, d->stuck);
	log_event(d->name, d->arriving_as, NULL);
	if (d->flap_on > 0)
		timer_set(&d->flap, now_ns() + MS(d->flap_on));
	return 0;
}

static void go_on(struct device *d)
{
	d->plug_wanted = false;
	if (attach(d) < 0) {
		d->life = AWAY;
		d->plugged = false;
		log_event(d->name, "error", "attach to port %d: %s", d->port, strerror(errno));
		done(d, "attaching failed, see the log");
	} else {
		done(d, NULL);
	}
}

static void off_the_bus(struct device *d)
{
	if (d->kind->quiet)
		d->kind->quiet(d);
	link_close(&d->link);
	d->life = FREEING;
	d->left_at = now_ns();
	log_event(d->name, d->leaving_as, NULL);
	if (d->kind->power_lost)
		d->kind->power_lost(d);
	timer_set(&d->step, now_ns());
}

/*
 * A person needs longer to put a plug back than the kernel to notice that it is gone; so an order waits until the
 * kernel has forgotten the device too, and so does one that had no power. A driver that hangs would hold that up: it
 * is waited for 3 s.
 */
static bool forgotten(const struct device *d)
{
	if (!d->patient || now_ns() - d->left_at > MS(3000))
		return true;
	return !vhci_known(d->port);
}

/* What a silent device was asked and has not answered. */
static bool fail_pending_control(struct device *d)
{
	struct urb *u;
	bool any = false;

	while ((u = link_first(&d->link, 0, true)) != NULL || (u = link_first(&d->link, 0, false)) != NULL) {
		link_reply(&d->link, u, -EPROTO, NULL, 0);
		any = true;
	}
	return any;
}

static void step(void *arg)
{
	struct device *d = arg;

	switch (d->life) {
	case LEAVING:
		link_hold_unlinks(&d->link, false);
		if (fail_pending_control(d)) {
			device_still_busy(d);
			break;
		}
		/* The kernel may send a request until it closes its end, and that one wants an answer too: see
		 * lost(). */
		vhci_detach(d->port);
		break;
	case FREEING:
		if (!vhci_port_free(d->port) || !forgotten(d)) {
			timer_set(&d->step, now_ns() + MS(5));
			break;
		}
		d->life = AWAY;
		if (d->plug_wanted && d->dark) {
			d->plug_wanted = false;
			log_event(d->name, d->arriving_as, NULL);
			done(d, NULL);
		} else if (d->plug_wanted) {
			go_on(d);
		} else if (d->come_back_ms >= 0) {
			timer_set(&d->step, d->left_at + MS(d->come_back_ms));
		} else {
			done(d, NULL);
		}
		break;
	case AWAY:
		go_on(d);
		break;
	case ON_BUS:
		/* Runs while resets are failing: the kernel has given up when it has removed the device. */
		if (d->failing && !vhci_known(d->port)) {
			d->failing = false;
			device_leave(d, "dropped", d->back_after);
		} else if (d->failing) {
			timer_set(&d->step, now_ns() + MS(10));
		}
		break;
	}
}

/* 5 s is how long the kernel would wait for a control request that was in flight when the link went. */
void device_still_busy(struct device *d)
{
	timer_set(&d->step, now_ns() + MS(20));
}

static void returns(struct device *d, const char *event)
{
	d->arriving_as = event;
	d->patient = strcmp(event, "returned") != 0;
}

void device_leave(struct device *d, const char *event, int64_t back_ms)
{
	if (d->life == LEAVING || d->life == FREEING) {
		d->come_back_ms = back_ms;
		return;
	}
	if (d->life != ON_BUS)
		return;
	d->leaving_as = event;
	d->come_back_ms = back_ms;
	returns(d, "returned");
	d->life = LEAVING;
	timer_stop(&d->flap);
	device_still_busy(d);
}

/* The kernel closed its end: we detached the port, or somebody else, or a message was wrong. */
static void lost(void *arg)
{
	struct device *d = arg;
	timer_stop(&d->flap);
	if (d->life == ON_BUS) {
		d->leaving_as = "lost";
		d->come_back_ms = -1;
		returns(d, "returned");
		vhci_detach(d->port);
	}
	off_the_bus(d);
}

static void unlinked(void *arg, uint8_t ep, bool in)
{
	struct device *d = arg;
	if (d->kind->unlinked)
		d->kind->unlinked(d, ep, in);
}

static void flap(void *arg)
{
	struct device *d = arg;
	if (d->flap_on > 0)
		device_leave(d, "dropped", d->flap_off);
}

static void unplug_soon(void *arg)
{
	char why[128];
	device_unplug(arg, why, sizeof(why));
}

static void heard(size_t seq, const char *name, const char *event)
{
	struct device *d = device_find(name);
	(void)seq;
	if (d && d->unplug_on[0] && strcmp(d->unplug_on, event) == 0 && --d->unplug_nth == 0) {
		d->unplug_on[0] = '\0';
		/* Not here and now: the event may come from the middle of a request. */
		timer_set(&d->unplug_soon, now_ns());
	}
}

struct device *device_create(const char *name, const struct kind *kind)
{
	struct device *d = calloc(1, sizeof(*d));
	struct device **end = &devices;

	if (!d)
		abort();
	if (!devices)
		log_listen(heard);
	snprintf(d->name, sizeof(d->name), "%s", name);
	d->kind = kind;
	d->vid = kind->vid;
	d->pid = kind->pid;
	d->bcd = kind->bcd;
	d->speed = kind->speed;
	d->product = strdup(kind->product);
	d->manufacturer = strdup(kind->manufacturer);
	d->serial = strdup("");
	d->port = -1;
	d->arriving_as = "plugged";
	d->client = -1;
	d->back_after = 300;
	d->drop_at_reset = -1;
	d->come_back_ms = -1;
	d->link = (struct link){.fd = -1, .owner = d, .submit = usb_submit, .unlinked = unlinked, .lost = lost};
	d->step = (struct timer){.fire = step, .arg = d};
	d->flap = (struct timer){.fire = flap, .arg = d};
	d->unplug_soon = (struct timer){.fire = unplug_soon, .arg = d};
	while (*end)
		end = &(*end)->next;
	*end = d;
	if (kind->create)
		kind->create(d);
	return d;
}

static bool port_taken(int port, const struct device *but)
{
	for (struct device *d = devices; d; d = d->next) {
		if (d != but && d->port == port && d->life != AWAY)
			return true;
	}
	return false;
}

int device_plug(struct device *d, char *why, size_t size)
{
	if (d->life == ON_BUS || d->plug_wanted) {
		snprintf(why, size, "%s is plugged in already", d->name);
		return -1;
	}
	if (d->port < 0) {
		for (int port = 0; port < VHCI_HUB_PORTS && d->port < 0; port++) {
			bool promised = false;
			for (struct device *o = devices; o; o = o->next)
				promised = promised || o->port == port;
			if (!promised && vhci_port_free(port))
				d->port = port;
		}
		if (d->port < 0) {
			snprintf(why, size, "no port is free");
			return -1;
		}
	}
	if (port_taken(d->port, d)) {
		snprintf(why, size, "port %d is in use", d->port);
		return -1;
	}
	for (struct device *o = devices; o; o = o->next) {
		if (o != d && o->port == d->port && o->plugged) { /* off the bus, but in the way */
			timer_stop(&o->step);
			o->plugged = false;
		}
	}
	power_watch(d->port);
	d->plugged = true;
	d->dark = !power_is_on(d->port);
	returns(d, "plugged");
	d->plug_wanted = true;
	if (d->life == AWAY) {
		d->life = FREEING; /* the port may still be held by a device that has just left */
		timer_set(&d->step, now_ns());
	}
	return 0;
}

int device_unplug(struct device *d, char *why, size_t size)
{
	if (!d->plugged) {
		snprintf(why, size, "%s is not plugged in", d->name);
		return -1;
	}
	d->plug_wanted = false;
	d->plugged = d->dark = false;
	d->come_back_ms = -1;
	if (d->life == AWAY) {
		timer_stop(&d->step);
		log_event(d->name, "unplugged", NULL);
	} else if (d->life == ON_BUS) {
		device_leave(d, "unplugged", -1);
	} else if (d->life == LEAVING) {
		d->leaving_as = "unplugged";
	} else {
		log_event(d->name, "unplugged", NULL);
	}
	d->patient = true;
	fault_power_lost(d);
	return 0;
}

static void power_off(struct device *d)
{
	d->dark = true;
	d->plug_wanted = false;
	if (d->life == ON_BUS) {
		device_leave(d, "power-off", -1);
	} else if (d->life == LEAVING) {
		d->leaving_as = "power-off";
	} else {
		if (d->life == AWAY)
			timer_stop(&d->step);
		log_event(d->name, "power-off", NULL);
	}
	d->come_back_ms = -1;
	fault_power_lost(d);
}

static void power_on(struct device *d)
{
	d->dark = false;
	returns(d, "power-on");
	d->plug_wanted = true;
	if (d->life == AWAY) {
		d->life = FREEING;
		timer_set(&d->step, now_ns());
	}
}

void device_power(int port, bool on)
{
	for (struct device *d = devices; d; d = d->next) {
		if (d->port == port && d->plugged && d->dark == on)
			(on ? power_on : power_off)(d);
	}
}
