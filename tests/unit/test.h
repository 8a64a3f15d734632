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
#include <string.h>

#include <cmocka.h>

#define TEST(name) static void name(__attribute__((unused)) void **state)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define RUN(tests, setup, teardown)                                                                           \
	(cmocka_set_message_output(CM_OUTPUT_TAP), cmocka_run_group_tests_name(__FILE__, tests, setup, teardown))

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
