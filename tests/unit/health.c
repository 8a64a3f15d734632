/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "health-show.h"
#include "refresh.h"

enum { T = 1000000, NOW = 1800000000 };

/* One round; whether the record changed, and whether that is news. */
enum { SILENT = 0, CHANGED = 1, NEWS = 2 };
static int round_of(struct record *r, enum health found)
{
	bool turned = true;
	int changed = health_note(r, found, NOW, &turned);

	return changed + (turned ? NEWS : 0);
}

TEST(a_first_verdict_is_news_only_where_it_is_not_well)
{
	struct record a = {0}, b = {0}, c = {0};

	assert_int_equal(round_of(&a, HEALTH_WELL), CHANGED);
	assert_string_equal(a.health, "well");
	assert_int_equal(round_of(&b, HEALTH_AILING), CHANGED + NEWS);
	assert_string_equal(b.health, "ailing");
	assert_int_equal(b.health_when, NOW);
	assert_int_equal(round_of(&c, HEALTH_DEAD), CHANGED + NEWS);
	assert_string_equal(c.health, "dead");
}

TEST(what_stays_well_changes_nothing)
{
	struct record r = {0};

	round_of(&r, HEALTH_WELL);
	r.health_when = 5;
	assert_int_equal(round_of(&r, HEALTH_WELL), SILENT);
	assert_int_equal(r.health_when, 5);
	assert_int_equal(r.health_bad, 0);
}

TEST(what_is_well_after_it_was_tried_in_vain_is_news_once)
{
	struct record r = {0};

	round_of(&r, HEALTH_WELL);
	r.state = RECORD_FAILED;
	assert_int_equal(round_of(&r, HEALTH_WELL), CHANGED + NEWS);
	assert_true(r.well_again);
	assert_int_equal(round_of(&r, HEALTH_WELL), SILENT);
	assert_int_equal(round_of(&r, HEALTH_AILING), CHANGED + NEWS);
}

TEST(what_a_run_has_seen_answer_is_forgotten_when_it_ails_again)
{
	struct record r = {.state = RECORD_RECOVERED, .health = "ailing", .well_again = true};

	assert_int_equal(round_of(&r, HEALTH_UNKNOWN), SILENT);
	assert_true(r.well_again);
	round_of(&r, HEALTH_AILING);
	assert_false(r.well_again);
}

TEST(what_stays_bad_is_counted_and_no_news)
{
	struct record r = {0};

	round_of(&r, HEALTH_AILING);
	for (unsigned i = 2; i < 10; i++) {
		assert_int_equal(round_of(&r, HEALTH_AILING), CHANGED);
		assert_int_equal(r.health_bad, i);
	}
}

TEST(from_ailing_to_dead_is_news_and_goes_on_counting)
{
	struct record r = {0};

	round_of(&r, HEALTH_AILING);
	assert_int_equal(round_of(&r, HEALTH_DEAD), CHANGED + NEWS);
	assert_int_equal(r.health_bad, 2);
	assert_int_equal(round_of(&r, HEALTH_AILING), CHANGED + NEWS);
	assert_int_equal(r.health_bad, 3);
}

TEST(back_to_well_is_news_and_ends_the_count)
{
	struct record r = {0};

	round_of(&r, HEALTH_DEAD);
	assert_int_equal(round_of(&r, HEALTH_WELL), CHANGED + NEWS);
	assert_int_equal(r.health_bad, 0);
	round_of(&r, HEALTH_AILING);
	assert_int_equal(r.health_bad, 1);
}

TEST(what_cannot_be_told_changes_nothing)
{
	struct record r = {0};

	assert_int_equal(round_of(&r, HEALTH_UNKNOWN), SILENT);
	assert_string_equal(r.health, "");
	round_of(&r, HEALTH_AILING);
	assert_int_equal(round_of(&r, HEALTH_UNKNOWN), SILENT);
	assert_string_equal(r.health, "ailing");
	assert_int_equal(r.health_bad, 1);
}

