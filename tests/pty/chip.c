/* SPDX-License-Identifier: MIT */
/* chip_info and chip_reset against a chip that a forked child plays on a pseudo-terminal. */
#include "pty.h"

#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <termios.h>

#include "chip.h"
#include "wait.h"

/* What the chip does. All zero: it is healthy, and ready at once after a RESET. */
struct script {
	speed_t speed; /* it understands nothing at another rate */
	bool dead;
	bool wedged;                       /* answers nothing until it was reset */
	unsigned ready_ms;                 /* silent for so long after a RESET */
	unsigned acks_lost;                /* of the first so many RESETs; they work all the same */
	unsigned e4;                       /* the first so many requests are answered by E4 */
	uint8_t refuse_reset, refuse_info; /* with this status */
	const uint8_t *before;             /* comes before each answer */
	size_t before_len;
	bool noise;         /* and this is all that comes */
	unsigned hang_up;   /* at the request of this number, from 1 */
	unsigned interrupt; /* likewise: sends SIGTERM to the program */
	unsigned late_ms;   /* answers take so long */
	bool by_byte;       /* answers come byte by byte */
	uint8_t info_len;   /* so many bytes of GET_INFO's eight */
};

/* A busy machine may make the fake late, and the question be asked again. */
enum { FRAMES = 400, FEW = 4 };

/* What the chip experienced. */
static struct seen {
	volatile unsigned frames, resets, infos, odd; /* odd: reads that were not one whole frame */
	volatile struct {
		uint64_t when;
		uint8_t cmd;
		speed_t speed;
	} frame[FRAMES];
} * seen;

static char tty[64], why[512];
static pid_t chip;
static struct chip_state s;

static void send_bytes(int fd, const uint8_t *bytes, size_t n, bool by_byte)
{
	for (size_t i = 0; i < n; i += by_byte ? 1 : n) {
		if (write(fd, bytes + i, by_byte ? 1 : n) < 0)
			_exit(1);
		if (by_byte)
			usleep(500);
	}
}

static void answer(int fd, const struct script *c, uint8_t cmd, const uint8_t *data, uint8_t len)
{
	uint8_t f[80] = {0x57, 0xab, 0x00, cmd, len}, sum = 0;

	memcpy(f + 5, data, len);
	for (int i = 0; i < 5 + len; i++)
		sum = (uint8_t)(sum + f[i]);
	f[5 + len] = sum;
	if (c->late_ms)
		usleep(c->late_ms * 1000);
	if (c->before)
		send_bytes(fd, c->before, c->before_len, false);
	if (!c->noise)
		send_bytes(fd, f, 6u + len, c->by_byte);
}

/* One request, whole or not. */
static void hear(int fd, const struct script *c, pid_t program, const uint8_t *in, size_t n)
{
	static const uint8_t get_info[] = {0x57, 0xab, 0x00, 0x01, 0x00, 0x03},
			     reset[] = {0x57, 0xab, 0x00, 0x0f, 0x00, 0x11}, done[] = {0},
			     info[] = {0x38, 1, 0x03, 0, 0, 0, 0, 0}, bad_sum[] = {0xe4};
	static uint64_t silent_until;
	bool is_info = n == 6 && !memcmp(in, get_info, 6), is_reset = n == 6 && !memcmp(in, reset, 6);
	unsigned i = seen->frames;
	uint64_t now = clock_ms();
	struct termios t;

	tcgetattr(fd, &t);
	seen->odd += !is_info && !is_reset;
	if (i < FRAMES) {
		seen->frame[i].when = now;
		seen->frame[i].cmd = in[3];
		seen->frame[i].speed = cfgetospeed(&t);
	}
	seen->infos += is_info;
	seen->resets += is_reset;
	seen->frames = i + 1;
	if (c->hang_up == i + 1)
		_exit(0);
	if (c->interrupt == i + 1)
		kill(program, SIGTERM);
	if (c->dead || (c->speed && c->speed != cfgetospeed(&t)) || now < silent_until ||
		(c->wedged && !is_reset && !silent_until))
		return;
	if (i < c->e4) {
		answer(fd, c, is_info ? 0xc1 : 0xcf, bad_sum, 1);
	} else if (is_reset && c->refuse_reset) {
		answer(fd, c, 0xcf, &c->refuse_reset, 1);
	} else if (is_reset) {
		silent_until = now + c->ready_ms;
		if (seen->resets > c->acks_lost)
			answer(fd, c, 0x8f, done, 1);
	} else if (is_info && c->refuse_info) {
		answer(fd, c, 0xc1, &c->refuse_info, 1);
	} else if (is_info) {
		answer(fd, c, 0x81, info, c->info_len ? c->info_len : 8);
	}
}

