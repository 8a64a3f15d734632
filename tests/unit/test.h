/* SPDX-License-Identifier: MIT */
/* cmocka as these tests use it: a test's name says what must be true, and TAP comes out. */
#ifndef REPLUG_TEST_H
#define REPLUG_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define TEST(name)   static void name(__attribute__((unused)) void **state)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define RUN(tests, setup, teardown)                                                                                  \
	(cmocka_set_message_output(CM_OUTPUT_TAP), cmocka_run_group_tests_name(__FILE__, tests, setup, teardown))

/* Every lanes-th test, beginning with the lane's, as a TAP stream in out. */
static inline int run_lane(
	const struct CMUnitTest *tests, size_t n, size_t lane, size_t lanes, FILE *out, CMFixtureFunction setup)
{
	struct CMUnitTest mine[64];
	size_t count = 0;

	for (size_t i = lane; i < n && count < COUNT(mine); i += lanes)
		mine[count++] = tests[i];
	dup2(fileno(out), STDOUT_FILENO);
	dup2(fileno(out), STDERR_FILENO);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests("lane", mine, count, setup, NULL);
}

/* For tests that mostly wait: they wait side by side, in processes of their own, and come out as one TAP stream. */
static inline int run_lanes(const struct CMUnitTest *tests, size_t n, size_t lanes, CMFixtureFunction setup)
{
	FILE *out[8];
	pid_t pid[8];
	char line[1024];
	unsigned number = 0;
	int failed = 0, status;

	for (size_t i = 0; i < lanes; i++) {
		out[i] = tmpfile();
		pid[i] = fork();
		if (!pid[i])
			exit(run_lane(tests, n, i, lanes, out[i], setup));
	}
	printf("1..%zu\n", n);
	for (size_t i = 0; i < lanes; i++) {
		failed |= waitpid(pid[i], &status, 0) < 0 || status;
		rewind(out[i]);
		while (fgets(line, sizeof(line), out[i])) {
			const char *what = strstr(line, " - ");
			bool not = !strncmp(line, "not ok ", 7);
			if (what && (not || !strncmp(line, "ok ", 3)))
				printf("%sok %u%s", not ? "not " : "", ++number, what);
			else if (strncmp(line, "1..", 3))
				fputs(line, stdout);
		}
		fclose(out[i]);
	}
	return failed || number < n;
}

static inline void holds(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static inline void holds_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("\"%s\" is in \"%s\"", part, text);
}

/* A test that hangs has failed: SIGALRM ends the program, and its plan is not met. */
#define WITHIN(seconds) alarm(seconds)

#endif