TEST(what_was_unplugged_while_it_was_asked_cannot_be_told)
{
	struct device d = {.port = "199-1", .bus = 199, .dev = 99};
	char evidence[256];

	assert_int_equal(health_ask(&d, NULL, NULL, evidence, sizeof(evidence)), HEALTH_UNKNOWN);
	holds(evidence, "/dev/bus/usb/199/099: No such device");
}

TEST(it_is_due_at_the_second_bad_round_and_ever_more_seldom)
{
	struct record r = {0};
	unsigned when[16], n = 0;

	for (unsigned round = 1; round <= 520; round++) {
		round_of(&r, HEALTH_AILING);
		if (health_due(r.health_bad) && n < COUNT(when))
			when[n++] = round;
	}
	static const unsigned want[] = {2, 4, 8, 16, 32, 64, 128, 256, 384, 512};
	assert_int_equal(n, COUNT(want));
	assert_memory_equal(when, want, sizeof(want));
	assert_false(health_due(0));
	assert_false(health_due(1));
}

TEST(a_sleeper_is_woken_unless_it_was_well_a_short_while_ago)
{
	struct record r = {.health = "well", .woken_ms = T};

	assert_false(health_wakes(&r, T));
	assert_false(health_wakes(&r, T + 599999));
	assert_true(health_wakes(&r, T + 600000));
	r.woken_ms = 0;
	assert_true(health_wakes(&r, 1));
	r = (struct record){.health = "ailing", .woken_ms = T};
	assert_true(health_wakes(&r, T));
	r = (struct record){.woken_ms = T};
	assert_true(health_wakes(&r, T));
}

TEST(due_counts_from_whatever_was_last)
{
	enum { HOUR = 3600000 };
	struct record r = {.verified_ms = T};

	assert_int_equal(refresh_left(&r, HOUR, 0, T), HOUR);
	assert_int_equal(refresh_left(&r, HOUR, 0, T + HOUR - 1), 1);
	assert_int_equal(refresh_left(&r, HOUR, 0, T + HOUR), 0);
	assert_int_equal(refresh_left(&r, HOUR, 0, T + 2ull * HOUR), 0);
	r.refreshed_ms = T + 1000; /* tried since, and it failed */
	assert_int_equal(refresh_left(&r, HOUR, 0, T + 1000), HOUR);
	r.verified_ms = T + 2000;
	assert_int_equal(refresh_left(&r, HOUR, 0, T + 2000), HOUR);
	assert_int_equal(refresh_left(&r, HOUR, T + 3000, T + 3000), HOUR); /* another device since */
}

TEST(what_never_was_verified_counts_from_its_plug_or_from_boot)
{
	struct record r = {0};

	assert_int_equal(refresh_left(&r, 1000, 5000, 5500), 500);
	assert_int_equal(refresh_left(&r, 1000, 5000, 6000), 0);
	assert_int_equal(refresh_left(&r, 10000, 0, 4000), 6000);
	assert_int_equal(refresh_left(&r, UINT32_MAX, 0, 1), UINT32_MAX - 1ull);
}

static const char *label(const char *value, size_t size)
{
	static char buffer[64];

	memset(buffer, 'x', sizeof(buffer));
	health_label(buffer, size, value);
	assert_int_equal(buffer[size], 'x');
	return buffer;
}

TEST(labels_are_escaped)
{
	assert_string_equal(label("1-1.4", 32), "1-1.4");
	assert_string_equal(label("", 32), "");
	assert_string_equal(label("a\\b\"c\nd", 32), "a\\\\b\\\"c\\nd");
	assert_string_equal(label("\xc3\xa4", 32), "\xc3\xa4");
}

TEST(a_label_is_never_cut_within_an_escape)
{
	assert_string_equal(label("abc", 4), "abc");
	assert_string_equal(label("abcd", 4), "abc");
	assert_string_equal(label("ab\"", 5), "ab\\\"");
	assert_string_equal(label("ab\"", 4), "ab");
	assert_string_equal(label("\"", 1), "");
}

static char *metrics(const struct patient *p, size_t n, const struct record *all, size_t others)
{
	static char text[8192];
	FILE *f = fmemopen(text, sizeof(text), "w");

	assert_non_null(f);
	health_metrics(p, n, all, others, f);
	fclose(f);
	return text;
}

