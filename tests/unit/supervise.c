/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise.h"
#include "wait.h"

/* What the children leave for the test to see. */
static struct {
	volatile int started, stopped;
	volatile pid_t pid;
	volatile uint64_t began[8], ended[8];
	char port[8][16];
} * seen;

static int share(void **state)
{
	(void)state;
	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return seen == MAP_FAILED;
}

static int forget(void **state)
{
	(void)state;
	memset((void *)seen, 0, sizeof(*seen));
	return 0;
}

/* stderr while supervise runs: its reports. */
static char said[2048];

static enum status run(const char *const *port, size_t n, uint32_t deadline_ms, supervise_job *job)
{
	char name[] = "/tmp/replug-supervise.XXXXXX";
	int before = dup(STDERR_FILENO), fd = mkstemp(name);

	assert_true(fd >= 0);
	unlink(name);
	dup2(fd, STDERR_FILENO);
	enum status s = supervise(port, n, &(struct supervise){.job = job, .deadline_ms = deadline_ms});
	dup2(before, STDERR_FILENO);
	ssize_t len = pread(fd, said, sizeof(said) - 1, 0);
	said[len > 0 ? len : 0] = '\0';
	close(fd);
	close(before);
	return s;
}

/* The port "1-4" is a job that ends with status 4. */
static enum status as_told(void *ctx, const char *port)
{
	(void)ctx;
	return (enum status)(port[2] - '0');
}

TEST(a_single_job_gives_its_status)
{
	static const char *const ports[] = {"1-0", "1-1", "1-2", "1-3", "1-4", "1-5"};

	for (int i = 0; i <= STATUS_UNKNOWN; i++)
		assert_int_equal(run(&ports[i], 1, 5000, as_told), i);
	assert_string_equal(said, "");
}

TEST(of_two_statuses_the_worse_is_that_of_the_documented_order)
{
	static const enum status order[] = {
		STATUS_DONE, STATUS_NO_DEVICE, STATUS_HELD, STATUS_UNKNOWN, STATUS_FAILED, STATUS_USAGE};

	for (size_t a = 0; a < COUNT(order); a++)
		for (size_t b = 0; b < COUNT(order); b++)
			assert_int_equal(status_worse(order[a], order[b]), order[a > b ? a : b]);
}

TEST(of_several_jobs_the_worst_status_counts_wherever_it_stands)
{
	assert_int_equal(run((const char *const[]){"1-0", "1-1", "1-3", "1-0"}, 4, 5000, as_told), STATUS_FAILED);
	assert_int_equal(run((const char *const[]){"1-2", "1-1", "1-0"}, 3, 5000, as_told), STATUS_USAGE);
	assert_int_equal(run((const char *const[]){"1-0", "1-0", "1-3"}, 3, 5000, as_told), STATUS_NO_DEVICE);
	assert_int_equal(run((const char *const[]){"1-0", "1-0"}, 2, 5000, as_told), STATUS_DONE);
}

TEST(a_status_that_is_none_counts_as_failed)
{
	assert_int_equal(run((const char *const[]){"1-6"}, 1, 5000, as_told), STATUS_FAILED);
	assert_int_equal(run((const char *const[]){"1-9"}, 1, 5000, as_told), STATUS_FAILED);
}

static enum status slow(void *ctx, const char *port)
{
	int i = port[2] - '0';

	(void)ctx;
	snprintf(seen->port[i], sizeof(seen->port[i]), "%s", port);
	seen->began[i] = clock_ms();
	wait_for(-1, 0, clock_ms() + 600);
	seen->ended[i] = clock_ms();
	return STATUS_DONE;
}

TEST(jobs_run_side_by_side_each_with_its_port)
{
	uint64_t begin = clock_ms();

	assert_int_equal(run((const char *const[]){"1-1", "1-2", "1-3"}, 3, 5000, slow), STATUS_DONE);
	assert_in_range(clock_ms() - begin, 600, 1200);
	assert_string_equal(seen->port[1], "1-1");
	assert_string_equal(seen->port[3], "1-3");
	for (int a = 1; a <= 3; a++)
		for (int b = 1; b <= 3; b++)
			assert_true(seen->began[a] < seen->ended[b]);
}

