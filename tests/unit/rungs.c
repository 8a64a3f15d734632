/* SPDX-License-Identifier: MIT */
/* What the rungs refuse, and what is owed around them, in a /sys that the tests have made. */
#include "isolated.h"

#include <libusb.h>

#include "ladder.h"
#include "usb.h"

#define USB "/sys/bus/usb/devices/"

static struct device device;
static struct rung rung;
static char why[256], owed[4][256];
static unsigned times;
static int refusal;

static int owe(void *ctx, const char *what)
{
	(void)ctx;
	assert_true(times < COUNT(owed));
	snprintf(owed[times++], sizeof(owed[0]), "%s", what);
	return refusal;
}

static int remade(void **state)
{
	(void)state;
	if (system("cd /sys/bus/usb && rm -rf devices drivers_probe && mkdir -p devices/1-4 devices/1-4:1.0/driver "
		   "devices/1-4:1.1 && echo 1 >devices/1-4/authorized && echo 7 >devices/1-4/devnum && : "
		   ">drivers_probe && "
		   ": >devices/1-4:1.0/driver/unbind"))
		return -1;
	device = (struct device){.port = "1-4", .bus = 1, .dev = 7, .interfaces = 2};
	device.interface[0] = (struct interface){.name = "1-4:1.0", .driver = "uvcvideo"};
	device.interface[1] = (struct interface){.name = "1-4:1.1"};
	rung = (struct rung){.d = &device, .owe = owe, .why = why, .size = sizeof(why)};
	memset(owed, 0, sizeof(owed));
	times = 0;
	refusal = 0;
	return 0;
}

TEST(what_is_to_be_put_right_is_on_record_before_it_is_undone)
{
	assert_int_equal(ladder_take(RESET_AUTHORIZE, &rung), 0);
	assert_true(rung.tried);
	assert_int_equal(times, 2);
	assert_string_equal(owed[0], "authorize@7=1-4");
	assert_string_equal(owed[1], "");
	assert_string_equal(content(USB "1-4/authorized"), "1\n");
}

TEST(without_a_record_nothing_is_begun)
{
	refusal = -ENOSPC;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(ladder_take(i ? RESET_REBIND : RESET_AUTHORIZE, &rung), -ENOSPC);
		assert_false(rung.tried);
		assert_non_null(strstr(why, "not begun"));
		assert_non_null(strstr(why, strerror(ENOSPC)));
	}
	assert_string_equal(content(USB "1-4/authorized"), "1\n");
	assert_string_equal(content(USB "1-4:1.0/driver/unbind"), "");
}

TEST(what_somebody_else_has_withdrawn_is_not_given)
{
	assert_true(write_file(USB "1-4/authorized", "0\n"));
	assert_int_equal(ladder_take(RESET_AUTHORIZE, &rung), -EOPNOTSUPP);
	assert_non_null(strstr(why, "withdrawn"));
	assert_int_equal(times, 0);
}

TEST(what_cannot_be_read_is_not_called_withdrawn)
{
	descriptors_end(true);
	int e = ladder_take(RESET_AUTHORIZE, &rung);
	descriptors_end(false);
	assert_int_equal(e, -EMFILE);
	assert_null(strstr(why, "withdrawn"));
	assert_non_null(strstr(why, strerror(EMFILE)));
	assert_int_equal(times, 0);
}

TEST(drivers_are_taken_off_and_all_interfaces_offered_again)
{
	assert_int_equal(ladder_take(RESET_REBIND, &rung), 0);
	assert_string_equal(owed[0], "bind@7=1-4:1.0 bind@7=1-4:1.1");
	assert_string_equal(owed[1], "");
	assert_string_equal(content(USB "1-4:1.0/driver/unbind"), "1-4:1.0");
	assert_string_equal(content("/sys/bus/usb/drivers_probe"), "1-4:1.1");
}

TEST(a_driver_that_cannot_be_taken_off_is_named)
{
	assert_int_equal(system("rm " USB "1-4:1.0/driver/unbind && mkdir " USB "1-4:1.0/driver/unbind"), 0);
	assert_int_equal(ladder_take(RESET_REBIND, &rung), -EISDIR);
	assert_non_null(strstr(why, "1-4:1.0 cannot be unbound"));
	assert_string_equal(owed[1], ""); /* and is probed for all the same */
}

TEST(another_programs_interfaces_and_a_hubs_are_let_alone)
{
	snprintf(device.interface[0].driver, sizeof(device.interface[0].driver), "usbfs");
	snprintf(device.interface[1].driver, sizeof(device.interface[1].driver), "hub");
	assert_int_equal(ladder_take(RESET_REBIND, &rung), -EOPNOTSUPP);
	assert_non_null(strstr(why, "another program's"));
	assert_int_equal(times, 0);
	assert_false(rung.tried);
}

TEST(one_without_a_configuration_is_rebound_itself)
{
	device.interfaces = 0;
	assert_int_equal(ladder_take(RESET_REBIND, &rung), 0);
	assert_string_equal(owed[0], "bind@7=1-4");
}

TEST(without_its_hub_there_is_no_power_to_cut)
{
	assert_int_equal(ladder_take(RESET_POWER, &rung), -ENODEV);
	assert_non_null(strstr(why, "hub"));
	assert_int_equal(times, 0);
}

TEST(a_node_that_is_not_there_is_a_device_that_went)
{
	device.bus = device.dev = 999;
	assert_int_equal(ladder_take(RESET_USB, &rung), -ENODEV);
	assert_non_null(strstr(why, "/dev/bus/usb/999/999"));
	assert_false(rung.tried);
	assert_int_equal(ladder_alive(&device, why, sizeof(why)), -ENODEV);
}

TEST(libusbs_errors_are_errnos)
{
	assert_int_equal(usb_errno(LIBUSB_ERROR_ACCESS), -EACCES);
	assert_int_equal(usb_errno(LIBUSB_ERROR_NO_DEVICE), -ENODEV);
	assert_int_equal(usb_errno(LIBUSB_ERROR_NOT_FOUND), -ENODEV);
	assert_int_equal(usb_errno(LIBUSB_ERROR_TIMEOUT), -ETIMEDOUT);
	assert_int_equal(usb_errno(LIBUSB_ERROR_NO_MEM), -ENOMEM);
	assert_int_equal(usb_errno(LIBUSB_ERROR_BUSY), -EBUSY);
	assert_int_equal(usb_errno(LIBUSB_ERROR_PIPE), -EIO);
}

#define T(name) cmocka_unit_test_setup(name, remade)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_to_be_put_right_is_on_record_before_it_is_undone),
		T(without_a_record_nothing_is_begun),
		T(what_somebody_else_has_withdrawn_is_not_given),
		T(what_cannot_be_read_is_not_called_withdrawn),
		T(drivers_are_taken_off_and_all_interfaces_offered_again),
		T(a_driver_that_cannot_be_taken_off_is_named),
		T(another_programs_interfaces_and_a_hubs_are_let_alone),
		T(one_without_a_configuration_is_rebound_itself),
		T(without_its_hub_there_is_no_power_to_cut),
		T(a_node_that_is_not_there_is_a_device_that_went),
		T(libusbs_errors_are_errnos),
	};

	return RUN(tests, isolate, NULL);
}
