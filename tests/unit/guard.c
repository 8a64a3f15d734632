/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "guard.h"

static const struct guard_conf conf = {.max_resets = 3, .window_ms = 60000, .cool_down_ms = 2000, .forgive_ms = 3000};
enum { T = 1000000 }; /* some time after boot */

/* One plug event; the answer and freshness in one number. */
enum { FRESH = 100 };
static int event(struct record *r, const struct guard_conf *g, unsigned dev, uint64_t now)
{
	bool fresh = true;
	int answer = (int)guard_event(r, g, dev, now, now, &fresh);

	return answer + (fresh ? FRESH : 0);
}

static struct record with_resets(unsigned n, uint64_t last, uint64_t apart)
{
	struct record r = {.state = RECORD_FAILED};

	for (unsigned i = n; i-- > 0;)
		guard_note_reset(&r, last - i * apart);
	return r;
}

TEST(the_first_plug_of_a_port_is_reset)
{
	struct record r = {0};

	assert_int_equal(event(&r, &conf, 4, T), GUARD_RESET);
	assert_int_equal(r.event_ms, T);
	assert_int_equal(r.resets, 0); /* asking is not yet resetting */
}

TEST(an_event_soon_after_boot_is_an_event)
{
	struct record r = {0};

	assert_int_equal(event(&r, &conf, 4, 1), GUARD_RESET);
}

TEST(a_device_that_was_recovered_is_done_for_its_number)
{
	struct record r = {.state = RECORD_RECOVERED, .dev = 4};

	assert_int_equal(event(&r, &conf, 4, T), GUARD_DONE);
	assert_int_equal(event(&r, &conf, 5, T + 1), GUARD_RESET);
}

TEST(what_a_run_has_just_tried_in_vain_is_not_tried_again_for_its_own_add)
{
	bool fresh;
	const struct record tried = {.state = RECORD_FAILED, .dev = 4, .ended_ms = T};
	struct record r = tried;

	assert_int_equal(guard_event(&r, &conf, 4, T - 100, T + 50, &fresh), GUARD_DONE);
	r = tried; /* udev was late */
	assert_int_equal(guard_event(&r, &conf, 4, T + 10, T + 50, &fresh), GUARD_DONE);
	r = tried; /* very late */
	assert_int_equal(guard_event(&r, &conf, 4, T + 9000, T + 9999, &fresh), GUARD_DONE);
	r = tried; /* another device: a plug */
	assert_int_equal(guard_event(&r, &conf, 5, T - 100, T + 50, &fresh), GUARD_RESET);
	r = tried; /* somebody asks for all that is plugged to be looked at */
	assert_int_equal(guard_event(&r, &conf, 4, T - 100, T + 10000, &fresh), GUARD_RESET);
}

TEST(only_recovered_counts_as_done)
{
	static const enum record_state states[] = {RECORD_NONE, RECORD_BUSY, RECORD_FAILED, RECORD_HELD, RECORD_GONE};

	for (size_t i = 0; i < COUNT(states); i++) {
		struct record r = {.state = states[i], .dev = 4};
		assert_int_equal(event(&r, &conf, 4, T), GUARD_RESET);
	}
}

TEST(a_done_device_stays_done_however_many_resets_there_were)
{
	struct record r = with_resets(20, T, 1);

	r.state = RECORD_RECOVERED;
	r.dev = 4;
	assert_int_equal(event(&r, &conf, 4, T), GUARD_DONE);
}

TEST(an_event_within_the_cool_down_is_finished_and_not_started_over)
{
	for (uint64_t after = 0; after <= 2001; after += after == 1 ? 1998 : 1) { /* 0 1 1999 2000 2001 */
		struct record r = with_resets(1, T, 0);
		assert_int_equal(event(&r, &conf, 4, T + after), after < 2000 ? GUARD_FINISH : GUARD_RESET);
	}
}

TEST(without_a_cool_down_every_event_is_a_plug)
{
	struct guard_conf g = conf;
	struct record r = with_resets(1, T, 0);

	g.cool_down_ms = 0;
	assert_int_equal(event(&r, &g, 4, T), GUARD_RESET);
}

TEST(the_port_is_held_at_max_resets_and_not_before)
{
	for (unsigned max = 1; max <= GUARD_RESETS_MAX; max++) {
		struct guard_conf g = conf;
		g.max_resets = max;
		struct record few = with_resets(max - 1, T, 10), many = with_resets(max, T, 10);
		assert_true(guard_allows(&few, &g, T + 5000));
		assert_int_equal(event(&few, &g, 4, T + 5000), GUARD_RESET);
		assert_false(guard_allows(&many, &g, T + 5000));
		assert_int_equal(event(&many, &g, 4, T + 5000), GUARD_HELD + FRESH);
		assert_true(many.held);
		assert_false(few.held);
	}
}