static enum status crash(void *ctx, const char *port)
{
	(void)ctx;
	if (port[2] == '0')
		return STATUS_DONE;
	raise(SIGKILL);
	return STATUS_DONE;
}

TEST(a_job_that_a_signal_ended_has_failed_and_is_reported)
{
	assert_int_equal(run((const char *const[]){"1-0", "1-7"}, 2, 5000, crash), STATUS_FAILED);
	holds(said, "1-7: the run was ended by signal 9 (Killed)");
	holds_not(said, "1-0");
}

/* Stops when told to, as every recovery does. */
static enum status obedient(void *ctx, const char *port)
{
	(void)ctx;
	if (port[2] == '0')
		return STATUS_DONE;
	__atomic_add_fetch(&seen->started, 1, __ATOMIC_SEQ_CST);
	if (wait_for(-1, 0, clock_ms() + 10000) == -EINTR)
		__atomic_add_fetch(&seen->stopped, 1, __ATOMIC_SEQ_CST);
	return STATUS_HELD;
}

/* As the terminal's Ctrl-Z does it, and its background. */
static enum status stopped_thrice(void *ctx, const char *port)
{
	raise(SIGTSTP);
	raise(SIGTTIN);
	raise(SIGTTOU);
	return as_told(ctx, port);
}

TEST(a_terminals_wish_to_stop_waits_for_a_jobs_end)
{
	assert_int_equal(run((const char *const[]){"1-4"}, 1, 5000, stopped_thrice), STATUS_HELD);
}

/* A terminal that is hung up, of which nohup was to spare us. */
static enum status hung_up(void *ctx, const char *port)
{
	kill(getppid(), SIGHUP);
	raise(SIGHUP);
	return wait_for(-1, 0, clock_ms() + 300) || wait_interrupted() ? STATUS_FAILED : as_told(ctx, port);
}

TEST(a_signal_that_was_ignored_before_us_stops_nothing)
{
	signal(SIGHUP, SIG_IGN);
	assert_int_equal(run((const char *const[]){"1-4"}, 1, 5000, hung_up), STATUS_HELD);
	signal(SIGHUP, SIG_DFL);
}

TEST(a_job_at_its_deadline_is_told_to_stop_and_its_status_counts)
{
	uint64_t begin = clock_ms();

	assert_int_equal(run((const char *const[]){"1-0", "1-1"}, 2, 300, obedient), STATUS_HELD);
	assert_in_range(clock_ms() - begin, 290, 800);
	assert_int_equal(seen->stopped, 1);
}

static enum status stubborn(void *ctx, const char *port)
{
	(void)ctx;
	(void)port;
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	return sleep(20) ? STATUS_DONE : STATUS_FAILED;
}

TEST(a_job_that_does_not_stop_is_killed_and_reported)
{
	uint64_t begin = clock_ms();

	assert_int_equal(run((const char *const[]){"1-1"}, 1, 200, stubborn), STATUS_FAILED);
	assert_in_range(clock_ms() - begin, 2200, 3000);
	holds(said, "1-1: the run was ended by signal 9");
}

