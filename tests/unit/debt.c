/* SPDX-License-Identifier: MIT */
#include "isolated.h"

#include "debt.h"
#include "port.h"

#define USB "/sys/bus/usb/devices/"

static char why[256];

static int remade(void **state)
{
	(void)state;
	if (system("rm -rf /sys/bus/usb; mkdir -p /sys/bus/usb/devices"))
		return -1;
	file(USB "usb1/bConfigurationValue", "1\n");
	file(USB "usb1/speed", "480\n");
	file(USB "1-0:1.0/usb1-port1/disable", "0\n");
	file(USB "1-1/bConfigurationValue", "2\n");
	file(USB "1-1/devnum", "8\n");
	file(USB "1-1/authorized", "0\n");
	file(USB "1-1:1.0/bInterfaceNumber", "00\n");
	file(USB "1-1:2.0/1-1-port4/disable", "1\n");
	file("/sys/bus/usb/drivers_probe", "");
	return 0;
}

TEST(a_devices_port_is_its_hubs_as_the_kernel_calls_it)
{
	struct port p;

	assert_int_equal(port_of("1-1", &p), 0);
	assert_string_equal(p.hub, "usb1");
	assert_string_equal(p.name, "usb1-port1");
	assert_string_equal(p.dir, USB "1-0:1.0/usb1-port1");
	assert_int_equal(port_of("1-1.4", &p), 0);
	assert_string_equal(p.hub, "1-1");
	assert_int_equal(p.number, 4);
	assert_string_equal(p.name, "1-1-port4");
	assert_string_equal(p.dir, USB "1-1:2.0/1-1-port4"); /* the hub's configuration is 2 */
	assert_string_equal(p.peer, "");
	assert_int_equal(symlink("../../2-1:1.0/2-1-port4", USB "1-1:2.0/1-1-port4/peer"), 0);
	assert_int_equal(port_of("1-1.4", &p), 0);
	assert_string_equal(p.peer, "2-1-port4");
	assert_int_equal(port_of("1-2.4", &p), -ENODEV);
	assert_int_equal(port_of("usb1", &p), -EINVAL);
	assert_int_equal(port_of("../x", &p), -EINVAL);
}

TEST(a_port_is_found_by_its_name_again)
{
	static const char *const bad[] = {"", "1-1", "-port4", "1-1-port", "1-1-port0", "1-1-port4x", "../1-1-port4"};
	struct port p;

	assert_int_equal(port_named("1-1-port4", &p), 0);
	assert_string_equal(p.dir, USB "1-1:2.0/1-1-port4");
	assert_int_equal(port_named("usb1-port1", &p), 0);
	assert_string_equal(p.dir, USB "1-0:1.0/usb1-port1");
	assert_int_equal(port_named("3-1-port4", &p), -ENODEV);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(port_named(bad[i], &p), -EINVAL);
}

TEST(a_hubs_descriptor_says_how_it_switches)
{
	static const struct {
		uint8_t descriptor[9];
		int result;
		enum hub_power power;
	} hubs[] = {
		{{9, 0x29, 4, 0x00, 0, 50, 100, 0, 0xff}, 0, HUB_POWER_GANGED},
		{{9, 0x29, 4, 0x01, 0, 50, 100, 0, 0xff}, 0, HUB_POWER_EACH},
		{{9, 0x29, 4, 0x02, 0, 50, 100, 0, 0xff}, 0, HUB_POWER_NONE},
		{{9, 0x29, 4, 0x03, 0, 50, 100, 0, 0xff}, 0, HUB_POWER_NONE},
		{{9, 0x29, 4, 0x0a, 0, 50, 100, 0, 0xff}, 0, HUB_POWER_NONE}, /* QEMU's */
		{{9, 0x29, 8, 0x09, 0, 50, 100, 0, 0xff}, 0, HUB_POWER_EACH}, /* QEMU's, port-power=on */
		{{12, 0x2a, 4, 0x08, 0, 50, 100, 0, 0}, 0, HUB_POWER_GANGED}, /* overcurrent bits are no power bits */
		{{9, 0x29, 1, 0x00, 0, 50, 100, 0, 0xff}, 0, HUB_POWER_EACH}, /* all its ports are one */
		{{18, 0x01, 4, 0x01, 0, 50, 100, 0, 0xff}, -EBADMSG, HUB_POWER_NONE},
	};

	for (size_t i = 0; i < COUNT(hubs); i++) {
		enum hub_power power = HUB_POWER_NONE;
		unsigned ports = 0;
		assert_int_equal(hub_power_parse(hubs[i].descriptor, 9, &power, &ports), hubs[i].result);
		assert_int_equal(power, hubs[i].power);
		if (!hubs[i].result)
			assert_int_equal(ports, hubs[i].descriptor[2]);
		assert_int_equal(hub_power_parse(hubs[i].descriptor, 4, &power, &ports), -EBADMSG);
	}
}