static void play(int fd, const struct script *c, pid_t program)
{
	uint8_t in[600];

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		poll(&p, 1, -1);
		ssize_t n = read(fd, in, sizeof(in));
		if (n < 0) /* nobody has the tty open */
			usleep(1000);
		/* On a busy machine two requests may be here at once; a piece of one never is. */
		for (ssize_t i = 0; i < n; i += 6)
			hear(fd, c, program, in + i, n - i < 6 ? (size_t)(n - i) : 6);
	}
}

static void plug(struct script c)
{
	int master = pty_open(tty, sizeof(tty));
	pid_t program = getpid();

	memset((void *)seen, 0, sizeof(*seen));
	why[0] = '\0';
	chip = fork();
	if (!chip) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		play(master, &c, program);
	}
	close(master);
	alarm(20);
}

static int unplug(void **state)
{
	(void)state;
	end_process(chip);
	chip = 0;
	return 0;
}

static int share(void **state)
{
	(void)state;
	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return seen == MAP_FAILED;
}

/* A job with the usual limits, in which ready and deadline are short. */
static struct chip_job job(void)
{
	return (struct chip_job){
		.tty = tty, .baud = 9600, .attempts = 3, .ready_ms = 1500, .deadline = clock_ms() + 8000};
}

static int info(struct chip_job j)
{
	return chip_info(&j, &s, why, sizeof(why));
}

static int reset(struct chip_job j)
{
	return chip_reset(&j, &s, why, sizeof(why));
}

static void succeeds(int r)
{
	if (r)
		fail_msg("%d: %s", r, why);
	assert_int_equal(s.info.version, 0x38);
	assert_true(s.info.target);
	assert_true(s.info.num_lock);
	assert_true(s.info.caps_lock);
	assert_false(s.info.scroll_lock);
	assert_int_equal(seen->odd, 0);
}

TEST(a_healthy_chip_answers_one_request)
{
	plug((struct script){0});
	succeeds(info(job()));
	assert_int_equal(s.baud, 9600);
	assert_int_equal(s.attempts, 1);
	assert_in_range(seen->frames, 1, FEW);
	assert_int_equal(seen->frame[0].speed, B9600);
}

TEST(a_healthy_chip_is_reset_once_and_asked_until_it_is_ready)
{
	uint64_t begin = clock_ms();

	plug((struct script){.ready_ms = 150});
	succeeds(reset(job()));
	uint64_t took = clock_ms() - begin;
	assert_int_equal(seen->resets, 1);
	assert_int_equal(seen->frame[0].cmd, 0x0f);
	assert_true(seen->infos >= 2);
	assert_true(s.acknowledged);
	assert_int_equal(s.attempts, 1);
	assert_in_range(s.ready_ms, 100, 500);
	assert_in_range(s.reset_ms, 0, 100);
	assert_in_range(took, 150, 700);
}

TEST(every_frame_comes_in_one_piece)
{
	plug((struct script){.ready_ms = 700});
	succeeds(reset(job()));
	assert_true(seen->frames > 10);
	assert_int_equal(seen->odd, 0);
}

TEST(a_wedged_chip_is_healed_by_its_reset)
{
	plug((struct script){.wedged = true, .ready_ms = 150});
	succeeds(reset(job()));
	assert_int_equal(seen->resets, 1);
	assert_true(s.acknowledged);
}

TEST(a_chip_may_be_silent_for_as_long_as_ready_says)
{
	plug((struct script){.ready_ms = 900});
	succeeds(reset(job()));
	assert_int_equal(seen->resets, 1);
	assert_in_range(s.ready_ms, 850, 1300);
}

