/* SPDX-License-Identifier: MIT */
/* A press by the process that talks to the board: nothing is pressed that nobody would open. */
#include "isolated.h"
#include "pty.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

#include "relay-hand.h"
#include "relay-state.h"
#include "wait.h"

static int master;
static struct relay_target t;

/* A custom board in port 1-1, to which D0 closes the contact and D1 opens it. */
static int plug(void **state)
{
	struct stat st;
	char number[32];

	if (isolate(state) || mkdir("/run/replug", 0755) || mkdir(RELAY_DIR, 0770) || mkdir("/sys/board", 0755))
		return -1;
	config_relay_defaults(&t.conf);
	t.conf.protocol = RELAY_CUSTOM;
	t.conf.channel = 1;
	t.conf.on = (struct conf_bytes){.n = 1, .byte = {0xd0}};
	t.conf.off = (struct conf_bytes){.n = 1, .byte = {0xd1}};
	t.driver = relay_driver(RELAY_CUSTOM);
	t.d = (struct device){.port = "1-1", .dev = 5, .vid = 0x1a86, .pid = 0x7523};
	master = pty_open(t.node, sizeof(t.node));
	if (stat(t.node, &st))
		return -1;
	snprintf(number, sizeof(number), "%u:%u\n", major(st.st_rdev), minor(st.st_rdev));
	snprintf(t.syspath, sizeof(t.syspath), "/sys/board");
	alarm(40);
	return write_file("/sys/board/dev", number) ? 0 : -1;
}

/* What the hand says of the board in the end. */
static struct relay_outcome outcome;

static void last_word(int socket)
{
	struct hand_message m;
	int fd = -1;

	outcome = (struct relay_outcome){0};
	while (hand_hear(socket, &m, &fd) == (ssize_t)sizeof(m))
		if (m.said == HAND_DONE)
			outcome = m.out;
	if (fd >= 0)
		close(fd);
}

/* The job by a hand of its own, to its end. */
static void done_by_hand(const struct relay_job *job)
{
	int socket[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, socket), 0);
	pid_t pid = fork();
	if (!pid) {
		hand_run(job, clock_ms() + RELAY_SWITCH_MS, socket[1]);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	last_word(socket[0]);
	close(socket[0]);
	close(socket[1]);
	assert_int_equal(outcome.status, STATUS_DONE);
}

/* An LCUS board: asked, it says this; but of its second answer the first line alone, and the others 60 ms later. */
static const char *says;
static bool in_pieces;
static unsigned silent;    /* so often it says nothing before */
static uint8_t lcus_heard; /* a bit for each contact that it was told to open */

static void say(const char *text, size_t n)
{
	assert_int_equal(write(master, text, n), (ssize_t)n);
}

static void lcus_board(const struct relay_job *job)
{
	int socket[2], status;
	uint64_t later = 0;
	uint8_t in[4];
	size_t n = 0, line = strcspn(says, "\n") + 1;
	unsigned asked = 0;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, socket), 0);
	lcus_heard = 0;
	pid_t pid = fork();
	if (!pid) {
		hand_run(job, clock_ms() + RELAY_SWITCH_MS, socket[1]);
		_exit(0);
	}
	while (!waitpid(pid, &status, WNOHANG)) {
		struct pollfd p = {.fd = master, .events = POLLIN};
		if (later && clock_ms() >= later) {
			say(says + line, strlen(says + line));
			later = 0;
		}
		if (poll(&p, 1, 5) != 1 || !(p.revents & POLLIN) || read(master, in + n, 1) != 1)
			continue;
		n++;
		if (in[0] == 0xff && silent) {
			silent--;
			n = 0;
		} else if (in[0] == 0xff) {
			bool split = in_pieces && ++asked == 2;
			if (*says)
				say(says, split ? line : strlen(says));
			later = split ? clock_ms() + 60 : 0;
			n = 0;
		} else if (n == 4) {
			assert_true(in[0] == 0xa0 && in[1] >= 1 && in[1] <= 8 && !in[2]);
			lcus_heard |= (uint8_t)(1u << (in[1] - 1));
			n = 0;
		}
	}
	last_word(socket[0]);
	close(socket[0]);
	close(socket[1]);
}

static void all_off(const char *answer, bool pieces)
{
	struct relay_target lcus = t;

	says = answer;
	in_pieces = pieces;
	lcus.conf.protocol = RELAY_LCUS;
	lcus.driver = relay_driver(RELAY_LCUS);
	lcus_board(&(struct relay_job){.t = &lcus, .verb = RELAY_OFF, .all = true, .contact = -1});
	assert_int_equal(lcus_heard, 0xff);
}

