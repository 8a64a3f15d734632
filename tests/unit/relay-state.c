/* SPDX-License-Identifier: MIT */
#include "isolated.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relay-state.h"
#include "wait.h"

#define FOLDER RELAY_DIR "/"

static int clean(void **state)
{
	(void)state;
	return system("rm -rf /run/replug"); /* the namespace's own */
}

static const struct relay_state some = {
	.dev = 7, .known = 5, .closed = 4, .channels = 8, .ready = 1, .asked = RELAY_TELLS};

static void remember(const char *port, const struct relay_state *s)
{
	struct relay_state old;
	int lock = relay_lock(port, s->dev, 0, &old);

	assert_true(lock >= 0);
	assert_int_equal(relay_remember(lock, s), 0);
	relay_unlock(lock);
}

static struct relay_state recall(const char *port, unsigned dev)
{
	struct relay_state s;
	int lock = relay_lock(port, dev, 0, &s);

	assert_true(lock >= 0);
	relay_unlock(lock);
	return s;
}

static void same(struct relay_state a, struct relay_state b)
{
	assert_memory_equal(&a, &b, sizeof(a));
}

TEST(what_is_remembered_of_a_board_is_forgotten_with_its_number)
{
	struct relay_state s;

	remember("1-1.4", &some);
	same(recall("1-1.4", 7), some);
	relay_peek("1-1.4", 7, &s);
	same(s, some);
	same(recall("1-1.4", 8), (struct relay_state){.dev = 8});
	same(recall("1-1.5", 7), (struct relay_state){.dev = 7});
	relay_peek("1-1.6", 7, &s);
	same(s, (struct relay_state){.dev = 7});
}

TEST(what_makes_no_sense_is_not_believed)
{
	static const char *const nonsense[] = {"", "x", "dev 7",
		"dev 7 known 1 closed 1 channels 9 ready 0 asked 0\n",
		"dev 7 known 256 closed 1 channels 8 ready 0 asked 0\n",
		"dev 7 known 1 closed 999 channels 8 ready 0 asked 0\n",
		"dev -1 known 1 closed 1 channels 1 ready 1 asked 1\n"};

	remember("1-1", &some);
	for (size_t i = 0; i < COUNT(nonsense); i++) {
		assert_true(write_file(FOLDER "1-1.board", nonsense[i]));
		same(recall("1-1", 7), (struct relay_state){.dev = 7});
	}
}

TEST(a_board_is_one_commands_at_a_time)
{
	struct relay_state s;
	uint64_t begun = clock_ms();
	int lock = relay_lock("1-1", 7, 0, &s);

	assert_true(lock >= 0);
	assert_int_equal(relay_lock("1-1", 7, 0, &s), -EWOULDBLOCK);
	assert_int_equal(relay_lock("1-1", 7, clock_ms() + 100, &s), -EWOULDBLOCK);
	assert_in_range(clock_ms() - begun, 100, 1000);
	relay_unlock(lock);
	lock = relay_lock("1-1", 7, 0, &s);
	assert_true(lock >= 0);
	relay_unlock(lock);
}

TEST(a_contact_is_held_as_long_as_any_process_has_it)
{
	int contact = relay_take("1-1", 2), ready[2];
	char byte;

	assert_true(contact >= 0);
	assert_int_equal(relay_take("1-1", 2), -EWOULDBLOCK);
	int other = relay_take("1-1", 1);
	assert_true(other >= 0);
	close(other);
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (!pid) {
		close(ready[1]);
		_exit(read(ready[0], &byte, 1) < 0);
	}
	close(contact);
	assert_int_equal(relay_take("1-1", 2), -EWOULDBLOCK);
	close(ready[1]);
	waitpid(pid, NULL, 0);
	close(ready[0]);
	contact = relay_take("1-1", 2);
	assert_true(contact >= 0);
	close(contact);
}

TEST(a_port_that_is_none_makes_no_file)
{
	struct relay_state s;

	assert_int_equal(relay_lock("../../etc/passwd", 1, 0, &s), -EINVAL);
	assert_int_equal(relay_lock("", 1, 0, &s), -EINVAL);
	assert_int_equal(relay_take("1-1/2", 1), -EINVAL);
}

/* The folder is the group's: what one of it may have put there is not followed. */
TEST(what_is_no_file_of_ours_is_refused)
{
	struct relay_state s;

	remember("9-9", &some);
	assert_true(write_file("/run/victim", "precious"));
	assert_int_equal(symlink("/run/victim", FOLDER "1-1.board"), 0);
	assert_int_equal(relay_lock("1-1", 7, 0, &s), -ELOOP);
	assert_int_equal(link("/run/victim", FOLDER "1-2.board"), 0);
	assert_int_equal(relay_lock("1-2", 7, 0, &s), -EPERM);
	assert_int_equal(mkfifo(FOLDER "1-3.board", 0666), 0);
	assert_int_equal(relay_lock("1-3", 7, 0, &s), -EPERM);
	relay_peek("1-3", 7, &s);
	same(s, (struct relay_state){.dev = 7});
	assert_int_equal(link("/run/victim", FOLDER "1-2.1.press"), 0);
	assert_int_equal(relay_take("1-2", 1), -EPERM);
	struct stat st;
	assert_int_equal(stat("/run/victim", &st), 0);
	assert_int_equal(st.st_size, 8);
	assert_int_equal(st.st_mode & 07777, 0644);
}

