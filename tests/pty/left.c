/* SPDX-License-Identifier: MIT */
/* Contacts that were left pressed, of several boards: each is opened, whatever the others do. */
#include "isolated.h"
#include "pty.h"

#include <poll.h>
#include <sys/sysmacros.h>

#include "relay-hand.h"
#include "relay-left.h"
#include "relay-state.h"
#include "wait.h"

#define DEVICES "/sys/bus/usb/devices/"
#define SAID    "/run/said"

static const struct relay_conf conf = {
	.protocol = RELAY_CUSTOM, .baud = 9600, .channel = 1, .off = {.n = 1, .byte = {0xd1}}};
static int master[8], told;

static int prepare(void **state)
{
	alarm(60);
	/* What is told. */
	if (isolate(state) || mkdir("/run/replug", 0755) || mkdir(RELAY_DIR, 0770) || wait_block_signals())
		return -1;
	told = open(SAID, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return told < 0 ? -1 : 0;
}

static int clean(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(master); i++)
		if (master[i])
			close(master[i]);
	memset(master, 0, sizeof(master));
	return system("rm -rf /run/replug/relay/* " DEVICES "*") || ftruncate(told, 0) || lseek(told, 0, SEEK_SET);
}

static void attribute(unsigned n, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), DEVICES "1-%u/%s", n, name);
	file(path, text);
}

/* A custom board in port 1-N; its node by itself. */
static void plug(unsigned n)
{
	attribute(n, "idVendor", "1a86\n");
	attribute(n, "idProduct", "7523\n");
	attribute(n, "busnum", "1\n");
	attribute(n, "devnum", "5\n");
}

static void add_node(unsigned n)
{
	char tty[64], path[128], text[64];
	struct stat st;

	master[n] = pty_open(tty, sizeof(tty));
	assert_int_equal(stat(tty, &st), 0);
	snprintf(text, sizeof(text), "%u:%u\n", major(st.st_rdev), minor(st.st_rdev));
	snprintf(path, sizeof(path), "1-%u:1.0/tty/one/dev", n);
	attribute(n, path, text);
	snprintf(path, sizeof(path), DEVICES "1-%u/1-%u:1.0/tty/one/subsystem", n, n);
	assert_int_equal(symlink("/sys/class/tty", path), 0);
	snprintf(path, sizeof(path), "1-%u:1.0/tty/one/uevent", n);
	snprintf(text, sizeof(text), "DEVNAME=%s\n", tty + 5);
	attribute(n, path, text);
}

static void leave_pressed(unsigned n)
{
	char port[16];

	snprintf(port, sizeof(port), "1-%u", n);
	int contact = relay_take(port, 1);
	assert_true(contact >= 0);
	assert_int_equal(relay_note_press(contact, &conf, 0x1a86, 0x7523), 0);
	close(contact);
}

static bool on_record(unsigned n)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), RELAY_DIR "/1-%u.1.press", n);
	return !stat(path, &st) && st.st_size;
}

static bool opened(unsigned n)
{
	struct pollfd p = {.fd = master[n], .events = POLLIN};
	uint8_t byte = 0;

	return poll(&p, 1, 0) == 1 && p.revents & POLLIN && read(master[n], &byte, 1) == 1 && byte == 0xd1;
}

static char said[2048];

/* What it returns, with what was said. */
static enum status released(void)
{
	int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);

	fflush(stdout);
	dup2(told, STDOUT_FILENO);
	dup2(told, STDERR_FILENO);
	enum status s = relay_left_open(NULL, NULL);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	close(out);
	close(err);
	ssize_t n = pread(told, said, sizeof(said) - 1, 0);
	said[n > 0 ? n : 0] = '\0';
	return s;
}

static void after(unsigned ms, void (*what)(void))
{
	if (!fork()) {
		wait_for(-1, 0, clock_ms() + ms);
		what();
		_exit(0);
	}
}

/* Identifying it never ends: so far, a pipe that nobody writes to is like a kernel that waits for its device. */
static void hang(unsigned n)
{
	char path[64];

	plug(n);
	snprintf(path, sizeof(path), DEVICES "1-%u/idVendor", n);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
}

static void unhang(unsigned n)
{
	char path[64];

	snprintf(path, sizeof(path), DEVICES "1-%u/idVendor", n);
	int fd = open(path, O_WRONLY | O_NONBLOCK);
	assert_int_equal(unlink(path), 0);
	assert_true(fd >= 0); /* somebody hangs there */
	close(fd);
}

