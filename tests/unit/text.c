/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <errno.h>
#include <stdlib.h>

#include "text.h"

static void cleans(const char *src, const char *want)
{
	char dst[256];
	size_t n = text_clean(dst, sizeof(dst), src);

	assert_string_equal(dst, want);
	assert_int_equal(n, strlen(want));
}

TEST(printable_ascii_stays_as_it_is)
{
	char all[0x7f - 0x20 + 1] = "";

	for (int c = 0x20; c < 0x7f; c++)
		all[c - 0x20] = (char)c;
	cleans(all, all);
	cleans("", "");
}

TEST(c0_controls_and_del_become_hex)
{
	for (int c = 1; c < 0x20; c++) {
		char src[4] = {'a', (char)c, 'b', 0}, want[8];
		snprintf(want, sizeof(want), "a\\x%02xb", c);
		cleans(src, want);
	}
	cleans("\x7f", "\\x7f");
	cleans("\x1b[2J\r\n", "\\x1b[2J\\x0d\\x0a");
}

TEST(c1_controls_in_utf8_become_hex_and_u00a0_does_not)
{
	for (int c = 0x80; c < 0xa0; c++) {
		char src[3] = {'\xc2', (char)c, 0}, want[12];
		snprintf(want, sizeof(want), "\\xc2\\x%02x", c);
		cleans(src, want);
	}
	cleans("\xc2\xa0", "\xc2\xa0");
}

TEST(well_formed_utf8_of_every_length_stays)
{
	static const char *const good[] = {"\xc3\xa4", "\xdf\xbf", "\xe0\xa0\x80", "\xe2\x82\xac", "\xed\x9f\xbf",
		"\xee\x80\x80", "\xef\xbf\xbd", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "a\xe2\x82\xac\xc3\xa4z"};

	for (size_t i = 0; i < COUNT(good); i++)
		cleans(good[i], good[i]);
}

TEST(ill_formed_utf8_becomes_hex_byte_by_byte)
{
	static const struct {
		const char *src, *want;
	} bad[] = {
		{"\x80", "\\x80"},
		{"\xbf", "\\xbf"},
		{"\xff\xfe", "\\xff\\xfe"}, /* stray */
		{"\xc3", "\\xc3"},
		{"\xe2\x82", "\\xe2\\x82"},
		{"\xf0\x90\x80", "\\xf0\\x90\\x80"}, /* cut */
		{"\xc3z", "\\xc3z"},
		{"\xe2\x82z", "\\xe2\\x82z"},
		{"\xc0\xaf", "\\xc0\\xaf"},
		{"\xc1\xbf", "\\xc1\\xbf"}, /* overlong */
		{"\xe0\x80\xaf", "\\xe0\\x80\\xaf"},
		{"\xe0\x9f\xbf", "\\xe0\\x9f\\xbf"},
		{"\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf"},
		{"\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf"},
		{"\xc1\x9b", "\\xc1\\x9b"}, /* an overlong [ */
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"},
		{"\xed\xbf\xbf", "\\xed\\xbf\\xbf"}, /* surrogates */
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
		{"\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80"},
		{"\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80"},
	};

	for (size_t i = 0; i < COUNT(bad); i++)
		cleans(bad[i].src, bad[i].want);
}

TEST(bidirectional_controls_and_line_separators_become_hex)
{
	for (int c = 0x8e; c <= 0xae; c++) { /* U+200E … U+202E, but for those between */
		char src[4] = {'\xe2', '\x80', (char)c, 0}, want[16];
		bool evil = c <= 0x8f || c >= 0xa8;
		snprintf(want, sizeof(want), "\\xe2\\x80\\x%02x", c);
		cleans(src, evil ? want : src);
	}
	for (int c = 0xa5; c <= 0xaa; c++) { /* U+2066 … U+2069, and their neighbours */
		char src[4] = {'\xe2', '\x81', (char)c, 0}, want[16];
		snprintf(want, sizeof(want), "\\xe2\\x81\\x%02x", c);
		cleans(src, c >= 0xa6 && c <= 0xa9 ? want : src);
	}
	cleans("\xe2\x80\xaf", "\xe2\x80\xaf"); /* U+202F, a narrow blank */
	cleans("\xd8\x9c", "\\xd8\\x9c");       /* U+061C, the Arabic letter mark: Bidi_Control as well */
}

