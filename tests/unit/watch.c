/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "columns.h"
#include "table.h"
#include "watch-event.h"
#include "watch-ports.h"

/* --- columns --- */

static void fits(const char *src, unsigned columns, const char *want, unsigned used)
{
	char dst[256];

	assert_int_equal(columns_fit(dst, sizeof(dst), src, columns), used);
	assert_string_equal(dst, want);
}

TEST(a_line_is_cut_at_the_width)
{
	fits("1-1.4 capture", 80, "1-1.4 capture", 13);
	fits("1-1.4 capture", 13, "1-1.4 capture", 13);
	fits("1-1.4 capture", 12, "1-1.4 captur", 12);
	fits("x", 0, "", 0);
	fits("", 10, "", 0);
}

TEST(letters_of_several_bytes_take_one_column)
{
	fits("\xc3\xa4\xc3\xb6\xc3\xbc\xe2\x82\xac!", 5, "\xc3\xa4\xc3\xb6\xc3\xbc\xe2\x82\xac!", 5);
	fits("\xc3\xa4\xc3\xb6\xc3\xbc", 2, "\xc3\xa4\xc3\xb6", 2);
}

TEST(wide_characters_take_two_and_are_never_halved)
{
	fits("\xe8\xa7\x86\xe9\xa2\x91", 4, "\xe8\xa7\x86\xe9\xa2\x91", 4);
	fits("\xe8\xa7\x86\xe9\xa2\x91", 3, "\xe8\xa7\x86", 2);
	fits("a\xf0\x9f\x98\x80", 2, "a", 1);
}

TEST(what_combines_stays_with_its_letter)
{
	fits("e\xcc\x81x", 1, "e\xcc\x81", 1);
	fits("e\xcc\x81\xcc\x88", 1, "e\xcc\x81\xcc\x88", 1);
	fits("a\xe2\x80\x8b"
	     "b",
		2,
		"a\xe2\x80\x8b"
		"b",
		2);
}

TEST(what_nobody_knows_the_width_of_takes_two)
{
	fits("\xf4\x8f\xbf\xbf", 1, "", 0); /* U+10FFFF is no character */
	fits("\xf4\x8f\xbf\xbf", 2, "\xf4\x8f\xbf\xbf", 2);
}

TEST(a_small_buffer_ends_at_a_whole_character)
{
	char dst[4];

	assert_int_equal(columns_fit(dst, sizeof(dst), "ab\xc3\xa4", 10), 2);
	assert_string_equal(dst, "ab");
	assert_int_equal(columns_fit(dst, sizeof(dst), "a\xc3\xa4z", 10), 2);
	assert_string_equal(dst, "a\xc3\xa4");
}

TEST(a_torn_sequence_ends_where_the_text_does)
{
	fits("a\xe2\x82", 10, "a\xe2\x82", 4);
}

/* --- times --- */

static void ago(int64_t seconds, const char *want)
{
	char dst[32];

	columns_ago(dst, sizeof(dst), seconds);
	assert_string_equal(dst, want);
}

TEST(times_are_told_in_the_largest_unit)
{
	ago(-5, "now");
	ago(0, "now");
	ago(1, "1 s ago");
	ago(59, "59 s ago");
	ago(60, "1 min ago");
	ago(3599, "59 min ago");
	ago(3600, "1 h ago");
	ago(86399, "23 h ago");
	ago(86400 * 3, "3 d ago");
}

TEST(a_time_reads_differently_when_it_is_said_to_and_not_before)
{
	static const int64_t ages[] = {-3, 0, 1, 58, 59, 60, 61, 3598, 3599, 3600, 7000, 86399, 86400, 200000};
	char now[32], before[32], then[32];

	for (size_t i = 0; i < COUNT(ages); i++) {
		int64_t in = columns_ago_changes(ages[i]);
		assert_true(in >= 1);
		columns_ago(now, sizeof(now), ages[i]);
		columns_ago(before, sizeof(before), ages[i] + in - 1);
		columns_ago(then, sizeof(then), ages[i] + in);
		assert_string_equal(now, before);
		assert_string_not_equal(now, then);
	}
}

/* --- events --- */

static const struct record outcome = {.port = "1-1.4",
	.id = "534d:2109",
	.section = "capture",
	.product = "USB Video",
	.state = RECORD_RECOVERED,
	.action = "reset",
	.duration_ms = 412,
	.when = 1700000000};

static void reads(const struct event *e, const char *want)
{
	char text[1024];

	event_text(e, text, sizeof(text));
	assert_string_equal(text, want);
}