TEST(a_board_that_hangs_holds_up_no_other)
{
	uint64_t begun = clock_ms();

	for (unsigned n = 1; n <= 5; n++)
		leave_pressed(n);
	hang(1);
	hang(5);
	for (unsigned n = 2; n <= 4; n++) {
		plug(n);
		add_node(n);
	}
	assert_int_equal(released(), STATUS_FAILED);
	assert_in_range(clock_ms() - begun, RELAY_SWITCH_MS, 2 * RELAY_SWITCH_MS);
	for (unsigned n = 2; n <= 4; n++) {
		assert_true(opened(n));
		assert_false(on_record(n));
	}
	holds(said, "1-1 channel 1: MAY BE PRESSED STILL: its board does not answer");
	holds(said, "1-5 channel 1: MAY BE PRESSED STILL");
	holds(said, "1-3 channel 1: left pressed by a command that was killed; it was opened all the same");
	assert_true(on_record(1) && on_record(5));
	unhang(1);
	unhang(5);
}

/* How many ms it takes until the board in port 1-2 is told to open its contact. */
static int when_2(void)
{
	uint64_t begun = clock_ms();

	while (!opened(2) && clock_ms() < begun + 15000)
		wait_for(-1, 0, clock_ms() + 5);
	return (int)(clock_ms() - begun);
}

TEST(what_nobody_watches_is_opened_before_anybody_is_waited_for)
{
	int contact[3], pipes[2], ms = -1;

	plug(2);
	add_node(2);
	leave_pressed(2); /* and a folder may list it last */
	for (unsigned i = 0; i < COUNT(contact); i++) {
		char port[16];
		snprintf(port, sizeof(port), "1-%u", 3 + i);
		contact[i] = relay_take(port, 1);
		assert_int_equal(relay_note_press(contact[i], &conf, 0x1a86, 0x7523), 0); /* who is no hand: us */
	}
	assert_int_equal(pipe(pipes), 0);
	pid_t pid = fork();
	if (!pid) {
		ms = when_2();
		_exit(write(pipes[1], &ms, sizeof(ms)) != sizeof(ms));
	}
	uint64_t begun = clock_ms();
	assert_int_equal(released(), STATUS_FAILED);
	assert_in_range(clock_ms() - begun, 2000, 4000); /* for all three together */
	assert_int_equal(read(pipes[0], &ms, sizeof(ms)), sizeof(ms));
	assert_in_range(ms, 0, 1000);
	for (unsigned i = 0; i < COUNT(contact); i++)
		close(contact[i]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(pipes[0]);
	close(pipes[1]);
}

static void add_node_1(void)
{
	char path[64];

	snprintf(path, sizeof(path), DEVICES "1-1/1-1:1.0");
	if (rename("/sys/node", path))
		_exit(1);
}

TEST(a_board_whose_node_is_not_there_yet_is_waited_for)
{
	leave_pressed(1);
	plug(1);
	add_node(1);
	assert_int_equal(rename(DEVICES "1-1/1-1:1.0", "/sys/node"), 0);
	after(300, add_node_1);
	assert_int_equal(released(), STATUS_DONE);
	assert_true(opened(1));
	assert_false(on_record(1));
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

TEST(what_is_plugged_is_not_said_to_be_away)
{
	leave_pressed(1);
	plug(1);
	leave_pressed(2);
	leave_pressed(3);
	plug(3);
	attribute(3, "idProduct", "5523\n");
	assert_int_equal(released(), STATUS_FAILED);
	holds(said, "1-1 channel 1: MAY BE PRESSED STILL: it has no tty");
	holds(said, "1-2 channel 1: it was pressed when its board went away, and that is not back");
	holds(said, "1-3 channel 1: it was pressed when its board went away, and 1a86:5523 is in its port now");
	assert_true(on_record(1) && on_record(2) && on_record(3));
}

static void interrupt(void)
{
	kill(getppid(), SIGTERM);
}

TEST(told_to_stop_it_waits_no_longer)
{
	uint64_t begun = clock_ms();

	leave_pressed(1);
	plug(1);
	after(200, interrupt);
	assert_int_equal(released(), STATUS_FAILED);
	assert_in_range(clock_ms() - begun, 200, 2000);
	holds(said, "1-1 channel 1: MAY BE PRESSED STILL: interrupted");
	assert_true(on_record(1));
}

TEST(nothing_pressed_is_nothing_to_tell)
{
	assert_int_equal(released(), STATUS_DONE);
	assert_string_equal(said, "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_pressed_is_nothing_to_tell, clean),
		cmocka_unit_test_setup(a_board_that_hangs_holds_up_no_other, clean),
		cmocka_unit_test_setup(what_nobody_watches_is_opened_before_anybody_is_waited_for, clean),
		cmocka_unit_test_setup(a_board_whose_node_is_not_there_yet_is_waited_for, clean),
		cmocka_unit_test_setup(what_is_plugged_is_not_said_to_be_away, clean),
		cmocka_unit_test_setup(told_to_stop_it_waits_no_longer, clean), /* last: it stays told */
	};

	return RUN(tests, prepare, NULL);
}