TEST(a_chip_that_is_silent_for_longer_is_reset_again)
{
	struct chip_job j = job();

	plug((struct script){.ready_ms = 700});
	j.ready_ms = 300;
	j.attempts = 1;
	assert_int_equal(reset(j), -ETIMEDOUT);
	assert_int_equal(seen->resets, 1);
	holds(why, "does not answer");
}

TEST(a_reset_without_acknowledgement_counts_when_silence_proves_it)
{
	plug((struct script){.acks_lost = 99, .ready_ms = 800});
	succeeds(reset(job()));
	assert_int_equal(seen->resets, 1);
	assert_false(s.acknowledged);
}

TEST(a_reset_without_acknowledgement_or_silence_is_made_again)
{
	plug((struct script){.acks_lost = 1});
	succeeds(reset(job()));
	assert_int_equal(seen->resets, 2);
	assert_int_equal(s.attempts, 2);
	assert_true(s.acknowledged);
}

TEST(a_chip_that_never_acknowledges_and_never_falls_silent_was_not_reset)
{
	struct chip_job j = job();

	plug((struct script){.acks_lost = 99});
	j.attempts = 2;
	assert_true(reset(j) < 0);
	assert_int_equal(seen->resets, 2);
	holds_not(why, "does not answer"); /* it does */
	holds(why, "RESET");
}

TEST(a_chip_that_answers_slowly_was_not_silent)
{
	struct chip_job j = job();
	int r = 0;

	j.attempts = 1;
	/* A busy machine may make it silent for longer than a chip is that restarts, but not always. */
	for (int i = 0; i < 5 && r >= 0; i++) {
		unplug(NULL);
		plug((struct script){.acks_lost = 99, .late_ms = 20});
		r = reset(j);
	}
	assert_true(r < 0);
}

TEST(an_answer_without_the_leds_is_none)
{
	plug((struct script){.info_len = 2});
	assert_true(info(job()) < 0);
	unplug(NULL);
	plug((struct script){.info_len = 3});
	succeeds(info(job()));
}

TEST(an_acknowledgement_that_another_process_may_have_taken_is_not_missed)
{
	plug((struct script){.acks_lost = 99});
	pid_t other = pty_holder(tty, "kvmd-fake");
	int r = reset(job());
	end_process(other);
	succeeds(r);
	assert_int_equal(seen->resets, 1);
	assert_false(s.acknowledged);
}

TEST(a_bad_sum_at_first_is_asked_again_at_once)
{
	plug((struct script){.e4 = 1});
	succeeds(info(job()));
	assert_in_range(seen->frames, 2, FEW);
	assert_int_equal(s.attempts, 1);
	unplug(NULL);
	plug((struct script){.e4 = 1, .ready_ms = 150});
	succeeds(reset(job()));
	assert_int_equal(seen->resets, 2);
	assert_int_equal(s.attempts, 1);
}

TEST(foreign_and_truncated_frames_before_an_answer_are_skipped)
{
	static const uint8_t foreign[] = {0x57, 0xab, 0x00, 0x82, 0x01, 0x00, 0x85, /* a key's */
		0x57, 0xab, 0x00, 0xc5, 0x01, 0xe1, 0xa9,                           /* a mouse's refusal */
		0x57, 0xab, 0x00, 0x81, 0x08, 0x38, 0x01,                           /* cut */
		0x57, 0xab, 0x00, 0xc2, 0x01, 0x57, 0xab};

	plug((struct script){.before = foreign, .before_len = sizeof(foreign), .ready_ms = 150});
	succeeds(info(job()));
	assert_int_equal(s.attempts, 1);
	succeeds(reset(job()));
}

TEST(a_cut_frame_right_in_front_of_the_acknowledgement_does_not_hide_it)
{
	static const uint8_t cut[] = {0x57, 0xab, 0x00, 0x81, 0x08};
	struct chip_job j = job();

	plug((struct script){.before = cut, .before_len = sizeof(cut)});
	j.attempts = 1;
	succeeds(reset(j));
}

