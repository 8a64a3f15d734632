/* SPDX-License-Identifier: MIT */
/*
 * What a recovery does where the hardware, or the disk, does what none in the bench does: with a chip, methods and an
 * endpoint of our own, and a tree of our own in the place of /sys.
 */
#include "isolated.h"

#include <sys/mount.h>

#include "chip.h"
#include "ladder.h"
#include "log.h"
#include "story.h"
#include "sysfs.h"
#include "wait.h"

/* Three functions are these here (--wrap of the linker). */
static int chip_is;
static unsigned rungs, asked;
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
	(void)method;
	rungs++;
	r->tried = true;
	*r->why = '\0';
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
	udev = udev_new();
	log_hush(true);
	return !udev || wait_block_signals() || config_load(&config, &paths, log_config_error, NULL) ? -1 : 0;
}

static int anew(void **state)
{
	(void)state;
	rungs = asked = 0;
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

#define T(test) cmocka_unit_test_setup(test, anew)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(a_tty_that_is_lost_each_time_is_the_next_methods_and_its_device_not_gone),
		T(what_cannot_be_counted_is_reset_by_a_persons_wish_only),
		T(what_then_has_initialised_is_held_no_longer),
	};

	int failed = RUN(tests, plug, NULL);
	config_free(config);
	udev_unref(udev);
	return failed;
}