TEST(truncation_keeps_whole_characters_and_the_end_for_every_size)
{
	static const char *const src[] = {"plain", "a\xc3\xa4z\xe2\x82\xac\xf0\x9f\x98\x80q", "\x01\x7f\xff\xc2\x9b!",
		"\xf0\x9f\x98\x80\xf0\x9f\x98\x80"};
	char whole[128];

	for (size_t i = 0; i < COUNT(src); i++) {
		size_t full = text_clean(whole, sizeof(whole), src[i]);
		for (size_t size = 1; size <= full + 3; size++) {
			char *dst = malloc(size); /* the sanitizer stands right behind it */
			assert_non_null(dst);
			size_t n = text_clean(dst, size, src[i]);
			assert_true(n < size);
			assert_int_equal(strlen(dst), n);
			assert_memory_equal(dst, whole, n);
			if (size > full)
				assert_int_equal(n, full);
			/* Neither a character nor an escape is cut: what follows begins a new one. */
			assert_true((whole[n] & 0xc0) != 0x80);
			for (size_t k = n < 3 ? 0 : n - 3; k < n; k++)
				assert_false(dst[k] == '\\' && n - k < 4);
			if (n < full) /* and no room is wasted */
				assert_true(size - n <= 4);
			free(dst);
		}
	}
}

TEST(cleaning_twice_changes_nothing)
{
	char once[1200], twice[1200], src[256];

	for (int i = 0; i < 255; i++)
		src[i] = (char)(i + 1);
	src[255] = '\0';
	text_clean(once, sizeof(once), src);
	text_clean(twice, sizeof(twice), once);
	assert_string_equal(once, twice);
}

static const char *const words[] = {"list", "status", "check", "recover", "reset", "ch9329", "gone", NULL};

TEST(the_nearest_word_is_found_over_each_kind_of_edit)
{
	assert_string_equal(text_nearest("status", words), "status");
	assert_string_equal(text_nearest("stats", words), "status");
	assert_string_equal(text_nearest("statuus", words), "status");
	assert_string_equal(text_nearest("stadus", words), "status");
	assert_string_equal(text_nearest("rest", words), "reset");
	assert_string_equal(text_nearest("ch9239", words), "ch9329");
	assert_string_equal(text_nearest("tsil", (const char *const[]){"tilt", "list", "tsli", NULL}), "tsli");
}

TEST(neighbours_that_changed_places_count_as_one_edit)
{
	assert_string_equal(text_nearest("ab", (const char *const[]){"ba", NULL}), "ba");
	assert_string_equal(text_nearest("abcd", (const char *const[]){"axxd", "abdc", NULL}), "abdc");
}

TEST(nothing_is_near_when_more_than_half_of_the_word_is_wrong)
{
	assert_null(text_nearest("frobnicate", words));
	assert_null(text_nearest("", words));
	assert_null(text_nearest("x", words));
	assert_null(text_nearest("usb", (const char *const[]){NULL}));
	assert_null(text_nearest("abcd", (const char *const[]){"axyz", NULL}));
	assert_non_null(text_nearest("abcd", (const char *const[]){"axyd", NULL}));
}

TEST(who_refuses_root_is_told)
{
	assert_string_equal(text_refusal(EACCES), " (this needs root)");
	holds(text_refusal(EPERM), "sandbox");
	holds(text_refusal(EROFS), "sandbox");
	assert_string_equal(text_refusal(ENODEV), "");
}

TEST(a_word_too_long_to_compare_has_no_nearest)
{
	char word[400];

	for (size_t len = 45; len < sizeof(word); len++) {
		memset(word, 'z', len);
		word[len] = '\0';
		assert_null(text_nearest(word, words));
	}
}

static void lasts(const char *text, uint32_t want)
{
	uint32_t ms = 12345;

	if (text_duration(text, &ms) || ms != want)
		fail_msg("\"%s\" is %u ms", text, ms);
}

