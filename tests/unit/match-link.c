/* SPDX-License-Identifier: MIT */
/* Whose a name is, of several devices that could have it: on a tree of our own in the place of /sys. */
#include "isolated.h"

#include "config.h"
#include "match-link.h"

static struct config *c;
static struct link_claim claim;

static void put(const char *path, const char *text)
{
	if (!write_file(path, text))
		fail_msg("%s: %s", path, strerror(errno));
}

static void folder(const char *path)
{
	if (mkdir(path, 0755) && errno != EEXIST)
		fail_msg("%s: %s", path, strerror(errno));
}

/* A device with a tty: /sys/devices/PORT/PORT:1.0/TTY, and where sysfs has links to it. */
static void plug(const char *port, const char *id, const char *serial, const char *tty)
{
	char dir[128], path[192], to[192];

	snprintf(dir, sizeof(dir), "/sys/devices/%s", port);
	folder(dir);
	snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s", port);
	assert_int_equal(symlink(dir, path), 0);
	snprintf(path, sizeof(path), "%s/idVendor", dir);
	snprintf(to, sizeof(to), "%.4s\n", id);
	put(path, to);
	snprintf(path, sizeof(path), "%s/idProduct", dir);
	snprintf(to, sizeof(to), "%s\n", id + 5);
	put(path, to);
	if (serial) {
		snprintf(path, sizeof(path), "%s/serial", dir);
		snprintf(to, sizeof(to), "%s\n", serial);
		put(path, to);
	}
	snprintf(path, sizeof(path), "%s/%s:1.0", dir, port);
	folder(path);
	snprintf(path, sizeof(path), "%s/%s:1.0/%s", dir, port, tty);
	folder(path);
	snprintf(to, sizeof(to), "/sys/class/tty/%s", tty);
	assert_int_equal(symlink(path, to), 0);
	snprintf(path, sizeof(path), "/sys/class/tty/%s/uevent", tty);
	put(path, "quiet");
}

static void configured(const char *text)
{
	put("/run/own.conf", text);
	config_free(c);
	assert_int_equal(
		config_load(&c, &(struct config_paths){"/nonexistent", "/run/own.conf", "/nonexistent"}, NULL, NULL),
		0);
}

/* What the tty of a port is told. */
static enum link_verdict told(const char *port, const char *name)
{
	char devpath[128];

	snprintf(devpath, sizeof(devpath), "/devices/%s/%s:1.0/ttyX/tty/ttyX", port, port);
	return link_claim(c, "tty", name, devpath, &claim);
}

static bool nudged(const char *tty)
{
	char path[128], text[16] = "";

	snprintf(path, sizeof(path), "/sys/class/tty/%s/uevent", tty);
	int fd = open(path, O_RDONLY);
	assert_true(fd >= 0 && read(fd, text, sizeof(text) - 1) >= 0);
	close(fd);
	return !strncmp(text, "change", 6);
}

static int fresh(void **state)
{
	(void)state;
	if (mount("tmpfs", "/sys", "tmpfs", 0, "mode=755"))
		return -1;
	folder("/sys/bus");
	folder("/sys/bus/usb");
	folder("/sys/bus/usb/devices");
	folder("/sys/class");
	folder("/sys/class/tty");
	folder("/sys/devices");
	return 0;
}

static int gone(void **state)
{
	(void)state;
	return umount2("/sys", MNT_DETACH);
}

#define BY_ID "[device hid]\nmatch = 1a86:7523\nexpect = tty\nsymlink = kvmd-hid\n"

TEST(a_device_by_itself_has_the_name)
{
	configured(BY_ID);
	plug("1-1", "1a86:7523", NULL, "ttyUSB0");
	plug("1-2", "534d:2109", NULL, "ttyUSB1"); /* nobody's */
	assert_int_equal(told("1-1", "no-such-name"), LINK_OURS);
	assert_string_equal(claim.port, "1-1");
	assert_string_equal(claim.conf->name, "hid");
	assert_int_equal(claim.rivals, 0);
}

