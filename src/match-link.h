/* SPDX-License-Identifier: MIT */
/* Whose a section's `symlink` is: what replug-match tells the rules that ask for a node. */
#ifndef REPLUG_MATCH_LINK_H
#define REPLUG_MATCH_LINK_H

#include "config.h"

enum { LINK_RIVALS = 8, LINK_PORT_SIZE = 32 };

enum link_verdict {
	LINK_OURS,
	LINK_NOBODYS, /* another plugged device has as good a claim: none of them gets it, whoever came first */
	LINK_THEIRS,  /* the section's `match` names another plugged device more exactly */
	LINK_FOREIGN, /* it leads to a device that the section does not take: another rule gave it */
};

struct link_claim {
	char port[LINK_PORT_SIZE];
	const struct device_conf *conf;          /* that takes the device; NULL: none, or it cannot be told */
	char rival[LINK_RIVALS][LINK_PORT_SIZE]; /* the ports of the other devices that conf takes */
	unsigned rivals;
	bool more;       /* and there are others */
	char holder[64]; /* the node that the name leads to, for LINK_FOREIGN */
};

/*
 * Whether the node at devpath (below /sys), of a class ("tty", "video4linux"), may have /dev/NAME. It depends on what
 * is plugged and on the configuration (NULL while that is broken), not on the order of events. Nothing but sysfs, the
 * link itself and what udev remembers of the node that it leads to is looked at.
 */
enum link_verdict link_claim(
	const struct config *c, const char *class, const char *name, const char *devpath, struct link_claim *out);

/* Has udev ask anew for the rivals' nodes of a class: what they were told may hold no more. */
void link_nudge_rivals(const struct link_claim *claim, const char *class);

#endif
