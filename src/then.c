/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gone.h"
#include "guard.h"
#include "log.h"
#include "story.h"
#include "wait.h"

/* From udev's word that a device is there to the start of its unit, on a slow machine. */
enum { PENDING_MS = 10000 };

/*
 * Whether the chip's own plug event is about to be handled: udev is at it, or has announced it and its run has not
 * been. Not for ever: the rules may not be installed.
 */
static bool own_run_pending(struct udev *udev, const struct device *d, const struct record *r, uint64_t begun)
{
	struct udev_device *u = udev_device_new_from_syspath(udev, d->syspath);
	bool pending = false;

	if (u && udev_device_get_is_initialized(u) > 0)
		pending = udev_device_get_property_value(u, "REPLUG_DEVICE") &&
			  udev_device_get_usec_since_initialized(u) < PENDING_MS * 1000ull &&
			  (r->dev != d->dev || r->state == RECORD_GONE) && r->state != RECORD_HELD;
	else if (u)
		pending = !access("/run/udev/control", F_OK) && clock_ms() - begun < PENDING_MS;
	if (u)
		udev_device_unref(u);
	return pending;
}

/* Initialises a device that another one's `then` names, unless that was done since the other one's run began. */
static enum status then_port(const struct run *run, const char *port, uint64_t since)
{
	struct run chip_only = {
		.udev = run->udev, .config = run->config, .mode = RECOVER_CHIP, .unasked = run->unasked};
	uint64_t begun = clock_ms();

	for (;;) {
		struct story s = {.watch.fd = -1};
		enum status status = STATUS_DONE;
		int lock = record_lock(port, begun + STORY_LOCK_MS);
		if (lock < 0) {
			bool taken = lock == -EWOULDBLOCK;
			log_line(taken ? LOG_WARNING : LOG_ERR, "%s: not initialised: %s", port,
				taken ? "another run has this port; `replug status` shows how it ends"
				      : strerror(-lock));
			return taken ? STATUS_HELD : STATUS_FAILED;
		}
		int e = device_read(run->udev, run->config, port, &s.d);
		if (e) {
			record_unlock(lock);
			if (e == -ENODEV)
				return STATUS_DONE; /* unplugged: its next plug sees to it */
			log_line(LOG_ERR, "%s: what is plugged there cannot be read: %s", port, strerror(-e));
			return STATUS_FAILED;
		}
		if (story_open(&s, &chip_only)) {
			record_unlock(lock);
			return STATUS_FAILED;
		}
		bool pending = own_run_pending(run->udev, &s.d, &s.r, begun);
		bool done = s.r.state == RECORD_RECOVERED && s.r.dev == s.d.dev && s.r.verified_ms >= since;
		/* What a plug event would be forgiven by now, this is too. */
		bool held = s.r.held && clock_ms() - s.r.event_ms < run->config->guard.window_ms;
		if (!pending && !done && !held) {
			if (s.r.held)
				guard_forgive(&s.r);
			story_begin(&s);
			status = story_conclude(&s, story_heal(&s, true));
			watch_close(&s.watch);
		}
		if (held && !pending) {
			log_line(LOG_NOTICE, "%s: not initialised, the port is left alone: %s", s.name, s.r.error);
			status = STATUS_HELD;
		}
		record_unlock(lock);
		if (!device_present(port)) /* its removal found the port locked */
			gone_note(port, NULL, NULL);
		if (!pending)
			return status;
		if (wait_for(-1, 0, clock_ms() + WAIT_POLL_MS) < 0)
			return STATUS_FAILED;
	}
}

enum status story_then(const struct run *run, const struct device_conf *conf, const char *port, uint64_t since)
{
	struct device *list;
	enum status worst = STATUS_DONE;
	size_t n;

	int e = device_list(run->udev, run->config, &list, &n);
	if (e) {
		log_line(LOG_ERR, "%s: what its `then` names cannot be read: %s", port, strerror(-e));
		return STATUS_FAILED;
	}
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].port, port) && list[i].conf && list[i].conf->init == INIT_CH9329 &&
			device_matches(&list[i], &conf->then))
			worst = status_worse(worst, then_port(run, list[i].port, since));
	free(list);
	return worst;
}