static void lasts_not(const char *text, int want)
{
	uint32_t ms = 12345;
	int e = text_duration(text, &ms);

	if (e != want || ms != 12345)
		fail_msg("\"%s\" gives %d, %u", text, e, ms);
}

TEST(durations_have_units_and_a_bare_number_is_seconds)
{
	lasts("500ms", 500);
	lasts("10s", 10000);
	lasts("10", 10000);
	lasts("2min", 120000);
	lasts("2m", 120000);
	lasts("6h", 21600000);
	lasts("0", 0);
	lasts("0ms", 0);
	lasts("007s", 7000);
	lasts("10 s", 10000);
}

TEST(a_duration_beyond_32_bits_is_out_of_range)
{
	lasts("4294967295ms", UINT32_MAX);
	lasts_not("4294967296ms", -ERANGE);
	lasts("4294967s", 4294967000);
	lasts_not("4294968s", -ERANGE);
	lasts_not("4294968", -ERANGE);
	lasts("71582min", 4294920000);
	lasts_not("71583min", -ERANGE);
	lasts("1193h", 4294800000);
	lasts_not("1194h", -ERANGE);
	lasts_not("18446744073709551617ms", -ERANGE);
	lasts_not("99999999999999999999999999999999999999s", -ERANGE);
}

TEST(what_is_no_duration_is_refused_and_sets_nothing)
{
	static const char *const junk[] = {"", " ", "s", "ms", "-1", "+1", " 1", "1 s ", "1s ", "1.5s", "1e3", "0x10",
		"1h30m", "1d", "1S", "1MS", "1\n", "ten"};

	for (size_t i = 0; i < COUNT(junk); i++)
		lasts_not(junk[i], -EINVAL);
}

TEST(a_blank_is_no_unit)
{
	static const char *const without[] = {"", "5", "5 ", " 5", " 5  "}, *const with[] = {
										    "5s", "5 s", " 500ms", "s"};

	for (size_t i = 0; i < COUNT(without); i++)
		assert_false(text_has_unit(without[i]));
	for (size_t i = 0; i < COUNT(with); i++)
		assert_true(text_has_unit(with[i]));
}

TEST(a_duration_is_shown_in_its_largest_exact_unit)
{
	static const struct {
		uint32_t ms;
		const char *want;
	} shown[] = {{0, "0s"}, {1, "1ms"}, {999, "999ms"}, {1000, "1s"}, {1500, "1500ms"}, {59000, "59s"},
		{60000, "1min"}, {90000, "90s"}, {3600000, "1h"}, {5400000, "90min"}, {UINT32_MAX, "4294967295ms"}};
	char text[24];

	for (size_t i = 0; i < COUNT(shown); i++) {
		text_duration_show(text, sizeof(text), shown[i].ms);
		assert_string_equal(text, shown[i].want);
	}
}

TEST(a_duration_that_was_shown_is_read_back_the_same)
{
	char text[24];

	srand(9329);
	for (int i = 0; i < 20000; i++) {
		uint32_t ms = ((uint32_t)rand() << 1) ^ (uint32_t)rand(), back = 0;
		static const uint32_t step[] = {1, 1000, 60000, 3600000};
		ms -= ms % step[i % 4];
		text_duration_show(text, sizeof(text), ms);
		assert_int_equal(text_duration(text, &back), 0);
		assert_int_equal(back, ms);
	}
}

TEST(a_span_is_shown_in_its_two_largest_units)
{
	static const struct {
		uint64_t ms;
		const char *want;
	} shown[] = {{0, "1s"}, {1, "1s"}, {1000, "1s"}, {1001, "2s"}, {59000, "59s"}, {59001, "1min 0s"},
		{245000, "4min 5s"}, {3599000, "59min 59s"}, {3600000, "1h 0min"}, {11520000, "3h 12min"},
		{UINT32_MAX, "1193h 2min"}};
	char text[24];

	for (size_t i = 0; i < COUNT(shown); i++) {
		text_span(text, sizeof(text), shown[i].ms);
		assert_string_equal(text, shown[i].want);
	}
}

