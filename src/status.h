/* SPDX-License-Identifier: MIT */
/* Exit statuses, the same in every program. */
#ifndef REPLUG_STATUS_H
#define REPLUG_STATUS_H

enum status {
	STATUS_DONE = 0,      /* done and verified */
	STATUS_FAILED = 1,    /* tried and failed */
	STATUS_USAGE = 2,     /* wrong usage or configuration */
	STATUS_NO_DEVICE = 3, /* no such device */
	STATUS_HELD = 4,      /* held back: locked by another run, or by the guard */
	STATUS_UNKNOWN = 5,   /* cannot tell */
};

/* The worse of two: a failure weighs more than what was not tried. In order: 0, 3, 4, 5, 1, 2. */
enum status status_worse(enum status a, enum status b);

#endif