TEST(resets_that_left_the_window_do_not_count)
{
	struct record r = with_resets(3, T, 10000); /* at T-20000, T-10000, T */

	assert_false(guard_allows(&r, &conf, T + 39999));
	assert_true(guard_allows(&r, &conf, T + 40000));
	assert_int_equal(event(&r, &conf, 4, T + 40000), GUARD_RESET);
}

TEST(climbs_that_take_longer_than_the_window_are_counted_all_the_same)
{
	struct record r = {.state = RECORD_FAILED};
	uint64_t t = T;

	for (unsigned i = 0; i < conf.max_resets; i++) {
		assert_int_equal(event(&r, &conf, 4 + i, t), GUARD_RESET);
		guard_note_reset(&r, t + 10);
		guard_note_end(&r, t + 5, t + 90000);
		t += 93000; /* the next plug comes 3 s after the end */
	}
	assert_int_equal(r.resets, conf.max_resets);
	struct record later = r;
	assert_int_equal(event(&r, &conf, 9, t), GUARD_HELD + FRESH);
	assert_int_equal(event(&later, &conf, 9, t + 57000), GUARD_RESET); /* a window after the last one's end */
}

TEST(a_held_port_has_no_peace_while_a_run_is_at_work)
{
	struct record r = {.held = true};

	assert_int_equal(event(&r, &conf, 4, T), GUARD_HELD);
	guard_note_end(&r, T + 10000, T + 70000);
	assert_int_equal(event(&r, &conf, 4, T + 119999), GUARD_HELD);
}

TEST(the_time_of_a_run_moves_nothing_into_the_future_and_never_stays_never)
{
	struct record r = {0};

	guard_note_reset(&r, T + 50);
	guard_note_end(&r, T, T + 100);
	assert_int_equal(r.reset_ms[0], T + 100);
	assert_int_equal(r.event_ms, 0);
}

TEST(the_cool_down_counts_from_the_reset_and_not_from_the_end_of_its_run)
{
	struct record r = {.state = RECORD_FAILED};

	guard_note_reset(&r, T);
	guard_note_end(&r, T, T + 5000);
	assert_int_equal(event(&r, &conf, 4, T + 5001), GUARD_RESET);
	guard_note_reset(&r, T + 6000);
	assert_int_equal(event(&r, &conf, 4, T + 6001), GUARD_FINISH);
	guard_forgive(&r);
	assert_int_equal(event(&r, &conf, 4, T + 6002), GUARD_RESET);
}

TEST(what_was_refused_is_no_reset)
{
	struct record r = with_resets(1, T - 10000, 0);

	guard_note_reset(&r, T);
	guard_unnote_reset(&r);
	assert_int_equal(r.resets, 1);
	assert_int_equal(r.reset_ms[0], T - 10000);
	assert_int_equal(event(&r, &conf, 4, T + 1), GUARD_RESET);
}

TEST(the_cool_down_goes_before_the_window)
{
	struct record r = with_resets(3, T, 10);

	assert_int_equal(event(&r, &conf, 4, T + 100), GUARD_FINISH);
	assert_false(r.held);
}

TEST(a_held_port_stays_held_and_is_fresh_once)
{
	struct record r = with_resets(3, T, 10);

	assert_int_equal(event(&r, &conf, 4, T + 3000), GUARD_HELD + FRESH);
	for (uint64_t t = T + 4000; t < T + 400000; t += 59999) /* long past the window, but never in peace */
		assert_int_equal(event(&r, &conf, 5, t), GUARD_HELD);
	assert_true(r.held);
}

TEST(held_goes_before_the_cool_down)
{
	struct record r = with_resets(3, T, 10);

	r.held = true;
	assert_int_equal(event(&r, &conf, 4, T + 100), GUARD_HELD);
}

TEST(a_port_that_was_empty_long_enough_is_forgiven)
{
	struct record r = with_resets(3, T, 10);

	r.held = true;
	r.event_ms = T;
	r.state = RECORD_GONE;
	r.gone_ms = T + 5000;
	struct record soon = r, late = r;
	assert_int_equal(event(&soon, &conf, 4, T + 7999), GUARD_HELD);
	assert_int_equal(event(&late, &conf, 4, T + 8000), GUARD_RESET);
	assert_int_equal(late.resets, 0);
	assert_false(late.held);
}

