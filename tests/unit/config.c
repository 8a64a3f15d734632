/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"

static char dir[] = "/tmp/replug-config.XXXXXX";
static char vendor[64], own[64], dropins[64];
static const struct config_paths paths = {vendor, own, dropins};
static struct config *c;

static struct {
	unsigned n;
	struct {
		char file[128], message[512];
		unsigned line;
	} at[128];
} said;

static void hear(void *ctx, const char *file, unsigned line, const char *message)
{
	assert_ptr_equal(ctx, &said);
	assert_true(said.n < COUNT(said.at));
	snprintf(said.at[said.n].file, sizeof(said.at[0].file), "%s", file);
	snprintf(said.at[said.n].message, sizeof(said.at[0].message), "%s", message);
	said.at[said.n++].line = line;
}

static void put_bytes(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void put(const char *path, const char *text)
{
	put_bytes(path, text, strlen(text));
}

static void put_dropin(const char *name, const char *text)
{
	char path[128];

	mkdir(dropins, 0755);
	snprintf(path, sizeof(path), "%s/%s", dropins, name);
	put(path, text);
}

static int load(void)
{
	config_free(c);
	c = (struct config *)&said; /* not NULL, so that config_load has to say it */
	said.n = 0;
	int e = config_load(&c, &paths, hear, &said);
	if (e) {
		assert_int_equal(e, -EINVAL);
		assert_null(c); /* nothing is half-applied */
		assert_true(said.n > 0);
	} else {
		assert_non_null(c);
		assert_int_equal(said.n, 0);
	}
	return e;
}

/* Loads what must be right. */
static void loads(void)
{
	if (load())
		fail_msg("%s:%u: %s", said.at[0].file, said.at[0].line, said.at[0].message);
}

static void reads(const char *text)
{
	put(own, text);
	loads();
}

/* Loads what must be wrong in one place: line, and parts of the message divided by |. */
static void wrong(const char *text, unsigned line, const char *parts)
{
	char part[128];

	put(own, text);
	if (!load())
		fail_msg("taken: %s", text);
	if (said.n != 1)
		fail_msg("%u reports, the second: %s", said.n, said.at[1].message);
	assert_string_equal(said.at[0].file, own);
	assert_int_equal(said.at[0].line, line);
	for (const char *p = parts; *p;) {
		size_t len = strcspn(p, "|");
		snprintf(part, sizeof(part), "%.*s", (int)len, p);
		holds(said.at[0].message, part);
		p += len + (p[len] == '|');
	}
}

static const struct device_conf *section(const char *name)
{
	const struct device_conf *d = config_find(c, name);

	assert_non_null(d);
	return d;
}

/* The section's name that takes a device of this ID (and port), or "". */
static const char *taken_by(uint16_t vid, uint16_t pid, const char *port)
{
	const struct device_conf *d =
		config_match(c, &(struct usb_facts){.vid = vid, .pid = pid, .port = port}, NULL);

	return d ? d->name : "";
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int clean(void **state)
{
	(void)state;
	config_free(c);
	c = NULL;
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return mkdir(dir, 0700);
}

static int prepare(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(vendor, sizeof(vendor), "%s/vendor.conf", dir);
	snprintf(own, sizeof(own), "%s/own.conf", dir);
	snprintf(dropins, sizeof(dropins), "%s/own.conf.d", dir);
	return 0;
}

static int leave(void **state)
{
	clean(state);
	return rmdir(dir);
}

TEST(without_any_file_there_are_the_defaults)
{
	loads();
	assert_int_equal(c->n, 0);
	assert_int_equal(c->n_files, 0);
	assert_int_equal(c->guard.max_resets, 3);
	assert_int_equal(c->guard.window_ms, 60000);
	assert_int_equal(c->guard.cool_down_ms, 2000);
	assert_int_equal(c->guard.forgive_ms, 3000);
	assert_string_equal(taken_by(0x534d, 0x2109, "1-1"), "");
}

TEST(a_section_begins_with_the_defaults)
{
	reads("[device a]\nmatch =\n");
	const struct device_conf *d = section("a");
	assert_int_equal(d->ladder.n, 3); /* the power of a port is cut only where somebody asks for it */
	assert_int_equal(d->ladder.method[0], RESET_USB);
	assert_int_equal(d->ladder.method[1], RESET_REBIND);
	assert_int_equal(d->ladder.method[2], RESET_AUTHORIZE);
	assert_int_equal(d->power_off_ms, 2000);
	assert_int_equal(d->allow_ganged, 0);
	assert_int_equal(d->expect, 0);
	assert_int_equal(d->init, INIT_NONE);
	assert_int_equal(d->baud, 9600);
	assert_int_equal(d->attempts, 3);
	assert_int_equal(d->ready_ms, 6000);
	assert_int_equal(d->timeout_ms, 10000);
	assert_int_equal(d->every_ms, 0);
	assert_int_equal(d->busy, BUSY_POSTPONE);
	assert_string_equal(d->symlink, "");
	assert_int_equal(d->match.n, 0);
	assert_null(d->origin[1].file);
}

TEST(every_key_is_read)
{
	reads("[device a]\nmatch = 534d:2109, usb=1-1\nreset = none\nexpect = video4linux, tty sound,hidraw input\n"
	      "init = ch9329\nbaud = 115200\nattempts = 7\nready = 2s\ntimeout = 20s\nsymlink = kvmd-hid\nthen = "
	      "usb=1-3\n"
	      "[guard]\nmax-resets = 5\nwindow = 2min\ncool-down = 500ms\nforgive = 10\n");
	const struct device_conf *d = section("a");
	assert_int_equal(d->match.n, 2);
	assert_int_equal(d->ladder.n, 0);
	assert_int_equal(d->expect, (1u << NODE_CLASSES) - 1);
	assert_int_equal(d->init, INIT_CH9329);
	assert_int_equal(d->baud, 115200);
	assert_int_equal(d->attempts, 7);
	assert_int_equal(d->ready_ms, 2000);
	assert_int_equal(d->timeout_ms, 20000);
	assert_string_equal(d->symlink, "kvmd-hid");
	assert_int_equal(d->then.n, 1);
	assert_int_equal(c->guard.max_resets, 5);
	assert_int_equal(c->guard.window_ms, 120000);
	assert_int_equal(c->guard.cool_down_ms, 500);
	assert_int_equal(c->guard.forgive_ms, 10000);
	assert_int_equal(config_symlink_class(d), NODE_TTY);
	reads("[device a]\nmatch =\nreset = power, usb\npower-off = 500ms\nallow-ganged = yes\n");
	assert_int_equal(section("a")->ladder.n, 2);
	assert_int_equal(section("a")->ladder.method[0], RESET_POWER);
	assert_int_equal(section("a")->ladder.method[1], RESET_USB);
	assert_int_equal(section("a")->power_off_ms, 500);
	assert_int_equal(section("a")->allow_ganged, 1);
	reads("[device a]\nmatch =\nbaud = auto\nreset = usb\nexpect = none\ninit = none\n");
	assert_int_equal(section("a")->baud, 0);
	assert_int_equal(section("a")->ladder.n, 1);
	assert_int_equal(section("a")->expect, 0);
}

TEST(every_is_a_duration_or_never)
{
	static const char *const never[] = {"0", "none", "never"};

	put(vendor, "[device a]\nmatch =\nevery = 6h\n");
	loads();
	assert_int_equal(section("a")->every_ms, 6 * 3600000);
	for (size_t i = 0; i < COUNT(never); i++) {
		char text[64];
		snprintf(text, sizeof(text), "[device a]\nevery = %s\n", never[i]);
		reads(text);
		assert_int_equal(section("a")->every_ms, 0);
	}
	wrong("[device a]\nmatch =\nevery = off\n", 3, "\"off\" is neither a duration|nor never");
	reads("[device a]\nmatch =\nevery = 1s\n");
	assert_int_equal(section("a")->every_ms, 1000);
	reads("[device a]\nmatch =\nevery = 1193h\n");
	assert_int_equal(section("a")->every_ms, 1193u * 3600000);
	wrong("[device a]\nevery = 1200h\n", 2, "\"1200h\" is out of range; from 1s to 1193h");
	wrong("[device a]\nevery = 999ms\n", 2, "out of range; from 1s");
	wrong("[device a]\nevery = day\n", 2, "\"day\" is neither a duration");
	wrong("[device a]\nevery =\n", 2, "neither a duration");
}

TEST(busy_is_one_of_three_words)
{
	reads("[device a]\nmatch =\nbusy = reset\n[device b]\nmatch =\nbusy = skip\n[device c]\nmatch =\nbusy = "
	      "postpone\n");
	assert_int_equal(section("a")->busy, BUSY_RESET);
	assert_int_equal(section("b")->busy, BUSY_SKIP);
	assert_int_equal(section("c")->busy, BUSY_POSTPONE);
	wrong("[device a]\nbusy = postpon\n", 2, "did you mean \"postpone\"?");
	wrong("[device a]\nbusy = yes\n", 2, "valid are postpone, reset, skip");
}

TEST(later_files_win_key_by_key)
{
	put(vendor, "[device a]\nmatch = 1111:1111\nattempts = 2\nready = 2s\n[guard]\nwindow = 10s\nforgive = 9s\n");
	put(own, "[guard]\nwindow = 20s\n[device a]\nattempts = 4\n[device b]\nmatch = 2222:2222\n");
	put_dropin("10.conf", "[device a]\nattempts = 5\ntimeout = 33s\n");
	put_dropin("9.conf", "[device a]\ntimeout = 44s\n"); /* after 10: by name, not by number */
	loads();
	const struct device_conf *a = section("a");
	assert_int_equal(c->n, 2);
	assert_string_equal(taken_by(0x1111, 0x1111, NULL), "a");
	assert_int_equal(a->attempts, 5);
	assert_int_equal(a->ready_ms, 2000);
	assert_int_equal(a->timeout_ms, 44000);
	assert_int_equal(c->guard.window_ms, 20000);
	assert_int_equal(c->guard.forgive_ms, 9000);
	assert_int_equal(c->n_files, 4);
	assert_string_equal(c->file[0], vendor);
	assert_string_equal(c->file[1], own);
	assert_non_null(strstr(c->file[2], "/10.conf"));
	assert_non_null(strstr(c->file[3], "/9.conf"));
}

TEST(dropins_are_the_visible_files_that_end_in_conf)
{
	put_dropin("a.conf", "[device a]\nmatch =\n");
	put_dropin("B.conf", "[device b]\nmatch =\n");
	put_dropin(".hidden.conf", "junk\n");
	put_dropin(".conf", "junk\n");
	put_dropin("a.conf~", "junk\n");
	put_dropin("a.conf.dpkg-old", "junk\n");
	put_dropin("conf", "junk\n");
	put_dropin("xconf", "junk\n");
	loads();
	assert_int_equal(c->n, 2);
	assert_string_equal(c->device[0].name, "b"); /* the order of bytes, in every locale */
}

TEST(a_dropin_may_be_masked_by_a_link_to_dev_null)
{
	char path[128];

	mkdir(dropins, 0755);
	snprintf(path, sizeof(path), "%s/x.conf", dropins);
	assert_int_equal(symlink("/dev/null", path), 0);
	loads();
	assert_int_equal(c->n, 0);
}

TEST(a_hash_is_a_comment_behind_a_blank_outside_quotes_only)
{
	reads("[device a] # the first\nattempts = 4 # four\nready = 3s\t# three \"quoted\"\n"
	      "match = product=\"USB #1\" # no\nmatch = serial=a#b\nmatch = serial=\"#\"\n");
	const struct device_conf *d = section("a");
	assert_int_equal(d->attempts, 4);
	assert_int_equal(d->ready_ms, 3000);
	assert_int_equal(d->match.n, 3);
	assert_string_equal(selector_terms(&d->match)[0].text, "USB #1");
	assert_string_equal(selector_terms(&d->match)[1].text, "a#b");
	assert_string_equal(selector_terms(&d->match)[2].text, "#");
}

TEST(a_semicolon_is_a_comment_behind_a_blank_outside_quotes_only)
{
	reads("[device a] ; the first\nattempts = 4 ; four\nmatch = serial=a;b\nmatch = product=\"USB ; Video\"\n");
	assert_int_equal(section("a")->attempts, 4);
	assert_string_equal(selector_terms(&section("a")->match)[0].text, "a;b");
	assert_string_equal(selector_terms(&section("a")->match)[1].text, "USB ; Video");
}

TEST(lines_of_comments_and_blanks_count_but_say_nothing)
{
	wrong("# a\n; b\n   # c = d\n\t; [d]\n\n \t \n[device a]\nx = 1\n", 8, "\"x\"");
}

TEST(indented_keys_and_sections_are_as_good_as_others)
{
	reads("  [device a]  \nmatch=\n\tattempts = 4\n    ready=3s\n  \t timeout\t=\t20s\t\n\t[guard]\n\twindow = "
	      "20s\n");
	assert_int_equal(section("a")->attempts, 4);
	assert_int_equal(section("a")->ready_ms, 3000);
	assert_int_equal(section("a")->timeout_ms, 20000);
	assert_int_equal(c->guard.window_ms, 20000);
}

TEST(a_section_needs_one_blank_and_takes_several)
{
	reads("[device \t  a  ]\nmatch =\n[device\tb]\nmatch =\n[guard ]\n");
	section("a");
	section("b");
}

TEST(files_from_windows_are_read)
{
	reads("[device a]\r\nmatch =\nattempts = 4\r\n\r\n# x\r\nready = 3s # y\r\nsymlink = \r\n[guard]\r\nwindow = "
	      "20s");
	assert_int_equal(section("a")->attempts, 4);
	assert_int_equal(section("a")->ready_ms, 3000);
	assert_string_equal(section("a")->symlink, "");
}

TEST(a_byte_order_mark_is_not_in_the_way)
{
	reads("\xef\xbb\xbf# x\n[device a]\nmatch =\nattempts = 4\n");
	reads("\xef\xbb\xbf[device a]\nmatch =\nattempts = 4\n");
	assert_int_equal(section("a")->attempts, 4);
}

TEST(a_last_line_without_an_end_is_read)
{
	reads("[device a]\nmatch =\nattempts = 4");
	assert_int_equal(section("a")->attempts, 4);
	put(vendor, "[device a]\nmatch =\n");
	reads("[device a]");
	assert_int_equal(c->n, 1);
	assert_int_equal(remove(vendor), 0);
	reads("");
	assert_int_equal(c->n, 0);
	wrong("[device a]\nbaud = 1", 2, "\"1\"");
}

TEST(a_line_of_198_characters_is_read_and_a_longer_one_is_an_error)
{
	char text[400];

	for (int len = 197; len <= 199; len++) {
		snprintf(text, sizeof(text), "[device a]\nmatch = serial=%0*d\nattempts = 4\n", len - 15, 7);
		if (len == 199) {
			wrong(text, 2, "longer than 198 characters|several lines");
			continue;
		}
		reads(text);
		assert_int_equal(strlen(selector_terms(&section("a")->match)[0].text), len - 15);
		assert_int_equal(section("a")->attempts, 4);
	}
}

TEST(a_long_comment_is_only_a_comment)
{
	char text[600];

	snprintf(text, sizeof(text), "#%0500d\n[device a]\nmatch =\n", 7);
	reads(text);
	section("a");
}

TEST(an_empty_match_switches_a_section_off)
{
	put(vendor, "[device a]\nmatch = 1111:1111\n");
	loads();
	assert_string_equal(taken_by(0x1111, 0x1111, NULL), "a");
	reads("[device a]\nmatch =\n");
	assert_string_equal(taken_by(0x1111, 0x1111, NULL), "");
	assert_int_equal(section("a")->match.n, 0);
}

TEST(match_adds_up_within_a_file_and_replaces_what_earlier_files_said)
{
	put(vendor, "[device a]\nmatch = 1111:1111\nmatch = 2222:2222, 3333:3333\n");
	loads();
	assert_int_equal(section("a")->match.n, 3);
	assert_string_equal(taken_by(0x1111, 0x1111, NULL), "a");
	put_dropin("1.conf", "[device a]\nmatch = 4444:4444\nmatch = 5555:5555\n");
	loads();
	assert_int_equal(section("a")->match.n, 2);
	assert_string_equal(taken_by(0x1111, 0x1111, NULL), "");
	assert_string_equal(taken_by(0x5555, 0x5555, NULL), "a");
}

TEST(an_unknown_section_names_the_nearest)
{
	wrong("\n[devise a]\nx = 1\n", 2, "unknown section [devise|[device NAME]");
	wrong("[gard]\n", 1, "[gard]|did you mean [guard]?");
	wrong("[hub]\n", 1, "[hub]|[device NAME], [relay NAME] and [guard]");
	wrong("[relays]\n", 1, "did you mean [relay NAME]?");
	wrong("[]\n", 1, "unknown section []");
	wrong("[guard x]\n", 1, "guard");
	wrong("[Guard]\n", 1, "did you mean [guard]?");
	put(vendor, "[device hid]\nmatch =\n[relay power]\nmatch =\n");
	wrong("[hid]\n", 1, "[hid]; did you mean [device hid]?");
	wrong("[power]\n", 1, "[power]; did you mean [relay power]?");
}

TEST(a_section_that_no_file_gives_a_match_is_an_error_and_names_the_nearest_that_has_one)
{
	put(vendor, "[device hid]\nmatch = 1a86:7523\n[relay power]\nmatch =\n");
	wrong("\n[device hdi]\nbaud = 9600\n", 2, "[device hdi] has no `match`|did you mean [device hid]?");
	wrong("[device hidd]\nsymlink = kvmd-hid\n", 1, "did you mean [device hid]?"); /* and nothing else */
	wrong("[relay pwoer]\n", 1, "[relay pwoer] has no `match`|did you mean [relay power]?");
	wrong("[device power]\n", 1, "[device power] has no `match`|it would take nothing");
	reads("[device hid]\nbaud = 9600\n[relay power]\nchannel = 2\n");
	put_dropin("1.conf", "[device late]\nmatch = usb=1-1\n");
	reads("[device late]\nbaud = 9600\n");
	put(own, "");
	put_dropin("2.conf", "[guard]\n[device hid]\n[device lat]\n");
	assert_int_equal(load(), -EINVAL);
	assert_int_equal(said.n, 1);
	holds(said.at[0].file, "2.conf");
	assert_int_equal(said.at[0].line, 3);
	holds(said.at[0].message, "did you mean [device late]?");
}

TEST(a_section_needs_a_name_of_letters_digits_dash_underscore)
{
	wrong("[device]\n", 1, "[device] has no name; write [device NAME]");
	wrong("[relay  ]\n", 1, "[relay] has no name; write [relay NAME]");
	wrong("[device a b]\n", 1, "\"a b\" cannot be a section's name");
	wrong("[device a.b]\n", 1, "\"a.b\"");
	wrong("[device a\x1b]\n", 1, "\"a\\x1b\"");
	wrong("[device a23456789012345678901234567890123456789_1]\n", 1, "at most 40");
	reads("[device a234567890123456789012345678901234567890]\nmatch =\n");
	assert_int_equal(strlen(c->device[0].name), 40);
}

TEST(an_unknown_key_names_the_nearest)
{
	wrong("[device a]\nmathc = 534d:2109\n", 2, "\"mathc\" is not a key|`match`");
	wrong("[device a]\nbaudrate = 1\n", 2, "\"baudrate\"|`baud`");
	wrong("[guard]\nmax_resets = 1\n", 2, "\"max_resets\"|`max-resets`");
	wrong("[guard]\nbaud = 9600\n", 2, "\"baud\" is not a key of this section");
	wrong("[device a]\nwibblewobble = 1\n", 2, "\"wibblewobble\"|replug.conf names them all");
	wrong("[device a]\n= 1\n", 2, "\"\" is not a key");
	wrong("[device a]\nMatch = 534d:2109\n", 2, "`match`");
}

TEST(an_unknown_value_names_the_nearest)
{
	wrong("[device a]\nreset = ubs\n", 2, "\"ubs\"|did you mean \"usb\"?");
	wrong("[device a]\nreset = usb, hammer\n", 2, "\"hammer\"|valid are usb, rebind, authorize, power, none");
	wrong("[device a]\nexpect = video4linus\n", 2, "\"video4linus\"|\"video4linux\"");
	wrong("[device a]\nexpect = tty, vdeo4linux\n", 2, "\"vdeo4linux\"|\"video4linux\"");
	wrong("[device a]\ninit = ch9239\n", 2, "\"ch9239\"|\"ch9329\"");
	wrong("[device a]\ninit =\n", 2, "valid are none, ch9329");
	wrong("[device a]\nbaud = 9601\n", 2, "\"9601\"|\"9600\"");
	wrong("[device a]\nbaud = fast\n", 2, "\"fast\"|115200, auto");
}

TEST(a_ladder_names_each_method_once_and_none_alone)
{
	wrong("[device a]\nreset = usb, usb\n", 2, "names a method twice");
	wrong("[device a]\nreset = none, usb\n", 2, "mixes none with a method");
	wrong("[device a]\nreset = usb none\n", 2, "mixes none with a method");
	wrong("[device a]\nreset =\n", 2, "names no method|power, none");
	wrong("[device a]\nreset = ,\n", 2, "names no method");
}

TEST(values_out_of_range_name_the_range)
{
	wrong("[device a]\nattempts = 0\n", 2, "\"0\" is not a number from 1 to 10");
	wrong("[device a]\nattempts = 11\n", 2, "\"11\"");
	wrong("[device a]\nattempts = three\n", 2, "\"three\" is not a number");
	wrong("[device a]\nready = 99ms\n", 2, "\"99ms\" is out of range; from 100ms to 1min");
	wrong("[device a]\nready = 60001ms\n", 2, "out of range");
	wrong("[device a]\ntimeout = 999ms\n", 2, "from 1s to 2min");
	wrong("[device a]\ntimeout = 121\n", 2, "from 1s to 2min");
	wrong("[device a]\ntimeout = 99999999999h\n", 2, "out of range");
	wrong("[device a]\ntimeout = soon\n", 2, "\"soon\" is not a duration|500ms, 10s, 2min");
	wrong("[device a]\ntimeout =\n", 2, "not a duration");
	wrong("[guard]\nmax-resets = 0\n", 2, "from 1 to 20");
	wrong("[guard]\nmax-resets = 21\n", 2, "from 1 to 20");
	wrong("[guard]\nwindow = 999ms\n", 2, "from 1s to 1h");
	wrong("[guard]\nwindow = 61min\n", 2, "from 1s to 1h");
	wrong("[guard]\ncool-down = 61s\n", 2, "to 1min");
	wrong("[guard]\nforgive = 2h\n", 2, "to 1h");
	reads("[device a]\nmatch =\nattempts = 10\nready = 100ms\ntimeout = 2min\n[guard]\nmax-resets = 20\nwindow = "
	      "1h\n"
	      "cool-down = 0\nforgive = 0\n");
	reads("[device a]\nmatch =\nattempts = 1\nready = 1min\ntimeout = 1s\n[guard]\nmax-resets = 1\nwindow = 1s\n"
	      "cool-down = 1min\nforgive = 1h\n");
}

TEST(a_bad_selector_is_quoted)
{
	wrong("[device a]\nmatch = 534d:210\n", 2, "\"534d:210\" is not an ID");
	wrong("[device a]\nmatch = capture\n", 2, "\"capture\" is not a selector|usb=1-1.4");
	wrong("[device a]\nmatch = 534d:2109\nmatch = ubs=1-1\n", 3, "\"ubs=1-1\"|\"usb=\"");
	wrong("[device a]\nthen = serial=\"x\n", 2, "quote that is not closed");
}

TEST(a_section_twice_in_one_file_is_an_error_and_in_two_files_is_not)
{
	wrong("[device a]\n[device b]\n\n[device a]\nattempts = 4\n", 4, "[device a] is there already, at line 1");
	wrong("[guard]\nwindow = 9s\n[guard]\nwindow = 9s\n", 3, "[guard] is there already, at line 1");
	put(vendor, "[device a]\nmatch =\n[guard]\n");
	put_dropin("1.conf", "[device a]\nmatch =\n[guard]\n");
	reads("[device a]\nmatch =\n[guard]\n");
}

TEST(a_key_twice_in_one_section_is_an_error_and_in_two_files_is_not)
{
	wrong("[device a]\nattempts = 4\nready = 1s\nattempts = 4\n", 4, "`attempts` is set already, at line 2");
	wrong("[guard]\nwindow = 9s\nwindow = 9s\n", 3, "`window` is set already, at line 2");
	put(vendor, "[device a]\nmatch =\nattempts = 4\n[device b]\nmatch =\nattempts = 4\n");
	reads("[device a]\nmatch =\nattempts = 5\n[device b]\nmatch =\nattempts = 6\n");
	assert_int_equal(section("a")->attempts, 5);
	assert_int_equal(section("b")->attempts, 6);
}

TEST(a_key_before_the_first_section_is_an_error_once)
{
	wrong("attempts = 4\nready = 1s\n", 1,
		"a key before the first section|[device NAME], [relay NAME] and [guard]");
	put(vendor, "[device a]\nmatch =\n"); /* another file's last section is not this one's first */
	wrong("attempts = 4\n", 1, "a key before the first section");
}

TEST(brackets_have_to_be_closed_and_have_nothing_behind)
{
	wrong("[device a\nattempts = 4\n", 1, "the [ is not closed");
	wrong("[device a] x\nattempts = 4\n", 1, "something behind the ]");
	wrong("[device a]]\n", 1, "something behind the ]");
	wrong("[\n", 1, "the [ is not closed");
}

TEST(a_comment_behind_a_header_may_hold_brackets)
{
	reads("[device a] # [device b]\nmatch =\n[guard]\t;]\n");
	assert_int_equal(c->n, 1);
	wrong("[device a # ]\n", 1, "\"a #\" cannot be a section's name");
	wrong("[device a]# x\n", 1, "something behind the ]");
	wrong("[guard] x # ]\n", 1, "something behind the ]");
}

/* inih ends such a key at the semicolon, and says nothing. */
TEST(no_line_is_passed_over_for_a_comment_in_its_key)
{
	wrong("[device a]\nmatch =\nx\" ;y = 1\n", 3, "\"x\" ;y = 1\" is neither");
	wrong("[device a]\nmatch =\nattempts ; = 4\n", 3, "\"attempts\" is neither");
	wrong("[device a]\nmatch =\nattempts # = 4\n", 3, "\"attempts\" is neither");
}

/* inih takes a line that begins with what isspace() knows for more of the value before. */
TEST(no_line_is_taken_for_more_of_the_one_before)
{
	wrong("[device a]\nmatch = serial=x\n\vserial=y\n", 3, "\"\\x0bserial=y\" is neither");
	wrong("[device a]\nmatch = usb=1-1\n\vx = usb=1-2\n", 3, "\"\\x0bx = usb=1-2\" is neither");
	wrong("[device a]\nmatch = usb=1-1\n\f= usb=1-2\n", 3, "is neither");
	wrong("[device a]\nmatch = \v\n", 2, "holds a control character");
}

/* Only the first of a run is read by inih. */
TEST(a_run_of_one_key_is_read_line_by_line)
{
	put(vendor, "[device a]\nmatch = 1111:1111");
	reads("[device b]\nmatch=2222:2222 # x\nmatch = 3333:3333\r\n\tmatch\t=\n[device c]\nmatch = 4444:4444\n"
	      "attempts = 4\n[device a]\nattempts = 5\n");
	assert_int_equal(section("b")->match.n, 2);
	assert_string_equal(taken_by(0x1111, 0x1111, NULL), "a");
	assert_string_equal(taken_by(0x3333, 0x3333, NULL), "b");
	assert_string_equal(taken_by(0x4444, 0x4444, NULL), "c");
	assert_int_equal(section("c")->attempts, 4);
	assert_int_equal(section("a")->attempts, 5);
	assert_int_equal(section("b")->attempts, 3);
	wrong("[device b]\nmatch =\nattempts = 4\n[guard]\nattempts = 4\n", 5, "\"attempts\" is not a key");
	wrong("[device b]\nmatch =\nattempts = 4\nattempt = 4\n", 4, "\"attempt\" is not a key");
	wrong("[device b]\nmatch =\nattempt = 4\n", 3, "\"attempt\" is not a key");
}

TEST(a_line_that_is_nothing_is_quoted)
{
	wrong("[device a]\nattempts 4\n", 2, "\"attempts 4\" is neither [section] nor key = value");
	wrong("[device a]\nmatch: usb=1-1.4\n", 2, "\"match: usb=1-1.4\" is neither [section] nor key = value");
	wrong("[device a]\n  \xff\x01\n", 2, "\"\\xff\\x01\" is neither");
}

TEST(the_keys_of_a_section_that_is_wrong_are_not_reported_too)
{
	wrong("[devise a]\nx = 1\ny = 2\n[guard]\nwindow = 9s\n", 1, "[devise");
}

TEST(all_errors_are_reported_in_the_order_of_the_files)
{
	put(vendor, "[device a]\nbaud = 1\nx = 1\n");
	put(own, "junk\n[devise b]\n[device c]\nattempts = 0\n");
	put_dropin("1.conf", "y = 1\n");
	put_dropin("2.conf", "[guard]\nwindow = 0\n");
	assert_int_equal(load(), -EINVAL);
	static const struct {
		const char *file;
		unsigned line;
	} want[] = {{"vendor.conf", 2}, {"vendor.conf", 3}, {"own.conf", 1}, {"own.conf", 2}, {"own.conf", 4},
		{"1.conf", 1}, {"2.conf", 2}};
	assert_int_equal(said.n, COUNT(want));
	for (size_t i = 0; i < COUNT(want); i++) {
		holds(said.at[i].file, want[i].file);
		assert_int_equal(said.at[i].line, want[i].line);
	}
}

TEST(an_error_does_not_outlive_its_load)
{
	wrong("junk\n", 1, "junk");
	reads("[device a]\nmatch =\n");
}

static void unreadable(const char *path, const char *part)
{
	assert_int_equal(load(), -EINVAL);
	assert_int_equal(said.n, 1);
	assert_string_equal(said.at[0].file, path);
	assert_int_equal(said.at[0].line, 0);
	holds(said.at[0].message, part);
}

TEST(what_cannot_be_read_is_an_error)
{
	mkdir(own, 0755);
	unreadable(own, "cannot be read: Is a directory");
	rmdir(own);
	put(dropins, "");
	unreadable(dropins, "cannot be read: Not a directory");
	unlink(dropins);
	put_bytes(own, "[device a]\n\0junk = 1\n", 21);
	unreadable(own, "cannot be read");
	static char large[1 << 20];
	memset(large, '\n', sizeof(large));
	put_bytes(own, large, sizeof(large));
	unreadable(own, "cannot be read: File too large");
	put_bytes(own, large, sizeof(large) - 1);
	loads();
}

/* As a unit sees one into /home. */
TEST(a_link_that_leads_to_nothing_is_not_a_file_that_is_not_there)
{
	char path[128];

	assert_int_equal(symlink("/nonexistent/replug.conf", own), 0);
	unreadable(own, "the link leads to nothing here");
	unlink(own);
	assert_int_equal(symlink("/nonexistent/conf.d", dropins), 0);
	unreadable(dropins, "the link leads to nothing here");
	unlink(dropins);
	put_dropin("a.conf", "");
	snprintf(path, sizeof(path), "%s/b.conf", dropins);
	assert_int_equal(symlink("/nonexistent/b.conf", path), 0);
	unreadable(path, "the link leads to nothing here");
	unlink(path);
	assert_int_equal(symlink("/dev/null", path), 0); /* as it is switched off */
	loads();
	unlink(path);
}

TEST(a_fifo_in_a_files_place_does_not_stop_the_reader)
{
	assert_int_equal(mkfifo(own, 0600), 0);
	WITHIN(5);
	load();
	WITHIN(0);
}

TEST(more_dropins_than_fit_are_an_error)
{
	char name[32];

	for (int i = 0; i < CONF_FILES; i++) {
		snprintf(name, sizeof(name), "%03d.conf", i);
		put_dropin(name, i == 50 ? "[device a]\nmatch =\n" : "");
	}
	loads();
	assert_int_equal(c->n_files, CONF_FILES);
	put_dropin("zzz.conf", "");
	assert_int_equal(load(), -EINVAL);
	holds(said.at[0].file, "zzz.conf");
	holds(said.at[0].message, "too many");
}

TEST(a_symlink_needs_a_class_of_node)
{
	wrong("[device a]\nexpect = sound\nsymlink = x\nmatch =\n", 3,
		"`symlink` needs `expect = tty` or `expect = video4linux`");
	reads("[device a]\nmatch =\nexpect = video4linux\nsymlink = x\n");
	assert_int_equal(config_symlink_class(section("a")), NODE_VIDEO);
	reads("[device a]\nmatch =\nexpect = video4linux, tty\nsymlink = x\n");
	assert_int_equal(config_symlink_class(section("a")), NODE_TTY);
	reads("[device a]\nmatch =\ninit = ch9329\nsymlink = x\n"); /* a chip is behind a tty */
	assert_int_equal(config_symlink_class(section("a")), NODE_TTY);
	reads("[device a]\nmatch =\nexpect = tty\n");
	assert_int_equal(config_symlink_class(section("a")), NODE_CLASSES);
}

TEST(a_symlink_stays_below_dev_and_is_what_udev_would_make)
{
	static const char *const bad[] = {"/dev/x", "/x", "../x", "x/../y", "x/", "x//y", ".x", "x/.y", "x y", "x$y",
		"x%y", "x*", "\"x\"", "x\\y", "x\xc3\xa4"};
	char text[160];

	for (size_t i = 0; i < COUNT(bad); i++) {
		snprintf(text, sizeof(text), "[device a]\nexpect = tty\nsymlink = %s\n", bad[i]);
		wrong(text, 3, "is not a name below /dev, such as kvmd-hid");
	}
	reads("[device a]\nmatch =\nexpect = tty\nsymlink = kvmd/hid-1_2+3:4.5\n");
	assert_string_equal(section("a")->symlink, "kvmd/hid-1_2+3:4.5");
	snprintf(text, sizeof(text), "[device a]\nmatch =\nexpect = tty\nsymlink = %063d\n", 7);
	reads(text);
	assert_int_equal(strlen(section("a")->symlink), 63);
	snprintf(text, sizeof(text), "[device a]\nexpect = tty\nsymlink = %064d\n", 7);
	wrong(text, 3, "too long");
	put(vendor, "[device a]\nmatch =\nexpect = tty\nsymlink = x\n");
	reads("[device a]\nmatch =\nsymlink =\n"); /* off again */
	assert_string_equal(section("a")->symlink, "");
}

TEST(a_symlink_is_no_name_that_the_kernel_gives_itself)
{
	static const char *const bad[] = {
		"video0", "video12", "ttyUSB0", "ttyACM1", "ttyS0", "tty", "tty1", "hidraw3", "hidg0", "v4l-subdev0"};
	static const char *const good[] = {
		"video-kvm", "ttyKVM0", "video0a", "kvmd/video0", "ttyUSB0.kvm", "video", "kvmd-video"};
	char text[160];

	for (size_t i = 0; i < COUNT(bad); i++) {
		snprintf(text, sizeof(text), "[device a]\nexpect = tty\nsymlink = %s\n", bad[i]);
		wrong(text, 3, "is a name that the kernel gives by itself");
	}
	for (size_t i = 0; i < COUNT(good); i++) {
		snprintf(text, sizeof(text), "[device a]\nmatch =\nexpect = tty\nsymlink = %s\n", good[i]);
		reads(text);
	}
}

TEST(two_sections_cannot_give_one_name)
{
	char where[128];

	wrong("[device a]\nmatch = usb=1-1\nexpect = tty\nsymlink = x\n"
	      "[device b]\nmatch = usb=1-2\nexpect = video4linux\nsymlink = x\n",
		8, "`symlink` x of [device b] is in the way of x of [device a], at |own.conf:4");
	/* One of them would have to be a folder. */
	wrong("[device a]\nmatch = usb=1-1\nexpect = tty\nsymlink = kvmd/x\n"
	      "[device b]\nmatch = usb=1-2\nexpect = tty\nsymlink = kvmd\n",
		8, "kvmd of [device b] is in the way of kvmd/x of [device a]");
	reads("[device a]\nmatch = usb=1-1\nexpect = tty\nsymlink = kvmd/x\n"
	      "[device b]\nmatch = usb=1-2\nexpect = tty\nsymlink = kvmd/xy\n"
	      "[device c]\nmatch = usb=1-3\nexpect = tty\nsymlink = kvm\n");
	/* A section that is switched off gives nothing. */
	reads("[device a]\nmatch =\nexpect = tty\nsymlink = x\n[device b]\nmatch = usb=1-2\nexpect = tty\n"
	      "symlink = x\n[device c]\nmatch =\nexpect = tty\nsymlink = x\n");
	put(vendor, "[device a]\nmatch = usb=1-1\nexpect = tty\n");
	snprintf(where, sizeof(where), "at %s:2", own);
	put(own, "[device a]\nsymlink = x\n");
	put_dropin("1.conf", "[device b]\nmatch = usb=1-2\nexpect = tty\nsymlink = x\n");
	assert_int_equal(load(), -EINVAL);
	assert_int_equal(said.n, 1);
	holds(said.at[0].file, "1.conf");
	assert_int_equal(said.at[0].line, 4);
	holds(said.at[0].message, where);
}

TEST(then_names_sections_that_exist_and_have_something_to_initialise)
{
	wrong("[device a]\nthen = hid\nmatch =\n", 2, "`then` names \"hid\", but there is no [device hid]");
	wrong("[device a]\nthen = hdi\nmatch =\n[device hid]\ninit = ch9329\nmatch =\n", 2,
		"\"hdi\"|did you mean \"hid\"?");
	wrong("[device a]\nthen = b\nmatch =\n[device b]\nmatch =\n", 2,
		"`then` names [device b], which has no `init`");
	reads("[device a]\nmatch =\nthen = b, usb=1-4\n[device b]\nmatch =\ninit = ch9329\nthen = b\n");
	put(vendor, "[device b]\nmatch =\ninit = ch9329\n");
	reads("[device a]\nmatch =\nthen = b\n");
	put(vendor, "[device x]\nmatch =\nthen = usb=1-1, c\n");
	reads("[device x]\nmatch =\nthen = \n");
	assert_int_equal(section("x")->then.n, 0);
}

TEST(the_nearest_section_is_suggested_and_not_the_first_near_one)
{
	wrong("[device hidxy]\nmatch =\ninit = ch9329\n[device hid]\nmatch =\ninit = ch9329\n[device a]\nmatch =\n"
	      "then = hidd\n",
		9, "did you mean \"hid\"?");
}

TEST(what_can_only_be_said_at_the_end_is_all_said)
{
	put(own, "[device a]\nmatch =\nsymlink = x\nthen = q, r\n[device b]\nmatch =\nsymlink = y\n");
	assert_int_equal(load(), -EINVAL);
	assert_int_equal(said.n, 4);
}

TEST(the_most_specific_match_wins_then_the_section_defined_last)
{
	static const char text[] = "[device port]\nmatch = usb=1-1.4\n[device both]\nmatch = usb=1-1.5 1a86:7523\n"
				   "[device one]\nmatch = 1a86:7523\n[device two]\nmatch = 534d:2109, 1a86:7523\n"
				   "[device five]\nmatch = usb=1-1.5\n";
	size_t which = 99;

	reads(text);
	assert_string_equal(taken_by(0x1a86, 0x7523, "1-1.4"), "port");
	assert_string_equal(taken_by(0x1a86, 0x7523, "1-1.5"), "both");
	assert_string_equal(taken_by(0x1a86, 0x7524, "1-1.5"), "five");
	assert_string_equal(taken_by(0x1a86, 0x7523, "2-1"), "two");
	assert_string_equal(taken_by(0x1a86, 0x7524, "2-1"), "");
	assert_ptr_equal(config_match(c, &(struct usb_facts){.vid = 0x1a86, .pid = 0x7523}, &which), section("two"));
	assert_int_equal(which, 1);
}

TEST(strings_are_wanted_only_where_a_match_asks_for_them)
{
	reads("[device a]\nmatch = 534d:2109 usb=1-1, bus=001/004\nthen = serial=x\n");
	assert_false(c->strings);
	reads("[device a]\nmatch = 534d:2109\n[device b]\nmatch = 1a86:7523 serial=x\n[device c]\nmatch =\n");
	assert_true(c->strings);
	reads("[device a]\nmatch = product=*\n");
	assert_true(c->strings);
}

TEST(links_are_wanted_only_where_a_match_asks_for_a_node)
{
	reads("[device a]\nmatch = 534d:2109 serial=x usb=1-1\nthen = /dev/video0\n[relay b]\nmatch = bus=001/004\n");
	assert_false(c->links);
	reads("[device a]\nmatch = 534d:2109, /dev/kvmd-video\n");
	assert_true(c->links);
	reads("[relay b]\nmatch = /dev/serial/by-id/x\n");
	assert_true(c->links);
}

TEST(many_sections_are_all_kept)
{
	static char text[100 * 64];
	char name[16];
	size_t n = 0;

	for (int i = 0; i < 100; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "[device d%d]\nmatch = 1a86:%04x\n", i, i);
	reads(text);
	assert_int_equal(c->n, 100);
	for (uint16_t i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		assert_string_equal(taken_by(0x1a86, i, NULL), name);
	}
}

/* A walk as text, with and without origins. */
struct text {
	char all[16384];
	size_t n;
	const char *section;
	char before[80];
	bool origins;
};

static void write_line(
	void *ctx, const char *header, const char *key, const char *value, const struct conf_origin *at)
{
	struct text *t = ctx;

	if (strcmp(t->before, header))
		t->n += (size_t)snprintf(t->all + t->n, sizeof(t->all) - t->n, "[%s]\n", header);
	snprintf(t->before, sizeof(t->before), "%s", header);
	t->n += (size_t)snprintf(t->all + t->n, sizeof(t->all) - t->n, "%s = %s", key, value);
	if (t->origins)
		t->n += (size_t)snprintf(t->all + t->n, sizeof(t->all) - t->n, " @%s:%u",
			at->file ? strrchr(at->file, '/') + 1 : "", at->line);
	t->n += (size_t)snprintf(t->all + t->n, sizeof(t->all) - t->n, "\n");
	assert_true(t->n < sizeof(t->all));
}

TEST(a_walk_shows_every_key_with_its_origin)
{
	static struct text t;

	t = (struct text){.origins = true};
	put(vendor, "[device a]\nmatch = 534d:2109\n\nexpect = tty video4linux\n");
	put_dropin("1.conf", "[guard]\nwindow = 90s\n[device a]\nbaud = auto\n");
	reads("[device a]\nmatch = 345f:2109 usb=1-1\nmatch = product=\"USB*\"\n");
	config_walk(c, write_line, &t);
	assert_string_equal(t.all,
		"[device a]\nmatch = 345f:2109 usb=1-1, product=USB* @own.conf:3\nreset = usb, rebind, authorize "
		"@:0\n"
		"expect = video4linux, tty @vendor.conf:4\ninit = none @:0\nbaud = auto @1.conf:4\nattempts = 3 @:0\n"
		"ready = 6s @:0\ntimeout = 10s @:0\npower-off = 2s @:0\nallow-ganged = no @:0\nevery = never "
		"@:0\nbusy = postpone @:0\nsymlink =  @:0\nthen =  "
		"@:0\n"
		"[guard]\nmax-resets = 3 @:0\nwindow = 90s @1.conf:2\ncool-down = 2s @:0\nforgive = 3s @:0\n");
}

TEST(a_walk_can_be_read_again_and_gives_the_same_walk)
{
	static struct text once, twice;

	once = twice = (struct text){0};
	put(vendor,
		"[device off]\nmatch =\nreset = none\n[device hid]\nmatch = 1a86:7523 usb=1-1.4\ninit = ch9329\n"
		"baud = auto\nattempts = 1\nready = 1500ms\ntimeout = 90s\nsymlink = kvmd-hid\n"
		"[device v]\nmatch = product=\"a # b, c\" serial=x;y, bus=1/4, /dev/video0\nmatch = serial=\"#\"\n"
		"expect = video4linux sound\nthen = hid, usb=1-2\n[guard]\nmax-resets = 9\nforgive = 1min\n");
	loads();
	config_walk(c, write_line, &once);
	put(vendor, once.all);
	loads();
	config_walk(c, write_line, &twice);
	assert_string_equal(once.all, twice.all);
	assert_int_equal(section("v")->match.n, 5);
}

TEST(the_shipped_configuration_loads_and_takes_dongle_and_bridge)
{
	struct config_paths shipped = {SOURCE "/packaging/replug.conf", own, dropins};

	assert_int_equal(config_load(&c, &shipped, hear, &said), 0);
	assert_int_equal(said.n, 0);
	assert_string_equal(taken_by(0x534d, 0x2109, "1-1"), "capture");
	assert_string_equal(taken_by(0x1a86, 0x7523, "1-1"), "hid");
	assert_string_equal(taken_by(0x1d6b, 0x0002, "usb1"), "");
	assert_true(section("capture")->expect & 1u << NODE_VIDEO);
	assert_int_equal(section("capture")->every_ms, 6 * 3600000);
	assert_int_equal(section("capture")->busy, BUSY_POSTPONE);
	assert_int_equal(section("hid")->every_ms, 0);
	assert_int_equal(section("hid")->init, INIT_CH9329);
	assert_true(section("hid")->expect & 1u << NODE_TTY);
	assert_false(c->strings); /* the common case reads no attributes */
}

static const struct relay_conf *relay(const char *name)
{
	const struct relay_conf *r = config_find_relay(c, name);

	assert_non_null(r);
	return r;
}

TEST(a_relay_section_begins_with_the_defaults)
{
	reads("[relay a]\nmatch = 16c0:05df\n");
	assert_int_equal(c->relays, 1);
	assert_int_equal(relay("a")->protocol, RELAY_UNKNOWN);
	assert_int_equal(relay("a")->channel, 1);
	assert_int_equal(relay("a")->pulse_ms, 0);
	assert_int_equal(relay("a")->max_pulse_ms, 10000);
	assert_int_equal(relay("a")->momentary, 0);
	assert_int_equal(relay("a")->baud, 9600);
	assert_null(config_find_relay(c, "b"));
	assert_null(config_find(c, "a"));
}

TEST(every_key_of_a_relay_is_read)
{
	reads("[relay a]\nmatch = 1a86:7523 usb=1-1.3\nprotocol = kmtronic\nchannel = 8\npulse = 500ms\nmax-pulse = "
	      "6s\n"
	      "momentary = no\nbaud = 115200\n"
	      "[relay b]\nmatch = 1a86:7523\nprotocol = custom\non = D0 01\noff = d0,00\nstatus = FF\n"
	      "status-closed = 01 02 03\nstatus-open = 00\n");
	assert_int_equal(relay("a")->protocol, RELAY_KMTRONIC);
	assert_int_equal(relay("a")->channel, 8);
	assert_int_equal(relay("a")->pulse_ms, 500);
	assert_int_equal(relay("a")->max_pulse_ms, 6000);
	assert_int_equal(relay("a")->momentary, 0);
	assert_int_equal(relay("a")->baud, 115200);
	assert_int_equal(relay("b")->on.n, 2);
	assert_memory_equal(relay("b")->on.byte, "\xd0\x01", 2);
	assert_memory_equal(relay("b")->off.byte, "\xd0\x00", 2);
	assert_int_equal(relay("b")->closed.n, 3);
	assert_int_equal(relay("b")->open.n, 1);
	for (unsigned p = 1; p < RELAY_PROTOCOLS; p++) {
		char text[128];
		snprintf(text, sizeof(text), "[relay a]\nmatch =\nprotocol = %s\n%s", relay_protocol_name[p],
			p == RELAY_CUSTOM ? "on = 01\noff = 00\n" : "");
		reads(text);
		assert_int_equal(relay("a")->protocol, p);
	}
}

TEST(a_relay_with_a_pulse_is_momentary_unless_it_says_otherwise)
{
	reads("[relay a]\nmatch =\npulse = 1s\n");
	assert_int_equal(relay("a")->momentary, 1);
	reads("[relay a]\nmatch =\nmomentary = no\npulse = 1s\n");
	assert_int_equal(relay("a")->momentary, 0);
	reads("[relay a]\nmatch =\nmomentary = yes\n");
	assert_int_equal(relay("a")->momentary, 1);
}

TEST(what_is_wrong_with_a_relay_is_said)
{
	wrong("[relay a]\nprotocol = kmtronik\n", 2, "\"kmtronik\"|kmtronic");
	wrong("[relay a]\nprotocol =\n", 2, "valid are dcttech, lcus");
	wrong("[relay a]\nchannel = 9\n", 2, "\"9\"|from 1 to 8");
	wrong("[relay a]\nchannel = 0\n", 2, "from 1 to 8");
	wrong("[relay a]\npulse = 61s\n", 2, "out of range|1min");
	wrong("[relay a]\npulse = 10ms\n", 2, "out of range|20ms");
	wrong("[relay a]\nmax-pulse = 61s\n", 2, "out of range");
	wrong("[relay a]\npulse = 11s\nmatch =\n", 2, "longer than `max-pulse`");
	wrong("[relay a]\npulse = 5s\nmax-pulse = 4s\nmatch =\n", 2, "longer than `max-pulse`");
	wrong("[relay a]\npulse = 5\n", 2, "\"5\" has no unit|500ms or 2s");
	wrong("[relay a]\nmax-pulse = 5\n", 2, "no unit");
	wrong("[relay a]\nmomentary = maybe\n", 2, "valid are no, yes");
	wrong("[relay a]\nbaud = auto\n", 2, "\"auto\"|9600");
	wrong("[relay a]\nprotocol = custom\non = 01\nmatch =\n", 2, "needs `on` and `off`");
	wrong("[relay a]\nprotocol = custom\non = 01\noff = 00\nstatus = 02\nmatch =\n", 5,
		"status-closed|status-open");
	wrong("[relay a]\nprotocol = custom\non = 01\noff = 00\nstatus = 02\nstatus-closed = 03\nstatus-open = "
	      "03\nmatch "
	      "=\n",
		7, "the same as `status-closed`");
	wrong("[relay a]\nprotocol = custom\non = 01\noff = 00\nstatus-closed = 03\nmatch =\n", 5,
		"needs its question");
	wrong("[relay a]\nprotocol = custom\non = -1\noff = 00\n", 3, "\"-1\"|hexadecimal");
	wrong("[relay a]\nprotocol = custom\non = +5\noff = 00\n", 3, "hexadecimal");
	reads("[relay a]\nmatch =\nprotocol = custom\non = 01\noff = 00\nchannel = 2\n");
	wrong("[relay a]\nprotocol = lcus\non = 01\nmatch =\n", 3, "for `protocol = custom` only");
	wrong("[relay a]\nprotocol = custom\non = D0 0\noff = 00\n", 3, "\"D0 0\"|two hexadecimal digits");
	wrong("[relay a]\nprotocol = custom\nmatch =\non = D0 01\noff = D0 01\n", 5, "`off` is the same as `on`");
	wrong("[relay a]\nprotocol = custom\non = D001\noff = 00\n", 3, "\"D001\"|hexadecimal");
	wrong("[relay a]\nprotocol = custom\non = XY\noff = 00\n", 3, "\"XY\"|hexadecimal");
	wrong("[relay a]\nprotocol = custom\non =\noff = 00\n", 3, "holds no bytes");
	wrong("[relay a]\nprotocol = custom\non = 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11\noff = 00\n", 3,
		"up to 16 bytes");
	wrong("[relay a]\nexpect = tty\n", 2, "\"expect\" is not a key of this section");
	wrong("[relay a]\n[relay a]\n", 2, "[relay a] is there already, at line 1");
	wrong("[relay a b]\n", 1, "cannot be a section's name");
	reads("[relay a]\nmatch =\n[device a]\nmatch =\n"); /* two kinds, two names */
}

/* The section whose board it is, or "". */
static const char *board_of(uint16_t vid, uint16_t pid, const char *port)
{
	const struct relay_conf *r =
		config_match_relay(c, &(struct usb_facts){.vid = vid, .pid = pid, .port = port}, NULL);

	return r ? r->name : "";
}

TEST(a_board_is_its_relays_and_no_devices_unless_that_names_it_better)
{
	reads("[device hid]\nmatch = 1a86:7523 usb=1-1\n[relay power]\nmatch = 1a86:7523 usb=1-2\n");
	assert_string_equal(taken_by(0x1a86, 0x7523, "1-1"), "hid");
	assert_string_equal(board_of(0x1a86, 0x7523, "1-1"), "");
	assert_string_equal(taken_by(0x1a86, 0x7523, "1-2"), "");
	assert_string_equal(board_of(0x1a86, 0x7523, "1-2"), "power");
	assert_string_equal(taken_by(0x1a86, 0x7523, "1-3"), "");
	assert_string_equal(board_of(0x1a86, 0x7523, "1-3"), "");
	reads("[device hid]\nmatch = 1a86:7523\n[relay power]\nmatch = 1a86:7523 usb=1-2\n");
	assert_string_equal(taken_by(0x1a86, 0x7523, "1-1"), "hid");
	assert_string_equal(board_of(0x1a86, 0x7523, "1-2"), "power");
	assert_string_equal(taken_by(0x1a86, 0x7523, "1-2"), "");
	reads("[device hid]\nmatch = 1a86:7523 usb=1-1\n[relay power]\nmatch = 1a86:7523\n");
	assert_string_equal(taken_by(0x1a86, 0x7523, "1-1"), "hid");
	assert_string_equal(board_of(0x1a86, 0x7523, "1-1"), "");
	assert_string_equal(board_of(0x1a86, 0x7523, "1-2"), "power");
	/* Between equals it is the relay's: what is reset by mistake is worse off than what is not. */
	reads("[relay power]\nmatch = 1a86:7523\n[device hid]\nmatch = 1a86:7523\n");
	assert_string_equal(taken_by(0x1a86, 0x7523, "1-1"), "");
	assert_string_equal(board_of(0x1a86, 0x7523, "1-1"), "power");
}

TEST(strings_are_read_for_a_relays_match_too)
{
	reads("[relay a]\nmatch = 16c0:05df\n");
	assert_false(c->strings);
	reads("[relay a]\nmatch = 16c0:05df product=USBRelay2\n");
	assert_true(c->strings);
	reads("[relay a]\nmatch = serial=1\n");
	assert_true(c->strings);
}

#define T(test) cmocka_unit_test_teardown(test, clean)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(without_any_file_there_are_the_defaults),
		T(a_section_begins_with_the_defaults),
		T(every_key_is_read),
		T(every_is_a_duration_or_never),
		T(busy_is_one_of_three_words),
		T(later_files_win_key_by_key),
		T(dropins_are_the_visible_files_that_end_in_conf),
		T(a_dropin_may_be_masked_by_a_link_to_dev_null),
		T(a_hash_is_a_comment_behind_a_blank_outside_quotes_only),
		T(a_semicolon_is_a_comment_behind_a_blank_outside_quotes_only),
		T(lines_of_comments_and_blanks_count_but_say_nothing),
		T(indented_keys_and_sections_are_as_good_as_others),
		T(a_section_needs_one_blank_and_takes_several),
		T(files_from_windows_are_read),
		T(a_byte_order_mark_is_not_in_the_way),
		T(a_last_line_without_an_end_is_read),
		T(a_line_of_198_characters_is_read_and_a_longer_one_is_an_error),
		T(a_long_comment_is_only_a_comment),
		T(an_empty_match_switches_a_section_off),
		T(match_adds_up_within_a_file_and_replaces_what_earlier_files_said),
		T(an_unknown_section_names_the_nearest),
		T(a_section_needs_a_name_of_letters_digits_dash_underscore),
		T(an_unknown_key_names_the_nearest),
		T(an_unknown_value_names_the_nearest),
		T(a_ladder_names_each_method_once_and_none_alone),
		T(values_out_of_range_name_the_range),
		T(a_bad_selector_is_quoted),
		T(a_section_twice_in_one_file_is_an_error_and_in_two_files_is_not),
		T(a_key_twice_in_one_section_is_an_error_and_in_two_files_is_not),
		T(a_key_before_the_first_section_is_an_error_once),
		T(brackets_have_to_be_closed_and_have_nothing_behind),
		T(a_comment_behind_a_header_may_hold_brackets),
		T(no_line_is_passed_over_for_a_comment_in_its_key),
		T(no_line_is_taken_for_more_of_the_one_before),
		T(a_run_of_one_key_is_read_line_by_line),
		T(a_line_that_is_nothing_is_quoted),
		T(the_keys_of_a_section_that_is_wrong_are_not_reported_too),
		T(all_errors_are_reported_in_the_order_of_the_files),
		T(an_error_does_not_outlive_its_load),
		T(what_cannot_be_read_is_an_error),
		T(a_link_that_leads_to_nothing_is_not_a_file_that_is_not_there),
		T(a_fifo_in_a_files_place_does_not_stop_the_reader),
		T(more_dropins_than_fit_are_an_error),
		T(a_symlink_needs_a_class_of_node),
		T(a_symlink_is_no_name_that_the_kernel_gives_itself),
		T(two_sections_cannot_give_one_name),
		T(a_section_that_no_file_gives_a_match_is_an_error_and_names_the_nearest_that_has_one),
		T(a_symlink_stays_below_dev_and_is_what_udev_would_make),
		T(then_names_sections_that_exist_and_have_something_to_initialise),
		T(the_nearest_section_is_suggested_and_not_the_first_near_one),
		T(a_relay_section_begins_with_the_defaults),
		T(every_key_of_a_relay_is_read),
		T(a_relay_with_a_pulse_is_momentary_unless_it_says_otherwise),
		T(what_is_wrong_with_a_relay_is_said),
		T(a_board_is_its_relays_and_no_devices_unless_that_names_it_better),
		T(strings_are_read_for_a_relays_match_too),
		T(what_can_only_be_said_at_the_end_is_all_said),
		T(the_most_specific_match_wins_then_the_section_defined_last),
		T(strings_are_wanted_only_where_a_match_asks_for_them),
		T(links_are_wanted_only_where_a_match_asks_for_a_node),
		T(many_sections_are_all_kept),
		T(a_walk_shows_every_key_with_its_origin),
		T(a_walk_can_be_read_again_and_gives_the_same_walk),
		T(the_shipped_configuration_loads_and_takes_dongle_and_bridge),
	};

	return RUN(tests, prepare, leave);
}
