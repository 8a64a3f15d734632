/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <stdlib.h>
#include <time.h>

#include "ch9329.h"

#define BYTES(...) ((const uint8_t[]){__VA_ARGS__}), sizeof((const uint8_t[]){__VA_ARGS__})

/* Feeds bytes; returns how many answers came out, the last of them in *a, *at the index of its last byte. */
static unsigned feed(struct ch9329_parser *p, const uint8_t *bytes, size_t n, struct ch9329_answer *a, size_t *at)
{
	unsigned answers = 0;

	for (size_t i = 0; i < n; i++)
		if (ch9329_feed(p, bytes[i], a)) {
			answers++;
			if (at)
				*at = i;
		}
	return answers;
}

static const uint8_t ack[] = {0x57, 0xab, 0x00, 0x8f, 0x01, 0x00, 0x92};
/* V1.8, target connected, num lock: as in the protocol's example but for the lock. */
static const uint8_t info[] = {0x57, 0xab, 0x00, 0x81, 0x08, 0x38, 0x01, 0x01, 0, 0, 0, 0, 0, 0xc5};

static void is_ack(const struct ch9329_answer *a)
{
	assert_int_equal(a->cmd, CH9329_RESET);
	assert_false(a->error);
	assert_int_equal(a->len, 1);
	assert_int_equal(a->data[0], CH9329_OK);
}

static void is_info(const struct ch9329_answer *a)
{
	assert_int_equal(a->cmd, CH9329_GET_INFO);
	assert_false(a->error);
	assert_int_equal(a->len, 8);
	assert_memory_equal(a->data, info + 5, 8);
}

TEST(requests_are_those_of_the_protocol_byte_for_byte)
{
	uint8_t frame[CH9329_FRAME_MAX];
	static const uint8_t get_info[] = {0x57, 0xab, 0x00, 0x01, 0x00, 0x03},
			     reset[] = {0x57, 0xab, 0x00, 0x0f, 0x00, 0x11},
			     left_click[] = {0x57, 0xab, 0x00, 0x05, 0x05, 0x01, 0x01, 0x00, 0x00, 0x00, 0x0e};

	assert_int_equal(ch9329_frame(frame, CH9329_GET_INFO, NULL, 0), sizeof(get_info));
	assert_memory_equal(frame, get_info, sizeof(get_info));
	assert_int_equal(ch9329_frame(frame, CH9329_RESET, NULL, 0), sizeof(reset));
	assert_memory_equal(frame, reset, sizeof(reset));
	assert_int_equal(ch9329_frame(frame, 0x05, left_click + 5, 5), sizeof(left_click));
	assert_memory_equal(frame, left_click, sizeof(left_click));
}

TEST(a_request_holds_64_bytes_and_no_more)
{
	uint8_t data[65], *frame = malloc(CH9329_FRAME_MAX);

	memset(data, 0xff, sizeof(data));
	assert_int_equal(ch9329_frame(frame, 0x09, data, 64), 70);
	assert_int_equal(frame[4], 64);
	assert_memory_equal(frame + 5, data, 64);
	assert_int_equal(frame[69], (uint8_t)(0x57 + 0xab + 0x09 + 64 - 64)); /* 64 times ff is -64 */
	frame[0] = 0x11;
	assert_int_equal(ch9329_frame(frame, 0x09, data, 65), 0);
	assert_int_equal(frame[0], 0x11);
	free(frame);
}

TEST(an_answer_is_complete_with_its_last_byte)
{
	struct ch9329_parser p = {0};
	struct ch9329_answer a = {0};
	size_t at = 0;

	assert_int_equal(feed(&p, ack, sizeof(ack), &a, &at), 1);
	assert_int_equal(at, sizeof(ack) - 1);
	is_ack(&a);
	assert_int_equal(feed(&p, info, sizeof(info), &a, &at), 1);
	assert_int_equal(at, sizeof(info) - 1);
	is_info(&a);
}

TEST(an_answer_without_data_is_an_answer)
{
	struct ch9329_parser p = {0};
	struct ch9329_answer a = {.len = 9};

	assert_int_equal(feed(&p, BYTES(0x57, 0xab, 0x00, 0x8f, 0x00, 0x91), &a, NULL), 1);
	assert_int_equal(a.len, 0);
	assert_int_equal(a.cmd, CH9329_RESET);
}

