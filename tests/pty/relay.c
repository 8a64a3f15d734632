/* SPDX-License-Identifier: MIT */
/* The boards behind a tty: what each is sent, and what is made of its answers. */
#include "pty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "relay.h"
#include "wait.h"

static char tty[64];
static int master = -1;
static pid_t far_end;
static struct relay_conf conf;
static struct board b;

static int plug(void **state)
{
	(void)state;
	master = pty_open(tty, sizeof(tty));
	config_relay_defaults(&conf);
	b = (struct board){.conf = &conf, .fd = -1};
	alarm(20);
	return 0;
}

static int unplug(void **state)
{
	(void)state;
	board_close(&b);
	end_process(far_end);
	far_end = 0;
	close(master);
	return 0;
}

/* A board that waits for these bytes and says those; the next pair is for the next question. */
struct line {
	const char *hears, *says;
	size_t n, m;
};
#define LINE(h, s)                                                                                                   \
	{                                                                                                            \
		h, s, sizeof(h) - 1, sizeof(s) - 1                                                                   \
	}

static void board_of(const struct line *lines, size_t n)
{
	/* A master of which nobody has the other end open any more reads as hung up. */
	int kept = open(tty, O_RDWR | O_NOCTTY | O_CLOEXEC);

	assert_true(kept >= 0);
	far_end = fork();
	if (far_end) {
		close(kept);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		char in[16];
		size_t got = 0;
		while (got < lines[i].n) {
			ssize_t r = read(master, in + got, lines[i].n - got);
			if (r <= 0)
				_exit(1);
			got += (size_t)r;
			/* To an ICSE board that is late with its model, all open is said again; it waits for GO. */
			if (lines[i].hears[0] == 0x51 && in[0] == '\xff')
				memmove(in, in + 1, --got);
		}
		if (memcmp(in, lines[i].hears, got) ||
			write(master, lines[i].says, lines[i].m) != (ssize_t)lines[i].m)
			_exit(2);
	}
	_exit(0);
}

/* It has heard all of it. */
static void board_is_done(void)
{
	int status;

	assert_int_equal(waitpid(far_end, &status, 0), far_end);
	far_end = 0;
	assert_int_equal(status, 0);
}

static int open_as(enum relay_protocol protocol)
{
	conf.protocol = protocol;
	b.driver = relay_driver(protocol);
	b.deadline = clock_ms() + 2000;
	int e = board_open(&b, tty, NULL);
	if (!e && b.driver->identify && !b.state.ready) {
		e = b.driver->identify(&b);
		b.state.ready = !e;
		if (!e)
			e = b.driver->start(&b);
	}
	return e;
}

/* The board hears just this. */
static void hears(const void *bytes, size_t n)
{
	uint8_t in[64];
	struct pollfd p = {.fd = master, .events = POLLIN};

	for (size_t got = 0; got < n;) {
		assert_int_equal(poll(&p, 1, 1000), 1);
		ssize_t r = read(master, in + got, sizeof(in) - got);
		assert_true(r > 0);
		got += (size_t)r;
		assert_true(got <= n);
		assert_memory_equal(in, bytes, got);
	}
	assert_true(poll(&p, 1, 0) == 0 || !(p.revents & POLLIN));
}
#define HEARS(text) hears(text, sizeof(text) - 1)

static int ask(unsigned channel, bool *closed)
{
	b.deadline = clock_ms() + 1000;
	return board_get(&b, channel, closed);
}

TEST(lcus_boards_get_a_frame_with_its_sum)
{
	assert_int_equal(open_as(RELAY_LCUS), 0);
	assert_int_equal(board_set(&b, 1, true), 0);
	HEARS("\xa0\x01\x01\xa2");
	assert_int_equal(board_set(&b, 1, false), 0);
	HEARS("\xa0\x01\x00\xa1");
	assert_int_equal(board_set(&b, 8, true), 0);
	HEARS("\xa0\x08\x01\xa9");
	assert_int_equal(b.state.known, 0x81);
	assert_int_equal(b.state.closed, 0x80);
}

