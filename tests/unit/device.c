/* SPDX-License-Identifier: MIT */
/* Devices as sysfs shows them, in a /sys that the tests have made. */
#include "isolated.h"

#include "config.h"
#include "device.h"
#include "stream.h"
#include "sysfs.h"

#define DEVICE "/sys/devices/hcd/usb1/1-4"

/* A dongle in port 1-4: two interfaces, one of which has no driver, and two video nodes, of which one is the picture.
 */
static int plugged(void **state)
{
	(void)state;
	if (system("rm -rf /sys/bus/usb/devices /sys/devices; mkdir -p /sys/bus/usb/devices /sys/drivers/uvcvideo "
		   "/sys/class/video4linux"))
		return -1;
	file(DEVICE "/idVendor", "534d\n");
	file(DEVICE "/idProduct", "2109\n");
	file(DEVICE "/busnum", "1\n");
	file(DEVICE "/devnum", "7\n");
	file(DEVICE "/bNumInterfaces", " 2\n");
	file(DEVICE "/bConfigurationValue", "1\n");
	file(DEVICE "/product", "USB \033Video\n");
	file(DEVICE "/1-4:1.0/video4linux/video1/dev", "81:1\n");
	file(DEVICE "/1-4:1.0/video4linux/video1/index", "1\n");
	file(DEVICE "/1-4:1.0/video4linux/video1/uevent", "MAJOR=81\nMINOR=1\nDEVNAME=video1\n");
	file(DEVICE "/1-4:1.0/video4linux/video0/dev", "81:0\n");
	file(DEVICE "/1-4:1.0/video4linux/video0/index", "0\n");
	file(DEVICE "/1-4:1.0/video4linux/video0/uevent", "MAJOR=81\nMINOR=0\nDEVNAME=video0\n");
	file(DEVICE "/1-4:1.1/bInterfaceNumber", "01\n");
	/* What hangs on it, were it a hub, is not its own. */
	file(DEVICE "/1-4.1/1-4.1:1.0/video4linux/video9/dev", "81:9\n");
	if (symlink("/sys/drivers/uvcvideo", DEVICE "/1-4:1.0/driver") ||
		symlink("/sys/class/video4linux", DEVICE "/1-4:1.0/video4linux/video0/subsystem") ||
		symlink("/sys/class/video4linux", DEVICE "/1-4:1.0/video4linux/video1/subsystem") ||
		symlink(DEVICE, "/sys/bus/usb/devices/1-4"))
		return -1;
	return 0;
}

TEST(a_device_is_what_its_folder_says)
{
	struct device d;
	char name[128];

	assert_int_equal(device_read(NULL, NULL, "1-4", &d), 0);
	assert_string_equal(d.syspath, DEVICE);
	assert_int_equal(d.vid, 0x534d);
	assert_int_equal(d.pid, 0x2109);
	assert_int_equal(d.bus, 1);
	assert_int_equal(d.dev, 7);
	assert_int_equal(d.interfaces_wanted, 2);
	assert_int_equal(d.interfaces, 2);
	assert_int_equal(d.nodes, 2);
	assert_string_equal(d.node[0].path, "/dev/video0");
	assert_true(d.node[0].capture);
	assert_false(d.node[1].capture);
	assert_ptr_equal(device_node(&d, NODE_VIDEO), &d.node[0]);
	assert_null(device_node(&d, NODE_TTY));
	device_name(&d, name, sizeof(name));
	assert_null(strchr(name, '\033'));
	assert_non_null(strstr(name, "1-4 534d:2109"));
}

TEST(a_driver_is_its_interfaces)
{
	struct device d;

	assert_int_equal(device_read(NULL, NULL, "1-4", &d), 0);
	for (unsigned i = 0; i < d.interfaces; i++)
		assert_string_equal(d.interface[i].driver, strcmp(d.interface[i].name, "1-4:1.0") ? "" : "uvcvideo");
}