TEST(a_ports_status_is_read_the_same_way_by_every_processor)
{
	static const struct {
		uint8_t status[4];
		bool super_speed, connected, powered;
	} ports[] = {
		{{0x03, 0x05, 0, 0}, false, true, true}, /* a device of high speed, in use */
		{{0x00, 0x01, 0, 0}, false, false, true},
		{{0x00, 0x00, 0, 0}, false, false, false},
		{{0x01, 0x00, 1, 0}, false, true, false},
		{{0x03, 0x02, 0, 0}, true, true, true},
		{{0xa0, 0x02, 0, 0}, true, false, true}, /* Rx.Detect */
		{{0x80, 0x01, 0, 0}, true, false, false},
	};

	for (size_t i = 0; i < COUNT(ports); i++) {
		bool connected = !ports[i].connected, powered = !ports[i].powered;
		assert_int_equal(
			port_state_parse(ports[i].status, 3, ports[i].super_speed, &connected, &powered), -EBADMSG);
		assert_int_equal(port_state_parse(ports[i].status, 4, ports[i].super_speed, &connected, &powered), 0);
		assert_int_equal(connected, ports[i].connected);
		assert_int_equal(powered, ports[i].powered);
	}
}

TEST(what_is_owed_is_paid_once_and_struck_off)
{
	char owed[DEBT_SIZE] = "";

	assert_int_equal(debt_authorize(owed, "1-1", 8), 0);
	assert_int_equal(debt_bind(owed, "1-1:1.0", 8), 0);
	assert_int_equal(debt_power(owed, "1-1-port4"), 0);
	assert_string_equal(owed, "authorize@8=1-1 bind@8=1-1:1.0 power=1-1-port4");
	assert_int_equal(debt_pay(owed, why, sizeof(why)), 0);
	assert_string_equal(owed, "");
	assert_string_equal(content(USB "1-1/authorized"), "1\n");
	assert_string_equal(content("/sys/bus/usb/drivers_probe"), "1-1:1.0");
	assert_string_equal(content(USB "1-1:2.0/1-1-port4/disable"), "0\n");
}

TEST(another_device_in_the_port_owes_nothing)
{
	char owed[DEBT_SIZE] = "authorize@7=1-1 bind@7=1-1:1.0";

	assert_int_equal(debt_pay(owed, why, sizeof(why)), 0);
	assert_string_equal(owed, "");
	assert_string_equal(content(USB "1-1/authorized"), "0\n");
	assert_string_equal(content("/sys/bus/usb/drivers_probe"), "");
}

TEST(what_is_on_already_is_left_alone)
{
	char owed[DEBT_SIZE] = "authorize@8=1-1 bind@8=1-1:1.0";

	file(USB "1-1/authorized", "1\n");
	assert_int_equal(symlink("../../drivers/uvcvideo", USB "1-1:1.0/driver"), 0);
	assert_int_equal(debt_pay(owed, why, sizeof(why)), 0);
	assert_string_equal(owed, "");
	assert_string_equal(content("/sys/bus/usb/drivers_probe"), "");
}