TEST(an_error_answer_names_its_request_and_its_status)
{
	struct ch9329_parser p = {0};
	struct ch9329_answer a = {0};

	assert_int_equal(feed(&p, BYTES(0x57, 0xab, 0x00, 0xc1, 0x01, 0xe4, 0xa8), &a, NULL), 1);
	assert_true(a.error);
	assert_int_equal(a.cmd, CH9329_GET_INFO);
	assert_int_equal(a.data[0], CH9329_SUM);
}

TEST(answers_come_out_wherever_the_stream_is_cut)
{
	uint8_t stream[sizeof(ack) + sizeof(info)];

	memcpy(stream, ack, sizeof(ack));
	memcpy(stream + sizeof(ack), info, sizeof(info));
	/* A parser is a value: where it is copied in the middle, it goes on. */
	for (size_t cut = 0; cut <= sizeof(stream); cut++) {
		struct ch9329_parser p = {0}, q;
		struct ch9329_answer a = {0};
		unsigned n = feed(&p, stream, cut, &a, NULL);
		q = p;
		n += feed(&q, stream + cut, sizeof(stream) - cut, &a, NULL);
		assert_int_equal(n, 2);
		is_info(&a);
	}
}

TEST(garbage_before_an_answer_is_skipped)
{
	static const struct {
		uint8_t b[12];
		size_t n;
	} garbage[] = {{{0}, 1}, {{0xff, 0x00, 0x13}, 3}, {{0x57}, 1}, {{0x57, 0x57}, 2}, {{0x57, 0x57, 0x57}, 3},
		{{0xab}, 1}, {{0x57, 0x00}, 2}, {{0x57, 0xab, 0x57}, 3}, {{0x57, 0xab, 0x00, 0x01, 0x57}, 5},
		{{0x57, 0xab, 0x00, 0x57}, 4}, {{0x57, 0xab, 0x00, 0x81, 0x41}, 5},
		{{0x57, 0xab, 0x00, 0x81, 0xff, 0x57}, 6}};

	for (size_t i = 0; i < COUNT(garbage); i++) {
		struct ch9329_parser p = {0};
		struct ch9329_answer a = {0};
		size_t at = 0;
		assert_int_equal(feed(&p, garbage[i].b, garbage[i].n, &a, NULL), 0);
		assert_int_equal(feed(&p, ack, sizeof(ack), &a, &at), 1);
		assert_int_equal(at, sizeof(ack) - 1);
		is_ack(&a);
	}
}

TEST(answers_are_found_after_a_frame_that_was_cut_anywhere)
{
	for (size_t cut = 1; cut < sizeof(info); cut++) {
		struct ch9329_parser p = {0};
		struct ch9329_answer a = {0};
		unsigned n = feed(&p, info, cut, &a, NULL);
		assert_int_equal(n, 0);
		/* What the cut frame still waits for is taken from the first of these two. */
		n = feed(&p, info, sizeof(info), &a, NULL) + feed(&p, info, sizeof(info), &a, NULL);
		assert_true(n >= 1);
		is_info(&a);
	}
}

TEST(a_wrong_sum_is_no_answer_and_a_good_frame_behind_it_is_found_at_once)
{
	for (int wrong = 1; wrong < 256; wrong++) {
		struct ch9329_parser p = {0};
		struct ch9329_answer a = {0};
		uint8_t bad[sizeof(ack)];
		size_t at = 0;
		memcpy(bad, ack, sizeof(bad));
		bad[sizeof(bad) - 1] = (uint8_t)(bad[sizeof(bad) - 1] + wrong);
		assert_int_equal(feed(&p, bad, sizeof(bad), &a, NULL), 0);
		assert_int_equal(feed(&p, ack, sizeof(ack), &a, &at), 1);
		assert_int_equal(at, sizeof(ack) - 1);
	}
}