TEST(files_are_the_groups_whatever_the_umask)
{
	struct stat st;
	mode_t before = umask(0777);

	remember("9-9", &some);
	int contact = relay_take("9-9", 1);
	umask(before);
	close(contact);
	assert_int_equal(stat(FOLDER "9-9.board", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(stat(FOLDER "9-9.1.press", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
}

TEST(trouble_is_told_with_the_next_step)
{
	char text[200];

	relay_lock_trouble(-ENOENT, text, sizeof(text));
	holds(text, "systemd-tmpfiles --create replug.conf");
	relay_lock_trouble(-EACCES, text, sizeof(text));
	holds(text, "group replug");
	relay_lock_trouble(-EPERM, text, sizeof(text));
	holds(text, "did not make");
}

static unsigned found;
static int trouble;
static struct relay_orphan last;
static bool release;

static void note(void *ctx, const struct relay_orphan *o, int contact)
{
	assert_ptr_equal(ctx, &found);
	if (contact < 0) {
		trouble = contact;
		return;
	}
	found++;
	last = *o;
	assert_int_equal(relay_take(o->port, o->channel), -EWOULDBLOCK);
	if (release)
		relay_note_release(contact);
}

static unsigned orphans(void)
{
	found = 0;
	trouble = 0;
	assert_int_equal(relay_orphans(note, &found), 0);
	return found;
}

static const struct relay_conf conf = {.name = "power", .protocol = RELAY_KMTRONIC, .baud = 19200};

static void press(const char *port, unsigned channel, const struct relay_conf *c)
{
	int contact = relay_take(port, channel);

	assert_true(contact >= 0);
	assert_int_equal(relay_note_press(contact, c, 0x1a86, 0x7523), 0);
	close(contact);
}

TEST(what_was_left_pressed_is_found_until_it_is_released)
{
	release = false;
	assert_int_equal(orphans(), 0);
	press("3-1.4.2", 8, &conf);
	remember("3-1.4.2", &some);
	assert_int_equal(orphans(), 1);
	assert_string_equal(last.port, "3-1.4.2");
	assert_int_equal(last.channel, 8);
	assert_int_equal(last.protocol, RELAY_KMTRONIC);
	assert_int_equal(last.baud, 19200);
	assert_int_equal(last.off.n, 0);
	assert_int_equal(last.vid, 0x1a86);
	assert_int_equal(last.pid, 0x7523);
	press("1-1", 1, &(struct relay_conf){.protocol = RELAY_LCUS, .baud = 9600});
	assert_int_equal(orphans(), 2);
	release = true;
	assert_int_equal(orphans(), 2);
	assert_int_equal(orphans(), 0);
	press("1-1", 1, &(struct relay_conf){.protocol = RELAY_CUSTOM, .baud = 9600, .off = {3, {0xd0, 0x00, 0x0a}}});
	assert_int_equal(orphans(), 1);
	assert_int_equal(last.off.n, 3);
	assert_memory_equal(last.off.byte, "\xd0\x00\x0a", 3);
}

/* One that an earlier version made, before an update. */
TEST(a_note_without_the_boards_id_is_one_all_the_same)
{
	release = true;
	remember("9-9", &some);
	assert_true(write_file(FOLDER "1-1.3.press", "pid 1 protocol 2 baud 9600 off d000\n"));
	assert_int_equal(orphans(), 1);
	assert_int_equal(last.channel, 3);
	assert_int_equal(last.off.n, 2);
	assert_int_equal(last.vid, 0);
	assert_true(write_file(FOLDER "1-1.3.press", "pid 1 protocol 2 baud 9600 off - id 1a86"));
	assert_int_equal(orphans(), 1);
	assert_int_equal(last.vid, 0);
}

TEST(names_that_are_no_contacts_are_passed_over)
{
	static const char *const names[] = {"1-1.press", ".press", "1-1.0.press", "1-1.9.press", "1-1.1.press.new",
		"x.1.press", "1-1.1.pressed", "1-1.board", "1.press"};

	remember("9-9", &some);
	for (size_t i = 0; i < COUNT(names); i++) {
		char path[64];
		snprintf(path, sizeof(path), FOLDER "%s", names[i]);
		assert_true(write_file(path, "pid 1 protocol 2 baud 9600 off -\n"));
	}
	assert_int_equal(orphans(), 0);
}

TEST(a_contact_that_cannot_be_looked_at_is_told)
{
	struct rlimit most, none;

	press("1-1", 1, &conf);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &most), 0);
	none = most;
	/* One is free, and the folder takes it. */
	int last_one = open("/", O_RDONLY);
	assert_true(last_one >= 0);
	none.rlim_cur = (rlim_t)last_one + 1;
	close(last_one);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	unsigned n = orphans();
	setrlimit(RLIMIT_NOFILE, &most);
	assert_int_equal(n, 0);
	assert_int_equal(trouble, -EMFILE);
	release = true;
	assert_int_equal(orphans(), 1);
	assert_int_equal(trouble, 0);
}

TEST(a_note_that_cannot_be_finished_is_none)
{
	struct rlimit most, few;

	int contact = relay_take("1-1", 1);
	assert_true(contact >= 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &most), 0);
	few = most;
	few.rlim_cur = 20;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
	int e = relay_note_press(contact, &conf, 0x1a86, 0x7523);
	setrlimit(RLIMIT_FSIZE, &most);
	signal(SIGXFSZ, SIG_DFL);
	assert_true(e < 0);
	struct stat st;
	assert_int_equal(fstat(contact, &st), 0);
	assert_int_equal(st.st_size, 0);
	close(contact);
}

/* A process that presses until it is told to let go, or for ever. */
static pid_t presser(const char *name, bool lets_go, int *told)
{
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, name);
		int contact = relay_take("1-1", 1);
		if (wait_block_signals() || contact < 0 || relay_note_press(contact, &conf, 0x1a86, 0x7523) ||
			write(ready[1], "", 1) != 1)
			_exit(1);
		if (wait_for(-1, 0, clock_ms() + 20000) != -EINTR)
			_exit(2);
		if (!lets_go)
			pause();
		relay_note_release(contact);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	*told = -1;
	return pid;
}