/* Runs supervise in a process of its own, which is told to stop by sig, times times; its exit status. */
static int told_to_stop(supervise_job *job, size_t n, int sig, int times)
{
	int status;
	uint64_t begin = clock_ms();
	pid_t pid = fork();

	if (!pid) {
		signal(SIGHUP, SIG_DFL); /* the tests may have been started with nohup */
		_exit((int)run((const char *const[]){"1-1", "1-2"}, n, 30000, job));
	}
	while (seen->started < (int)n && clock_ms() < begin + 5000)
		usleep(5000);
	for (int i = 0; i < times; i++) {
		kill(pid, sig);
		usleep(150000);
	}
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

TEST(each_signal_to_stop_is_passed_on_to_all_jobs)
{
	static const int sigs[] = {SIGTERM, SIGINT, SIGHUP};

	for (size_t i = 0; i < COUNT(sigs); i++) {
		forget(NULL);
		uint64_t begin = clock_ms();
		assert_int_equal(told_to_stop(obedient, 2, sigs[i], 1), STATUS_HELD);
		assert_int_equal(seen->stopped, 2);
		assert_in_range(clock_ms() - begin, 0, 1500);
	}
}

static enum status stubborn_once_seen(void *ctx, const char *port)
{
	seen->pid = getpid();
	__atomic_add_fetch(&seen->started, 1, __ATOMIC_SEQ_CST);
	return stubborn(ctx, port);
}

TEST(a_second_signal_to_stop_kills_at_once)
{
	uint64_t begin = clock_ms();

	assert_int_equal(told_to_stop(stubborn_once_seen, 1, SIGINT, 2), STATUS_FAILED);
	assert_in_range(clock_ms() - begin, 150, 1500);
	assert_int_equal(kill(seen->pid, 0), -1);
}

TEST(jobs_are_told_to_stop_when_their_parent_is_killed)
{
	uint64_t begin = clock_ms();
	pid_t pid = fork();

	if (!pid)
		_exit((int)supervise(
			(const char *const[]){"1-1"}, 1, &(struct supervise){.job = obedient, .deadline_ms = 30000}));
	while (seen->started < 1 && clock_ms() < begin + 5000)
		usleep(5000);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	while (seen->stopped < 1 && clock_ms() < begin + 5000)
		usleep(5000);
	assert_int_equal(seen->stopped, 1);
}

static void *sleep_for_good(void *arg)
{
	(void)arg;
	seen->pid = gettid();
	sleep(20);
	return NULL;
}

/*
 * A process is there until its tracer has collected its last thread, KILL or not: seen from outside it is one that
 * waits in the kernel for a device that does not answer.
 */
static enum status stuck(void *ctx, const char *port)
{
	pthread_t thread;

	(void)ctx;
	if (port[2] == '0')
		return STATUS_DONE;
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	return pthread_create(&thread, NULL, sleep_for_good, NULL) || sleep(20) ? STATUS_DONE : STATUS_FAILED;
}

static void trace(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < 400 && !seen->pid; i++)
		usleep(5000);
	if (!seen->pid || ptrace(PTRACE_SEIZE, seen->pid, NULL, NULL))
		_exit(1);
	seen->stopped = 1;
	sleep(10);
	_exit(0);
}