TEST(a_hub_that_is_gone_takes_its_debts_with_it)
{
	char owed[DEBT_SIZE] = "power=3-1-port4 power=4-1-port4";

	assert_int_equal(debt_pay(owed, why, sizeof(why)), 0);
	assert_string_equal(owed, "");
}

TEST(what_cannot_be_paid_stays_owed_and_the_rest_is_paid)
{
	char owed[DEBT_SIZE] = "authorize@8=1-1 power=1-1-port4";

	/* A folder in the file's place cannot be written. */
	assert_int_equal(unlink(USB "1-1/authorized"), 0);
	file(USB "1-1/authorized/x", "");
	assert_int_equal(debt_pay(owed, why, sizeof(why)), -EISDIR);
	assert_string_equal(owed, "authorize@8=1-1");
	assert_non_null(strstr(why, "1-1 cannot be authorized again"));
	assert_string_equal(content(USB "1-1:2.0/1-1-port4/disable"), "0\n");
	assert_int_equal(debt_pay(owed, why, sizeof(why)), -EISDIR);
	assert_string_equal(owed, "authorize@8=1-1");
}

TEST(what_cannot_be_looked_at_stays_owed)
{
	char owed[DEBT_SIZE] = "authorize@8=1-1 bind@8=1-1:1.0";

	descriptors_end(true);
	int e = debt_pay(owed, why, sizeof(why));
	descriptors_end(false);
	assert_int_equal(e, -EMFILE);
	assert_string_equal(owed, "authorize@8=1-1 bind@8=1-1:1.0");
	assert_non_null(strstr(why, strerror(EMFILE)));
	assert_string_equal(content(USB "1-1/authorized"), "0\n");
	assert_int_equal(debt_pay(owed, why, sizeof(why)), 0);
	assert_string_equal(owed, "");
	assert_string_equal(content(USB "1-1/authorized"), "1\n");
}

TEST(words_that_are_no_debts_are_struck_off)
{
	char owed[DEBT_SIZE] = "nonsense authorize@8=../../x bind@8=1-1/../x power=../1-port4 power= =  authorize";

	assert_int_equal(debt_pay(owed, why, sizeof(why)), 0);
	assert_string_equal(owed, "");
	assert_string_equal(content("/sys/bus/usb/drivers_probe"), "");
}

TEST(a_full_list_takes_no_more_and_loses_nothing)
{
	char owed[DEBT_SIZE] = "", before[DEBT_SIZE];
	int e = 0;

	while (!e) {
		memcpy(before, owed, sizeof(owed));
		e = debt_power(owed, "1-1.2.3.4-port7");
	}
	assert_int_equal(e, -ENOSPC);
	assert_string_equal(owed, before);
	assert_in_range(strlen(owed), DEBT_SIZE - 30, DEBT_SIZE - 1);
}

#define T(name) cmocka_unit_test_setup(name, remade)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_devices_port_is_its_hubs_as_the_kernel_calls_it),
		T(a_port_is_found_by_its_name_again),
		T(a_hubs_descriptor_says_how_it_switches),
		T(a_ports_status_is_read_the_same_way_by_every_processor),
		T(what_is_owed_is_paid_once_and_struck_off),
		T(another_device_in_the_port_owes_nothing),
		T(what_is_on_already_is_left_alone),
		T(a_hub_that_is_gone_takes_its_debts_with_it),
		T(what_cannot_be_paid_stays_owed_and_the_rest_is_paid),
		T(what_cannot_be_looked_at_stays_owed),
		T(words_that_are_no_debts_are_struck_off),
		T(a_full_list_takes_no_more_and_loses_nothing),
	};

	return RUN(tests, isolate, NULL);
}