TEST(the_metrics_are_what_prometheus_reads)
{
	static const struct device_conf conf = {.name = "capture"};
	static const struct device d = {.vid = 0x534d, .pid = 0x2109, .conf = &conf};
	static const struct patient p[] = {
		{.d = &d,
			.port = "1-1",
			.health = HEALTH_AILING,
			.r = {.recoveries = 3, .failures = 1, .recovered_ms = 1234, .recovered_when = NOW}},
		{.d = &d, .port = "1-2", .health = HEALTH_UNKNOWN}};
	static const struct record all[] = {
		{.port = "1-1", .id = "534d:2109", .section = "capture", .recoveries = 99},
		{.port = "1-3", .id = "1a86:7523", .section = "hid", .failures = 2},
		{.port = "1-4", .id = "1234:5678"}};

	assert_string_equal(metrics(p, COUNT(p), all, COUNT(all)),
		"# HELP replug_health 1 well, 0.5 ailing (answers, but not all of it), 0 dead.\n"
		"# TYPE replug_health gauge\n"
		"replug_health{port=\"1-1\",id=\"534d:2109\",section=\"capture\"} 0.5\n"
		"# HELP replug_recoveries_total Recoveries that succeeded since boot.\n"
		"# TYPE replug_recoveries_total counter\n"
		"replug_recoveries_total{port=\"1-1\",id=\"534d:2109\",section=\"capture\"} 3\n"
		"replug_recoveries_total{port=\"1-2\",id=\"534d:2109\",section=\"capture\"} 0\n"
		"replug_recoveries_total{port=\"1-3\",id=\"1a86:7523\",section=\"hid\"} 0\n"
		"# HELP replug_failures_total Recoveries that failed since boot.\n"
		"# TYPE replug_failures_total counter\n"
		"replug_failures_total{port=\"1-1\",id=\"534d:2109\",section=\"capture\"} 1\n"
		"replug_failures_total{port=\"1-2\",id=\"534d:2109\",section=\"capture\"} 0\n"
		"replug_failures_total{port=\"1-3\",id=\"1a86:7523\",section=\"hid\"} 2\n"
		"# HELP replug_last_recovery_duration_seconds How long the last recovery that succeeded took.\n"
		"# TYPE replug_last_recovery_duration_seconds gauge\n"
		"replug_last_recovery_duration_seconds{port=\"1-1\",id=\"534d:2109\",section=\"capture\"} 1.234\n"
		"# HELP replug_last_recovery_timestamp_seconds When the last recovery that succeeded ended, in "
		"seconds "
		"since 1970.\n"
		"# TYPE replug_last_recovery_timestamp_seconds gauge\n"
		"replug_last_recovery_timestamp_seconds{port=\"1-1\",id=\"534d:2109\",section=\"capture\"} "
		"1800000000\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_first_verdict_is_news_only_where_it_is_not_well),
		cmocka_unit_test(what_stays_well_changes_nothing),
		cmocka_unit_test(what_is_well_after_it_was_tried_in_vain_is_news_once),
		cmocka_unit_test(what_a_run_has_seen_answer_is_forgotten_when_it_ails_again),
		cmocka_unit_test(what_stays_bad_is_counted_and_no_news),
		cmocka_unit_test(from_ailing_to_dead_is_news_and_goes_on_counting),
		cmocka_unit_test(back_to_well_is_news_and_ends_the_count),
		cmocka_unit_test(what_cannot_be_told_changes_nothing),
		cmocka_unit_test(what_was_unplugged_while_it_was_asked_cannot_be_told),
		cmocka_unit_test(it_is_due_at_the_second_bad_round_and_ever_more_seldom),
		cmocka_unit_test(a_sleeper_is_woken_unless_it_was_well_a_short_while_ago),
		cmocka_unit_test(due_counts_from_whatever_was_last),
		cmocka_unit_test(what_never_was_verified_counts_from_its_plug_or_from_boot),
		cmocka_unit_test(labels_are_escaped),
		cmocka_unit_test(a_label_is_never_cut_within_an_escape),
		cmocka_unit_test(the_metrics_are_what_prometheus_reads),
	};

	return RUN(tests, NULL, NULL);
}