TEST(off_all_tells_each_contact_whatever_is_answered)
{
	all_off("CH1: OFF\r\nCH2: OFF\r\nCH3: OFF\r\nCH4: OFF\r\n", false);
	assert_int_equal(outcome.status, STATUS_DONE);
	assert_string_equal(outcome.text, "all 4 open");
	all_off("CH1: OFF\r\nCH2: OFF\r\nCH3: ON\r\nCH4: OFF\r\n", false);
	assert_int_equal(outcome.status, STATUS_FAILED);
	holds(outcome.text, "channel 3 is closed");
	all_off("", false); /* it told once: it is not silent for want of a contact */
	assert_int_equal(outcome.status, STATUS_FAILED);
	holds(outcome.text, "could not be verified");
}

TEST(off_all_asks_once_more_when_an_answer_came_in_pieces)
{
	all_off("CH1: OFF\r\nCH2: OFF\r\nCH3: OFF\r\nCH4: OFF\r\n", true);
	assert_int_equal(outcome.status, STATUS_DONE);
	assert_string_equal(outcome.text, "all 4 open");
}

/* Two questions without an answer may be a board that cannot tell; then this one does. */
TEST(off_all_does_not_take_a_silence_for_a_contact_that_is_open)
{
	t.d.dev = 6;
	silent = 2;
	all_off("CH1: OFF\r\nCH2: OFF\r\nCH3: OFF\r\nCH4: OFF\r\n", false);
	t.d.dev = 5;
	assert_int_equal(outcome.status, STATUS_FAILED);
	assert_string_equal(outcome.text, "3 open, but of 1 more the board did not say");
}

/* A pulse of 200 ms; what the board has heard of it. */
static size_t pressed(int contact, int socket, uint8_t *heard, size_t size)
{
	struct relay_job job = {.t = &t, .verb = RELAY_PULSE, .pulse_ms = 200, .contact = contact};
	struct pollfd p = {.fd = master, .events = POLLIN};
	size_t n = 0;
	pid_t pid = fork();

	if (!pid) {
		hand_run(&job, clock_ms() + RELAY_SWITCH_MS, socket);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	while (n < size && poll(&p, 1, 0) == 1 && p.revents & POLLIN) {
		ssize_t got = read(master, heard + n, size - n);
		assert_true(got > 0);
		n += (size_t)got;
	}
	return n;
}

TEST(a_press_closes_the_contact_and_opens_it)
{
	uint8_t heard[16];
	int socket[2], contact = relay_take("1-1", 1);
	char byte;

	assert_true(contact >= 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, socket), 0);
	size_t n = pressed(contact, socket[1], heard, sizeof(heard));
	assert_true(n >= 2);
	assert_int_equal(heard[0], 0xd0);
	assert_int_equal(heard[n - 1], 0xd1);
	assert_int_equal(pread(contact, &byte, 1, 0), 0); /* and is not on record any more */
	close(contact);
	close(socket[0]);
	close(socket[1]);
}

/* A board that fails its transfers for a while, and closes the contact by the first that it does not. */
static struct {
	uint64_t asked, closed, opened; /* of clock_ms */
} * moved;

static int move_at_last(struct board *board, unsigned channel, bool closed)
{
	(void)board;
	(void)channel;
	if (!closed) {
		moved->opened = moved->opened ? moved->opened : clock_ms();
		return 0;
	}
	moved->asked = moved->asked ? moved->asked : clock_ms();
	if (clock_ms() < moved->asked + 60)
		return -EPROTO;
	moved->closed = clock_ms();
	return 0;
}