/* By uvc_delete(), when the old picture is closed at last: see device-wait.c. */
TEST(an_interface_that_uvcvideo_has_let_go_late_is_not_waited_for)
{
	struct watch w = {.settled = -1, .fd = -1};
	struct device before, now;
	struct back b = {.before = &before};
	char why[256];

	assert_int_equal(device_read(NULL, NULL, "1-4", &before), 0);
	for (int other = 0; other < 2; other++) {
		for (unsigned i = 0; i < before.interfaces; i++)
			snprintf(before.interface[i].driver, sizeof(before.interface[i].driver), "%s",
				other && !strcmp(before.interface[i].name, "1-4:1.1") ? "usbhid" : "uvcvideo");
		assert_int_equal(device_wait(&w, NULL, &b, &now, why, sizeof(why)), other ? -ETIMEDOUT : 0);
	}
	holds(why, "no driver is bound to interface 1-4:1.1");
	/* All of them is another matter. */
	assert_int_equal(unlink(DEVICE "/1-4:1.0/driver"), 0);
	assert_int_equal(device_wait(&w, NULL, &b, &now, why, sizeof(why)), -ETIMEDOUT);
}

TEST(an_empty_port_has_no_device)
{
	struct device d;

	assert_int_equal(device_read(NULL, NULL, "1-5", &d), -ENODEV);
	assert_int_equal(device_read(NULL, NULL, "1-1.2.3.4.5.6.7.8.9.10.11.12.13.14.15", &d), -ENODEV);
	assert_false(device_present("1-5"));
	assert_true(device_present("1-4"));
}

TEST(one_without_a_number_is_being_reset)
{
	struct device d;

	file(DEVICE "/devnum", "0\n");
	assert_int_equal(device_read(NULL, NULL, "1-4", &d), 0);
	assert_int_equal(d.dev, 0);
	assert_true(d.cut);
}

TEST(one_is_found_by_what_can_be_told_without_opening_it)
{
	struct selector sel = {0};
	struct device *list;
	char text[384];
	size_t n;

	assert_int_equal(selector_parse(&sel, "534d:2109 bus=001/007", true, text, sizeof(text)), 0);
	assert_int_equal(device_find(NULL, NULL, &sel, &list, &n), 0);
	assert_int_equal(n, 1);
	free(list);
	file(DEVICE "/devnum", "8\n");
	assert_int_equal(device_find(NULL, NULL, &sel, &list, &n), 0);
	assert_int_equal(n, 0);
	free(list);
	selector_free(&sel);
	assert_int_equal(selector_parse(&sel, "serial=X", true, text, sizeof(text)), 0);
	assert_int_equal(device_find(NULL, NULL, &sel, &list, &n), 0);
	assert_int_equal(n, 0);
	free(list);
	selector_free(&sel);
}

/* The ports of what a selector names, in order. */
static void found(const char *text, const char *ports)
{
	struct selector sel = {0};
	struct device *list;
	char why[384], said[64] = "";
	size_t n;

	assert_int_equal(selector_parse(&sel, text, true, why, sizeof(why)), 0);
	assert_int_equal(device_find(NULL, NULL, &sel, &list, &n), 0);
	for (size_t i = 0; i < n; i++)
		snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s%s", i ? " " : "", list[i].port);
	assert_string_equal(said, ports);
	free(list);
	selector_free(&sel);
}

TEST(what_a_selector_names_is_found)
{
	file("/sys/bus/usb/devices/1-10/idVendor", "16c0\n");
	file("/sys/bus/usb/devices/1-10/idProduct", "05df\n");
	file("/sys/bus/usb/devices/1-10/busnum", "1\n");
	file("/sys/bus/usb/devices/1-10/devnum", "10\n");
	file("/sys/bus/usb/devices/1-10/product", "USBRelay2\n");
	file("/sys/bus/usb/devices/1-10/serial", "HURTM\n");
	found("usb=1-10, usb=1-4, usb=1-10", "1-4 1-10");
	found("usb=1-4 usb=1-10", "");
	found("usb=1-4 16c0:05df", "");
	found("16c0:05df usb=1-4, 16c0:05df usb=1-10", "1-10");
	found("usb=1-4, 16c0:05df", "1-4 1-10");
	found("16c0:05df, usb=1-4", "1-4 1-10");
	found("serial=HURTM", "1-10");
	found("serial=hurtm", "");
	found("16c0:05df serial=HURTM", "1-10");
	found("534d:2109 serial=HURTM", "");
	found("product=*", "1-4 1-10");
	found("product=USBRelay?", "1-10");
	found("bus=001/010", "1-10");
	found("bus=002/010", "");
	found("capture", "");
	found("usb=1-5, usb=1-1.2.3.4.5.6.7.8.9.10.11.12.13.14.15", "");
}