TEST(an_answer_that_a_wrong_frame_swallowed_is_found_inside_it)
{
	/* A cut frame promises 8 bytes more; n of them are here, then the answer, then what the line has next. */
	for (size_t n = 0; n <= 1; n++) {
		struct ch9329_parser p = {0};
		struct ch9329_answer a = {0};
		assert_int_equal(feed(&p, info, 5 + n, &a, NULL), 0);
		unsigned answers = feed(&p, ack, sizeof(ack), &a, NULL) + feed(&p, BYTES(0x57, 0xab), &a, NULL);
		assert_int_equal(answers, 1);
		is_ack(&a);
		assert_int_equal(feed(&p, info + 2, sizeof(info) - 2, &a, NULL), 1);
		is_info(&a);
	}
}

TEST(all_answers_that_a_wrong_frame_swallowed_are_found_when_the_line_falls_silent)
{
	/* The wrong frame ends with the second answer, or goes on behind it. */
	for (uint8_t behind = 0; behind <= 3; behind++) {
		struct ch9329_parser p = {0};
		struct ch9329_answer a = {0};
		const uint8_t len = (uint8_t)(sizeof(ack) + sizeof(info) - 1 + behind);
		unsigned n = feed(&p, (const uint8_t[]){0x57, 0xab, 0x00, 0x81, len}, 5, &a, NULL);
		n += feed(&p, ack, sizeof(ack), &a, NULL);
		n += feed(&p, info, sizeof(info), &a, NULL);
		assert_int_equal(n, behind == 0); /* the first, as soon as the wrong one is one */
		if (!n)
			assert_true(ch9329_gap(&p, &a));
		is_ack(&a);
		assert_true(ch9329_gap(&p, &a));
		is_info(&a);
		assert_false(ch9329_gap(&p, &a));
		assert_int_equal(p.n, 0);
	}
}

TEST(requests_that_the_line_echoes_are_no_answers)
{
	static const uint8_t cmds[] = {0x01, 0x02, 0x0f, 0x3f};
	uint8_t data[8] = {0}, frame[CH9329_FRAME_MAX];

	for (size_t i = 0; i < COUNT(cmds); i++) {
		struct ch9329_parser p = {0};
		struct ch9329_answer a = {0};
		size_t at = 0;
		assert_int_equal(feed(&p, frame, ch9329_frame(frame, cmds[i], data, i), &a, NULL), 0);
		assert_int_equal(feed(&p, ack, sizeof(ack), &a, &at), 1);
		assert_int_equal(at, sizeof(ack) - 1);
	}
}

TEST(a_length_above_64_is_no_frame_and_64_is)
{
	uint8_t frame[5 + 65 + 1] = {0x57, 0xab, 0x00, 0x88};

	for (uint8_t len = 64; len <= 65; len++) {
		struct ch9329_parser *p = calloc(1, sizeof(*p));
		struct ch9329_answer *a = calloc(1, sizeof(*a));
		uint8_t sum = 0;
		frame[4] = len;
		for (size_t i = 0; i < len; i++)
			frame[5 + i] = (uint8_t)(0xc0 + i);
		for (size_t i = 0; i < 5u + len; i++)
			sum = (uint8_t)(sum + frame[i]);
		frame[5 + len] = sum;
		assert_int_equal(feed(p, frame, 6u + len, a, NULL), len == 64);
		if (len == 64) {
			assert_int_equal(a->len, 64);
			assert_memory_equal(a->data, frame + 5, 64);
		}
		assert_int_equal(feed(p, ack, sizeof(ack), a, NULL), 1);
		free(p);
		free(a);
	}
}

TEST(any_address_may_answer)
{
	struct ch9329_parser p = {0};
	struct ch9329_answer a = {0};

	assert_int_equal(feed(&p, BYTES(0x57, 0xab, 0x05, 0x8f, 0x01, 0x00, 0x97), &a, NULL), 1);
}

/* Whether the stream holds this frame, with a right sum, not further back than a parser can remember. */
static bool holds_frame(const uint8_t *stream, size_t n, const struct ch9329_answer *a)
{
	size_t len = 6u + a->len;

	for (size_t back = 0; a->len <= 64 && back < CH9329_FRAME_MAX && back + len <= n; back++) {
		const uint8_t *s = stream + n - back - len;
		unsigned sum = 0;
		for (size_t i = 0; i + 1 < len; i++)
			sum += s[i];
		if (s[0] == 0x57 && s[1] == 0xab && s[3] >= 0x80 && (s[3] & 0x3f) == a->cmd &&
			!!(s[3] & 0x40) == a->error && s[4] == a->len && s[len - 1] == (sum & 0xff) &&
			!memcmp(s + 5, a->data, a->len))
			return true;
	}
	return false;
}