TEST(a_job_that_even_kill_does_not_end_is_reported_and_left)
{
	pid_t tracer = fork();

	if (!tracer)
		trace();
	uint64_t begin = clock_ms();
	assert_int_equal(run((const char *const[]){"1-0", "1-1"}, 2, 300, stuck), STATUS_FAILED);
	assert_int_equal(seen->stopped, 1);
	assert_in_range(clock_ms() - begin, 4200, 5500);
	holds(said, "1-1: the kernel is still waiting for this device");
	kill(tracer, SIGKILL); /* lets go of it */
	waitpid(tracer, NULL, 0);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static int sleep_on(void *arg)
{
	(void)arg;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sleep(20);
	return 0;
}

/* The kernel keeps the caller of vfork from everything for as long as its child neither ends nor becomes another. */
static enum status kept(void *ctx, const char *port)
{
	static _Alignas(16) char stack[65536];

	(void)ctx;
	seen->began[port[2] - '0'] = clock_ms();
	if (port[2] == '0')
		return wait_for(-1, 0, clock_ms() + 4000) ? STATUS_FAILED : STATUS_DONE;
	clone(sleep_on, stack + sizeof(stack), CLONE_VFORK | SIGCHLD, NULL); /* not every processor has SYS_vfork */
	return STATUS_DONE;
}

static void note_stuck(const char *port, pid_t pid)
{
	(void)pid;
	snprintf(seen->port[7], sizeof(seen->port[7]), "%s", port);
}

TEST(a_job_that_the_kernel_keeps_is_given_up_before_the_deadline_and_one_that_sleeps_is_not)
{
	uint64_t begin = clock_ms();
	struct supervise how = {.job = kept, .deadline_ms = 30000, .stuck_ms = 1500, .stuck = note_stuck};

	assert_int_equal(supervise((const char *const[]){"1-0"}, 1, &how), STATUS_DONE);
	assert_in_range(clock_ms() - begin, 4000, 6000);
	begin = clock_ms();
	assert_int_equal(supervise((const char *const[]){"1-1"}, 1, &how), STATUS_FAILED);
	/* Found waiting within a second of each look, told, and 2 s later killed. */
	assert_in_range(clock_ms() - begin, 3500, 7000);
	assert_string_equal(seen->port[7], ""); /* that did end it */
}

/* Two at once, while the first job is at work; then none any more. */
static size_t come_up(char (**port)[32])
{
	static bool came;

	*port = NULL;
	if (came || !seen->began[1])
		return 0;
	came = true;
	*port = calloc(2, sizeof(**port));
	snprintf((*port)[0], sizeof(**port), "1-2");
	snprintf((*port)[1], sizeof(**port), "1-3");
	return 2;
}

/* The first one takes long: nobody is to wait for it. */
static enum status long_first(void *ctx, const char *port)
{
	if (port[2] == '3')
		return STATUS_HELD;
	if (port[2] == '2')
		return slow(ctx, port);
	seen->began[1] = clock_ms();
	wait_for(-1, 0, clock_ms() + 3500);
	seen->ended[1] = clock_ms();
	return STATUS_DONE;
}

TEST(a_port_that_comes_up_meanwhile_does_not_wait_for_the_others)
{
	struct supervise how = {.job = long_first, .deadline_ms = 30000, .more = come_up};

	assert_int_equal(supervise((const char *const[]){"1-1"}, 1, &how), STATUS_HELD);
	assert_string_equal(seen->port[2], "1-2");
	assert_true(seen->began[2] - seen->began[1] < 2000);
	assert_true(seen->ended[2] < seen->ended[1]);
}

TEST(the_callers_signals_are_as_they_were)
{
	sigset_t before, after;

	sigprocmask(SIG_BLOCK, NULL, &before);
	run((const char *const[]){"1-0"}, 1, 5000, as_told);
	sigprocmask(SIG_BLOCK, NULL, &after);
	for (int s = 1; s < 32; s++)
		assert_int_equal(sigismember(&before, s), sigismember(&after, s));
}

#define T(test) cmocka_unit_test_setup(test, forget)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(a_single_job_gives_its_status),
		T(of_two_statuses_the_worse_is_that_of_the_documented_order),
		T(of_several_jobs_the_worst_status_counts_wherever_it_stands),
		T(a_status_that_is_none_counts_as_failed),
		T(jobs_run_side_by_side_each_with_its_port),
		T(a_job_that_a_signal_ended_has_failed_and_is_reported),
		T(a_terminals_wish_to_stop_waits_for_a_jobs_end),
		T(a_signal_that_was_ignored_before_us_stops_nothing),
		T(a_job_at_its_deadline_is_told_to_stop_and_its_status_counts),
		T(a_job_that_does_not_stop_is_killed_and_reported),
		T(each_signal_to_stop_is_passed_on_to_all_jobs),
		T(a_second_signal_to_stop_kills_at_once),
		T(jobs_are_told_to_stop_when_their_parent_is_killed),
		T(a_port_that_comes_up_meanwhile_does_not_wait_for_the_others),
		T(the_callers_signals_are_as_they_were),
		/* QEMU's user emulation has neither ptrace nor a vfork that keeps its caller: not for these. */
		T(a_job_that_even_kill_does_not_end_is_reported_and_left),
		T(a_job_that_the_kernel_keeps_is_given_up_before_the_deadline_and_one_that_sleeps_is_not),
	};
	size_t n = COUNT(tests);

	if (getenv("EMULATOR"))
		for (; n > COUNT(tests) - 2; n--)
			printf("## not run: %s\n", tests[n - 1].name);
	fflush(stdout);
	return run_lanes(tests, n, 6, share);
}