TEST(a_press_lasts_from_the_transfer_that_closes_the_contact)
{
	static const struct relay_driver late = {.node = "tty", .channels = 8, .set = move_at_last};
	struct relay_target stubborn = t;
	struct relay_job job = {.t = &stubborn, .verb = RELAY_PULSE, .pulse_ms = 50};

	stubborn.driver = &late;
	moved = mmap(NULL, sizeof(*moved), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(moved != MAP_FAILED);
	job.contact = relay_take("1-1", 1);
	assert_true(job.contact >= 0);
	done_by_hand(&job);
	assert_true(moved->closed >= moved->asked + 60);
	assert_true(moved->opened >= moved->closed + 49); /* a clock of milliseconds */
	munmap(moved, sizeof(*moved));
	close(job.contact);
}

/* A board that drops off the bus when its contact has been opened, and is back at once. */
static int opens_and_drops(struct board *board, unsigned channel, bool closed)
{
	(void)board;
	(void)channel;
	moved->opened = closed ? 0 : clock_ms();
	return 0;
}

static int says_when_it_is_back(struct board *board, unsigned channel, bool *closed)
{
	(void)board;
	(void)channel;
	*closed = !moved->opened;
	if (!moved->opened || moved->closed)
		return 0;
	moved->closed = clock_ms(); /* this question found nobody */
	return -ENODEV;
}

TEST(what_was_pressed_for_its_time_is_a_press_though_the_board_drops_off_then)
{
	static const struct relay_driver drops = {
		.node = "tty", .channels = 8, .all_tell = true, .set = opens_and_drops, .get = says_when_it_is_back};
	struct relay_target board = t;
	struct relay_job job = {.t = &board, .verb = RELAY_PULSE, .pulse_ms = 200};
	const char *const dir = "/sys/bus/usb/devices/1-1";
	struct stat st;
	char path[128], text[80];

	snprintf(path, sizeof(path), "%s/idVendor", dir);
	file(path, "1a86\n");
	snprintf(path, sizeof(path), "%s/idProduct", dir);
	file(path, "7523\n");
	snprintf(path, sizeof(path), "%s/busnum", dir);
	file(path, "1\n");
	snprintf(path, sizeof(path), "%s/devnum", dir);
	file(path, "5\n");
	assert_int_equal(stat(t.node, &st), 0);
	snprintf(path, sizeof(path), "%s/1-1:1.0/tty/one/dev", dir);
	snprintf(text, sizeof(text), "%u:%u\n", major(st.st_rdev), minor(st.st_rdev));
	file(path, text);
	snprintf(path, sizeof(path), "%s/1-1:1.0/tty/one/uevent", dir);
	snprintf(text, sizeof(text), "DEVNAME=%s\n", t.node + 5);
	file(path, text);
	snprintf(path, sizeof(path), "%s/1-1:1.0/tty/one/subsystem", dir);
	assert_int_equal(symlink("/sys/class/tty", path), 0);
	snprintf(board.syspath, sizeof(board.syspath), "%s/1-1:1.0/tty/one", dir);
	board.driver = &drops;
	moved = mmap(NULL, sizeof(*moved), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(moved != MAP_FAILED);
	job.contact = relay_take("1-1", 1);
	assert_true(job.contact >= 0);
	done_by_hand(&job);
	assert_true(moved->closed > 0); /* it did drop off */
	holds(outcome.text, "pressed for 20");
	holds(outcome.text, "(verified)");
	munmap(moved, sizeof(*moved));
	close(job.contact);
	assert_int_equal(system("rm -r /sys/bus/usb/devices/1-1"), 0);
}

/* An adapter that fails whatever its driver asks when it is opened: all that is an input/output error. */
TEST(why_a_contact_could_not_be_opened_is_said)
{
	struct relay_target locked = t;
	struct relay_job job = {.t = &locked, .verb = RELAY_OFF, .contact = -1};
	struct hand h;
	struct hand_opened o;
	int other = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	assert_true(other >= 0);
	assert_int_equal(ptsname_r(other, locked.node, sizeof(locked.node)), 0);
	hand_init(&h, &job, 0, -1);
	hand_open_contact(&h, 0, &o);
	assert_false(o.sent);
	assert_int_equal(o.e, -EPROTO);
	holds(o.why, locked.node);
	holds(o.why, "Protocol error");
	close(other);
}

TEST(without_a_record_of_it_nothing_is_pressed)
{
	uint8_t heard[16];
	int socket[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, socket), 0);
	assert_int_equal(pressed(-1, socket[1], heard, sizeof(heard)), 0);
	close(socket[0]);
	close(socket[1]);
}

static bool on_record(unsigned channel)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), RELAY_DIR "/1-1.%u.press", channel);
	return !stat(path, &st) && st.st_size;
}

TEST(without_somebody_who_watches_it_nothing_is_pressed)
{
	uint8_t heard[16];
	int contact = relay_take("1-1", 1);

	assert_int_equal(pressed(contact, -1, heard, sizeof(heard)), 0);
	assert_false(on_record(1)); /* or it would be opened one day, whoever has switched it on by then */
	close(contact);
}

