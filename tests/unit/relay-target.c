/* SPDX-License-Identifier: MIT */
/* Which contact of which board is meant, and what is allowed there: on a tree of our own in the place of /sys. */
#include "isolated.h"

#include "log.h"
#include "relay-target.h"

static struct config *c;
static struct relay_target t;

static void folder(const char *path)
{
	if (mkdir(path, 0755) && errno != EEXIST)
		fail_msg("%s: %s", path, strerror(errno));
}

static void put(const char *path, const char *text)
{
	if (!write_file(path, text))
		fail_msg("%s: %s", path, strerror(errno));
}

/* A dcttech board of two contacts in port 1-1. */
#define BOARD "/sys/bus/usb/devices/1-1"
#define NODE  BOARD "/1-1:1.0/hidraw"
static int plug(void **state)
{
	if (isolate(state))
		return -1;
	folder(BOARD);
	put(BOARD "/idVendor", "16c0\n");
	put(BOARD "/idProduct", "05df\n");
	put(BOARD "/busnum", "199\n");
	put(BOARD "/devnum", "5\n");
	put(BOARD "/product", "USBRelay2\n");
	folder(BOARD "/1-1:1.0");
	folder(NODE);
	folder(NODE "/hidraw0");
	put(NODE "/hidraw0/uevent", "DEVNAME=hidraw0\n");
	put(NODE "/hidraw0/dev", "240:0\n");
	log_hush(true);
	return symlink("/sys/class/hidraw", NODE "/hidraw0/subsystem");
}

static int unplug(void **state)
{
	(void)state;
	config_free(c);
	return 0;
}

static void configured(const char *text)
{
	put("/run/own.conf", text);
	config_free(c);
	assert_int_equal(
		config_load(&c, &(struct config_paths){"/nonexistent", "/run/own.conf", "/nonexistent"}, NULL, NULL),
		0);
}

static enum status resolved(const char *target, unsigned channel)
{
	t = (struct relay_target){0};
	return relay_resolve(NULL, c, &(struct relay_words){.target = target, .channel = channel}, &t);
}

TEST(a_section_names_its_contact)
{
	configured("[relay power]\nmatch = 16c0:05df\nchannel = 2\npulse = 500ms\n");
	assert_int_equal(resolved("power", 0), STATUS_DONE);
	assert_int_equal(t.conf.channel, 2);
	assert_int_equal(t.conf.protocol, RELAY_DCTTECH);
	assert_string_equal(t.node, "/dev/hidraw0");
	assert_string_equal(t.name, "power (1-1 channel 2)");
	assert_int_equal(resolved("power", 1), STATUS_USAGE);
}

TEST(a_contact_that_the_board_does_not_have_is_refused)
{
	configured("");
	assert_int_equal(resolved("usb=1-1", 2), STATUS_DONE);
	assert_int_equal(t.channels, 2);
	assert_int_equal(resolved("usb=1-1", 3), STATUS_USAGE);
	assert_int_equal(resolved("usb=1-1", 0), STATUS_USAGE);
	assert_int_equal(resolved("usb=1-2", 1), STATUS_NO_DEVICE);
}

TEST(the_strictest_section_of_a_contact_holds_by_whatever_it_is_called)
{
	configured("[relay a]\nmatch = 16c0:05df\nchannel = 1\npulse = 500ms\nmax-pulse = 3s\n"
		   "[relay b]\nmatch = usb=1-1\nchannel = 1\nmax-pulse = 5s\n"
		   "[relay c]\nmatch = usb=1-1\nchannel = 2\nmax-pulse = 20s\n");
	assert_int_equal(resolved("usb=1-1", 1), STATUS_DONE);
	assert_int_equal(t.conf.max_pulse_ms, 3000);
	assert_true(t.conf.momentary);
	assert_int_equal(resolved("b", 0), STATUS_DONE);
	assert_int_equal(t.conf.max_pulse_ms, 3000);
	assert_true(t.conf.momentary);
	assert_int_equal(resolved("usb=1-1", 2), STATUS_DONE);
	assert_int_equal(t.conf.max_pulse_ms, CONF_MAX_PULSE_MS); /* 20s is for c alone */
	assert_false(t.conf.momentary);
	assert_int_equal(resolved("c", 0), STATUS_DONE);
	assert_int_equal(t.conf.max_pulse_ms, 20000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_section_names_its_contact),
		cmocka_unit_test(a_contact_that_the_board_does_not_have_is_refused),
		cmocka_unit_test(the_strictest_section_of_a_contact_holds_by_whatever_it_is_called),
	};

	return RUN(tests, plug, unplug);
}