TEST(lcus_boards_that_answer_are_read_line_by_line)
{
	static const struct line lines[] = {LINE("\xff", "CH1: OFF\r\nCH2: ON \r\n"),
		LINE("\xff", "CH1:OFF\r\nCH2:ON\r\n"), LINE("\xff", "\r\nCH1: ON\r\nCH2: OFF"),
		LINE("\xff", "CH12: ON\r\nCH2: OFF\r\n"), LINE("\xff", "CH1: ON\r\n"), LINE("\xff", "CH2: what"),
		LINE("\xff", "\x57\xab\x00\x81\x08\x38")};
	bool closed = false;

	assert_int_equal(open_as(RELAY_LCUS), 0);
	board_of(lines, COUNT(lines));
	assert_int_equal(ask(2, &closed), 0);
	assert_true(closed);
	assert_int_equal(b.state.asked, RELAY_TELLS);
	assert_int_equal(ask(2, &closed), 0);
	assert_true(closed);
	assert_int_equal(ask(2, &closed), 0);
	assert_false(closed);
	closed = true;
	assert_int_equal(ask(2, &closed), 0);
	assert_false(closed);
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask(2, &closed), -EBADMSG);
	assert_int_equal(ask(2, &closed), -ETIMEDOUT); /* a board that told once is not taken for one that cannot */
	assert_int_equal(b.state.asked, RELAY_TELLS);
}

TEST(a_board_that_never_answers_is_not_asked_for_ever)
{
	bool closed;

	assert_int_equal(open_as(RELAY_LCUS), 0);
	b.deadline = clock_ms() + 20;
	assert_int_equal(board_get(&b, 1, &closed), -EOPNOTSUPP); /* who had no time to answer has not failed to */
	assert_int_equal(b.state.asked, 0);
	HEARS("\xff");
	for (int i = 0; i < 3; i++) {
		assert_true(board_tells(&b));
		assert_int_equal(ask(1, &closed), -EOPNOTSUPP);
	}
	assert_false(board_tells(&b));
	HEARS("\xff\xff\xff");
	assert_int_equal(ask(1, &closed), -EOPNOTSUPP);
	HEARS("");
}

TEST(diustou_boards_answer_operation_2_in_words)
{
	static const struct line lines[] = {LINE("\xa0\x02\x02\xa4", "CH2:ON"), LINE("\xa0\x02\x02\xa4", "CH2:OFF"),
		LINE("\xa0\x02\x02\xa4", "CH1:ON"), LINE("\xa0\x02\x02\xa4", "CH2:O")};
	bool closed = false;

	assert_int_equal(open_as(RELAY_DIUSTOU), 0);
	board_of(lines, COUNT(lines));
	assert_int_equal(ask(2, &closed), 0);
	assert_true(closed);
	assert_int_equal(ask(2, &closed), 0);
	assert_false(closed);
	assert_int_equal(ask(2, &closed), -EBADMSG);
	assert_int_equal(ask(2, &closed), -EBADMSG);
}

TEST(kmtronic_boards_take_three_bytes_and_answer_three)
{
	static const struct line lines[] = {LINE("\xff\x02\x03", "\xff\x02\x01"),
		LINE("\xff\x02\x03", "\xff\x02\x00"), LINE("\xff\x02\x03", "\xff\x01\x01"),
		LINE("\xff\x02\x03", "\xff\x02"), LINE("\xff\x02\x03", "\xff\x02\x02")};
	bool closed = false;

	assert_int_equal(open_as(RELAY_KMTRONIC), 0);
	assert_int_equal(board_set(&b, 2, true), 0);
	HEARS("\xff\x02\x01");
	assert_int_equal(board_set(&b, 2, false), 0);
	HEARS("\xff\x02\x00");
	board_of(lines, COUNT(lines));
	assert_int_equal(ask(2, &closed), 0);
	assert_true(closed);
	assert_int_equal(ask(2, &closed), 0);
	assert_false(closed);
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask(2, &closed), -EBADMSG);
}