/* A press that was left by a killed command; then a contact is switched. */
static void switched(enum relay_verb verb, unsigned channel, bool all)
{
	struct relay_target other = t;
	struct relay_job job = {.t = &other, .verb = verb, .all = all, .contact = -1};
	int left = relay_take("1-1", 1);

	assert_int_equal(relay_note_press(left, &t.conf, t.d.vid, t.d.pid), 0);
	close(left);
	other.conf.channel = channel;
	if (verb != RELAY_OFF)
		job.contact = relay_take("1-1", channel);
	done_by_hand(&job);
	if (job.contact >= 0)
		close(job.contact);
}

TEST(what_was_left_pressed_is_forgotten_once_it_is_switched)
{
	switched(RELAY_OFF, 1, false);
	assert_false(on_record(1));
	switched(RELAY_ON, 1, false);
	assert_false(on_record(1));
	switched(RELAY_TOGGLE, 1, false);
	assert_false(on_record(1));
	switched(RELAY_OFF, 2, false);
	assert_true(on_record(1));
	switched(RELAY_OFF, 2, true);
	assert_false(on_record(1));
}

TEST(a_contact_that_is_being_pressed_stays_on_record)
{
	int contact = relay_take("1-1", 1);

	assert_int_equal(relay_note_press(contact, &t.conf, t.d.vid, t.d.pid), 0);
	relay_forget_press("1-1", 1);
	assert_true(on_record(1));
	relay_note_release(contact);
	close(contact);
}

/* The next message that says this. */
static bool said(int socket, enum hand_said what, uint64_t until)
{
	struct hand_message m;
	int fd = -1;
	bool found = false;

	while (!found && wait_for(socket, POLLIN, until) > 0)
		found = hand_hear(socket, &m, &fd) == (ssize_t)sizeof(m) && m.said == what;
	if (fd >= 0)
		close(fd);
	return found;
}

/*
 * When its contact is to be opened, another command has the board, and the hand is told to stop while it waits for
 * that; the other one is done after so many ms.
 */
static struct relay_state pressed_beside_another(unsigned ms)
{
	struct relay_job job = {.t = &t, .verb = RELAY_PULSE, .pulse_ms = 300};
	int socket[2], other;
	struct relay_state s;

	job.contact = relay_take("1-1", 1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, socket), 0);
	pid_t pid = fork();
	if (!pid) {
		wait_block_signals();
		hand_run(&job, clock_ms() + RELAY_SWITCH_MS, socket[1]);
		_exit(0);
	}
	assert_true(said(socket[0], HAND_PRESSED, clock_ms() + 2000));
	other = relay_lock("1-1", 5, clock_ms() + 200, &s);
	assert_true(other >= 0);
	assert_true(said(socket[0], HAND_RELEASED, clock_ms() + 2000));
	wait_for(-1, 0, clock_ms() + 50);
	kill(pid, SIGTERM);
	wait_for(-1, 0, clock_ms() + ms);
	relay_unlock(other);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(job.contact);
	close(socket[0]);
	close(socket[1]);
	relay_peek("1-1", 5, &s);
	return s;
}

TEST(what_was_opened_beside_another_command_is_put_on_record)
{
	assert_int_equal(pressed_beside_another(100).closed, 0);
	assert_false(on_record(1));
}

TEST(if_it_cannot_be_the_press_stays_on_record)
{
	assert_int_equal(pressed_beside_another(RELAY_SWITCH_MS + 500).closed, 1);
	assert_true(on_record(1));
	holds(content(RELAY_DIR "/1-1.1.press"), "id 1a86:7523\n"); /* that no other device is taken for it */
	relay_forget_press("1-1", 1);
}

/*
 * An LCUS board of eight at 9600 baud: a line takes 11 ms, and what it was asked meanwhile is answered after that.
 * Returns once the hand is done.
 */
static void slow_board(pid_t pid)
{
	static const char *const word[] = {"OFF", "ON "};
	char lines[64][16];
	size_t asked = 0, told = 0, n = 0;
	uint64_t next = 0;
	bool closed = false;
	uint8_t in[4];

	while (!waitpid(pid, NULL, WNOHANG)) {
		struct pollfd p = {.fd = master, .events = POLLIN};
		if (told < asked && clock_ms() >= next) {
			say(lines[told % COUNT(lines)], strlen(lines[told % COUNT(lines)]));
			told++;
			next = clock_ms() + 11;
		}
		if (poll(&p, 1, 1) != 1 || !(p.revents & POLLIN) || read(master, in + n, 1) != 1)
			continue;
		n++;
		if (in[0] == 0xff) {
			next = told < asked ? next : clock_ms() + 11;
			for (unsigned i = 1; i <= 8; i++)
				snprintf(lines[asked++ % COUNT(lines)], sizeof(lines[0]), "CH%u: %s\r\n", i,
					word[i == 8 && closed]);
		} else if (n == 4) {
			closed = in[2];
		} else if (in[0] == 0xa0) { /* or it is left from another test */
			continue;
		}
		n = 0;
	}
}