TEST(looking_late_at_a_short_absence_does_not_make_it_long)
{
	struct record r = with_resets(3, T - 10000, 1000);
	bool fresh;

	r.state = RECORD_GONE;
	r.gone_ms = T - 5000;
	assert_int_equal(guard_event(&r, &conf, 5, T - 4000, T, &fresh), GUARD_HELD);
	r.held = false;
	assert_int_equal(guard_event(&r, &conf, 5, T - 2000, T, &fresh), GUARD_RESET);
}

TEST(a_device_that_vanished_before_the_look_is_not_forgiven)
{
	struct record r = with_resets(3, T - 10000, 1000);
	bool fresh;

	r.state = RECORD_GONE;
	r.gone_ms = T - 5000;
	assert_int_equal(guard_event(&r, &conf, 0, 0, T, &fresh), GUARD_HELD);
}

TEST(only_an_empty_port_is_forgiven_for_having_been_empty)
{
	struct record r = with_resets(3, T, 10);

	r.held = true;
	r.event_ms = T + 20000;
	r.state = RECORD_HELD;
	r.gone_ms = T; /* long ago, and it was plugged since */
	assert_int_equal(event(&r, &conf, 4, T + 30000), GUARD_HELD);
}

TEST(forgiveness_at_once_can_be_configured)
{
	struct guard_conf g = conf;
	struct record r = with_resets(3, T, 10);

	g.forgive_ms = 0;
	r.held = true;
	r.event_ms = T;
	r.state = RECORD_GONE;
	r.gone_ms = T + 9;
	assert_int_equal(event(&r, &g, 4, T + 9), GUARD_RESET);
}

TEST(a_window_in_peace_is_forgiven_and_every_event_ends_the_peace)
{
	struct record r = with_resets(3, T, 10);

	assert_int_equal(event(&r, &conf, 4, T + 3000), GUARD_HELD + FRESH);
	assert_int_equal(event(&r, &conf, 4, T + 3000 + 59999), GUARD_HELD);
	struct record soon = r, late = r;
	assert_int_equal(event(&soon, &conf, 4, T + 3000 + 59999 + 59999), GUARD_HELD);
	assert_int_equal(event(&late, &conf, 4, T + 3000 + 59999 + 60000), GUARD_RESET);
	assert_false(late.held);
}

TEST(an_event_of_a_done_device_ends_the_peace_too)
{
	struct record r = {.state = RECORD_RECOVERED, .dev = 4, .event_ms = T};

	event(&r, &conf, 4, T + 5);
	assert_int_equal(r.event_ms, T + 5);
}

TEST(a_person_forgives_everything)
{
	struct record r = with_resets(20, T, 10);

	r.held = true;
	guard_forgive(&r);
	assert_false(r.held);
	assert_int_equal(r.resets, 0);
	assert_int_equal(event(&r, &conf, 4, T + 1), GUARD_RESET);
}

TEST(after_forgiveness_the_port_can_be_held_and_warned_of_anew)
{
	struct record r = with_resets(3, T, 10);

	assert_int_equal(event(&r, &conf, 4, T + 3000), GUARD_HELD + FRESH);
	guard_forgive(&r);
	for (unsigned i = 0; i < 3; i++)
		guard_note_reset(&r, T + 4000 + i);
	assert_int_equal(event(&r, &conf, 4, T + 7000), GUARD_HELD + FRESH);
}

TEST(of_more_resets_than_fit_the_newest_are_kept_in_order)
{
	struct record r = {0};

	for (uint64_t i = 0; i < 50; i++) {
		guard_note_reset(&r, T + i);
		assert_int_equal(r.resets, i + 1 < GUARD_RESETS_MAX ? i + 1 : GUARD_RESETS_MAX);
	}
	for (unsigned i = 0; i < GUARD_RESETS_MAX; i++)
		assert_int_equal(r.reset_ms[i], T + 50 - GUARD_RESETS_MAX + i);
	assert_int_equal(r.held, false); /* and nothing behind the array was touched */
}

TEST(a_full_memory_holds_the_largest_limit)
{
	struct guard_conf g = conf;
	struct record r = with_resets(50, T, 1);

	g.max_resets = GUARD_RESETS_MAX;
	assert_int_equal(event(&r, &g, 4, T + 5000), GUARD_HELD + FRESH);
}

TEST(a_reset_that_lies_in_the_future_counts_for_nothing)
{
	struct record r = with_resets(3, T + 100000, 0);

	assert_int_equal(event(&r, &conf, 4, T), GUARD_RESET);
}