TEST(a_kernel_without_usb_has_no_devices)
{
	struct device *list;
	size_t n = 1;

	assert_int_equal(system("rm -rf /sys/bus/usb/devices"), 0);
	assert_int_equal(device_list(NULL, NULL, &list, &n), 0);
	assert_int_equal(n, 0);
	free(list);
}

TEST(what_cannot_be_read_is_not_gone_and_not_another)
{
	struct device *list, d;
	size_t n = 1;

	descriptors_end(true);
	int one = device_read(NULL, NULL, "1-4", &d), all = device_list(NULL, NULL, &list, &n);
	descriptors_end(false);
	assert_int_equal(one, -EMFILE);
	assert_int_equal(all, -EMFILE);
	assert_int_equal(n, 0);
	assert_int_equal(sysfs_trouble(), EMFILE);
	assert_int_equal(device_list(NULL, NULL, &list, &n), 0);
	assert_int_equal(n, 1);
	free(list);
}

TEST(only_want_of_means_is_no_answer)
{
	assert_false(sysfs_unread(ENOENT));
	assert_false(sysfs_unread(ENODEV));
	assert_false(sysfs_unread(EACCES));
	assert_false(sysfs_unread(0));
	assert_true(sysfs_unread(ENOMEM));
	assert_true(sysfs_unread(ENFILE));
	assert_true(sysfs_unread(EIO));
}

TEST(a_file_is_read_to_its_newline_and_a_link_to_its_last_part)
{
	char text[64], longest[5000];

	assert_true(sysfs_read(DEVICE, "bNumInterfaces", text, sizeof(text)));
	assert_string_equal(text, " 2");
	assert_int_equal(sysfs_number(DEVICE, "idVendor", 16), 0x534d);
	assert_int_equal(sysfs_number(DEVICE, "nothing", 16), 0);
	assert_true(sysfs_link(DEVICE "/1-4:1.0", "driver", text, sizeof(text)));
	assert_string_equal(text, "uvcvideo");
	assert_false(sysfs_link(DEVICE, "idVendor", text, sizeof(text)));
	assert_string_equal(text, "");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_false(sysfs_read(longest, "idVendor", text, sizeof(text)));
	assert_false(sysfs_link(longest, "driver", text, sizeof(text)));
	assert_int_equal(sysfs_write(longest, "authorized", "0"), -ENAMETOOLONG);
}

TEST(what_is_not_there_to_be_written_has_gone)
{
	assert_int_equal(sysfs_write(DEVICE, "nothing", "1"), -ENODEV);
	assert_int_equal(sysfs_write(DEVICE, "1-4:1.0", "1"), -EISDIR);
	assert_int_equal(sysfs_write("/dev", "full", "1"), -ENOSPC);
	assert_int_equal(sysfs_write(DEVICE, "product", "0"), 0);
}

TEST(a_stream_is_asked_of_a_camera)
{
	char words[128];

	assert_int_equal(stream_ask("/dev/nothing", words, sizeof(words)), -ENODEV);
	assert_non_null(strstr(words, "/dev/nothing"));
	int e = stream_ask("/dev/null", words, sizeof(words));
	assert_true(e == -ENOTTY || e == -ENOSYS); /* QEMU's user emulation does not know the question */
	assert_non_null(strstr(words, "cannot be negotiated"));
}

#define T(name) cmocka_unit_test_setup(name, plugged)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_device_is_what_its_folder_says),
		T(a_driver_is_its_interfaces),
		T(an_interface_that_uvcvideo_has_let_go_late_is_not_waited_for),
		T(an_empty_port_has_no_device),
		T(one_without_a_number_is_being_reset),
		T(one_is_found_by_what_can_be_told_without_opening_it),
		T(what_a_selector_names_is_found),
		T(a_kernel_without_usb_has_no_devices),
		T(what_cannot_be_read_is_not_gone_and_not_another),
		T(a_file_is_read_to_its_newline_and_a_link_to_its_last_part),
		T(what_is_not_there_to_be_written_has_gone),
		T(a_stream_is_asked_of_a_camera),
		T(only_want_of_means_is_no_answer),
	};

	return RUN(tests, isolate, NULL);
}