static void slowly_pressed(uint32_t ms)
{
	struct relay_target lcus = t;
	struct relay_job job = {.t = &lcus, .verb = RELAY_PULSE, .pulse_ms = ms, .contact = relay_take("1-1", 8)};
	int socket[2];

	lcus.conf.protocol = RELAY_LCUS;
	lcus.conf.channel = 8;
	lcus.driver = relay_driver(RELAY_LCUS);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, socket), 0);
	pid_t pid = fork();
	if (!pid) {
		hand_run(&job, clock_ms() + RELAY_SWITCH_MS, socket[1]);
		_exit(0);
	}
	slow_board(pid);
	last_word(socket[0]);
	close(job.contact);
	close(socket[0]);
	close(socket[1]);
}

/* A question that was given up is answered all the same, and the answer is another's. */
TEST(a_press_does_not_take_what_is_left_of_an_answer_for_its_own)
{
	struct relay_target lcus = t;
	struct relay_job get = {.t = &lcus, .verb = RELAY_GET, .contact = -1},
			 press = {.t = &lcus, .verb = RELAY_PULSE, .pulse_ms = 400, .contact = relay_take("1-1", 8)};

	lcus.conf.protocol = RELAY_LCUS;
	lcus.conf.channel = 8;
	lcus.driver = relay_driver(RELAY_LCUS);
	for (unsigned left = 40; left <= 80; left += 20) {
		int socket[2], unheard[2], status;
		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, socket), 0);
		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, unheard), 0);
		pid_t pid = fork();
		if (!pid) {
			pid_t first = fork();
			if (!first) {
				hand_run(&get, clock_ms() + left, unheard[1]);
				_exit(0);
			}
			waitpid(first, &status, 0);
			hand_run(&press, clock_ms() + RELAY_SWITCH_MS, socket[1]);
			_exit(0);
		}
		slow_board(pid);
		last_word(unheard[0]);
		assert_int_equal(outcome.status, STATUS_UNKNOWN); /* it was given up */
		last_word(socket[0]);
		holds(outcome.text, "(verified)");
		assert_int_equal(outcome.status, STATUS_DONE);
		close(socket[0]);
		close(socket[1]);
		close(unheard[0]);
		close(unheard[1]);
	}
	close(press.contact);
}

TEST(a_press_too_short_for_the_answer_is_judged_by_the_opening)
{
	for (uint32_t ms = 20; ms <= 80; ms += 30) {
		slowly_pressed(ms);
		holds(outcome.text, "(verified)");
		assert_int_equal(outcome.status, STATUS_DONE);
	}
	slowly_pressed(300); /* there was time, and it said so */
	holds(outcome.text, "(verified)");
	assert_int_equal(outcome.status, STATUS_DONE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(off_all_tells_each_contact_whatever_is_answered),
		cmocka_unit_test(off_all_asks_once_more_when_an_answer_came_in_pieces),
		cmocka_unit_test(off_all_does_not_take_a_silence_for_a_contact_that_is_open),
		cmocka_unit_test(a_press_closes_the_contact_and_opens_it),
		cmocka_unit_test(a_press_lasts_from_the_transfer_that_closes_the_contact),
		cmocka_unit_test(what_was_pressed_for_its_time_is_a_press_though_the_board_drops_off_then),
		cmocka_unit_test(why_a_contact_could_not_be_opened_is_said),
		cmocka_unit_test(without_a_record_of_it_nothing_is_pressed),
		cmocka_unit_test(without_somebody_who_watches_it_nothing_is_pressed),
		cmocka_unit_test(what_was_left_pressed_is_forgotten_once_it_is_switched),
		cmocka_unit_test(a_contact_that_is_being_pressed_stays_on_record),
		cmocka_unit_test(what_was_opened_beside_another_command_is_put_on_record),
		cmocka_unit_test(if_it_cannot_be_the_press_stays_on_record),
		cmocka_unit_test(a_press_too_short_for_the_answer_is_judged_by_the_opening),
		cmocka_unit_test(a_press_does_not_take_what_is_left_of_an_answer_for_its_own),
	};

	return RUN(tests, plug, NULL);
}
