/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <errno.h>
#include <stdlib.h>

#include "selector.h"

static char why[384];

/* Parses with sections allowed; the caller frees. */
static struct selector parsed(const char *text)
{
	struct selector sel = {0};

	why[0] = '\0';
	if (selector_parse(&sel, text, true, why, sizeof(why)))
		fail_msg("%s: %s", text, why);
	return sel;
}

/* What all alternatives look like, divided by " | ". */
static void shows(const char *text, const char *want)
{
	struct selector sel = parsed(text);
	char all[4096], one[512];
	size_t n = 0;

	for (size_t i = 0; i < sel.n; i++)
		if (selector_terms(&sel)[i].first) {
			size_t len = selector_show(one, sizeof(one), &sel, i);
			assert_int_equal(len, strlen(one));
			n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", n ? " | " : "", one);
		}
	assert_string_equal(all, want);
	selector_free(&sel);
	assert_int_equal(sel.n, 0);
	assert_null(sel.several);
}

static unsigned weighs(const char *text, const struct usb_facts *f)
{
	struct selector sel = parsed(text);
	unsigned w = selector_match(&sel, f, NULL);

	selector_free(&sel);
	return w;
}

/* The text is refused, and the message has all the parts, divided by |. */
static void refused(const char *text, bool sections, const char *parts)
{
	struct selector sel = {0};
	char part[256];

	why[0] = '\0';
	if (selector_parse(&sel, text, sections, why, sizeof(why)) != -EINVAL)
		fail_msg("\"%s\" was taken", text);
	for (const char *p = parts; *p;) {
		size_t len = strcspn(p, "|");
		snprintf(part, sizeof(part), "%.*s", (int)len, p);
		holds(why, part);
		p += len + (p[len] == '|');
	}
	selector_free(&sel);
}

TEST(every_form_is_read_and_shows_itself_again)
{
	static const char *const forms[] = {"534d:2109", "0000:ffff", "usb=1-1.4", "usb=12-3.4.5.6", "serial=ABC123",
		"serial=00:11:22", "product=Video", "product=\"USB Video\"", "product=\"a,b\"", "product=\"USB*,x?\"",
		"product=[abc]*", "bus=001/004", "bus=255/127", "/dev/video0", "/dev/serial/by-id/usb-1a86-if00",
		"/dev/kvmd-hid", "capture", "my_Dongle-2", "1a86:7523 usb=1-1.4",
		"534d:2109 serial=7 product=\"USB Video\" bus=001/004 /dev/video0 capture usb=1-2"};

	for (size_t i = 0; i < COUNT(forms); i++)
		shows(forms[i], forms[i]);
}

TEST(other_spellings_show_the_usual_one)
{
	shows("534D:2109", "534d:2109");
	shows("bus=1/4", "bus=001/004");
	shows("/dev/bus/usb/001/004", "bus=001/004");
	shows("/sys/bus/usb/devices/1-1.4", "usb=1-1.4");
	shows("/sys/devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1.4", "usb=1-1.4");
	shows("/sys/bus/usb/devices/1-1.4///", "usb=1-1.4");
	shows("\"USB\"", "USB");
	shows("product=USB\" \"Video", "product=\"USB Video\"");
	shows("\"product=USB Video\"", "product=\"USB Video\"");
}

TEST(quotes_around_a_whole_word_change_nothing)
{
	shows("\"usb=1-1.4\"", "usb=1-1.4");
	shows("\"/dev/video0\"", "/dev/video0");
	shows("\"534d:2109\"", "534d:2109");
}

TEST(commas_divide_alternatives_and_blanks_add_terms)
{
	shows("534d:2109, 345f:2130", "534d:2109 | 345f:2130");
	shows("534d:2109,345f:2130", "534d:2109 | 345f:2130");
	shows("534d:2109 ,345f:2130", "534d:2109 | 345f:2130");
	shows("534d:2109 usb=1-1, usb=2-1\tserial=x", "534d:2109 usb=1-1 | usb=2-1 serial=x");
	shows("  534d:2109 ,, , usb=2-1 , ", "534d:2109 | usb=2-1");
	shows(", 534d:2109", "534d:2109");
	shows("usb=1-1,534d:2109 usb=1-2", "usb=1-1 | 534d:2109 usb=1-2");
}

TEST(a_second_text_adds_an_alternative)
{
	struct selector sel = parsed("usb=1-1");
	char one[64];

	assert_int_equal(selector_parse(&sel, "534d:2109 usb=1-2", true, why, sizeof(why)), 0);
	assert_int_equal(sel.n, 3);
	assert_true(selector_terms(&sel)[1].first);
	assert_false(selector_terms(&sel)[2].first);
	selector_show(one, sizeof(one), &sel, 0);
	assert_string_equal(one, "usb=1-1");
	selector_free(&sel);
}

