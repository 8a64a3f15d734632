/*
 * The power of the root hub's ports. vhci takes note of it and no more: a device in a port without power stays
 * connected. So the ports are looked at, by a process for each hub: whoever asks a hub waits while the kernel is at
 * work on it, and the kernel may be waiting for one of our devices.
 *
 * Without power a device leaves the bus (event "power-off"), and nothing makes it return before its port has power
 * again (event "power-on"): then it is there, also if it had dropped off for good.
 */
#ifndef EMU_POWER_H
#define EMU_POWER_H

#include <stdbool.h>

/* changed is told of ports that are watched. */
int power_open(void (*changed)(int port, bool on));
void power_watch(int port);
/* As last heard; a port that nobody watches counts as on. */
bool power_is_on(int port);

#endif
