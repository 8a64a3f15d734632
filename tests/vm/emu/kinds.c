#include "kinds.h"

#include <stdio.h>
#include <string.h>

static const struct kind *const kinds[] = {
	&capture_kind,
	&bridge_kind,
	&relay_dcttech_kind,
	&relay_lcus_hid_kind,
	&relay_ucreatefun_kind,
	&relay_serial_kind,
	&relay_icse_kind,
	&stick_kind,
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

const struct kind *kind_find(const char *name)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	}
	return NULL;
}

const char *kind_names(void)
{
	static char names[256];
	size_t n = 0;

	for (size_t i = 0; i < KINDS && n < sizeof(names); i++)
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", i ? ", " : "", kinds[i]->name);
	return names;
}