TEST(kmtronic_boards_of_four_or_eight_answer_for_all_channels)
{
	static const struct line lines[] = {LINE("\xff\x03\x03", ""), LINE("\xff\x09\x00", "\x00\x00\x01\x00"),
		LINE("\xff\x03\x03", ""), LINE("\xff\x09\x00", "\x01\x01\x00\x01\x01\x01\x01\x01"),
		LINE("\xff\x03\x03", ""), LINE("\xff\x09\x00", "\x01\x01"),
		/* the last one that each has, and one that it has not */
		LINE("\xff\x04\x03", ""), LINE("\xff\x09\x00", "\x00\x00\x00\x01"), LINE("\xff\x08\x03", ""),
		LINE("\xff\x09\x00", "\x00\x00\x00\x00\x00\x00\x00\x01"), LINE("\xff\x05\x03", ""),
		LINE("\xff\x09\x00", "\x01\x01\x01\x01")};
	bool closed = false;

	assert_int_equal(open_as(RELAY_KMTRONIC), 0);
	board_of(lines, COUNT(lines));
	assert_int_equal(ask(3, &closed), 0);
	assert_true(closed);
	assert_int_equal(ask(3, &closed), 0);
	assert_false(closed);
	assert_int_equal(ask(3, &closed), -EBADMSG);
	assert_int_equal(ask(4, &closed), 0);
	assert_true(closed);
	closed = false;
	assert_int_equal(ask(8, &closed), 0);
	assert_true(closed);
	assert_int_equal(ask(5, &closed), -EBADMSG);
}

TEST(icse_boards_are_made_ready_once_and_get_all_contacts_in_a_byte)
{
	static const struct line lines[] = {LINE("\x50", "\xab"), LINE("\x51\xff", "")};
	bool closed;

	board_of(lines, COUNT(lines));
	assert_int_equal(open_as(RELAY_ICSE), 0);
	assert_int_equal(b.state.channels, 4);
	assert_int_equal(b.state.ready, 1);
	assert_int_equal(b.state.known, 0x0f);
	assert_int_equal(b.state.closed, 0);
	board_is_done();
	board_close(&b);
	assert_int_equal(open_as(RELAY_ICSE), 0);
	HEARS("");
	assert_int_equal(board_set(&b, 1, true), 0);
	HEARS("\xfe");
	assert_int_equal(board_set(&b, 3, true), 0);
	HEARS("\xfa");
	assert_int_equal(board_set(&b, 1, false), 0);
	HEARS("\xfb");
	assert_int_equal(ask(1, &closed), -EOPNOTSUPP);
	HEARS("");
}

TEST(an_icse_board_that_takes_the_handshake_for_a_state_is_opened_at_once)
{
	uint64_t begun = clock_ms();

	assert_int_equal(open_as(RELAY_ICSE), -ENOTCONN);
	HEARS("\x50\xff");
	assert_int_equal(b.state.ready, 0);
	assert_true(clock_ms() - begun < 1000);
}

TEST(an_icse_board_that_is_late_is_made_ready_all_the_same)
{
	static const struct line lines[] = {LINE("\x50\xff", "\xad"), LINE("\x51\xff", "")};

	board_of(lines, COUNT(lines));
	assert_int_equal(open_as(RELAY_ICSE), 0);
	assert_int_equal(b.state.channels, 2);
}

TEST(icse_models_have_two_four_or_eight_channels)
{
	static const struct line two[] = {LINE("\x50", "\xad"), LINE("\x51\xff", "")},
				 eight[] = {LINE("\x50", "\xac"), LINE("\x51\xff", "")},
				 none[] = {LINE("\x50", "\x57")};

	board_of(two, 2);
	assert_int_equal(open_as(RELAY_ICSE), 0);
	assert_int_equal(b.state.channels, 2);
	board_is_done();
	board_close(&b);
	b.state = (struct relay_state){0};
	board_of(eight, 2);
	assert_int_equal(open_as(RELAY_ICSE), 0);
	assert_int_equal(b.state.channels, 8);
	board_is_done();
	board_close(&b);
	b.state = (struct relay_state){0};
	board_of(none, 1);
	assert_int_equal(open_as(RELAY_ICSE), -ENOTCONN);
	board_is_done();
}