TEST(an_outcome_says_what_was_done_and_how_long_it_took)
{
	struct record r = outcome;
	struct event e;

	event_of_record(&e, &r);
	reads(&e, "1-1.4 capture recovered reset in 412 ms");
	snprintf(r.action, sizeof(r.action), "reset+init+rebind+authorize+power");
	event_of_record(&e, &r);
	reads(&e, "1-1.4 capture recovered reset+init+rebind+authorize+power in 412 ms");
	r = outcome;
	r.state = RECORD_FAILED;
	snprintf(r.error, sizeof(r.error), "it is not on the bus");
	event_of_record(&e, &r);
	reads(&e, "1-1.4 capture failed reset after 412 ms: it is not on the bus");
	r.section[0] = '\0';
	event_of_record(&e, &r);
	reads(&e, "1-1.4 534d:2109 failed reset after 412 ms: it is not on the bus");
}

TEST(a_run_that_begins_does_not_tell_of_the_one_before)
{
	struct record r = outcome;
	struct event e;

	r.state = RECORD_BUSY;
	snprintf(r.error, sizeof(r.error), "old");
	event_of_record(&e, &r);
	reads(&e, "1-1.4 capture busy");
}

TEST(a_plug_says_what_was_plugged)
{
	struct event e = {.port = "1-2", .id = "1a86:7523", .section = "hid", .product = "Serial", .word = "plugged"};

	reads(&e, "1-2 hid plugged 1a86:7523 \"Serial\"");
	e.section[0] = '\0';
	reads(&e, "1-2 1a86:7523 plugged \"Serial\"");
	e.product[0] = '\0';
	reads(&e, "1-2 1a86:7523 plugged");
	snprintf(e.relay, sizeof(e.relay), "power");
	reads(&e, "1-2 [relay power] plugged 1a86:7523");
}

TEST(a_line_begins_with_the_time_in_utc)
{
	struct event e;
	char line[1024];

	setenv("TZ", "XYZ-5", 1);
	event_of_record(&e, &outcome);
	e.time = 1700000000;
	event_line(&e, false, line, sizeof(line));
	assert_string_equal(line, "2023-11-14T22:13:20Z 1-1.4 capture recovered reset in 412 ms\n");
	event_short(&e, line, sizeof(line));
	assert_string_equal(line, "03:13:20 1-1.4 capture recovered reset in 412 ms");
}

TEST(a_time_after_2038_is_one)
{
	struct event e;
	char line[1024];

	event_of_record(&e, &outcome);
	e.time = 4102444800;
	event_line(&e, false, line, sizeof(line));
	holds(line, "2100-01-01T00:00:00Z ");
}

TEST(as_json_it_is_one_line)
{
	struct event e, plug = {.port = "1-2", .id = "1a86:7523", .product = "a\"b", .word = "plugged"};
	char line[1024];

	event_of_record(&e, &outcome);
	e.time = 1700000000;
	event_line(&e, true, line, sizeof(line));
	assert_string_equal(line,
		"{\"time\":\"2023-11-14T22:13:20Z\",\"port\":\"1-1.4\",\"id\":\"534d:2109\",\"section\":\"capture\","
		"\"relay\":null,\"event\":\"recovered\",\"state\":\"recovered\",\"action\":\"reset\",\"error\":null,"
		"\"duration_ms\":412}\n");
	event_line(&plug, true, line, sizeof(line));
	assert_string_equal(line, "{\"time\":\"1970-01-01T00:00:00Z\",\"port\":\"1-2\",\"id\":\"1a86:7523\","
				  "\"section\":null,\"relay\":null,\"event\":\"plugged\",\"product\":\"a\\\"b\"}\n");
}

/* --- ports --- */

static char told[1024];

static void tell(void *ctx, const struct event *e)
{
	char text[512];
	size_t n = strlen(told);

	(void)ctx;
	event_text(e, text, sizeof(text));
	snprintf(told + n, sizeof(told) - n, "%s\n", text);
}

static void says(const char *want)
{
	assert_string_equal(told, want);
	told[0] = '\0';
}

static struct ports all = {.happened = tell};

static int reset(void **state)
{
	(void)state;
	ports_free(&all);
	told[0] = '\0';
	all = (struct ports){.happened = tell};
	return 0;
}

static void record(enum record_state now, enum record_state written, int64_t when)
{
	struct record r = outcome;

	r.state = now;
	r.when = when;
	assert_int_equal(ports_recorded(&all, &r, written), 0);
}

