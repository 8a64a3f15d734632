/* SPDX-License-Identifier: MIT */
#include "pty.h"

#include "text.h"
#include "use.h"

static char tty[2][64];
static int master[2] = {-1, -1};

static int plug(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		master[i] = pty_open(tty[i], sizeof(tty[i]));
	alarm(20);
	return 0;
}

static int unplug(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		close(master[i]);
	return 0;
}

static struct device with_node(enum node_class class, const char *path)
{
	struct device d = {.nodes = 1, .node[0].class = class};

	snprintf(d.node[0].path, sizeof(d.node[0].path), "%s", path);
	return d;
}

TEST(each_device_has_its_own_users)
{
	struct device a = with_node(NODE_TTY, tty[0]), b = with_node(NODE_VIDEO, tty[1]);
	const struct device *both[] = {&a, &b};
	struct use use[2];
	char want[64];

	use_find(both, 2, use);
	assert_int_equal(use[0].classes, 0);
	assert_string_equal(use[0].who, "");
	pid_t pid = pty_holder(tty[1], "ustreamer");
	use_find(both, 2, use);
	end_process(pid);
	assert_int_equal(use[0].classes, 0);
	assert_string_equal(use[0].who, "");
	assert_int_equal(use[1].classes, 1u << NODE_VIDEO);
	snprintf(want, sizeof(want), "ustreamer (%d)", (int)pid);
	assert_string_equal(use[1].who, want);
}

TEST(input_nodes_and_mixers_are_not_in_use)
{
	struct device a = with_node(NODE_INPUT, tty[0]), b = with_node(NODE_SOUND, tty[0]),
		      c = with_node(NODE_HIDRAW, tty[0]);
	const struct device *all[] = {&a, &b, &c};
	struct use use[3];
	pid_t pid = pty_holder(tty[0], "systemd-logind");

	use_find(all, 3, use);
	end_process(pid);
	assert_int_equal(use[0].classes, 0);
	assert_int_equal(use[1].classes, 0); /* no pcm */
	assert_int_equal(use[2].classes, 1u << NODE_HIDRAW);
}

TEST(a_process_with_two_nodes_of_a_device_is_named_once)
{
	struct device d = with_node(NODE_VIDEO, tty[0]);
	const struct device *one = &d;
	struct use use;
	char want[64];

	d.node[1] = d.node[0];
	d.node[1].class = NODE_TTY;
	d.nodes = 2;
	pid_t pid = pty_holder(tty[0], "kvmd");
	use_find(&one, 1, &use);
	end_process(pid);
	assert_int_equal(use.classes, 1u << NODE_VIDEO | 1u << NODE_TTY);
	snprintf(want, sizeof(want), "kvmd (%d)", (int)pid);
	assert_string_equal(use.who, want);
}

TEST(nodes_that_are_not_there_are_in_nobodys_use)
{
	struct device d = with_node(NODE_TTY, "/dev/replug-no-such-tty");
	const struct device *one = &d;
	struct use use = {.classes = 77};

	use_find(&one, 1, &use);
	assert_int_equal(use.classes, 0);
	use_find(NULL, 0, NULL);
}

TEST(names_that_do_not_fit_are_cut_behind_a_whole_character)
{
	struct device a = with_node(NODE_TTY, tty[0]);
	const struct device *one = &a;
	char clean[2 * sizeof(((struct use *)0)->who)];
	struct use use;
	pid_t pid[12];

	for (size_t i = 0; i < COUNT(pid); i++)
		pid[i] = pty_holder(tty[0], "\xe8\xa7\x86\xe9\xa2\x91\xe5\xbd\x95\xe5\x88\xb6");
	for (int more = 0; more < 3; more++) { /* wherever that cuts: by names of one byte more */
		use_find(&one, 1, &use);
		assert_int_equal(use.classes, 1u << NODE_TTY);
		text_clean(clean, sizeof(clean), use.who);
		assert_string_equal(clean, use.who);
		assert_int_equal(strlen(use.who) >= sizeof(use.who) - 4, true);
		assert_string_equal(use.who + strlen(use.who) - 3, "...");
		end_process(pid[more]);
		pid[more] = pty_holder(tty[0], more ? "aab" : "a");
	}
	for (size_t i = 0; i < COUNT(pid); i++)
		end_process(pid[i]);
}

#define T(test) cmocka_unit_test_setup_teardown(test, plug, unplug)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(each_device_has_its_own_users),
		T(input_nodes_and_mixers_are_not_in_use),
		T(a_process_with_two_nodes_of_a_device_is_named_once),
		T(names_that_do_not_fit_are_cut_behind_a_whole_character),
		T(nodes_that_are_not_there_are_in_nobodys_use),
	};

	return RUN(tests, NULL, NULL);
}
