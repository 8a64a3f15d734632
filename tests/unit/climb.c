/* SPDX-License-Identifier: MIT */
/*
 * What a recovery does where the hardware, or the disk, does what none in the bench does: with a chip, methods and an
 * endpoint of our own, and a tree of our own in the place of /sys.
 */
#include "isolated.h"

#include <sys/mount.h>
#include <time.h>

#include "chip.h"
#include "ladder.h"
#include "log.h"
#include "story.h"
#include "sysfs.h"
#include "wait.h"

/* Three functions are these here (--wrap of the linker). */
static int chip_is;
static unsigned rungs, asked;
static void (*what_it_does)(enum reset_method method);
int __wrap_chip_reset(const struct chip_job *job, struct chip_state *state, char *why, size_t size);
int __wrap_ladder_take(enum reset_method method, struct rung *r);
int __wrap_ladder_alive(const struct device *d, char *why, size_t size);

int __wrap_chip_reset(const struct chip_job *job, struct chip_state *state, char *why, size_t size)
{
	(void)job;
	(void)state;
	asked++;
	snprintf(why, size, "its tty went away");
	return chip_is;
}

int __wrap_ladder_take(enum reset_method method, struct rung *r)
{
	rungs++;
	r->tried = true;
	*r->why = '\0';
	if (what_it_does)
		what_it_does(method);
	return 0;
}

int __wrap_ladder_alive(const struct device *d, char *why, size_t size)
{
	(void)d;
	(void)why;
	(void)size;
	return 0;
}

static struct udev *udev;
static struct config *config;

/* A device with a tty in port 1-1. */
static int plug(void **state)
{
#define DEVICE SYSFS_USB "/1-1"
#define TTY    DEVICE "/1-1:1.0/ttyUSB0/tty/ttyUSB0"
	const struct config_paths paths = {"", "/run/replug.conf", ""};

	if (isolate(state))
		return -1;
	file("/run/replug.conf", "[device capture]\nmatch = 534d:2109\nthen = hid\n"
				 "[device hid]\nmatch = 0403:6001\ninit = ch9329\ntimeout = 1s\n"
				 "reset = usb, rebind, authorize\n");
	file(DEVICE "/idVendor", "0403\n");
	file(DEVICE "/idProduct", "6001\n");
	file(DEVICE "/busnum", "1\n");
	file(DEVICE "/devnum", "5\n");
	file(DEVICE "/bNumInterfaces", "1\n");
	file(DEVICE "/bConfigurationValue", "1\n");
	file(TTY "/dev", "1:3\n");
	file(TTY "/uevent", "MAJOR=1\nMINOR=3\nDEVNAME=null\n");
	file("/sys/class/tty/there", "");
	if (symlink("/sys/class/tty", TTY "/subsystem"))
		return -1;
	setenv("SYSTEMD_DEVICE_VERIFY_SYSFS", "0", 1); /* or libudev looks whether it is the kernel's */
	udev = udev_new();
	log_hush(true);
	return !udev || wait_block_signals() || config_load(&config, &paths, log_config_error, NULL) ? -1 : 0;
}

static int anew(void **state)
{
	(void)state;
	rungs = asked = 0;
	what_it_does = NULL;
	chip_is = 0;
	unlink("/run/replug/1-1.json");
	return 0;
}

static struct record on_record(void)
{
	struct record r;

	assert_int_equal(record_load("1-1", &r), 0);
	return r;
}

/* As an adapter does of which a driver says EIO, whatever was the matter with it. */
TEST(a_tty_that_is_lost_each_time_is_the_next_methods_and_its_device_not_gone)
{
	struct run run = {.udev = udev, .config = config, .mode = RECOVER_HAND};

	chip_is = -ENODEV;
	assert_int_equal(recover_port(&run, "1-1"), STATUS_FAILED);
	assert_int_equal(rungs, 3);
	assert_int_equal(asked, 3 * DROPS);
	struct record r = on_record();
	assert_int_equal(r.state, RECORD_FAILED);
	holds(r.error, "its tty went away");
}

TEST(what_cannot_be_counted_is_reset_by_a_persons_wish_only)
{
	struct run run = {.udev = udev, .config = config};
	struct record r = {.port = "1-1", .state = RECORD_FAILED, .section = "hid"};
	static char block[4096];

	record_unlock(record_lock("1-1", 0));
	assert_int_equal(record_save(&r), 0);
	assert_int_equal(mount("tmpfs", "/run/replug", "tmpfs", 0, "mode=755,size=64k"), 0);
	int lock = record_lock("1-1", 0), fd = open("/run/replug/full", O_WRONLY | O_CREAT, 0600);
	assert_true(lock >= 0 && fd >= 0);
	record_unlock(lock);
	while (write(fd, block, sizeof(block)) > 0)
		;
	for (run.mode = RECOVER_EVENT; run.mode <= RECOVER_CHECKUP; run.mode++) {
		assert_int_equal(recover_port(&run, "1-1"), STATUS_FAILED);
		assert_int_equal(rungs, 0);
	}
	run.mode = RECOVER_HAND;
	assert_int_equal(recover_port(&run, "1-1"), STATUS_DONE);
	assert_int_equal(rungs, 1);
	/* As soon as it can be counted, it is done. */
	assert_int_equal(ftruncate(fd, 0), 0);
	close(fd);
	run.mode = RECOVER_EVENT;
	assert_int_equal(recover_port(&run, "1-1"), STATUS_DONE);
	assert_int_equal(rungs, 2);
	assert_int_equal(on_record().resets, 1);
	assert_int_equal(umount("/run/replug"), 0);
}