TEST(of_two_equal_ones_none_has_it_and_each_names_the_other)
{
	configured(BY_ID);
	plug("1-1", "1a86:7523", "A", "ttyUSB0");
	plug("1-1.4.2", "1a86:7523", "B", "ttyUSB1");
	assert_int_equal(told("1-1", "no-such-name"), LINK_NOBODYS);
	assert_int_equal(claim.rivals, 1);
	assert_string_equal(claim.rival[0], "1-1.4.2");
	assert_int_equal(told("1-1.4.2", "no-such-name"), LINK_NOBODYS);
	assert_string_equal(claim.rival[0], "1-1");
}

/* Its serial cannot be read: as of a pipe that nobody writes to, a signal ends the wait. */
static void reset_of(const char *port, bool on)
{
	char path[128], aside[128];

	snprintf(path, sizeof(path), "/sys/devices/%s/serial", port);
	snprintf(aside, sizeof(aside), "%s.aside", path);
	if (on) {
		assert_int_equal(rename(path, aside), 0);
		assert_int_equal(mkfifo(path, 0600), 0);
	} else {
		assert_int_equal(rename(aside, path), 0);
	}
}

TEST(who_is_being_reset_is_neither_a_rival_nor_without_its_name)
{
	configured(BY_ID "[device second]\nmatch = 1a86:7523 serial=B\nexpect = tty\nsymlink = second\n");
	plug("1-1", "1a86:7523", "A", "ttyUSB0");
	plug("1-2", "1a86:7523", "B", "ttyUSB1");
	assert_int_equal(told("1-1", "no-such-name"), LINK_OURS);
	assert_string_equal(claim.conf->name, "hid");
	reset_of("1-2", true);
	assert_int_equal(told("1-1", "no-such-name"), LINK_OURS);
	assert_int_equal(told("1-2", "no-such-name"), LINK_OURS); /* as it was promised at the plug */
	assert_null(claim.conf);
	reset_of("1-2", false);
	assert_int_equal(told("1-2", "no-such-name"), LINK_OURS);
	assert_string_equal(claim.conf->name, "second");
}

TEST(what_a_match_names_more_exactly_has_it)
{
	plug("1-1", "1a86:7523", "A", "ttyUSB0");
	plug("1-2", "1a86:7523", "B", "ttyUSB1");
	configured("[device hid]\nmatch = 1a86:7523, 1a86:7523 usb=1-2\nexpect = tty\nsymlink = x\n");
	assert_int_equal(told("1-1", "no-such-name"), LINK_THEIRS);
	assert_int_equal(told("1-2", "no-such-name"), LINK_OURS);
	configured("[device hid]\nmatch = 1a86:7523, serial=A\nexpect = tty\nsymlink = x\n");
	assert_int_equal(told("1-1", "no-such-name"), LINK_OURS);
	assert_int_equal(told("1-2", "no-such-name"), LINK_THEIRS);
	configured("[device hid]\nmatch = usb=1-1, usb=1-2\nexpect = tty\nsymlink = x\n");
	assert_int_equal(told("1-1", "no-such-name"), LINK_NOBODYS);
	assert_int_equal(told("1-2", "no-such-name"), LINK_NOBODYS);
	/* Another section's is none of its rivals. */
	configured(BY_ID "[device two]\nmatch = 1a86:7523 usb=1-2\n");
	assert_int_equal(told("1-1", "no-such-name"), LINK_OURS);
}

TEST(more_rivals_than_can_be_named_are_rivals_all_the_same)
{
	char port[16], tty[16];

	configured(BY_ID);
	for (int i = 1; i <= LINK_RIVALS + 3; i++) {
		snprintf(port, sizeof(port), "1-%d", i);
		snprintf(tty, sizeof(tty), "ttyUSB%d", i);
		plug(port, "1a86:7523", NULL, tty);
	}
	assert_int_equal(told("1-1", "no-such-name"), LINK_NOBODYS);
	assert_int_equal(claim.rivals, LINK_RIVALS);
	link_nudge_rivals(&claim, "tty");
	for (int i = 1; i <= LINK_RIVALS + 3; i++) {
		snprintf(tty, sizeof(tty), "ttyUSB%d", i);
		assert_int_equal(nudged(tty), i != 1);
	}
}

