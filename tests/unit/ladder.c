/* SPDX-License-Identifier: MIT */
/*
 * What is refused, owed and counted on the ladder: on a tree of our own in the place of /sys, and with the answers of
 * hubs as no hub of the bench gives them. (Its devices, and those hubs that there are: tests/vm/cases/2*.)
 */
#include "isolated.h"

#include "config-keys.h"
#include "ladder.h"
#include "log.h"
#include "lost.h"
#include "port.h"
#include "story.h"
#include "sysfs.h"

enum { PORTS = 4 };

/* Three functions of port.c are these here (--wrap of the linker). */
static enum hub_power hub_power[3]; /* of usb1, usb2 */
static bool plugged;
static char did[512], owed[512];
int __wrap_port_switching(const struct port *p, enum hub_power *power, unsigned *ports, char *why, size_t size);
int __wrap_port_power(const struct port *p, bool on, char *why, size_t size);
int __wrap_port_state(const struct port *p, bool *connected, bool *powered);

int __wrap_port_switching(const struct port *p, enum hub_power *power, unsigned *ports, char *why, size_t size)
{
	(void)why;
	(void)size;
	*power = hub_power[p->hub[3] - '0'];
	*ports = PORTS;
	return 0;
}

int __wrap_port_power(const struct port *p, bool on, char *why, size_t size)
{
	size_t n = strlen(did);
	char debt[64];

	(void)why;
	(void)size;
	snprintf(did + n, sizeof(did) - n, "%s%s %s", n ? ", " : "", on ? "on" : "off", p->name + 3);
	snprintf(debt, sizeof(debt), "power=%s", p->name);
	holds(owed, debt); /* also while it is switched on again */
	return 0;
}

int __wrap_port_state(const struct port *p, bool *connected, bool *powered)
{
	(void)p;
	*connected = plugged;
	*powered = true;
	return 0;
}

static void put(const char *dir, const char *name, const char *text)
{
	char path[192];

	snprintf(path, sizeof(path), SYSFS_USB "/%s/%s", dir, name);
	if (!write_file(path, text))
		fail_msg("%s: %s", path, strerror(errno));
}

static void folder(const char *name)
{
	char path[192];

	snprintf(path, sizeof(path), SYSFS_USB "/%s", name);
	if (mkdir(path, 0755) && errno != EEXIST)
		fail_msg("%s: %s", path, strerror(errno));
}

/* Two root hubs of four ports, of which the second ones are two halves of one; in port 1-1 a device. */
static int plug(void **state)
{
	static const char *const hubs[] = {"1-0:1.0", "2-0:1.0"};
	char name[64];

	if (isolate(state) || mkdir("/run/replug", 0755))
		return -1;
	for (int hub = 0; hub < 2; hub++) {
		folder(hubs[hub]);
		for (int i = 1; i <= PORTS; i++) {
			snprintf(name, sizeof(name), "%s/usb%d-port%d", hubs[hub], hub + 1, i);
			folder(name);
		}
	}
	if (symlink("../../2-0:1.0/usb2-port2", SYSFS_USB "/1-0:1.0/usb1-port2/peer") ||
		symlink("../../1-0:1.0/usb1-port2", SYSFS_USB "/2-0:1.0/usb2-port2/peer"))
		return -1;
	folder("1-1");
	put("1-1", "idVendor", "534d\n");
	put("1-1", "idProduct", "2109\n");
	put("1-1", "busnum", "199\n"); /* which has no node below /dev */
	put("1-1", "devnum", "5\n");
	log_hush(true);
	return 0;
}

static int owe(void *ctx, const char *text)
{
	(void)ctx;
	/* The list gets shorter as it is paid, and is written when all of it is. */
	snprintf(owed, sizeof(owed), "%s", text);
	return 0;
}

/* Cuts the power of a device's port; what was said. */
static char why[256];
static int cut(const char *port, enum hub_power hub, enum hub_power twin, bool allowed)
{
	struct device d = {0};
	struct rung r = {
		.d = &d, .allow_ganged = allowed, .power_off_ms = 1, .owe = owe, .why = why, .size = sizeof(why)};

	snprintf(d.port, sizeof(d.port), "%s", port);
	hub_power[1] = hub;
	hub_power[2] = twin;
	plugged = false;
	*did = *owed = '\0';
	int e = ladder_take(RESET_POWER, &r);
	assert_int_equal(r.tried, !e);
	assert_string_equal(owed, "");
	return e;
}

TEST(a_ganged_hub_is_cut_only_where_that_is_allowed)
{
	assert_int_equal(cut("1-1", HUB_POWER_GANGED, HUB_POWER_EACH, false), -EOPNOTSUPP);
	holds(why, "switches all its 4 ports together");
	assert_string_equal(did, "");
	assert_int_equal(cut("1-1", HUB_POWER_GANGED, HUB_POWER_EACH, true), 0);
	holds(did, "off 1-port1, off 1-port2, off 2-port2, off 1-port3, off 1-port4, on 1-port1, on 1-port2, on "
		   "2-port2");
}

TEST(one_whose_other_half_is_ganged_is_ganged)
{
	assert_int_equal(cut("1-2", HUB_POWER_EACH, HUB_POWER_GANGED, false), -EOPNOTSUPP);
	holds(why, "together");
	assert_string_equal(did, "");
}

TEST(a_hub_that_switches_each_port_is_cut_there_and_at_the_other_half)
{
	assert_int_equal(cut("1-1", HUB_POWER_EACH, HUB_POWER_EACH, false), 0);
	assert_string_equal(did, "off 1-port1, on 1-port1");
	assert_int_equal(cut("1-2", HUB_POWER_EACH, HUB_POWER_EACH, false), 0);
	assert_string_equal(did, "off 1-port2, off 2-port2, on 1-port2, on 2-port2");
}