/* Held, and its window is over: what `then` may initialise is not held any more. */
TEST(what_then_has_initialised_is_held_no_longer)
{
	struct run run = {.udev = udev, .config = config, .mode = RECOVER_HAND};
	struct record r = {.port = "1-1",
		.id = "0403:6001",
		.section = "hid",
		.state = RECORD_HELD,
		.held = true,
		.dev = 5,
		.event_ms = clock_ms()};

	assert_int_equal(record_save(&r), 0);
	assert_int_equal(story_then(&run, config_find(config, "capture"), "1-2", clock_ms()), STATUS_HELD);
	assert_int_equal(asked, 0);
	assert_true(on_record().held);
	r.event_ms = 1;
	assert_int_equal(record_save(&r), 0);
	assert_int_equal(story_then(&run, config_find(config, "capture"), "1-2", clock_ms()), STATUS_DONE);
	assert_int_equal(asked, 1);
	assert_int_equal(on_record().state, RECORD_RECOVERED);
	assert_false(on_record().held);
}

/* While somebody has it locked: as of a pipe that nobody writes to. */
TEST(at_a_plug_a_device_that_cannot_be_asked_is_whose_udev_has_found_it_to_be)
{
	const struct config_paths paths = {"", "/run/replug/strings.conf", ""};
	struct run run = {.udev = udev, .mode = RECOVER_EVENT};
	struct config *c;

	file(paths.own, "[device by-serial]\nmatch = serial=B\nreset = usb\ntimeout = 1s\n");
	assert_int_equal(config_load(&c, &paths, log_config_error, NULL), 0);
	run.config = c;
	assert_int_equal(mkfifo(DEVICE "/serial", 0600), 0);
	assert_int_equal(recover_port(&run, "1-1"), STATUS_NO_DEVICE);
	file(DEVICE "/uevent", "MAJOR=189\nMINOR=4\nDEVTYPE=usb_device\n");
	file("/run/udev/data/c189:4", "I:1\nE:REPLUG_DEVICE=by-serial\n");
	file("/sys/bus/usb/there", "");
	assert_int_equal(symlink("/sys/bus/usb", DEVICE "/subsystem"), 0);
	assert_int_equal(recover_port(&run, "1-1"), STATUS_DONE);
	assert_int_equal(rungs, 1);
	assert_string_equal(on_record().section, "by-serial");
	unlink(DEVICE "/serial");
	unlink("/run/udev/data/c189:4");
	config_free(c);
}

/* udev has just finished with the node of this number. */
static void finished(const char *number)
{
	struct timespec t;
	char path[64], text[64];

	clock_gettime(CLOCK_MONOTONIC, &t);
	snprintf(path, sizeof(path), "/run/udev/data/c%s", number);
	snprintf(text, sizeof(text), "I:%llu\n",
		(unsigned long long)t.tv_sec * 1000000 + (unsigned long long)t.tv_nsec / 1000);
	file(path, text);
}

#define OTHER DEVICE "/1-1:1.1/0003:0403:6001.0001/hidraw/hidraw0"
static void add_other(void)
{
	file(OTHER "/dev", "1:5\n");
	file(OTHER "/uevent", "MAJOR=1\nMINOR=5\nDEVNAME=zero\n");
	assert_int_equal(symlink("/sys/class/hidraw", OTHER "/subsystem"), 0);
	finished("1:5");
}

/* Rebinding makes the other node anew and loses the tty; the reset brings that back, and leaves the other one alone.
 */
static void node_by_node(enum reset_method method)
{
	wait_for(-1, 0, clock_ms() + 20);
	if (method == RESET_REBIND) {
		assert_int_equal(rename(DEVICE "/1-1:1.1", "/sys/before"), 0); /* its inode is not used again */
		assert_int_equal(rename(TTY "/uevent", "/sys/uevent"), 0);
		add_other();
	} else {
		assert_int_equal(rename("/sys/uevent", TTY "/uevent"), 0);
		finished("1:3");
	}
	wait_for(-1, 0, clock_ms() + 20);
}

TEST(a_node_that_an_earlier_method_made_anew_is_not_waited_for_again)
{
	struct device_conf *conf = config_find(config, "hid");
	const struct conf_ladder before = conf->ladder;
	struct run run = {.udev = udev, .config = config, .mode = RECOVER_HAND};

	file("/run/udev/control", "");
	file("/sys/class/hidraw/there", "");
	finished("1:3");
	add_other();
	conf->ladder = (struct conf_ladder){.method = {RESET_REBIND, RESET_USB}, .n = 2};
	what_it_does = node_by_node;
	enum status s = recover_port(&run, "1-1");
	conf->ladder = before;
	unlink("/run/udev/control");
	assert_int_equal(rungs, 2);
	assert_int_equal(s, STATUS_DONE);
}

#define T(test) cmocka_unit_test_setup(test, anew)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(a_tty_that_is_lost_each_time_is_the_next_methods_and_its_device_not_gone),
		T(what_cannot_be_counted_is_reset_by_a_persons_wish_only),
		T(what_then_has_initialised_is_held_no_longer),
		T(at_a_plug_a_device_that_cannot_be_asked_is_whose_udev_has_found_it_to_be),
		T(a_node_that_an_earlier_method_made_anew_is_not_waited_for_again),
	};

	int failed = RUN(tests, plug, NULL);
	config_free(config);
	udev_unref(udev);
	return failed;
}