static const struct event dongle = {.port = "1-1.4", .id = "534d:2109", .section = "capture", .product = "USB Video"};

TEST(a_plug_and_its_recovery_are_told_once_each_and_in_order)
{
	assert_int_equal(ports_plugged(&all, &dongle, 5, true), 0);
	assert_int_equal(ports_plugged(&all, &dongle, 5, true), 0);
	record(RECORD_BUSY, RECORD_BUSY, 0);
	record(RECORD_BUSY, RECORD_BUSY, 0);
	record(RECORD_RECOVERED, RECORD_RECOVERED, 100);
	record(RECORD_RECOVERED, RECORD_RECOVERED, 100);
	says("1-1.4 capture plugged 534d:2109 \"USB Video\"\n1-1.4 capture busy\n"
	     "1-1.4 capture recovered reset in 412 ms\n");
}

TEST(what_was_there_before_is_no_event)
{
	all.quiet = true;
	ports_plugged(&all, &dongle, 5, true);
	record(RECORD_RECOVERED, RECORD_RECOVERED, 100);
	all.quiet = false;
	says("");
	record(RECORD_RECOVERED, RECORD_RECOVERED, 100);
	says("");
	record(RECORD_RECOVERED, RECORD_RECOVERED, 160); /* its busy was too short to be seen */
	says("1-1.4 capture recovered reset in 412 ms\n");
}

TEST(a_removal_is_told_once_and_without_what_was_done_before)
{
	all.quiet = true;
	ports_plugged(&all, &dongle, 5, true);
	record(RECORD_RECOVERED, RECORD_RECOVERED, 100);
	all.quiet = false;
	ports_unplugged(&all, "1-1.4", 4); /* another one's, come late */
	says("");
	ports_unplugged(&all, "1-1.4", 5);
	record(RECORD_GONE, RECORD_RECOVERED, 100);
	record(RECORD_GONE, RECORD_GONE, 100);
	ports_unplugged(&all, "1-1.4", 5);
	says("1-1.4 capture unplugged 534d:2109 \"USB Video\"\n1-1.4 capture gone\n");
}

TEST(a_run_that_ends_without_its_device_says_so)
{
	record(RECORD_BUSY, RECORD_BUSY, 0);
	record(RECORD_GONE, RECORD_GONE, 100);
	says("1-1.4 capture busy\n1-1.4 capture gone reset in 412 ms\n");
}

TEST(a_run_that_was_killed_did_not_do_what_the_one_before_did)
{
	record(RECORD_BUSY, RECORD_BUSY, 0);
	record(RECORD_FAILED, RECORD_BUSY, 0);
	record(RECORD_FAILED, RECORD_BUSY, 0);
	says("1-1.4 capture busy\n1-1.4 capture failed\n");
}

TEST(an_old_record_is_no_news_when_its_port_is_filled_again)
{
	record(RECORD_GONE, RECORD_RECOVERED, 100);
	told[0] = '\0';
	record(RECORD_RECOVERED, RECORD_RECOVERED, 100);
	says("");
	record(RECORD_GONE, RECORD_GONE, 100);
	told[0] = '\0';
	record(RECORD_HELD, RECORD_HELD, 100);
	says("1-1.4 capture held reset in 412 ms\n");
}

TEST(another_number_is_another_device_although_nobody_saw_the_first_one_go)
{
	ports_plugged(&all, &dongle, 5, true);
	told[0] = '\0';
	ports_plugged(&all, &dongle, 6, true);
	says("1-1.4 capture unplugged 534d:2109 \"USB Video\"\n1-1.4 capture plugged 534d:2109 \"USB Video\"\n");
}

TEST(a_stranger_is_told_of_only_where_its_port_is_on_record)
{
	struct event stick = {.port = "1-1.4", .id = "1234:5678"};

	ports_plugged(&all, &stick, 5, false);
	ports_unplugged(&all, "1-1.4", 5);
	says("");
	record(RECORD_GONE, RECORD_GONE, 100);
	told[0] = '\0';
	ports_plugged(&all, &stick, 6, false);
	says("1-1.4 1234:5678 plugged\n");
}

TEST(a_selector_decides_by_what_is_there_or_was_and_then_by_the_record)
{
	struct selector sel = {0};
	char why[256];

	assert_int_equal(selector_parse(&sel, "534d:2109", true, why, sizeof(why)), 0);
	all.sel = &sel;
	record(RECORD_GONE, RECORD_GONE, 100);
	says("1-1.4 capture gone\n");
	ports_plugged(&all, &dongle, 5, false);
	record(RECORD_BUSY, RECORD_BUSY, 100);
	says("");
	ports_unplugged(&all, "1-1.4", 5);
	ports_plugged(&all, &dongle, 6, true);
	ports_unplugged(&all, "1-1.4", 6);
	says("1-1.4 capture plugged 534d:2109 \"USB Video\"\n1-1.4 capture unplugged 534d:2109 \"USB Video\"\n");
	selector_free(&sel);
	all.sel = NULL;
}