TEST(random_bytes_never_complete_a_frame_with_a_bad_sum)
{
	static const uint8_t usual[] = {0x57, 0xab, 0x00, 0x81, 0x8f, 0xc1, 0x01, 0x08};
	enum { N = 400000 };
	uint8_t *s = malloc(N);
	struct ch9329_parser *p = calloc(1, sizeof(*p));
	struct ch9329_answer *a = calloc(1, sizeof(*a));
	unsigned seed = getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : (unsigned)time(NULL), answers = 0,
		 whole = 0;

	print_message("# SEED=%u\n", seed);
	srand(seed);
	for (size_t n = 0; n < N;) {
		/* Mostly bytes that look like frames; here and there a good one, which must be found unless
		 * swallowed. */
		if (rand() % 50 == 0 && n + sizeof(ack) < N) {
			memcpy(s + n, ack, sizeof(ack));
			for (size_t end = n + sizeof(ack); n < end;)
				if (ch9329_feed(p, s[n++], a)) {
					answers++;
					assert_true(holds_frame(s, n, a));
				}
			whole++;
			continue;
		}
		s[n] = rand() % 3 ? usual[rand() % (int)COUNT(usual)] : (uint8_t)rand();
		if (ch9329_feed(p, s[n++], a)) {
			answers++;
			assert_true(holds_frame(s, n, a));
		}
		assert_true(p->n < CH9329_FRAME_MAX);
	}
	assert_true(answers > whole / 4);
	free(s);
	free(p);
	free(a);
}

TEST(every_status_has_words_that_name_its_number)
{
	static const struct {
		uint8_t status;
		const char *part;
	} texts[] = {{CH9329_TIMEOUT, "(E1)"}, {CH9329_HEADER, "header was wrong (E2)"},
		{CH9329_COMMAND, "command is not known to the chip (E3)"}, {CH9329_SUM, "checksum was wrong (E4)"},
		{CH9329_PARAMETER, "parameter was wrong (E5)"}, {CH9329_FAILED, "could not carry it out (E6)"}};

	assert_string_equal(ch9329_status_text(CH9329_OK), "done");
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_int_equal(texts[i].status, 0xe1 + i);
		holds(ch9329_status_text(texts[i].status), texts[i].part);
	}
	for (int s = 1; s < 256; s++)
		if (s < 0xe1 || s > 0xe6)
			holds(ch9329_status_text((uint8_t)s), "does not list");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_those_of_the_protocol_byte_for_byte),
		cmocka_unit_test(a_request_holds_64_bytes_and_no_more),
		cmocka_unit_test(an_answer_is_complete_with_its_last_byte),
		cmocka_unit_test(an_answer_without_data_is_an_answer),
		cmocka_unit_test(an_error_answer_names_its_request_and_its_status),
		cmocka_unit_test(answers_come_out_wherever_the_stream_is_cut),
		cmocka_unit_test(garbage_before_an_answer_is_skipped),
		cmocka_unit_test(answers_are_found_after_a_frame_that_was_cut_anywhere),
		cmocka_unit_test(a_wrong_sum_is_no_answer_and_a_good_frame_behind_it_is_found_at_once),
		cmocka_unit_test(an_answer_that_a_wrong_frame_swallowed_is_found_inside_it),
		cmocka_unit_test(all_answers_that_a_wrong_frame_swallowed_are_found_when_the_line_falls_silent),
		cmocka_unit_test(requests_that_the_line_echoes_are_no_answers),
		cmocka_unit_test(a_length_above_64_is_no_frame_and_64_is),
		cmocka_unit_test(any_address_may_answer),
		cmocka_unit_test(random_bytes_never_complete_a_frame_with_a_bad_sum),
		cmocka_unit_test(every_status_has_words_that_name_its_number),
	};

	return RUN(tests, NULL, NULL);
}
