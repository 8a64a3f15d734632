/* SPDX-License-Identifier: MIT */
/* Which contact of which board is meant, and what is allowed there: on a tree of our own in the place of /sys. */
#include "isolated.h"

#include <sys/inotify.h>

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

enum { OTHERS = 59 };

/* What else there may be on the bus: the n-th, of this vendor and product. */
static void plug_other(unsigned n, const char *vendor, const char *product)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/usb/devices/2-%u/idVendor", n);
	file(path, vendor);
	snprintf(path, sizeof(path), "/sys/bus/usb/devices/2-%u/idProduct", n);
	file(path, product);
}

static int unplug_others(void **state)
{
	(void)state;
	return system("rm -rf /sys/bus/usb/devices/2-*");
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

/* How often the list of all devices and the others' files are opened, while a target is resolved for which `want`
 * comes out. */
static unsigned opened(const char *target, enum status want)
{
	union {
		struct inotify_event first;
		char bytes[65536];
	} events;
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK),
	    bus = inotify_add_watch(fd, "/sys/bus/usb/devices", IN_OPEN);
	char path[128];
	unsigned n = 0;
	ssize_t got;

	assert_true(bus >= 0);
	for (unsigned i = 1; i <= OTHERS; i++) {
		snprintf(path, sizeof(path), "/sys/bus/usb/devices/2-%u", i);
		assert_true(inotify_add_watch(fd, path, IN_OPEN) >= 0);
	}
	assert_int_equal(resolved(target, 0), want);
	while ((got = read(fd, events.bytes, sizeof(events))) > 0)
		for (char *p = events.bytes; p < events.bytes + got;) {
			const struct inotify_event *e = (void *)p;
			n += e->wd != bus || !e->len; /* not the folders in it: in a real /sys those are elsewhere */
			p += sizeof(*e) + e->len;
		}
	close(fd);
	return n;
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

TEST(where_a_port_is_named_no_other_device_is_looked_at)
{
	for (unsigned i = 1; i <= OTHERS; i++)
		plug_other(i, "0781\n", "5567\n");
	configured("[relay a]\nmatch = 16c0:05df usb=1-1\nchannel = 1\n"
		   "[relay b]\nmatch = usb=1-1, 16c0:05df usb=1-2\nchannel = 1\n"
		   "[relay gone]\nmatch = usb=1-2 16c0:05df\nchannel = 1\n"
		   "[relay other]\nmatch = usb=1-1 5131:2007\nchannel = 1\n");
	assert_int_equal(opened("a", STATUS_DONE), 0);
	assert_string_equal(t.d.port, "1-1");
	assert_int_equal(opened("b", STATUS_DONE), 0);
	assert_string_equal(t.d.port, "1-1");
	assert_int_equal(opened("gone", STATUS_NO_DEVICE), 0);
	assert_int_equal(opened("other", STATUS_NO_DEVICE), 0);
}

TEST(where_none_is_the_first_file_that_tells_is_read_of_each)
{
	for (unsigned i = 1; i <= OTHERS; i++)
		plug_other(i, "0781\n", "5567\n");
	configured("[relay id]\nmatch = 16c0:05df, 5131:2007\nchannel = 1\n"
		   "[relay product]\nmatch = 16c0:05df product=USBRelay*\nchannel = 1\n"
		   "[relay half]\nmatch = usb=1-2, 16c0:05df\nchannel = 1\n");
	assert_int_equal(opened("id", STATUS_DONE), 1 + OTHERS);
	assert_int_equal(opened("product", STATUS_DONE), 1 + OTHERS);
	assert_int_equal(opened("half", STATUS_DONE), 1 + OTHERS);
	assert_string_equal(t.d.port, "1-1");
	plug_other(1, "16c0\n", "0001\n");
	assert_int_equal(opened("id", STATUS_DONE), 1 + OTHERS + 1);
}

/* One without a node might be the one that is meant, in the middle of a reset. */
TEST(of_two_that_fit_none_is_taken)
{
	for (unsigned i = 1; i <= OTHERS; i++)
		plug_other(i, "0781\n", "5567\n");
	configured("[relay id]\nmatch = 16c0:05df\nchannel = 1\n"
		   "[relay ports]\nmatch = usb=1-1, usb=2-7\nchannel = 1\n"
		   "[relay port]\nmatch = 16c0:05df usb=1-1, 16c0:05df usb=1-1\nchannel = 1\n");
	assert_int_equal(resolved("ports", 0), STATUS_USAGE);
	plug_other(7, "16c0\n", "05df\n");
	assert_int_equal(resolved("id", 0), STATUS_USAGE);
	assert_int_equal(resolved("port", 0), STATUS_DONE);
	assert_string_equal(t.d.port, "1-1");
}

/* In the middle of a reset it has no number, and nobody may ask for its strings. */
TEST(one_that_does_not_say_its_name_may_be_the_one)
{
	configured("[relay name]\nmatch = 16c0:05df product=USBRelay2\nchannel = 1\n");
	assert_int_equal(resolved("name", 0), STATUS_DONE);
	plug_other(7, "16c0\n", "05df\n");
	put("/sys/bus/usb/devices/2-7/product", "USBRelay2\n");
	put("/sys/bus/usb/devices/2-7/devnum", "0\n");
	assert_int_equal(resolved("name", 0), STATUS_UNKNOWN);
	put("/sys/bus/usb/devices/2-7/devnum", "9\n");
	assert_int_equal(resolved("name", 0), STATUS_USAGE);
	put("/sys/bus/usb/devices/2-7/product", "Other\n");
	assert_int_equal(resolved("name", 0), STATUS_DONE);
}

TEST(what_cannot_be_read_is_not_missing)
{
	configured("[relay a]\nmatch = 16c0:05df usb=1-1\nchannel = 1\n"
		   "[relay b]\nmatch = usb=1-1\nchannel = 1\n"
		   "[relay c]\nmatch = 16c0:05df\nchannel = 1\n");
	for (const char *name = "abc"; *name; name++) {
		const char word[2] = {*name};
		descriptors_end(true);
		enum status s = resolved(word, 0);
		descriptors_end(false);
		assert_int_equal(s, STATUS_FAILED);
	}
}

static char why[256];

static enum status left(uint16_t vid, uint16_t pid)
{
	const struct relay_orphan o = {
		.port = "1-1", .channel = 2, .protocol = RELAY_DCTTECH, .baud = 9600, .vid = vid, .pid = pid};

	*why = '\0';
	return relay_resolve_orphan(NULL, c, &o, &t, why, sizeof(why));
}

TEST(what_was_left_pressed_is_looked_for_on_its_own_board)
{
	configured("");
	assert_int_equal(left(0x16c0, 0x05df), STATUS_DONE);
	assert_string_equal(t.node, "/dev/hidraw0");
	assert_int_equal(left(0, 0), STATUS_DONE); /* not on record */
	assert_int_equal(left(0x16c0, 0x05dc), STATUS_NO_DEVICE);
	holds(why, "16c0:05df is in its port now");
	assert_int_equal(left(0x5131, 0x05df), STATUS_NO_DEVICE);
	configured("[device chip]\nmatch = usb=1-1\ninit = ch9329\n");
	assert_int_equal(left(0x16c0, 0x05df), STATUS_NO_DEVICE);
	holds(why, "[device chip]");
	configured("[device dongle]\nmatch = usb=1-2\ninit = ch9329\n");
	assert_int_equal(left(0x16c0, 0x05df), STATUS_DONE);
}

/* By a version that knew another one, or by whoever may write there. */
TEST(what_was_left_pressed_by_a_protocol_that_nobody_knows_is_said_to_be)
{
	struct relay_orphan o = {.port = "1-1", .channel = 2, .protocol = RELAY_PROTOCOLS, .baud = 9600};

	configured("");
	assert_int_equal(relay_resolve_orphan(NULL, c, &o, &t, why, sizeof(why)), STATUS_FAILED);
	holds(why, "protocol");
}

TEST(a_board_that_cannot_be_spoken_to_is_not_away)
{
	configured("");
	put(BOARD "/devnum", "0\n");
	assert_int_equal(left(0x16c0, 0x05df), STATUS_UNKNOWN);
	holds(why, "resets");
	put(BOARD "/devnum", "5\n");
	assert_int_equal(rename(NODE "/hidraw0/uevent", NODE "/hidraw0/none"), 0);
	assert_int_equal(left(0x16c0, 0x05df), STATUS_FAILED);
	holds(why, "no hidraw node");
	assert_int_equal(rename(NODE "/hidraw0/none", NODE "/hidraw0/uevent"), 0);
	descriptors_end(true);
	enum status s = left(0x16c0, 0x05df);
	descriptors_end(false);
	assert_int_equal(s, STATUS_FAILED);
	assert_int_equal(rename(BOARD, "/sys/bus/usb/devices/away"), 0);
	assert_int_equal(left(0x16c0, 0x05df), STATUS_NO_DEVICE);
	holds(why, "not back");
	assert_int_equal(rename("/sys/bus/usb/devices/away", BOARD), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_section_names_its_contact),
		cmocka_unit_test(a_contact_that_the_board_does_not_have_is_refused),
		cmocka_unit_test(the_strictest_section_of_a_contact_holds_by_whatever_it_is_called),
		cmocka_unit_test_teardown(where_a_port_is_named_no_other_device_is_looked_at, unplug_others),
		cmocka_unit_test_teardown(where_none_is_the_first_file_that_tells_is_read_of_each, unplug_others),
		cmocka_unit_test_teardown(of_two_that_fit_none_is_taken, unplug_others),
		cmocka_unit_test_teardown(one_that_does_not_say_its_name_may_be_the_one, unplug_others),
		cmocka_unit_test(what_was_left_pressed_is_looked_for_on_its_own_board),
		cmocka_unit_test(what_was_left_pressed_by_a_protocol_that_nobody_knows_is_said_to_be),
		cmocka_unit_test(a_board_that_cannot_be_spoken_to_is_not_away),
		cmocka_unit_test(what_cannot_be_read_is_not_missing),
	};

	return RUN(tests, plug, unplug);
}
