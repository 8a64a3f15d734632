/* SPDX-License-Identifier: MIT */
#include "isolated.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record.h"
#include "recover.h"
#include "wait.h"

static void plug(const char *port)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s", port);
	mkdir(path, 0755);
}

static void unplug(const char *port)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s", port);
	rmdir(path);
}

static int lock_now(const char *port)
{
	int fd = record_lock(port, 0);

	assert_true(fd >= 0);
	return fd;
}

/* The folder is made by whoever locks first. */
static void make_folder(void)
{
	record_unlock(lock_now("9-9"));
}

static void put(const char *port, const char *text)
{
	char path[64];

	make_folder();
	snprintf(path, sizeof(path), RECORD_DIR "/%s.json", port);
	assert_true(write_file(path, text));
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static const struct record full = {.port = "1-1.4",
	.id = "1a86:7523",
	.section = "hid",
	.product = "USB \"Serial\" \\ /\xc3\xa4",
	.state = RECORD_FAILED,
	.action = "reset+init",
	.error = "it's \"dead\"",
	.owed = "authorize@8=1-1.4 power=1-1-port4",
	.duration_ms = 1234,
	.when = 1763795000,
	.step = {{"reset", 310}, {"back", 20}, {"chip", 900}},
	.steps = 3,
	.chip = true,
	.version = 0x38,
	.baud = 115200,
	.target = true,
	.num_lock = true,
	.caps_lock = true,
	.scroll_lock = true,
	.pid = 4711,
	.started = 1234567890123,
	.dev = 17,
	.verified_ms = 5000000000,
	.gone_ms = 5000000001,
	.event_ms = 5000000002,
	.ended_ms = 5000000003,
	.last_reset_ms = 5000000004,
	.reset_ms = {4000000000, 4000000001, 4000000002},
	.resets = 3,
	.held = true,
	.health = "ailing",
	.health_when = 1763795001,
	.well_again = true,
	.woken_ms = 5000000003,
	.health_bad = 5,
	.refreshed_ms = 5000000004,
	.postponed = true,
	.recoveries = 6,
	.failures = 7,
	.recovered_ms = 1235,
	.recovered_when = 1763795002};

static void same(const struct record *a, const struct record *b)
{
	assert_string_equal(a->port, b->port);
	assert_string_equal(a->id, b->id);
	assert_string_equal(a->section, b->section);
	assert_string_equal(a->product, b->product);
	assert_int_equal(a->state, b->state);
	assert_string_equal(a->action, b->action);
	assert_string_equal(a->error, b->error);
	assert_string_equal(a->owed, b->owed);
	assert_int_equal(a->duration_ms, b->duration_ms);
	assert_int_equal(a->when, b->when);
	assert_int_equal(a->steps, b->steps);
	for (unsigned i = 0; i < a->steps; i++) {
		assert_string_equal(a->step[i].name, b->step[i].name);
		assert_int_equal(a->step[i].ms, b->step[i].ms);
	}
	assert_int_equal(a->chip, b->chip);
	assert_int_equal(a->version, b->version);
	assert_int_equal(a->baud, b->baud);
	assert_int_equal(a->target, b->target);
	assert_int_equal(a->num_lock, b->num_lock);
	assert_int_equal(a->caps_lock, b->caps_lock);
	assert_int_equal(a->scroll_lock, b->scroll_lock);
	assert_int_equal(a->pid, b->pid);
	assert_int_equal(a->started, b->started);
	assert_int_equal(a->dev, b->dev);
	assert_int_equal(a->verified_ms, b->verified_ms);
	assert_int_equal(a->gone_ms, b->gone_ms);
	assert_int_equal(a->event_ms, b->event_ms);
	assert_int_equal(a->ended_ms, b->ended_ms);
	assert_int_equal(a->last_reset_ms, b->last_reset_ms);
	assert_int_equal(a->resets, b->resets);
	assert_memory_equal(a->reset_ms, b->reset_ms, a->resets * sizeof(a->reset_ms[0]));
	assert_int_equal(a->held, b->held);
	assert_string_equal(a->health, b->health);
	assert_int_equal(a->health_when, b->health_when);
	assert_int_equal(a->well_again, b->well_again);
	assert_int_equal(a->woken_ms, b->woken_ms);
	assert_int_equal(a->health_bad, b->health_bad);
	assert_int_equal(a->refreshed_ms, b->refreshed_ms);
	assert_int_equal(a->postponed, b->postponed);
	assert_int_equal(a->recoveries, b->recoveries);
	assert_int_equal(a->failures, b->failures);
	assert_int_equal(a->recovered_ms, b->recovered_ms);
	assert_int_equal(a->recovered_when, b->recovered_when);
}

/* Saves, loads and compares. */
static void keeps(const struct record *r)
{
	struct record back;

	make_folder();
	assert_int_equal(record_save(r), 0);
	memset(&back, 0xa5, sizeof(back));
	assert_int_equal(record_load(r->port, &back), 0);
	same(r, &back);
}

TEST(every_field_comes_back_as_it_was_saved)
{
	keeps(&full);
	keeps(&(struct record){.port = "1-2"});
	for (int i = 0; record_state_name[i]; i++)
		keeps(&(struct record){.port = "1-2", .state = (enum record_state)i});
}

TEST(each_flag_comes_back_alone)
{
	keeps(&(struct record){.port = "1-2", .chip = true});
	keeps(&(struct record){.port = "1-2", .target = true});
	keeps(&(struct record){.port = "1-2", .num_lock = true});
	keeps(&(struct record){.port = "1-2", .caps_lock = true});
	keeps(&(struct record){.port = "1-2", .scroll_lock = true});
	keeps(&(struct record){.port = "1-2", .held = true});
	keeps(&(struct record){.port = "1-2", .postponed = true});
	keeps(&(struct record){.port = "1-2", .well_again = true});
}

TEST(the_largest_record_comes_back_whole)
{
	struct record r = full;

	memset(r.section, 'x', sizeof(r.section) - 1);
	memset(r.product, '"', sizeof(r.product) - 1); /* two bytes each in JSON */
	memset(r.action, '/', sizeof(r.action) - 1);
	memset(r.error, '\x01', sizeof(r.error) - 1); /* six */
	memset(r.owed, 'p', sizeof(r.owed) - 1);
	r.when = INT64_MAX;
	r.started = r.verified_ms = r.gone_ms = r.event_ms = INT64_MAX;
	r.duration_ms = INT32_MAX;
	for (r.resets = 0; r.resets < GUARD_RESETS_MAX; r.resets++)
		r.reset_ms[r.resets] = INT64_MAX - r.resets;
	for (r.steps = 0; r.steps < RECORD_STEPS; r.steps++) {
		snprintf(r.step[r.steps].name, sizeof(r.step[0].name), "%010u!", r.steps);
		r.step[r.steps].ms = UINT32_MAX;
	}
	keeps(&r);
}

TEST(a_port_without_a_record_is_empty_but_for_its_name)
{
	struct record r;

	memset(&r, 0xa5, sizeof(r));
	assert_int_equal(record_load("7-7", &r), -ENOENT);
	same(&r, &(struct record){.port = "7-7"});
}

TEST(damaged_json_is_said_to_be_damaged)
{
	static const char *const damaged[] = {"", "{", "[]", "[1,2]", "null", "17", "\"text\"",
		"{\"port\":", "\x01\xff", "{\"state\": \"failed\"", "}{"};
	struct record r;

	for (size_t i = 0; i < COUNT(damaged); i++) {
		put("1-3", damaged[i]);
		if (record_load("1-3", &r) != -EBADMSG)
			fail_msg("%s is taken", damaged[i]);
		same(&r, &(struct record){.port = "1-3"});
	}
}

TEST(a_record_that_was_cut_anywhere_is_damaged)
{
	char text[8192];
	struct record r;

	keeps(&full);
	int fd = open(RECORD_DIR "/1-1.4.json", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(n > 500);
	for (ssize_t cut = n - 1; cut >= 0; cut -= 7) {
		text[cut] = '\0';
		put("1-3", text);
		assert_int_equal(record_load("1-3", &r), -EBADMSG);
	}
}

TEST(values_of_wrong_types_are_as_good_as_absent)
{
	struct record r;

	put("1-3", "{\"id\": 17, \"section\": [], \"product\": {}, \"state\": 4, \"action\": null, \"error\": false,"
		   "\"pid\": [], \"dev\": {}, \"baud\": \"fast\", \"when\": [1], \"resets\": 7, \"steps\": [1, 2],"
		   "\"verified_ms\": \"x\", \"unknown\": 1}");
	assert_int_equal(record_load("1-3", &r), 0);
	same(&r, &(struct record){.port = "1-3"});
	put("1-3", "{\"state\": null, \"resets\": [\"x\", null, -5], \"steps\": {\"reset\": \"x\", \"back\": -1}, "
		   "\"state\": {}}");
	assert_int_equal(record_load("1-3", &r), 0);
	assert_int_equal(r.state, RECORD_NONE);
	assert_int_equal(r.resets, 3);
	assert_int_equal(r.reset_ms[2], 0);
	assert_int_equal(r.step[1].ms, 0);
	put("1-3", "{\"state\": \"healthy\"}");
	assert_int_equal(record_load("1-3", &r), 0);
	assert_int_equal(r.state, RECORD_NONE);
}

TEST(a_flag_that_is_no_boolean_is_false)
{
	struct record r;

	put("1-3", "{\"held\": \"false\", \"chip\": \"no\"}");
	assert_int_equal(record_load("1-3", &r), 0);
	assert_false(r.held);
	assert_false(r.chip);
}

TEST(huge_and_negative_numbers_do_no_harm)
{
	struct record r;

	put("1-3", "{\"pid\": 99999999999999999999, \"dev\": -1, \"baud\": 4294967296, \"version\": 1e300,"
		   "\"duration_ms\": -99999999999999999999, \"event_ms\": -7, \"verified_ms\": 99999999999999999999,"
		   "\"gone_ms\": 1e300, \"started\": -1e300,"
		   "\"steps\": {\"reset\": 99999999999999999999, \"back\": 1e300}, \"resets\": [1e300, -1e300]}");
	assert_int_equal(record_load("1-3", &r), 0);
	assert_true(r.pid >= 0);
	assert_int_equal(r.dev, 0);
	assert_int_equal(r.baud, 0);
	assert_int_equal(r.event_ms, 0);
	assert_int_equal(r.steps, 2);
	assert_int_equal(r.step[0].ms, UINT32_MAX);
}

TEST(more_elements_and_longer_texts_than_fit_are_cut)
{
	char text[8192];
	struct record r;
	size_t n = (size_t)snprintf(text, sizeof(text), "{\"id\": \"%0200d\", \"resets\": [", 7);

	for (int i = 0; i < 60; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%d", i ? "," : "", i);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "], \"steps\": {");
	for (int i = 0; i < 60; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s\"a-very-long-step-%d\": 1", i ? "," : "", i);
	snprintf(text + n, sizeof(text) - n, "}}");
	put("1-3", text);
	assert_int_equal(record_load("1-3", &r), 0);
	assert_int_equal(strlen(r.id), sizeof(r.id) - 1);
	assert_int_equal(r.resets, GUARD_RESETS_MAX);
	assert_true(r.steps <= RECORD_STEPS);
}

/* How many bytes this process has read from anything. */
static unsigned long bytes_read(void)
{
	unsigned long n = 0;
	FILE *f = fopen("/proc/self/io", "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "rchar: %lu", &n), 1);
	fclose(f);
	return n;
}

TEST(a_record_of_many_megabytes_is_damaged_and_not_read)
{
	struct record r;

	put("1-3", "{\"id\": \"");
	assert_int_equal(truncate(RECORD_DIR "/1-3.json", 1 << 30), 0);
	unsigned long before = bytes_read();
	assert_int_equal(record_load("1-3", &r), -EBADMSG);
	assert_in_range(bytes_read() - before, 1, 1 << 16);
}

TEST(what_is_no_file_is_not_waited_for)
{
	struct record r;

	make_folder();
	unlink(RECORD_DIR "/1-3.json");
	assert_int_equal(mkfifo(RECORD_DIR "/1-3.json", 0600), 0);
	WITHIN(5);
	assert_int_not_equal(record_load("1-3", &r), 0);
	WITHIN(0);
	unlink(RECORD_DIR "/1-3.json");
	assert_int_equal(symlink("/etc/hostname", RECORD_DIR "/1-3.json"), 0);
	assert_int_equal(record_load("1-3", &r), -ELOOP);
	unlink(RECORD_DIR "/1-3.json");
}

TEST(evil_ports_name_no_file)
{
	static const char *const evil[] = {
		"../x", "..", "", ".", "1-1/../../etc/x", "/etc/x", "1-1\n", "usb1", "1-1:1.0"};

	for (size_t i = 0; i < COUNT(evil); i++) {
		struct record r = {0};
		assert_int_equal(record_lock(evil[i], 0), -EINVAL);
		assert_int_equal(record_load(evil[i], &r), -EINVAL);
		snprintf(r.port, sizeof(r.port), "%s", evil[i]);
		assert_int_equal(record_save(&r), -EINVAL);
	}
	assert_int_not_equal(access("/run/x.json", F_OK), 0);
}

TEST(a_port_too_long_for_a_record_is_refused)
{
	struct record r;

	assert_int_equal(record_load("1-1.2.3.4.5.6.7.8.9.10.11.12.13.14.15", &r), -EINVAL);
	assert_int_equal(record_lock("1-1.2.3.4.5.6.7.8.9.10.11.12.13.14.15", 0), -EINVAL);
}

TEST(the_folder_and_records_are_for_all_to_read_whatever_the_umask)
{
	static const mode_t masks[] = {0, 022, 077};

	for (size_t i = 0; i < COUNT(masks); i++) {
		struct record r = {.port = "3-1"};
		unlink(RECORD_DIR "/3-1.json");
		char command[] = "rm -rf " RECORD_DIR;
		assert_int_equal(system(command), 0);
		mode_t before = umask(masks[i]);
		record_unlock(lock_now("3-1"));
		assert_int_equal(record_save(&r), 0);
		umask(before);
		assert_int_equal(mode_of(RECORD_DIR "/3-1.json"), 0644);
		assert_int_equal(
			mode_of(RECORD_DIR "/3-1.lock"), 0600); /* a lock that anyone could hold would stop us */
		assert_int_equal(mode_of(RECORD_DIR), 0755);
	}
}

TEST(saving_leaves_nothing_beside_the_record)
{
	keeps(&full);
	assert_int_not_equal(access(RECORD_DIR "/1-1.4.json.new", F_OK), 0);
}

TEST(a_save_that_fails_leaves_the_old_record)
{
	struct record r = full;

	keeps(&full);
	assert_int_equal(mkdir(RECORD_DIR "/1-1.4.json.new", 0755), 0);
	r.state = RECORD_RECOVERED;
	assert_true(record_save(&r) < 0);
	rmdir(RECORD_DIR "/1-1.4.json.new");
	assert_int_equal(record_load("1-1.4", &r), 0);
	same(&full, &r);
}

/* Runs a child that takes the port's lock, says so, and sleeps; it is killed by the caller. */
static pid_t holder(const char *port)
{
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int fd = record_lock(port, 0);
		if (fd < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

TEST(a_lock_is_one_processs_at_a_time_and_waits_until_the_deadline)
{
	pid_t pid = holder("1-1");
	uint64_t begin = clock_ms();

	assert_int_equal(record_lock("1-1", 0), -EWOULDBLOCK);
	assert_in_range(clock_ms() - begin, 0, 100);
	assert_int_equal(record_lock("1-1", clock_ms() + 300), -EWOULDBLOCK);
	assert_in_range(clock_ms() - begin, 300, 600);
	record_unlock(lock_now("1-2")); /* another port is another lock */
	end(pid);
}

TEST(who_has_a_lock_is_known)
{
	pid_t pid = holder("1-1"), other = holder("1-2");

	assert_true(record_locked_by("1-1", pid));
	assert_false(record_locked_by("1-1", other));
	assert_false(record_locked_by("1-2", pid));
	assert_false(record_locked_by("1-3", pid));
	end(pid);
	assert_false(record_locked_by("1-1", pid));
	end(other);
}

TEST(one_that_is_stuck_is_put_on_record_where_it_has_the_lock_and_nowhere_else)
{
	pid_t pid = holder("1-1"), other = holder("1-2");
	struct record r = {.port = "1-1", .state = RECORD_BUSY, .owed = "power=1-1-port1"}, now;

	assert_int_equal(record_save(&r), 0);
	snprintf(r.port, sizeof(r.port), "1-2");
	assert_int_equal(record_save(&r), 0);
	recover_stuck("1-2", getpid()); /* one that looked at a port which another run has */
	assert_int_equal(record_load("1-2", &now), 0);
	assert_int_equal(now.state, RECORD_BUSY);
	recover_stuck("1-2", pid); /* started for 1-2, at work on 1-1 */
	assert_int_equal(record_load("1-2", &now), 0);
	assert_int_equal(now.state, RECORD_BUSY);
	assert_int_equal(record_load("1-1", &now), 0);
	assert_int_equal(now.state, RECORD_STUCK);
	assert_int_equal(now.pid, pid);
	assert_string_equal(now.owed, "power=1-1-port1");
	plug("1-1");
	assert_int_equal(record_state_now(&now), RECORD_STUCK);
	/* Nobody waits for that one, not even a moment. */
	uint64_t begin = clock_ms();
	assert_int_equal(recover_lock("1-1"), -EWOULDBLOCK);
	assert_in_range(clock_ms() - begin, 0, 500);
	end(pid);
	assert_int_equal(record_state_now(&now), RECORD_FAILED);
	holds(now.error, "has let go by now");
	unplug("1-1");
	end(other);
}

TEST(a_process_of_which_nothing_can_be_known_is_at_work_on_nothing)
{
	struct record r = {.port = "1-1"};
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	plug("1-1");
	record_stuck(&r, pid); /* it had ended by then */
	assert_int_equal(record_state_now(&r), RECORD_FAILED);
	r = (struct record){.port = "1-1", .state = RECORD_BUSY, .pid = pid};
	assert_int_equal(record_state_now(&r), RECORD_FAILED);
	unplug("1-1");
}

/* Removed while a run had the port, which was killed before it could look. */
TEST(a_removal_that_a_killed_run_has_missed_is_noted_by_whoever_settles)
{
	static const char *const port[] = {"1-1"}, note[] = RECORD_DIR "/lost/1-1";
	pid_t pid = holder("1-1");

	for (int stuck = 0; stuck < 2; stuck++) {
		struct record r = {.port = "1-1", .id = "534d:2109", .section = "capture"}, now;
		if (stuck)
			record_stuck(&r, pid);
		else
			r.state = RECORD_BUSY, r.pid = pid, r.started = 1; /* its number was used again */
		assert_int_equal(record_save(&r), 0);
		if (!stuck) /* whoever has it sees to it */
			assert_int_equal(recover_settle(port, 1), STATUS_HELD);
		else
			assert_int_equal(recover_settle(port, 1), STATUS_DONE);
		assert_int_equal(access(note, F_OK), -1);
		end(pid);
		plug("1-1"); /* or it is there */
		assert_int_equal(recover_settle(port, 1), STATUS_DONE);
		assert_int_equal(access(note, F_OK), -1);
		unplug("1-1");
		assert_int_equal(recover_settle(port, 1), STATUS_DONE);
		assert_int_equal(access(note, F_OK), 0);
		assert_int_equal(record_load("1-1", &now), 0);
		assert_int_equal(now.state, RECORD_GONE);
		assert_true(now.gone_ms > 0);
		unlink(note);
		pid = holder("1-1");
	}
	end(pid);
}

TEST(what_a_stuck_run_was_writing_is_not_touched_by_the_word_that_it_is)
{
	struct record r = full, now;

	make_folder();
	assert_true(write_file(RECORD_DIR "/1-1.4.json.new", "{\"half\":"));
	record_stuck(&r, getpid());
	assert_int_equal(record_save(&r), 0);
	assert_int_equal(record_load("1-1.4", &now), 0);
	assert_int_equal(now.state, RECORD_STUCK);
	assert_int_equal(access(RECORD_DIR "/1-1.4.json.new", F_OK), 0);
	unlink(RECORD_DIR "/1-1.4.json.new");
}

TEST(a_lock_is_free_when_its_holder_is_killed)
{
	pid_t pid = holder("1-1");

	end(pid);
	record_unlock(lock_now("1-1"));
}

TEST(whoever_waits_gets_the_lock_when_it_is_let_go)
{
	pid_t pid = holder("1-1"), killer = fork();
	uint64_t begin = clock_ms();

	if (!killer) {
		usleep(150000);
		kill(pid, SIGKILL);
		_exit(0);
	}
	int fd = record_lock("1-1", clock_ms() + 5000);
	assert_true(fd >= 0);
	assert_in_range(clock_ms() - begin, 140, 1000);
	assert_int_equal(record_lock("1-1", 0), -EWOULDBLOCK); /* not even the same process twice */
	record_unlock(fd);
	record_unlock(lock_now("1-1"));
	waitpid(pid, NULL, 0);
	waitpid(killer, NULL, 0);
}

TEST(a_lock_is_not_left_to_a_program_that_is_executed)
{
	int fd = lock_now("1-1");

	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	record_unlock(fd);
}

TEST(waiting_for_a_lock_ends_when_asked_to_stop)
{
	int ready[2], status;
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid_t pid = holder("1-1"), waiter = fork();
	if (!waiter) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		wait_block_signals();
		if (write(ready[1], "x", 1) != 1)
			_exit(2);
		_exit(record_lock("1-1", clock_ms() + 5000) == -EINTR ? 0 : 1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	kill(waiter, SIGTERM);
	uint64_t begin = clock_ms();
	waitpid(waiter, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_in_range(clock_ms() - begin, 0, 1000);
	end(pid);
}

TEST(a_busy_record_of_a_living_process_is_busy)
{
	struct record r = {.port = "5-1"};

	plug("5-1");
	record_claim(&r);
	assert_int_equal(r.state, RECORD_BUSY);
	assert_int_equal(r.pid, getpid());
	assert_true(r.started > 0);
	assert_int_equal(record_state_now(&r), RECORD_BUSY);
	unplug("5-1"); /* the device is away while it is being reset */
	assert_int_equal(record_state_now(&r), RECORD_BUSY);
}

TEST(a_busy_record_of_a_process_that_died_is_failed)
{
	struct record r = {.port = "5-1"};
	int back[2];

	assert_int_equal(pipe(back), 0);
	pid_t pid = fork();
	if (!pid) {
		record_claim(&r);
		_exit(write(back[1], &r, sizeof(r)) != sizeof(r));
	}
	assert_int_equal(read(back[0], &r, sizeof(r)), sizeof(r));
	close(back[0]);
	close(back[1]);
	plug("5-1");
	/* Ended, and collected by nobody: it has a number and a start time, but does nothing any more. */
	siginfo_t ended;
	assert_int_equal(waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOWAIT), 0);
	struct record uncollected = r;
	assert_int_equal(record_state_now(&uncollected), RECORD_FAILED);
	waitpid(pid, NULL, 0);
	assert_int_equal(record_state_now(&r), RECORD_FAILED);
	holds(r.error, "killed");
	holds(r.error, "replug recover usb=5-1");
	unplug("5-1");
}

TEST(a_number_used_again_is_not_the_same_process)
{
	struct record r = {.port = "5-1"};

	plug("5-1");
	record_claim(&r);
	r.started--;
	assert_int_equal(record_state_now(&r), RECORD_FAILED);
	r = (struct record){.port = "5-1", .state = RECORD_BUSY};
	assert_int_equal(record_state_now(&r), RECORD_FAILED);
	unplug("5-1");
}

TEST(what_is_not_plugged_is_gone_and_what_is_keeps_its_state)
{
	for (int i = 0; record_state_name[i]; i++) {
		struct record r = {.port = "5-1", .state = (enum record_state)i, .error = "why"};
		if (r.state == RECORD_BUSY || r.state == RECORD_STUCK)
			continue;
		plug("5-1");
		/* One that is there again was not looked at since it fell silent. */
		assert_int_equal(record_state_now(&r), i == RECORD_SILENT ? RECORD_NONE : i);
		assert_string_equal(r.error, i == RECORD_SILENT ? "" : "why");
		r.state = (enum record_state)i;
		unplug("5-1");
		/* One that went silent was gone already, and is known to be in its port. */
		enum record_state then = i == RECORD_SILENT ? RECORD_SILENT : RECORD_GONE;
		assert_int_equal(record_state_now(&r), then);
		assert_int_equal(r.state, then);
	}
}

TEST(a_list_is_in_the_order_of_ports_and_leaves_out_what_is_no_record)
{
	static const char *const ports[] = {"1-10", "1-2", "2-1", "1-2.10", "1-2.9", "10-1"};
	static const char *const want[] = {"1-2", "1-2.9", "1-2.10", "1-10", "2-1", "10-1"};
	struct record *list;
	size_t n;
	char command[] = "rm -rf " RECORD_DIR;

	assert_int_equal(system(command), 0);
	for (size_t i = 0; i < COUNT(ports); i++) {
		struct record r = {.port = ""};
		snprintf(r.port, sizeof(r.port), "%s", ports[i]);
		record_unlock(lock_now(r.port));
		assert_int_equal(record_save(&r), 0);
	}
	put("3-1", "{");
	assert_true(write_file(RECORD_DIR "/notes.json", "{}"));
	assert_true(write_file(RECORD_DIR "/1-1.json.new", "{}"));
	assert_true(write_file(RECORD_DIR "/.json", "{}"));
	assert_int_equal(record_list(&list, &n), 0);
	assert_int_equal(n, COUNT(want));
	for (size_t i = 0; i < n; i++)
		assert_string_equal(list[i].port, want[i]);
	free(list);
}

TEST(without_a_folder_the_list_is_empty)
{
	struct record *list;
	size_t n = 7;
	char command[] = "rm -rf " RECORD_DIR;

	assert_int_equal(system(command), 0);
	assert_int_equal(record_list(&list, &n), 0);
	assert_int_equal(n, 0);
	free(list);
}

TEST(a_record_that_cannot_be_read_is_not_one_that_is_not_there)
{
	struct record r = {.port = "1-4", .owed = "power=usb1-port4"}, *list;
	size_t n;

	mkdir("/run/replug", 0755);
	assert_int_equal(record_save(&r), 0);
	descriptors_end(true);
	int e = record_load("1-4", &r), all = record_list(&list, &n);
	descriptors_end(false);
	assert_int_equal(e, -EMFILE);
	assert_true(record_unread(e));
	assert_int_equal(all, -EMFILE);
	assert_false(record_unread(record_load("1-5", &r)));
	assert_false(record_unread(record_load("1-4", &r)));
	assert_string_equal(r.owed, "power=usb1-port4");
}

TEST(steps_add_up_and_do_not_run_over)
{
	struct record r = {0};
	char name[16];

	record_step(&r, "reset", 5);
	record_step(&r, "back", 7);
	record_step(&r, "reset", 6);
	assert_int_equal(r.steps, 2);
	assert_int_equal(r.step[0].ms, 11);
	record_step(&r, "back", 1ull << 40);
	assert_int_equal(r.steps, 2);
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		record_step(&r, name, 1);
	}
	assert_int_equal(r.steps, RECORD_STEPS);
	assert_false(r.chip);
}

TEST(steps_whose_names_are_cut_to_the_same_are_one)
{
	struct record r;

	put("1-3", "{\"steps\": {\"a-very-long-step-1\": 1, \"a-very-long-step-2\": 2}}");
	assert_int_equal(record_load("1-3", &r), 0);
	assert_int_equal(r.steps, 1);
	assert_int_equal(r.step[0].ms, 3);
	keeps(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_comes_back_as_it_was_saved),
		cmocka_unit_test(each_flag_comes_back_alone),
		cmocka_unit_test(the_largest_record_comes_back_whole),
		cmocka_unit_test(a_port_without_a_record_is_empty_but_for_its_name),
		cmocka_unit_test(damaged_json_is_said_to_be_damaged),
		cmocka_unit_test(a_record_that_was_cut_anywhere_is_damaged),
		cmocka_unit_test(values_of_wrong_types_are_as_good_as_absent),
		cmocka_unit_test(a_flag_that_is_no_boolean_is_false),
		cmocka_unit_test(huge_and_negative_numbers_do_no_harm),
		cmocka_unit_test(more_elements_and_longer_texts_than_fit_are_cut),
		cmocka_unit_test(a_record_of_many_megabytes_is_damaged_and_not_read),
		cmocka_unit_test(what_is_no_file_is_not_waited_for),
		cmocka_unit_test(evil_ports_name_no_file),
		cmocka_unit_test(a_port_too_long_for_a_record_is_refused),
		cmocka_unit_test(the_folder_and_records_are_for_all_to_read_whatever_the_umask),
		cmocka_unit_test(saving_leaves_nothing_beside_the_record),
		cmocka_unit_test(a_save_that_fails_leaves_the_old_record),
		cmocka_unit_test(a_lock_is_one_processs_at_a_time_and_waits_until_the_deadline),
		cmocka_unit_test(who_has_a_lock_is_known),
		cmocka_unit_test(one_that_is_stuck_is_put_on_record_where_it_has_the_lock_and_nowhere_else),
		cmocka_unit_test(a_process_of_which_nothing_can_be_known_is_at_work_on_nothing),
		cmocka_unit_test(a_removal_that_a_killed_run_has_missed_is_noted_by_whoever_settles),
		cmocka_unit_test(what_a_stuck_run_was_writing_is_not_touched_by_the_word_that_it_is),
		cmocka_unit_test(a_lock_is_free_when_its_holder_is_killed),
		cmocka_unit_test(whoever_waits_gets_the_lock_when_it_is_let_go),
		cmocka_unit_test(a_lock_is_not_left_to_a_program_that_is_executed),
		cmocka_unit_test(waiting_for_a_lock_ends_when_asked_to_stop),
		cmocka_unit_test(a_busy_record_of_a_living_process_is_busy),
		cmocka_unit_test(a_busy_record_of_a_process_that_died_is_failed),
		cmocka_unit_test(a_number_used_again_is_not_the_same_process),
		cmocka_unit_test(what_is_not_plugged_is_gone_and_what_is_keeps_its_state),
		cmocka_unit_test(a_list_is_in_the_order_of_ports_and_leaves_out_what_is_no_record),
		cmocka_unit_test(without_a_folder_the_list_is_empty),
		cmocka_unit_test(a_record_that_cannot_be_read_is_not_one_that_is_not_there),
		cmocka_unit_test(steps_add_up_and_do_not_run_over),
		cmocka_unit_test(steps_whose_names_are_cut_to_the_same_are_one),
	};

	return RUN(tests, isolate, NULL);
}