TEST(numbers_are_decimal_and_within_their_range)
{
	static const struct {
		const char *text;
		unsigned min, max;
		int want;
		unsigned value;
	} n[] = {{"0", 0, 9, 0, 0}, {"9", 0, 9, 0, 9}, {"10", 0, 9, -ERANGE, 0}, {"1", 2, 9, -ERANGE, 0},
		{"2", 2, 9, 0, 2}, {"004", 1, 127, 0, 4}, {"4294967295", 0, UINT32_MAX, 0, UINT32_MAX},
		{"4294967296", 0, UINT32_MAX, -ERANGE, 0}, {"18446744073709551616", 0, UINT32_MAX, -ERANGE, 0},
		{"", 0, 9, -EINVAL, 0}, {" 1", 0, 9, -EINVAL, 0}, {"1 ", 0, 9, -EINVAL, 0}, {"+1", 0, 9, -EINVAL, 0},
		{"-1", 0, 9, -EINVAL, 0}, {"0x1", 0, 9, -EINVAL, 0}, {"1.0", 0, 9, -EINVAL, 0},
		{"one", 0, 9, -EINVAL, 0}, {"1/", 0, 9, -EINVAL, 0}, {"1:", 0, 9, -EINVAL, 0}};

	for (size_t i = 0; i < COUNT(n); i++) {
		unsigned out = 4711;
		int e = text_number(n[i].text, n[i].min, n[i].max, &out);
		if (e != n[i].want || out != (e ? 4711 : n[i].value))
			fail_msg("\"%s\" gives %d, %u", n[i].text, e, out);
	}
}

TEST(what_was_cut_ends_in_dots_behind_a_whole_character)
{
	char plain[8] = "abcdefg", wide[8] = "ab\xc3\xa4\xc3\xa4g", least[4] = "abc";

	text_cut(plain, sizeof(plain));
	assert_string_equal(plain, "abcd...");
	text_cut(wide, sizeof(wide));
	assert_string_equal(wide, "ab\xc3\xa4...");
	text_cut(wide, 7); /* where a character would be cut in two */
	assert_string_equal(wide, "ab...");
	text_cut(least, sizeof(least));
	assert_string_equal(least, "...");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(printable_ascii_stays_as_it_is),
		cmocka_unit_test(c0_controls_and_del_become_hex),
		cmocka_unit_test(c1_controls_in_utf8_become_hex_and_u00a0_does_not),
		cmocka_unit_test(well_formed_utf8_of_every_length_stays),
		cmocka_unit_test(ill_formed_utf8_becomes_hex_byte_by_byte),
		cmocka_unit_test(bidirectional_controls_and_line_separators_become_hex),
		cmocka_unit_test(truncation_keeps_whole_characters_and_the_end_for_every_size),
		cmocka_unit_test(cleaning_twice_changes_nothing),
		cmocka_unit_test(the_nearest_word_is_found_over_each_kind_of_edit),
		cmocka_unit_test(neighbours_that_changed_places_count_as_one_edit),
		cmocka_unit_test(nothing_is_near_when_more_than_half_of_the_word_is_wrong),
		cmocka_unit_test(who_refuses_root_is_told),
		cmocka_unit_test(a_word_too_long_to_compare_has_no_nearest),
		cmocka_unit_test(durations_have_units_and_a_bare_number_is_seconds),
		cmocka_unit_test(a_duration_beyond_32_bits_is_out_of_range),
		cmocka_unit_test(what_is_no_duration_is_refused_and_sets_nothing),
		cmocka_unit_test(a_blank_is_no_unit),
		cmocka_unit_test(a_duration_is_shown_in_its_largest_exact_unit),
		cmocka_unit_test(a_span_is_shown_in_its_two_largest_units),
		cmocka_unit_test(a_duration_that_was_shown_is_read_back_the_same),
		cmocka_unit_test(numbers_are_decimal_and_within_their_range),
		cmocka_unit_test(what_was_cut_ends_in_dots_behind_a_whole_character),
	};

	return RUN(tests, NULL, NULL);
}