TEST(forty_alternatives_are_all_kept_and_all_match)
{
	char text[40 * 11 + 1];
	size_t n = 0;

	for (unsigned i = 0; i < 40; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s1a86:%04x", i ? ", " : "", 0x7500 + i);
	struct selector sel = parsed(text);
	assert_int_equal(sel.n, 40);
	for (unsigned i = 0; i < 40; i++) {
		size_t which = 99;
		struct usb_facts f = {.vid = 0x1a86, .pid = (uint16_t)(0x7500 + i)};
		assert_int_equal(selector_match(&sel, &f, &which), 1);
		assert_int_equal(which, i);
	}
	assert_int_equal(selector_match(&sel, &(struct usb_facts){.vid = 0x1a86, .pid = 0x7528}, NULL), 0);
	selector_free(&sel);
}

TEST(a_refusal_quotes_the_text_and_helps)
{
	refused("", true, "\"\" names no device");
	refused("534d:210", true, "\"534d:210\" is not an ID|four hex digits");
	refused("534d:21090", true, "\"534d:21090\" is not an ID");
	refused("53g4:2109", true, "\"53g4:2109\" is not an ID");
	refused("usb=1", true, "\"usb=1\" is not a port|usb=1-1.4");
	refused("usb=", true, "\"usb=\" has nothing after the =");
	refused("product=\"\"", true, "\"product=\" has nothing after the =");
	refused("ubs=1-1", true, "\"ubs=1-1\" begins with an unknown key|\"usb=\"");
	refused("seriel=x", true, "\"seriel=x\"|\"serial=\"");
	refused("vendor=x", true, "\"vendor=x\"|known are usb=, serial=, product=, bus=");
	refused("averyveryverylongkey=x", true, "unknown key|known are");
	refused("bus=1", true, "\"bus=1\" is not a bus|bus=001/004");
	refused("bus=0/4", true, "\"bus=0/4\"|bus=001/004");
	refused("bus=1/128", true, "\"bus=1/128\"");
	refused("bus=1/4/5", true, "\"bus=1/4/5\"");
	refused("bus=00000001/4", true, "\"bus=00000001/4\"");
	refused("/dev/bus/usb/001", true, "\"/dev/bus/usb/001\" is not a USB device node|/dev/bus/usb/001/004");
	refused("/sys/bus/usb/devices/usb1", true, "devices/usb1\" is not the sysfs path|1-1.4");
	refused("/sys/bus/usb/devices/1-1:1.0", true, "1-1:1.0\" is not the sysfs path");
	refused("/dev/", true, "\"/dev/\" is no path below /dev or /sys");
	refused("/etc/passwd", true, "\"/etc/passwd\" is no path below /dev or /sys");
	refused("./video0", true, "\"./video0\" is no path");
	refused("capture!", true, "\"capture!\" is neither an ID, a port, a node nor a section's name");
	refused("capture", false, "\"capture\" is not a selector|534d:2109, usb=1-1.4, serial=|product=");
	refused("serial=a\vb", true, "\"serial=a\\x0bb\" holds a control character");
	refused("1-1 product=\"Caf\xe9\"", true, "is a port");
	refused("product=\"Caf\xe9 \"", true, "\"product=Caf\\xe9 \" holds a control character, or is not UTF-8");
	refused("/dev/x\x1b[2J", true, "\"/dev/x\\x1b[2J\" holds a control character");
	refused("serial=\"abc", true, "\"serial=\"abc\" has a quote that is not closed");
	refused("534d:2109, usb=x", true, "\"usb=x\" is not a port");
}

TEST(a_refusal_of_commas_alone_quotes_them)
{
	refused(",", true, "\",\" names no device");
}

TEST(what_stands_behind_empty_quotes_is_not_lost)
{
	struct selector sel = {0};

	/* Taken or refused, but never a selector that names more devices than the person wrote. */
	if (!selector_parse(&sel, "1a86:7523 \"\" usb=1-1.4", true, why, sizeof(why)))
		assert_int_equal(sel.n, 2);
	selector_free(&sel);
}

TEST(a_word_that_is_too_long_is_refused)
{
	char text[400];

	memset(text, 'a', sizeof(text));
	text[399] = '\0';
	memcpy(text, "serial=", 7);
	refused(text, true, "\"serial=aaa|is too long");
	text[255] = '\0'; /* the longest that fits */
	shows(text, text);
}

TEST(a_refusal_shows_no_control_characters)
{
	refused("cap\x1b[2Jture", true, "cap\\x1b[2Jture");
}

TEST(ports_are_what_the_kernel_calls_devices)
{
	static const char *const good[] = {"1-1", "1-1.4", "12-13.14.15.1.2", "1-0"};
	static const char *const bad[] = {"", "1", "usb1", "1-", "-1", "1-1.", "1-.1", "1-1..2", "1.1", "1-1-1",
		"1-1:1.0", "1-1/..", "../x", "1-1 ", " 1-1", "1-1\n", "1-a", "a-1", "1-1.4x", "0x1-1"};

	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(selector_is_port(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		if (selector_is_port(bad[i]))
			fail_msg("\"%s\" is a port", bad[i]);
}

TEST(names_hold_letters_digits_dash_and_underscore)
{
	assert_true(selector_is_name("Capture_2-a"));
	for (int c = 1; c < 256; c++) {
		char name[2] = {(char)c, 0};
		bool good = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
			    c == '_';
		assert_int_equal(selector_is_name(name), good);
	}
}

TEST(an_id_is_read_with_either_divider_and_says_where_it_ends)
{
	static const struct {
		const char *text;
		char sep;
		int e;
		uint16_t vid, pid;
		const char *rest;
	} id[] = {{"534d:2109", ':', 0, 0x534d, 0x2109, ""}, {"534d/2109/2100", '/', 0, 0x534d, 0x2109, "/2100"},
		{"bda/8153/3000", '/', 0, 0x0bda, 0x8153, "/3000"}, {"1d6b/2/515", '/', 0, 0x1d6b, 0x2, "/515"},
		{"FFFF:abCD,", ':', 0, 0xffff, 0xabcd, ","}, {"12345:1", ':', -EINVAL}, {":1", ':', -EINVAL},
		{"1:", ':', -EINVAL}, {"1/2", ':', -EINVAL}, {"", ':', -EINVAL}, {"g:1", ':', -EINVAL}};

	for (size_t i = 0; i < COUNT(id); i++) {
		uint16_t vid = 0, pid = 0;
		const char *end = NULL;
		assert_int_equal(selector_id(id[i].text, id[i].sep, &vid, &pid, &end), id[i].e);
		if (id[i].e)
			continue;
		assert_int_equal(vid, id[i].vid);
		assert_int_equal(pid, id[i].pid);
		assert_string_equal(end, id[i].rest);
	}
}

static const char *const nodes[] = {"/dev/video0", "/dev/kvmd-video", NULL};
static const struct usb_facts full = {.vid = 0x534d,
	.pid = 0x2109,
	.bus = 1,
	.dev = 4,
	.port = "1-1.4",
	.serial = "S1",
	.product = "USB Video",
	.section = "capture",
	.nodes = nodes};

TEST(each_kind_matches_what_it_names_and_nothing_else)
{
	static const char *const yes[] = {"534d:2109", "usb=1-1.4", "serial=S1", "product=\"USB Video\"",
		"bus=001/004", "/dev/video0", "/dev/kvmd-video", "capture", "/sys/bus/usb/devices/1-1.4",
		"usb=2-2, usb=1-1.4"};
	static const char *const no[] = {"534d:2108", "534e:2109", "usb=1-1", "usb=1-1.4.1", "usb=1-1.40", "serial=S",
		"serial=S11", "serial=s1", "product=USB", "product=\"usb video\"", "bus=001/005", "bus=002/004",
		"/dev/video", "/dev/video00", "cap", "534d:2109 usb=1-1.5", "usb=1-1.5 534d:2109",
		"534d:2109 serial=S1 capture usb=9-9"};

	for (size_t i = 0; i < COUNT(yes); i++)
		if (!weighs(yes[i], &full))
			fail_msg("\"%s\" does not match", yes[i]);
	for (size_t i = 0; i < COUNT(no); i++)
		if (weighs(no[i], &full))
			fail_msg("\"%s\" matches", no[i]);
}

TEST(a_product_may_hold_wildcards_and_a_serial_number_may_not)
{
	assert_true(weighs("product=USB*", &full));
	assert_true(weighs("product=\"*Vid?o\"", &full));
	assert_true(weighs("product=\"[UV]SB Video\"", &full));
	assert_false(weighs("product=*video", &full));
	assert_false(weighs("product=USB?", &full));
	assert_false(weighs("serial=S*", &full));
	assert_true(weighs("product=*", &(struct usb_facts){.product = "a/b.c"}));
	assert_true(weighs("product=\"a\\*\"", &(struct usb_facts){.product = "a*"}));
	assert_false(weighs("product=\"a\\*\"", &(struct usb_facts){.product = "ab"}));
}

TEST(what_is_not_known_does_not_match)
{
	static const struct usb_facts none = {.vid = 0x534d, .pid = 0x2109};
	static const char *const asks[] = {"usb=1-1.4", "serial=S1", "product=*", "/dev/video0", "capture",
		"bus=001/004", "534d:2109 serial=S1", "product=* 534d:2109"};

	for (size_t i = 0; i < COUNT(asks); i++)
		assert_int_equal(weighs(asks[i], &none), 0);
	assert_true(weighs("534d:2109", &none));
	assert_int_equal(selector_match(&(struct selector){0}, &full, NULL), 0);
}

TEST(one_device_outweighs_serial_outweighs_product_outweighs_id)
{
	static const char *const order[] = {"534d:2109", "product=USB*", "534d:2109 product=USB*", "serial=S1",
		"serial=S1 product=USB* 534d:2109", "usb=1-1.4", "usb=1-1.4 534d:2109"};
	unsigned before = 0;

	for (size_t i = 0; i < COUNT(order); i++) {
		unsigned w = weighs(order[i], &full);
		assert_true(w > before);
		before = w;
	}
	assert_int_equal(weighs("usb=1-1.4", &full), weighs("/dev/video0", &full));
	assert_int_equal(weighs("usb=1-1.4", &full), weighs("bus=001/004", &full));
}

TEST(of_several_alternatives_the_most_specific_counts_and_is_named)
{
	struct selector sel = parsed("534d:2109, usb=1-1.4 serial=S1, product=USB*, serial=no usb=1-1.4 bus=001/004");
	size_t which = 99;

	assert_int_equal(selector_match(&sel, &full, &which), weighs("usb=1-1.4 serial=S1", &full));
	assert_int_equal(which, 1);
	assert_true(selector_has(&sel, SEL_SERIAL));
	assert_true(selector_has(&sel, SEL_BUS));
	assert_false(selector_has(&sel, SEL_NODE));
	selector_free(&sel);
	sel = parsed("usb=1-1.4, /dev/video0");
	selector_match(&sel, &full, &which);
	assert_int_equal(which, 0);
	selector_free(&sel);
}

TEST(showing_never_writes_beyond_its_room)
{
	struct selector sel = parsed("534d:2109 usb=1-1.4 product=\"USB Video\" /dev/video0");
	char whole[128];
	size_t full_len = selector_show(whole, sizeof(whole), &sel, 0);

	for (size_t size = 1; size <= full_len + 1; size++) {
		char *dst = malloc(size);
		assert_non_null(dst);
		size_t n = selector_show(dst, size, &sel, 0);
		assert_int_equal(n, strlen(dst));
		assert_memory_equal(dst, whole, n);
		free(dst);
	}
	selector_free(&sel);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_is_read_and_shows_itself_again),
		cmocka_unit_test(other_spellings_show_the_usual_one),
		cmocka_unit_test(quotes_around_a_whole_word_change_nothing),
		cmocka_unit_test(commas_divide_alternatives_and_blanks_add_terms),
		cmocka_unit_test(a_second_text_adds_an_alternative),
		cmocka_unit_test(forty_alternatives_are_all_kept_and_all_match),
		cmocka_unit_test(a_refusal_quotes_the_text_and_helps),
		cmocka_unit_test(a_refusal_of_commas_alone_quotes_them),
		cmocka_unit_test(what_stands_behind_empty_quotes_is_not_lost),
		cmocka_unit_test(a_word_that_is_too_long_is_refused),
		cmocka_unit_test(a_refusal_shows_no_control_characters),
		cmocka_unit_test(ports_are_what_the_kernel_calls_devices),
		cmocka_unit_test(names_hold_letters_digits_dash_and_underscore),
		cmocka_unit_test(an_id_is_read_with_either_divider_and_says_where_it_ends),
		cmocka_unit_test(each_kind_matches_what_it_names_and_nothing_else),
		cmocka_unit_test(a_product_may_hold_wildcards_and_a_serial_number_may_not),
		cmocka_unit_test(what_is_not_known_does_not_match),
		cmocka_unit_test(one_device_outweighs_serial_outweighs_product_outweighs_id),
		cmocka_unit_test(of_several_alternatives_the_most_specific_counts_and_is_named),
		cmocka_unit_test(showing_never_writes_beyond_its_room),
	};

	return RUN(tests, NULL, NULL);
}