TEST(garbage_before_an_answer_is_skipped)
{
	static const uint8_t garbage[] = {
		0x00, 0xff, 0x57, 0x57, 0xab, 0x13, 0x57, 0xab, 0x00, 0x01, 0x00, 0x03, 0xab, 0x57};

	plug((struct script){.before = garbage, .before_len = sizeof(garbage)});
	succeeds(info(job()));
	assert_int_equal(s.attempts, 1);
	succeeds(reset(job()));
	assert_int_equal(seen->resets, 1);
}

TEST(an_answer_that_comes_byte_by_byte_is_an_answer)
{
	plug((struct script){.by_byte = true});
	succeeds(info(job()));
	succeeds(reset(job()));
}

TEST(garbage_alone_is_named_as_such)
{
	static const uint8_t noise[] = {0x00, 0x12, 0x57, 0xab, 0x99};
	struct chip_job j = job();

	plug((struct script){.before = noise, .before_len = sizeof(noise), .noise = true});
	j.attempts = 1;
	int r = info(j);
	assert_true(r == -EBADMSG || r == -ETIMEDOUT);
	holds(why, "sends something that is no CH9329 answer");
	holds(why, "9600 baud");
}

/* The longest pause is that before the third attempt, and one of half its length comes before it. */
static void grows(void)
{
	uint64_t gap[FRAMES] = {0};
	unsigned longest = 1;
	bool shorter = false;

	for (unsigned i = 1; i < seen->frames && i < FRAMES; i++) {
		if (seen->frame[i - 1].cmd == 0x01) /* 34 ms of it were waiting for its answer */
			gap[i] = seen->frame[i].when - seen->frame[i - 1].when;
		if (gap[i] > gap[longest])
			longest = i;
	}
	assert_in_range(gap[longest], 200, 400);
	for (unsigned i = 1; i < longest; i++)
		shorter |= gap[i] >= 100 && gap[i] < gap[longest];
	assert_true(shorter);
}

TEST(a_dead_chip_is_tried_as_often_as_configured_with_growing_pauses)
{
	struct chip_job j = job();

	plug((struct script){.dead = true});
	j.ready_ms = 100;
	assert_int_equal(reset(j), -ETIMEDOUT);
	assert_int_equal(s.attempts, 3);
	assert_int_equal(seen->resets, 3);
	holds(why, tty);
	holds(why, "does not answer");
	holds(why, "wiring");
	holds(why, "9600 baud; try baud = auto");
	holds(why, "no other process has the tty open");
	holds(why, "is there one at all?");
	grows();
	j.hint = 9600; /* there was */
	j.attempts = 1;
	assert_int_equal(reset(j), -ETIMEDOUT);
	holds_not(why, "at all?");
}

TEST(a_dead_chip_is_asked_as_often_as_configured)
{
	struct chip_job j = job();
	uint64_t begin = clock_ms();

	plug((struct script){.dead = true});
	pid_t other = pty_holder(tty, "kvmd-fake");
	int r = info(j);
	char name[64];
	snprintf(name, sizeof(name), "also open in kvmd-fake (%d)", (int)other);
	end_process(other);
	assert_int_equal(r, -ETIMEDOUT);
	assert_int_equal(s.attempts, 3);
	holds(why, name);
	holds_not(why, "no other process");
	grows();
	assert_in_range(clock_ms() - begin, 1800, 2400);
}

TEST(a_refusal_is_said_in_words)
{
	static const struct {
		uint8_t status;
		const char *words;
	} refusals[] = {{0xe3, "refused: the command is not known to the chip (E3)"},
		{0xe5, "refused: a parameter was wrong (E5)"},
		{0xe6, "refused: the chip could not carry it out (E6)"}};
	struct chip_job j = job();

	j.attempts = 1;
	for (size_t i = 0; i < COUNT(refusals); i++) {
		plug((struct script){.refuse_info = refusals[i].status});
		int r = info(j);
		for (int again = 0; again < 2 && r == -ETIMEDOUT; again++) /* the last answer was late */
			r = info(j);
		assert_int_equal(r, -EBADE);
		holds(why, refusals[i].words);
		unplug(NULL);
	}
}