TEST(custom_boards_get_the_bytes_of_their_section)
{
	static const struct line lines[] = {LINE("\xd0\x02", "\x01\x02"), LINE("\xd0\x02", "\x03\x0d\x0a"),
		LINE("\xd0\x02", "\x03"), LINE("\xd0\x02", "\x01"), LINE("\xd0\x02", "\x04")};
	bool closed = false;

	conf.on = (struct conf_bytes){2, {0xd0, 0x01}};
	conf.off = (struct conf_bytes){3, {0xd0, 0x00, 0x11}};
	assert_int_equal(open_as(RELAY_CUSTOM), 0);
	assert_int_equal(board_set(&b, 1, true), 0);
	HEARS("\xd0\x01");
	assert_int_equal(board_set(&b, 1, false), 0);
	HEARS("\xd0\x00\x11");
	assert_int_equal(ask(1, &closed), -EOPNOTSUPP);
	HEARS("");
	conf.status = (struct conf_bytes){2, {0xd0, 0x02}};
	conf.closed = (struct conf_bytes){2, {0x01, 0x02}};
	conf.open = (struct conf_bytes){1, {0x03}};
	board_of(lines, COUNT(lines));
	assert_int_equal(ask(1, &closed), 0);
	assert_true(closed);
	for (int i = 0; i < 2; i++) { /* what follows the bytes does not matter, nor does it linger */
		assert_int_equal(ask(1, &closed), 0);
		assert_false(closed);
	}
	assert_int_equal(ask(1, &closed), -EBADMSG); /* half of an answer is none */
	assert_int_equal(ask(1, &closed), -EBADMSG);
}

TEST(a_board_that_is_pulled_out_is_gone)
{
	bool closed;

	assert_int_equal(open_as(RELAY_KMTRONIC), 0);
	close(master);
	master = -1;
	assert_int_equal(board_set(&b, 1, true), -ENODEV);
	assert_int_equal(ask(1, &closed), -ENODEV);
	assert_int_equal(b.state.known, 0);
	board_close(&b);
	assert_int_equal(open_as(RELAY_KMTRONIC), -ENODEV);
}

TEST(ids_propose_protocols_and_a_shared_one_does_not_decide)
{
	assert_int_equal(relay_propose(0x16c0, 0x05df, "USBRelay2"), 1u << RELAY_DCTTECH);
	assert_int_equal(relay_propose(0x16c0, 0x05df, "Somebody's keyboard"), 0);
	assert_int_equal(relay_propose(0x16c0, 0x05df, ""), 0);
	assert_int_equal(relay_propose(0x0519, 0x2018, ""), 1u << RELAY_UCREATEFUN);
	assert_int_equal(relay_propose(0x1a86, 0x7523, ""),
		1u << RELAY_LCUS | 1u << RELAY_DIUSTOU | 1u << RELAY_KMTRONIC | 1u << RELAY_CUSTOM);
	assert_int_equal(relay_propose(0x534d, 0x2109, ""), 0);
	for (unsigned p = 1; p < RELAY_PROTOCOLS; p++) {
		assert_non_null(relay_driver(p));
		assert_true(relay_driver(p)->channels >= 1 && relay_driver(p)->channels <= RELAY_CHANNELS);
		assert_true(strlen(relay_protocol_name[p]) > 0);
	}
	assert_null(relay_driver(RELAY_UNKNOWN));
	assert_null(relay_driver(RELAY_PROTOCOLS));
}

#define T(name) cmocka_unit_test_setup_teardown(name, plug, unplug)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(lcus_boards_get_a_frame_with_its_sum),
		T(lcus_boards_that_answer_are_read_line_by_line),
		T(a_board_that_never_answers_is_not_asked_for_ever),
		T(diustou_boards_answer_operation_2_in_words),
		T(kmtronic_boards_take_three_bytes_and_answer_three),
		T(kmtronic_boards_of_four_or_eight_answer_for_all_channels),
		T(icse_boards_are_made_ready_once_and_get_all_contacts_in_a_byte),
		T(an_icse_board_that_takes_the_handshake_for_a_state_is_opened_at_once),
		T(an_icse_board_that_is_late_is_made_ready_all_the_same),
		T(icse_models_have_two_four_or_eight_channels),
		T(custom_boards_get_the_bytes_of_their_section),
		T(a_board_that_is_pulled_out_is_gone),
		T(ids_propose_protocols_and_a_shared_one_does_not_decide),
	};

	return RUN(tests, NULL, NULL);
}
