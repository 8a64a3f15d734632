/* SPDX-License-Identifier: MIT */
#include "pty.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "config.h"
#include "serial.h"
#include "use.h"
#include "wait.h"

static char tty[64];
static int master = -1, fd = -1;

static int plug(void **state)
{
	(void)state;
	master = pty_open(tty, sizeof(tty));
	alarm(20);
	return 0;
}

static int unplug(void **state)
{
	(void)state;
	if (fd >= 0)
		close(fd);
	if (master >= 0)
		close(master);
	fd = master = -1;
	return 0;
}

static struct termios flags(void)
{
	struct termios t;

	assert_int_equal(tcgetattr(fd, &t), 0);
	return t;
}

static const struct {
	unsigned baud;
	speed_t speed;
} rates[] = {{1200, B1200}, {2400, B2400}, {4800, B4800}, {9600, B9600}, {19200, B19200}, {38400, B38400},
	{57600, B57600}, {115200, B115200}};

TEST(a_tty_is_opened_raw_with_8n1_and_no_line_is_moved_by_closing_it)
{
	struct termios t;

	assert_int_equal(tcgetattr(master, &t), 0);
	t.c_cflag = CS7 | CSTOPB | PARENB | PARODD | HUPCL | CRTSCTS | B300;
	t.c_iflag = ICRNL | IXON | IXOFF | ISTRIP | INLCR | IGNCR | BRKINT | PARMRK;
	t.c_oflag = OPOST | ONLCR;
	t.c_lflag = ECHO | ECHONL | ICANON | ISIG | IEXTEN;
	assert_int_equal(tcsetattr(master, TCSANOW, &t), 0);
	assert_int_equal(serial_open(tty, 9600, NULL, &fd), 0);
	t = flags();
	assert_int_equal(t.c_cflag & CSIZE, CS8);
	assert_int_equal(t.c_cflag & (CSTOPB | PARENB | HUPCL | CRTSCTS), 0);
	assert_int_equal(t.c_cflag & (CLOCAL | CREAD), CLOCAL | CREAD);
	assert_int_equal(t.c_iflag & (ICRNL | IXON | IXOFF | ISTRIP | INLCR | IGNCR | BRKINT | PARMRK), 0);
	assert_int_equal(t.c_oflag & OPOST, 0);
	assert_int_equal(t.c_lflag & (ECHO | ECHONL | ICANON | ISIG | IEXTEN), 0);
	assert_int_equal(cfgetospeed(&t), B9600);
	assert_int_equal(cfgetispeed(&t), B9600);
}

TEST(every_byte_goes_through_unchanged_both_ways)
{
	uint8_t out[256], in[256];

	for (int i = 0; i < 256; i++)
		out[i] = (uint8_t)i;
	assert_int_equal(serial_open(tty, 9600, NULL, &fd), 0);
	assert_int_equal(serial_write(fd, out, sizeof(out), clock_ms() + 1000), 0);
	assert_int_equal(read(master, in, sizeof(in)), sizeof(in));
	assert_memory_equal(in, out, sizeof(in));
	assert_int_equal(write(master, out, sizeof(out)), sizeof(out));
	memset(in, 0, sizeof(in));
	for (size_t n = 0; n < sizeof(in);) {
		ssize_t got = serial_read(fd, in + n, sizeof(in) - n, clock_ms() + 1000);
		assert_true(got > 0);
		n += (size_t)got;
	}
	assert_memory_equal(in, out, sizeof(in));
	assert_int_equal(serial_read(fd, in, sizeof(in), clock_ms() + 50), 0); /* and no echo */
}

TEST(the_rates_are_those_that_were_asked_for)
{
	for (size_t i = 0; i < COUNT(rates); i++) {
		unsigned found;
		assert_int_equal(serial_open(tty, rates[i].baud, &found, &fd), 0);
		struct termios t = flags();
		assert_int_equal(cfgetospeed(&t), rates[i].speed);
		assert_int_equal(serial_rate_now(fd), rates[i].baud);
		if (i) /* the slave of a pseudo-terminal keeps it when it is closed */
			assert_int_equal(found, rates[(i + 2) % COUNT(rates)].baud);
		unsigned other = rates[(i + 3) % COUNT(rates)].baud;
		assert_int_equal(serial_rate(fd, other), 0);
		t = flags();
		assert_int_equal(cfgetospeed(&t), rates[(i + 3) % COUNT(rates)].speed);
		close(fd);
		fd = -1;
	}
}

static void no_report(void *ctx, const char *file, unsigned line, const char *message)
{
	(void)ctx;
	(void)file;
	(void)line;
	(void)message;
}