TEST(who_presses_is_told_to_let_go_and_is_not_taken_from)
{
	int status;
	pid_t pid = presser(RELAY_HAND, true, &status);

	assert_int_equal(orphans(), 0);
	assert_int_equal(trouble, -EALREADY);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Its board may be away: who presses then waits for it, and nobody else could do more. */
TEST(who_was_told_and_does_not_let_go_yet_is_at_it)
{
	int status;
	pid_t pid = presser(RELAY_HAND, false, &status);

	assert_int_equal(orphans(), 0);
	assert_int_equal(trouble, -EINPROGRESS);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	release = true;
	assert_int_equal(orphans(), 1);
}

/* A contact that was left pressed is taken, and by whom is not on record yet when it is looked at. */
TEST(who_puts_his_number_on_record_late_is_told_too)
{
	int ready[2], status;
	char byte;

	assert_int_equal(pipe(ready), 0);
	int contact = relay_take("1-1", 1);
	assert_true(contact >= 0);
	assert_int_equal(relay_note_press(contact, &conf, 0x1a86, 0x7523), 0); /* this process's, which is no hand */
	close(contact);
	pid_t pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, RELAY_HAND);
		contact = relay_take("1-1", 1);
		if (wait_block_signals() || contact < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		wait_for(-1, 0, clock_ms() + 400);
		if (relay_note_press(contact, &conf, 0x1a86, 0x7523) || wait_for(-1, 0, clock_ms() + 20000) != -EINTR)
			_exit(2);
		relay_note_release(contact);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	assert_int_equal(orphans(), 0);
	assert_int_equal(trouble, -EALREADY);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

TEST(a_number_in_a_file_of_the_groups_ends_nobody_else)
{
	int status;
	pid_t pid = presser("somebody", true, &status);
	uint64_t begun = clock_ms();

	assert_int_equal(orphans(), 0);
	assert_in_range(clock_ms() - begun, 1500, 4000); /* waited for in vain, but not for ever */
	assert_int_equal(trouble, -EBUSY);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	release = true;
	assert_int_equal(orphans(), 1);
}

#define T(name) cmocka_unit_test_setup(name, clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_remembered_of_a_board_is_forgotten_with_its_number),
		T(what_makes_no_sense_is_not_believed),
		T(a_board_is_one_commands_at_a_time),
		T(a_contact_is_held_as_long_as_any_process_has_it),
		T(a_port_that_is_none_makes_no_file),
		T(what_is_no_file_of_ours_is_refused),
		T(files_are_the_groups_whatever_the_umask),
		T(trouble_is_told_with_the_next_step),
		T(what_was_left_pressed_is_found_until_it_is_released),
		T(a_note_without_the_boards_id_is_one_all_the_same),
		T(names_that_are_no_contacts_are_passed_over),
		T(a_contact_that_cannot_be_looked_at_is_told),
		T(a_note_that_cannot_be_finished_is_none),
		T(who_presses_is_told_to_let_go_and_is_not_taken_from),
		T(who_was_told_and_does_not_let_go_yet_is_at_it),
		T(who_puts_his_number_on_record_late_is_told_too),
		T(a_number_in_a_file_of_the_groups_ends_nobody_else),
	};

	return RUN(tests, isolate, NULL);
}