TEST(ports_are_kept_in_their_natural_order)
{
	static const char *const in[] = {"1-10", "1-2", "2-1", "1-1.4", "1-1"};
	static const char *const want[] = {"1-1", "1-1.4", "1-2", "1-10", "2-1"};
	struct event e = {0};

	for (size_t i = 0; i < COUNT(in); i++) {
		snprintf(e.port, sizeof(e.port), "%s", in[i]);
		ports_plugged(&all, &e, 1, true);
	}
	assert_int_equal(all.n, COUNT(want));
	for (size_t i = 0; i < COUNT(want); i++)
		assert_string_equal(all.list[i].port, want[i]);
}

/* In the second column, whatever the first one is written in. */
TEST(a_table_is_in_line_with_wide_characters_too)
{
	static const char *const rows[][COLUMNS] = {
		{"a", "b"}, {"USB\xe6\x91\x84\xe5\x83\x8f\xe5\xa4\xb4", "b"}, {"\xc3\xa4\xc3\xb6", "b"}, {"", "b"}};
	struct table t = {0};
	char line[64], before[64];
	FILE *printed = tmpfile();
	int out = dup(STDOUT_FILENO);

	assert_non_null(printed);
	for (size_t i = 0; i < COUNT(rows); i++)
		table_add(&t, rows[i]);
	fflush(stdout);
	dup2(fileno(printed), STDOUT_FILENO);
	enum status s = table_print(&t);
	dup2(out, STDOUT_FILENO);
	close(out);
	assert_int_equal(s, STATUS_DONE);
	rewind(printed);
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_non_null(fgets(line, sizeof(line), printed));
		*strrchr(line, 'b') = '\0';
		assert_int_equal(columns_fit(before, sizeof(before), line, 60), 9 + 2);
	}
	fclose(printed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_cut_at_the_width),
		cmocka_unit_test(letters_of_several_bytes_take_one_column),
		cmocka_unit_test(wide_characters_take_two_and_are_never_halved),
		cmocka_unit_test(what_combines_stays_with_its_letter),
		cmocka_unit_test(what_nobody_knows_the_width_of_takes_two),
		cmocka_unit_test(a_small_buffer_ends_at_a_whole_character),
		cmocka_unit_test(a_torn_sequence_ends_where_the_text_does),
		cmocka_unit_test(times_are_told_in_the_largest_unit),
		cmocka_unit_test(a_time_reads_differently_when_it_is_said_to_and_not_before),
		cmocka_unit_test(an_outcome_says_what_was_done_and_how_long_it_took),
		cmocka_unit_test(a_run_that_begins_does_not_tell_of_the_one_before),
		cmocka_unit_test(a_plug_says_what_was_plugged),
		cmocka_unit_test(a_line_begins_with_the_time_in_utc),
		cmocka_unit_test(a_time_after_2038_is_one),
		cmocka_unit_test(as_json_it_is_one_line),
		cmocka_unit_test_teardown(a_plug_and_its_recovery_are_told_once_each_and_in_order, reset),
		cmocka_unit_test_teardown(what_was_there_before_is_no_event, reset),
		cmocka_unit_test_teardown(a_removal_is_told_once_and_without_what_was_done_before, reset),
		cmocka_unit_test_teardown(a_run_that_ends_without_its_device_says_so, reset),
		cmocka_unit_test_teardown(a_run_that_was_killed_did_not_do_what_the_one_before_did, reset),
		cmocka_unit_test_teardown(an_old_record_is_no_news_when_its_port_is_filled_again, reset),
		cmocka_unit_test_teardown(
			another_number_is_another_device_although_nobody_saw_the_first_one_go, reset),
		cmocka_unit_test_teardown(a_stranger_is_told_of_only_where_its_port_is_on_record, reset),
		cmocka_unit_test_teardown(a_selector_decides_by_what_is_there_or_was_and_then_by_the_record, reset),
		cmocka_unit_test_teardown(ports_are_kept_in_their_natural_order, reset),
		cmocka_unit_test(a_table_is_in_line_with_wide_characters_too),
	};

	return RUN(tests, NULL, NULL);
}