TEST(every_rate_that_the_configuration_takes_can_be_opened)
{
	static const unsigned bauds[] = {
		300, 1200, 1800, 2400, 4800, 9600, 14400, 19200, 28800, 38400, 57600, 76800, 115200, 230400};
	char file[] = "/tmp/replug-serial.XXXXXX", text[64];
	struct config *c;
	int f = mkstemp(file);
	unsigned taken = 0;

	assert_true(f >= 0);
	for (size_t i = 0; i < COUNT(bauds); i++) {
		int n = snprintf(text, sizeof(text), "[device a]\nmatch =\nbaud = %u\n", bauds[i]);
		assert_int_equal(ftruncate(f, 0), 0);
		assert_int_equal(pwrite(f, text, (size_t)n, 0), n);
		int e = config_load(
			&c, &(struct config_paths){file, "/nonexistent", "/nonexistent"}, no_report, NULL);
		config_free(c);
		if (e)
			continue;
		taken++;
		int r = serial_open(tty, bauds[i], NULL, &fd);
		if (fd >= 0)
			close(fd);
		fd = -1;
		if (r)
			fail_msg("baud = %u: %d", bauds[i], r);
	}
	close(f);
	unlink(file);
	assert_int_equal(taken, COUNT(rates));
}

TEST(no_other_rate_is_opened)
{
	assert_int_equal(serial_open(tty, 9601, NULL, &fd), -EINVAL);
	assert_int_equal(fd, -1);
	assert_int_equal(serial_open(tty, 0, NULL, &fd), -EINVAL);
	assert_int_equal(serial_open(tty, 9600, NULL, &fd), 0);
	assert_int_equal(serial_rate(fd, 12345), -EINVAL);
}

TEST(a_new_rate_throws_away_what_came_in_at_the_old_one)
{
	char in[8];

	assert_int_equal(serial_open(tty, 9600, NULL, &fd), 0);
	assert_int_equal(write(master, "old", 3), 3);
	assert_int_equal(wait_for(fd, 1, clock_ms() + 1000), 1); /* POLLIN */
	assert_int_equal(serial_rate(fd, 115200), 0);
	assert_int_equal(serial_read(fd, in, sizeof(in), clock_ms() + 50), 0);
}

TEST(what_cannot_be_opened_gives_its_errno)
{
	assert_int_equal(serial_open("/dev/replug-no-such-tty", 9600, NULL, &fd), -ENOENT);
	assert_int_equal(fd, -1);
	assert_int_equal(serial_open("/dev/null", 9600, NULL, &fd), -ENOTTY);
	assert_int_equal(fd, -1);
}

TEST(a_read_waits_until_its_deadline_and_no_longer)
{
	char in[8];
	uint64_t begin = clock_ms();

	assert_int_equal(serial_open(tty, 9600, NULL, &fd), 0);
	assert_int_equal(serial_read(fd, in, sizeof(in), begin + 200), 0);
	assert_in_range(clock_ms() - begin, 199, 350);
	assert_int_equal(serial_read(fd, in, sizeof(in), begin), 0); /* one that has passed */
	assert_int_equal(write(master, "x", 1), 1);
	assert_int_equal(serial_read(fd, in, sizeof(in), clock_ms() + 1000), 1);
}

TEST(a_write_waits_until_its_deadline_when_the_other_side_does_not_read)
{
	char frame[70] = {0};
	uint64_t begin;
	int r = 0;

	assert_int_equal(serial_open(tty, 9600, NULL, &fd), 0);
	for (int i = 0; !r && i < 20000; i++) {
		begin = clock_ms();
		r = serial_write(fd, frame, sizeof(frame), begin + 200);
	}
	assert_int_equal(r, -ETIMEDOUT);
	while (write(fd, frame, 1) == 1)
		;
	begin = clock_ms();
	assert_int_equal(serial_write(fd, frame, sizeof(frame), begin + 200), -ETIMEDOUT);
	assert_in_range(clock_ms() - begin, 199, 350);
	begin = clock_ms();
	serial_close(fd); /* and what is queued is thrown away, not waited for */
	fd = -1;
	assert_in_range(clock_ms() - begin, 0, 100);
}

TEST(a_tty_that_hung_up_is_gone)
{
	char in[8];

	assert_int_equal(serial_open(tty, 9600, NULL, &fd), 0);
	close(master);
	master = -1;
	assert_int_equal(serial_read(fd, in, sizeof(in), clock_ms() + 1000), -ENODEV);
	assert_int_equal(serial_write(fd, "x", 1, clock_ms() + 1000), -ENODEV);
	assert_int_equal(serial_rate(fd, 9600), -ENODEV);
}

/* The kernel throws away what nobody has read by then. */
TEST(a_tty_that_hung_up_with_bytes_unread_is_gone)
{
	char in[8];

	assert_int_equal(serial_open(tty, 9600, NULL, &fd), 0);
	assert_int_equal(write(master, "last", 4), 4);
	assert_int_equal(wait_for(fd, POLLIN, clock_ms() + 1000), POLLIN);
	close(master);
	master = -1;
	assert_int_equal(serial_read(fd, in, sizeof(in), clock_ms() + 1000), -ENODEV);
}