/* As a Raspberry Pi 4 has its USB 2 sockets' hub for the twin of a USB 3 socket. */
TEST(a_twin_in_which_something_else_is_plugged_is_another_connector)
{
	folder("2-2");
	folder("1-0:1.0/usb1-port2/device");
	assert_int_equal(cut("2-2", HUB_POWER_EACH, HUB_POWER_EACH, false), 0);
	assert_string_equal(did, "off 2-port2, on 2-port2");
	assert_int_equal(cut("2-2", HUB_POWER_GANGED, HUB_POWER_EACH, false), 0); /* the other one's is no matter */
	assert_string_equal(did, "off 2-port2, on 2-port2");
	put("2-2", "bDeviceClass", "09\n"); /* both halves of a hub */
	assert_int_equal(cut("2-2", HUB_POWER_EACH, HUB_POWER_EACH, false), 0);
	assert_string_equal(did, "off 2-port2, off 1-port2, on 2-port2, on 1-port2");
	assert_int_equal(system("rm -r " SYSFS_USB "/2-2 " SYSFS_USB "/1-0:1.0/usb1-port2/device"), 0);
}

TEST(a_hub_that_cannot_is_not_asked_to)
{
	assert_int_equal(cut("1-1", HUB_POWER_NONE, HUB_POWER_EACH, true), -EOPNOTSUPP);
	holds(why, "cannot switch");
	assert_string_equal(did, "");
}

/* The story of 534d:2109 in port 1-1, with usb and rebind; nothing is waited for. */
static struct device_conf conf;
static struct config config;
static struct run run;
static struct story begin(enum recover_mode mode)
{
	struct story s = {.run = &run, .conf = &conf, .watch.fd = -1};

	config_device_defaults(&conf);
	conf.ladder = (struct conf_ladder){.method = {RESET_USB, RESET_REBIND}, .n = 2};
	conf.timeout_ms = 0;
	config_guard_defaults(&config.guard);
	run = (struct run){.config = &config, .mode = mode};
	s.d = (struct device){.port = "1-1", .vid = 0x534d, .pid = 0x2109, .bus = 199, .dev = 5};
	snprintf(s.r.port, sizeof(s.r.port), "1-1");
	return s;
}

TEST(a_climb_counts_once_however_high)
{
	struct story s = begin(RECOVER_EVENT);

	assert_true(story_heal(&s, false) < 0);
	assert_string_equal(s.r.action, "rebind"); /* usb was not possible */
	holds(s.why, "usb: ");
	holds(s.why, "rebind: ");
	assert_int_equal(s.r.resets, 1);
}

TEST(another_device_in_the_port_is_not_touched)
{
	for (int other = 0; other < 2; other++) {
		struct story s = begin(RECOVER_EVENT);
		put("1-1", "idVendor", other ? "345f\n" : "534d\n");
		put("1-1", "idProduct", other ? "2109\n" : "2130\n");
		assert_int_equal(story_heal(&s, false), -ENODEV);
		holds(s.why, other ? "another device, 345f:2109, is in its port" : "another device, 534d:2130");
		assert_string_equal(s.r.action, "");
		assert_int_equal(s.r.resets, 0);
		assert_int_equal(s.d.dev, 5);
	}
	put("1-1", "idVendor", "534d\n");
	put("1-1", "idProduct", "2109\n");
}

TEST(a_checkup_leaves_a_silent_device_alone_whose_ladder_has_no_power)
{
	struct device_conf section;
	struct config c = {.device = &section, .n = 1};
	struct run checkup = {.config = &c, .mode = RECOVER_CHECKUP};
	struct record r = {.port = "1-3", .id = "534d:2109", .section = "a", .state = RECORD_SILENT};
	bool back;

	config_device_defaults(&section);
	snprintf(section.name, sizeof(section.name), "a");
	c.by_name[conf_read_name("a").bucket] = 1;
	section.timeout_ms = 0;
	config_guard_defaults(&c.guard);
	plugged = true;
	assert_int_equal(record_save(&r), 0);
	assert_int_equal(lost_port(&checkup, "1-3", &back), STATUS_FAILED);
	assert_int_equal(record_load("1-3", &r), 0);
	assert_int_equal(r.state, RECORD_SILENT);
	assert_int_equal(r.failures, 0); /* it was not tried */
	section.ladder = (struct conf_ladder){.method = {RESET_USB, RESET_POWER}, .n = 2};
	hub_power[1] = HUB_POWER_NONE;
	assert_int_equal(lost_port(&checkup, "1-3", &back), STATUS_FAILED);
	assert_int_equal(record_load("1-3", &r), 0);
	assert_int_equal(r.failures, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ganged_hub_is_cut_only_where_that_is_allowed),
		cmocka_unit_test(one_whose_other_half_is_ganged_is_ganged),
		cmocka_unit_test(a_hub_that_switches_each_port_is_cut_there_and_at_the_other_half),
		cmocka_unit_test(a_twin_in_which_something_else_is_plugged_is_another_connector),
		cmocka_unit_test(a_hub_that_cannot_is_not_asked_to),
		cmocka_unit_test(a_climb_counts_once_however_high),
		cmocka_unit_test(another_device_in_the_port_is_not_touched),
		cmocka_unit_test(a_checkup_leaves_a_silent_device_alone_whose_ladder_has_no_power),
	};

	return RUN(tests, plug, NULL);
}