/* /dev/null is a node that is there everywhere; whose it is, this tree says. */
TEST(a_name_that_leads_to_another_device_stays_its)
{
	configured(BY_ID);
	plug("1-1", "1a86:7523", NULL, "ttyUSB0");
	assert_int_equal(told("1-1", "null"), LINK_FOREIGN); /* no USB device's */
	assert_string_equal(claim.holder, "/dev/null");
	plug("1-3", "534d:2109", NULL, "null");
	assert_int_equal(told("1-1", "null"), LINK_FOREIGN);
	config_free(c);
	c = NULL; /* a broken configuration */
	assert_int_equal(told("1-1", "null"), LINK_FOREIGN);
	assert_int_equal(told("1-1", "no-such-name"), LINK_OURS);
}

/* The sections of two devices have changed their names: whichever udev looks at first has what it now should. */
TEST(a_name_that_an_earlier_configuration_gave_away_is_its)
{
	configured(BY_ID "[device two]\nmatch = 534d:2109\nexpect = tty\nsymlink = two\n");
	plug("1-1", "1a86:7523", NULL, "ttyUSB0");
	plug("1-3", "534d:2109", NULL, "null");
	folder("/run/udev");
	folder("/run/udev/data");
	put("/run/udev/data/c1:3", "S:null\nI:1\nE:REPLUG_LINK_TTY=nullx\nE:REPLUG_LINK_VIDEO=null\nG:systemd\n");
	assert_int_equal(told("1-1", "null"), LINK_FOREIGN);
	put("/run/udev/data/c1:3", "S:null\nI:1\nE:REPLUG_LINK_TTY=null\nG:systemd\n");
	assert_int_equal(told("1-1", "null"), LINK_OURS);
	unlink("/run/udev/data/c1:3");
	assert_int_equal(told("1-1", "null"), LINK_FOREIGN);
}

TEST(a_name_that_leads_to_the_device_itself_or_to_a_lesser_rival_is_its)
{
	configured("[device hid]\nmatch = 1a86:7523, 1a86:7523 usb=1-2\nexpect = tty\nsymlink = x\n");
	plug("1-1", "1a86:7523", NULL, "null");
	assert_int_equal(told("1-1", "null"), LINK_OURS);
	plug("1-2", "1a86:7523", NULL, "ttyUSB0");
	assert_int_equal(told("1-2", "null"), LINK_OURS);
	assert_int_equal(told("1-1", "null"), LINK_THEIRS);
}

TEST(only_the_rivals_nodes_are_asked_for_anew)
{
	configured(BY_ID);
	plug("1-1", "1a86:7523", NULL, "ttyUSB0");
	plug("1-2", "1a86:7523", NULL, "ttyUSB1");
	plug("1-3", "534d:2109", NULL, "ttyUSB2");
	assert_int_equal(told("1-1", "no-such-name"), LINK_NOBODYS);
	link_nudge_rivals(&claim, "tty");
	assert_false(nudged("ttyUSB0"));
	assert_true(nudged("ttyUSB1"));
	assert_false(nudged("ttyUSB2"));
	claim.rivals = 0;
	put("/sys/class/tty/ttyUSB1/uevent", "quiet");
	link_nudge_rivals(&claim, "tty");
	assert_false(nudged("ttyUSB1"));
}

#define T(test) cmocka_unit_test_setup_teardown(test, fresh, gone)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(a_device_by_itself_has_the_name),
		T(of_two_equal_ones_none_has_it_and_each_names_the_other),
		T(who_is_being_reset_is_neither_a_rival_nor_without_its_name),
		T(what_a_match_names_more_exactly_has_it),
		T(more_rivals_than_can_be_named_are_rivals_all_the_same),
		T(a_name_that_leads_to_another_device_stays_its),
		T(a_name_that_an_earlier_configuration_gave_away_is_its),
		T(a_name_that_leads_to_the_device_itself_or_to_a_lesser_rival_is_its),
		T(only_the_rivals_nodes_are_asked_for_anew),
	};

	int failed = RUN(tests, isolate, NULL);
	config_free(c);
	return failed;
}