TEST(bytes_that_another_reader_took_are_waited_for_anew)
{
	unsigned taken = 0;
	char in[8];
	pid_t thief = fork();

	if (!thief) { /* takes what it can get, as a second program on the tty does */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int f = open(tty, O_RDWR | O_NOCTTY);
		for (;;)
			if (read(f, in, 1) < 0)
				_exit(1);
	}
	assert_int_equal(serial_open(tty, 9600, NULL, &fd), 0);
	WITHIN(20);
	for (int i = 0; i < 50 || taken < 10; i++) {
		assert_int_equal(write(master, "x", 1), 1);
		ssize_t n = serial_read(fd, in, sizeof(in), clock_ms() + 5);
		assert_true(n == 0 || n == 1);
		taken += n == 0;
	}
	WITHIN(0);
	end_process(thief);
}

TEST(a_signal_to_stop_ends_reading_and_writing)
{
	char in[8] = "";
	int status;
	pid_t pid = fork();

	if (!pid) {
		signal(SIGHUP, SIG_DFL); /* the tests may have been started with nohup */
		wait_block_signals();
		raise(SIGTERM);
		if (serial_open(tty, 9600, NULL, &fd) || serial_read(fd, in, sizeof(in), clock_ms() + 5000) != -EINTR)
			_exit(1);
		raise(SIGHUP);
		while (write(fd, in, 1) == 1)
			;
		_exit(serial_write(fd, in, 1, clock_ms() + 5000) != -EINTR);
	}
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

TEST(a_tty_does_not_become_the_controlling_one_and_is_not_handed_on)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		setsid();
		if (serial_open(tty, 9600, NULL, &fd))
			_exit(1);
		if (open("/dev/tty", O_RDWR) >= 0 || errno != ENXIO)
			_exit(2);
		_exit(!(fcntl(fd, F_GETFD) & FD_CLOEXEC));
	}
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

TEST(others_are_those_who_have_the_tty_open_and_not_ourselves)
{
	char names[128], want[64];

	assert_int_equal(serial_open(tty, 9600, NULL, &fd), 0);
	assert_int_equal(use_of_node(tty, names, sizeof(names)), 0);
	assert_string_equal(names, "");
	pid_t a = pty_holder(tty, "kvmd");
	unsigned one = use_of_node(tty, names, sizeof(names));
	snprintf(want, sizeof(want), "kvmd (%d)", (int)a);
	assert_string_equal(names, want);
	pid_t b = pty_holder(tty, "evil\x1b[2J\n");
	unsigned two = use_of_node(tty, names, sizeof(names));
	end_process(a);
	end_process(b);
	assert_int_equal(one, 1);
	assert_int_equal(two, 2);
	snprintf(want, sizeof(want), "kvmd (%d)", (int)a);
	holds(names, want);
	snprintf(want, sizeof(want), "evil\\x1b[2J\\x0a (%d)", (int)b);
	holds(names, want);
	holds(names, ", ");
	assert_int_equal(use_of_node(tty, names, sizeof(names)), 0);
	assert_int_equal(use_of_node("/dev/replug-no-such-tty", names, sizeof(names)), 0);
}

TEST(names_of_others_never_run_over)
{
	pid_t a = pty_holder(tty, "a-rather-long-n"), b = pty_holder(tty, "b-rather-long-n");

	for (size_t size = 1; size < 60; size++) {
		char *names = malloc(size);
		assert_non_null(names);
		assert_int_equal(use_of_node(tty, names, size), 2);
		assert_true(strlen(names) < size);
		free(names);
	}
	end_process(a);
	end_process(b);
}

#define T(test) cmocka_unit_test_setup_teardown(test, plug, unplug)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(a_tty_is_opened_raw_with_8n1_and_no_line_is_moved_by_closing_it),
		T(every_byte_goes_through_unchanged_both_ways),
		T(the_rates_are_those_that_were_asked_for),
		T(every_rate_that_the_configuration_takes_can_be_opened),
		T(no_other_rate_is_opened),
		T(a_new_rate_throws_away_what_came_in_at_the_old_one),
		T(what_cannot_be_opened_gives_its_errno),
		T(a_read_waits_until_its_deadline_and_no_longer),
		T(a_write_waits_until_its_deadline_when_the_other_side_does_not_read),
		T(a_tty_that_hung_up_is_gone),
		T(a_tty_that_hung_up_with_bytes_unread_is_gone),
		T(bytes_that_another_reader_took_are_waited_for_anew),
		T(a_signal_to_stop_ends_reading_and_writing),
		T(a_tty_does_not_become_the_controlling_one_and_is_not_handed_on),
		T(others_are_those_who_have_the_tty_open_and_not_ourselves),
		T(names_of_others_never_run_over),
	};

	return RUN(tests, NULL, NULL);
}