TEST(a_reset_that_is_refused_has_failed_though_the_chip_answers)
{
	struct chip_job j = job();

	plug((struct script){.refuse_reset = 0xe6});
	j.attempts = 2;
	assert_int_equal(reset(j), -EBADE);
	assert_int_equal(seen->resets, 2);
	holds(why, "could not carry it out (E6)");
	unplug(NULL);
	/* Who else has the tty open may take an acknowledgement, but this was heard. */
	plug((struct script){.refuse_reset = 0xe6});
	pid_t other = pty_holder(tty, "kvmd-fake");
	int r = reset(j);
	holds_not(why, "at all?"); /* it spoke */
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	assert_int_equal(r, -EBADE);
	assert_int_equal(seen->resets, 2);
	holds(why, "could not carry it out (E6)");
}

TEST(a_tty_that_goes_away_is_said_at_once)
{
	for (unsigned at = 1; at <= 3; at++) {
		plug((struct script){.hang_up = at, .ready_ms = 300});
		uint64_t begin = clock_ms();
		assert_int_equal(reset(job()), -ENODEV);
		assert_in_range(clock_ms() - begin, 0, 600);
		holds(why, tty);
		holds(why, "went away");
		unplug(NULL);
	}
}

TEST(a_tty_that_is_not_there_is_named)
{
	struct chip_job j = job();

	j.tty = "/dev/replug-no-such-tty";
	assert_true(info(j) < 0);
	holds(why, "/dev/replug-no-such-tty");
	assert_true(reset(j) < 0);
	j.baud = 12345;
	snprintf(tty, sizeof(tty), "/dev/ptmx");
	j.tty = tty;
	assert_int_equal(info(j), -EINVAL);
}