/* Likewise of a checkup. */
static int checkup(struct record *r, uint64_t now)
{
	bool fresh = true;
	int answer = (int)guard_checkup(r, &conf, now, &fresh);

	return answer + (fresh ? FRESH : 0);
}

TEST(a_checkup_of_what_was_recovered_goes_ahead)
{
	struct record r = {.state = RECORD_RECOVERED, .dev = 4};

	assert_int_equal(checkup(&r, T), GUARD_RESET);
	assert_int_equal(r.event_ms, 0); /* it is no plug: the peace of the port goes on */
}

TEST(a_checkup_soon_after_a_reset_goes_ahead)
{
	struct record r = with_resets(2, T, 10);

	assert_int_equal(checkup(&r, T + 1), GUARD_RESET);
}

TEST(a_checkup_counts_the_same_resets_and_warns_once)
{
	struct record r = with_resets(3, T, 10);

	assert_int_equal(checkup(&r, T + 1000), GUARD_HELD + FRESH);
	assert_true(r.held);
	assert_int_equal(checkup(&r, T + 2000), GUARD_HELD);
	struct record later = with_resets(3, T, 10);
	assert_int_equal(checkup(&later, T + 60000), GUARD_RESET);
	assert_false(later.held);
}

TEST(a_checkup_forgives_nothing)
{
	struct record r = {.held = true, .state = RECORD_GONE, .gone_ms = T, .event_ms = T};

	assert_int_equal(checkup(&r, T + 100000000), GUARD_HELD);
	assert_true(r.held);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_plug_of_a_port_is_reset),
		cmocka_unit_test(an_event_soon_after_boot_is_an_event),
		cmocka_unit_test(a_device_that_was_recovered_is_done_for_its_number),
		cmocka_unit_test(what_a_run_has_just_tried_in_vain_is_not_tried_again_for_its_own_add),
		cmocka_unit_test(only_recovered_counts_as_done),
		cmocka_unit_test(a_done_device_stays_done_however_many_resets_there_were),
		cmocka_unit_test(an_event_within_the_cool_down_is_finished_and_not_started_over),
		cmocka_unit_test(without_a_cool_down_every_event_is_a_plug),
		cmocka_unit_test(the_port_is_held_at_max_resets_and_not_before),
		cmocka_unit_test(resets_that_left_the_window_do_not_count),
		cmocka_unit_test(climbs_that_take_longer_than_the_window_are_counted_all_the_same),
		cmocka_unit_test(a_held_port_has_no_peace_while_a_run_is_at_work),
		cmocka_unit_test(the_time_of_a_run_moves_nothing_into_the_future_and_never_stays_never),
		cmocka_unit_test(the_cool_down_counts_from_the_reset_and_not_from_the_end_of_its_run),
		cmocka_unit_test(what_was_refused_is_no_reset),
		cmocka_unit_test(the_cool_down_goes_before_the_window),
		cmocka_unit_test(a_held_port_stays_held_and_is_fresh_once),
		cmocka_unit_test(held_goes_before_the_cool_down),
		cmocka_unit_test(a_port_that_was_empty_long_enough_is_forgiven),
		cmocka_unit_test(looking_late_at_a_short_absence_does_not_make_it_long),
		cmocka_unit_test(a_device_that_vanished_before_the_look_is_not_forgiven),
		cmocka_unit_test(only_an_empty_port_is_forgiven_for_having_been_empty),
		cmocka_unit_test(forgiveness_at_once_can_be_configured),
		cmocka_unit_test(a_window_in_peace_is_forgiven_and_every_event_ends_the_peace),
		cmocka_unit_test(an_event_of_a_done_device_ends_the_peace_too),
		cmocka_unit_test(a_person_forgives_everything),
		cmocka_unit_test(after_forgiveness_the_port_can_be_held_and_warned_of_anew),
		cmocka_unit_test(of_more_resets_than_fit_the_newest_are_kept_in_order),
		cmocka_unit_test(a_full_memory_holds_the_largest_limit),
		cmocka_unit_test(a_reset_that_lies_in_the_future_counts_for_nothing),
		cmocka_unit_test(a_checkup_of_what_was_recovered_goes_ahead),
		cmocka_unit_test(a_checkup_soon_after_a_reset_goes_ahead),
		cmocka_unit_test(a_checkup_counts_the_same_resets_and_warns_once),
		cmocka_unit_test(a_checkup_forgives_nothing),
	};

	return RUN(tests, NULL, NULL);
}
