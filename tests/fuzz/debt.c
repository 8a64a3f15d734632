/* SPDX-License-Identifier: MIT */
/*
 * What stands on record as owed, whatever text that is: only an attribute below the devices' folder is ever written,
 * and what could not be written stays owed. Nothing is written here: the text is followed up to the place where the
 * kernel would be asked.
 */
#include "fuzz.h"

#include <errno.h>

#include "port.h"
#include "selector.h"
#include "sysfs.h"

static unsigned asked, refusals; /* refusals: a bit for each call, 1: it fails */

static int answer(void)
{
	return refusals >> (asked++ % 16) & 1 ? -EACCES : 0;
}

static bool is_name(const char *name)
{
	return *name && !strchr(name, '/') && strcmp(name, "..") != 0 && strlen(name) < 64;
}

static int write_attribute(const char *dir, const char *name, const char *text)
{
	if (!strcmp(name, "authorized")) {
		MUST(!strncmp(dir, SYSFS_USB "/", strlen(SYSFS_USB) + 1) &&
			selector_is_port(dir + strlen(SYSFS_USB) + 1));
		MUST(!strcmp(text, "1"));
	} else {
		MUST(!strcmp(name, "drivers_probe") && !strcmp(dir, "/sys/bus/usb") && is_name(text));
	}
	taken++;
	return answer();
}

static int switch_power(const struct port *p, bool on, char *why, size_t size)
{
	MUST(on && p->number && is_name(p->name) && is_name(p->hub));
	MUST(!strncmp(p->dir, SYSFS_USB "/", strlen(SYSFS_USB) + 1) && !strstr(p->dir, "/../"));
	snprintf(why, size, "refused");
	taken++;
	return answer();
}

#define sysfs_write write_attribute
#define port_power  switch_power
#include "../../src/debt.c"

static void plug(void)
{
	static const char *const folders[] = {SYSFS_USB "/usb1", SYSFS_USB "/1-1", SYSFS_USB "/1-1:1.0",
		SYSFS_USB "/1-0:1.0", SYSFS_USB "/1-0:1.0/usb1-port1", SYSFS_USB "/1-1:1.0/1-1-port4"};

	if (!access(folders[0], F_OK))
		return;
	for (size_t i = 0; i < COUNT(folders); i++)
		MUST(!mkdir(folders[i], 0755));
	MUST(write_file(SYSFS_USB "/1-1/devnum", "8\n") && write_file(SYSFS_USB "/1-1/authorized", "0\n"));
}

/* Words without the blanks between them. */
static size_t words(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text != ' ';
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *owed = calloc(1, DEBT_SIZE), before[DEBT_SIZE], why[256] = "";

	plug();
	if (size < 2)
		return free(owed), -1;
	refusals = data[0] | (unsigned)data[1] << 8;
	asked = 0;
	memcpy(owed, data + 2, size - 2 < DEBT_SIZE ? size - 2 : DEBT_SIZE - 1);
	memcpy(before, owed, DEBT_SIZE);
	size_t some = words(owed);
	int e = debt_pay(owed, why, sizeof(why));
	MUST(e == 0 || (e == -EACCES && *why));
	MUST(!e == !*owed && strlen(owed) <= strlen(before) && words(owed) <= some);
	for (char *rest = owed, *end; *rest; rest = *end ? end + 1 : end) { /* what is left was there before */
		char word[DEBT_SIZE];
		end = rest + strcspn(rest, " ");
		snprintf(word, sizeof(word), "%.*s", (int)(end - rest), rest);
		MUST(*word && strstr(before, word));
	}
	if (!asked)
		refused++;
	refusals = 0; /* and is paid in the end */
	MUST(!debt_pay(owed, why, sizeof(why)) && !*owed);
	free(owed);
	return 0;
}