static void stops(bool do_reset, struct script c)
{
	int status;
	pid_t pid = fork();

	if (!pid) { /* a program of its own, for signals are blocked for the whole process */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		wait_block_signals();
		plug(c);
		uint64_t begin = clock_ms();
		int r = do_reset ? reset(job()) : info(job());
		uint64_t took = clock_ms() - begin;
		end_process(chip);
		_exit(r != -EINTR ? 1 : took > 900 ? 2 : !strstr(why, "interrupted by a signal") ? 3 : 0);
	}
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

TEST(a_signal_to_stop_ends_the_wait)
{
	stops(false, (struct script){.dead = true, .interrupt = 2});
	stops(true, (struct script){.dead = true, .interrupt = 1});
	stops(true, (struct script){.ready_ms = 5000, .interrupt = 4});
}

/* Never early; and of three times once in time, for a busy machine may make it late. */
static void ends_in_time(bool do_reset, unsigned baud, unsigned ms)
{
	struct chip_job j = job();
	uint64_t took = UINT64_MAX;

	j.attempts = 10;
	j.baud = baud;
	j.ready_ms = 6000;
	for (int i = 0; i < 3 && took > ms + 150; i++) {
		plug((struct script){.dead = true});
		uint64_t begin = clock_ms();
		j.deadline = begin + ms;
		assert_int_equal(do_reset ? reset(j) : info(j), -ETIMEDOUT);
		took = clock_ms() - begin;
		unplug(NULL);
		assert_true(took >= ms - 150);
	}
	assert_in_range(took, ms - 150, ms + 150);
}

TEST(asking_ends_at_its_deadline)
{
	ends_in_time(false, 9600, 250);
	ends_in_time(false, 9600, 700);
	ends_in_time(false, 0, 300);
}

TEST(a_reset_ends_at_its_deadline)
{
	ends_in_time(true, 9600, 200);
	ends_in_time(true, 9600, 800);
	ends_in_time(true, 0, 400);
}

TEST(the_rate_is_found_the_likely_ones_first)
{
	static const struct {
		speed_t speed;
		unsigned baud;
	} rates[] = {{B9600, 9600}, {B115200, 115200}, {B57600, 57600}};
	struct chip_job j = job();

	j.baud = 0;
	for (size_t i = 0; i < COUNT(rates); i++) {
		plug((struct script){.speed = rates[i].speed});
		j.deadline = clock_ms() + 8000;
		succeeds(info(j));
		assert_int_equal(s.baud, rates[i].baud);
		for (size_t k = 0; k <= i; k++)
			assert_int_equal(seen->frame[k].speed, rates[k].speed);
		assert_in_range(seen->frames, i + 1, i + FEW);
		unplug(NULL);
	}
}

TEST(the_rate_of_last_time_is_tried_first)
{
	struct chip_job j = job();

	j.baud = 0;
	j.hint = 38400;
	plug((struct script){.speed = B38400});
	succeeds(info(j));
	assert_int_equal(s.baud, 38400);
	assert_int_equal(seen->frame[0].speed, B38400);
	assert_in_range(seen->frames, 1, FEW);
	unplug(NULL);
	plug((struct script){.speed = B115200}); /* and it may have changed */
	succeeds(info(j));
	assert_int_equal(s.baud, 115200);
}

/* A tty has one rate for all who have it open: kvmd would go on at another than it has set. */
TEST(a_search_in_vain_ends_at_the_rate_it_began_with)
{
	static const struct {
		unsigned baud, hint;
		speed_t theirs;
	} searches[] = {{0, 0, B19200}, {0, 38400, B9600}, {115200, 0, B9600}};
	struct chip_job j = job();
	struct termios now;

	j.attempts = 1;
	j.ready_ms = 100;
	for (size_t i = 0; i < 2 * COUNT(searches); i++) {
		plug((struct script){.dead = true});
		int other = open(tty, O_RDWR | O_NOCTTY | O_CLOEXEC);
		assert_true(other >= 0 && !tcgetattr(other, &now));
		cfsetspeed(&now, searches[i / 2].theirs);
		assert_int_equal(tcsetattr(other, TCSANOW, &now), 0);
		j.baud = searches[i / 2].baud;
		j.hint = searches[i / 2].hint;
		j.deadline = clock_ms() + 300; /* in the middle of it */
		assert_int_equal(i % 2 ? reset(j) : info(j), -ETIMEDOUT);
		assert_true(seen->frames > 0 && seen->frame[0].speed != searches[i / 2].theirs);
		assert_int_equal(tcgetattr(other, &now), 0);
		assert_int_equal(cfgetospeed(&now), searches[i / 2].theirs);
		close(other);
		unplug(NULL);
	}
}

/* kvmd opens its tty again, and sets its rate, while the search is at another. */
TEST(a_rate_that_somebody_sets_meanwhile_is_put_back)
{
	struct chip_job j = job();
	struct termios now;
	int status;

	plug((struct script){.dead = true});
	int other = open(tty, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(other >= 0);
	j.baud = 0;
	j.attempts = 1;
	j.deadline = clock_ms() + 900;
	pid_t pid = fork();
	if (!pid)
		_exit(info(j) == -ETIMEDOUT ? 0 : 1);
	while (seen->frames < 3 && !waitpid(pid, &status, WNOHANG))
		usleep(1000);
	assert_int_equal(tcgetattr(other, &now), 0);
	cfsetspeed(&now, B19200);
	assert_int_equal(tcsetattr(other, TCSANOW, &now), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(seen->frames >= 5); /* it went on */
	assert_int_equal(tcgetattr(other, &now), 0);
	assert_int_equal(cfgetospeed(&now), B19200);
	close(other);
}

TEST(the_last_rate_is_found_by_asking)
{
	struct chip_job j = job();

	plug((struct script){.speed = B1200}); /* the last to be tried */
	j.baud = 0;
	succeeds(info(j));
	assert_int_equal(s.baud, 1200);
}

TEST(the_last_rate_is_found_by_a_reset)
{
	struct chip_job j = job();

	j.baud = 0;
	plug((struct script){.speed = B115200, .wedged = true, .ready_ms = 150});
	succeeds(reset(j));
	assert_int_equal(s.baud, 115200);
	assert_int_equal(s.attempts, 1);
	unplug(NULL);
	plug((struct script){.speed = B1200, .ready_ms = 150});
	succeeds(reset(j));
	assert_int_equal(s.baud, 1200);
	assert_int_equal(s.attempts, 1);
}

/* Root gets into a tty that is held exclusively by CAP_SYS_ADMIN, which the units do not have. */
static void admin(bool on)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2];
	const uint32_t bit = 1u << CAP_SYS_ADMIN;

	assert_int_equal(syscall(SYS_capget, &h, d), 0);
	d[0].effective = on ? d[0].effective | (d[0].permitted & bit) : d[0].effective & ~bit;
	assert_int_equal(syscall(SYS_capset, &h, d), 0);
}

TEST(who_has_the_tty_exclusively_is_named)
{
	char name[64];

	plug((struct script){0});
	pid_t holder = pty_holder(tty, "one-kvm");
	int fd = open(tty, O_RDWR | O_NOCTTY | O_NONBLOCK); /* exclusive is the tty, whoever said so */
	assert_int_equal(ioctl(fd, TIOCEXCL), 0);
	admin(false);
	int r = info(job());
	admin(true);
	close(fd);
	end_process(holder);
	assert_int_equal(r, -EBUSY);
	snprintf(name, sizeof(name), "is in use by one-kvm (%d), exclusively", (int)holder);
	holds(why, name);
	assert_int_equal(seen->frames, 0);
}

TEST(a_chip_is_shown_in_words)
{
	char text[128];
	struct chip_state c = {
		.baud = 9600, .info = {.version = 0x38, .target = true, .num_lock = true, .caps_lock = true}};

	chip_show(&c, text, sizeof(text));
	assert_string_equal(text, "CH9329 V1.8 at 9600 baud, target connected, LEDs num caps");
	c = (struct chip_state){.baud = 115200, .info = {.version = 0x30}};
	chip_show(&c, text, sizeof(text));
	assert_string_equal(text, "CH9329 V1.0 at 115200 baud, target not connected, LEDs off");
	c.info.scroll_lock = true;
	chip_show(&c, text, sizeof(text));
	holds(text, "LEDs scroll");
}

#define T(test) cmocka_unit_test_teardown(test, unplug)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(a_healthy_chip_answers_one_request),
		T(a_healthy_chip_is_reset_once_and_asked_until_it_is_ready),
		T(every_frame_comes_in_one_piece),
		T(a_wedged_chip_is_healed_by_its_reset),
		T(a_chip_may_be_silent_for_as_long_as_ready_says),
		T(a_chip_that_is_silent_for_longer_is_reset_again),
		T(a_reset_without_acknowledgement_counts_when_silence_proves_it),
		T(a_reset_without_acknowledgement_or_silence_is_made_again),
		T(a_chip_that_never_acknowledges_and_never_falls_silent_was_not_reset),
		T(a_chip_that_answers_slowly_was_not_silent),
		T(an_answer_without_the_leds_is_none),
		T(an_acknowledgement_that_another_process_may_have_taken_is_not_missed),
		T(a_bad_sum_at_first_is_asked_again_at_once),
		T(foreign_and_truncated_frames_before_an_answer_are_skipped),
		T(a_cut_frame_right_in_front_of_the_acknowledgement_does_not_hide_it),
		T(garbage_before_an_answer_is_skipped),
		T(an_answer_that_comes_byte_by_byte_is_an_answer),
		T(garbage_alone_is_named_as_such),
		T(a_dead_chip_is_tried_as_often_as_configured_with_growing_pauses),
		T(a_dead_chip_is_asked_as_often_as_configured),
		T(a_refusal_is_said_in_words),
		T(a_reset_that_is_refused_has_failed_though_the_chip_answers),
		T(a_tty_that_goes_away_is_said_at_once),
		T(a_tty_that_is_not_there_is_named),
		T(a_signal_to_stop_ends_the_wait),
		T(asking_ends_at_its_deadline),
		T(a_reset_ends_at_its_deadline),
		T(the_rate_is_found_the_likely_ones_first),
		T(the_rate_of_last_time_is_tried_first),
		T(a_search_in_vain_ends_at_the_rate_it_began_with),
		T(a_rate_that_somebody_sets_meanwhile_is_put_back),
		T(the_last_rate_is_found_by_asking),
		T(the_last_rate_is_found_by_a_reset),
		T(who_has_the_tty_exclusively_is_named),
		T(a_chip_is_shown_in_words),
	};

	return run_lanes(tests, COUNT(tests), 6, share);
}
