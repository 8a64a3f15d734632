/* The virtual host controller as sysfs shows it (drivers/usb/usbip/vhci_sysfs.c). */
#ifndef EMU_VHCI_H
#define EMU_VHCI_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Each controller has a bus of its own, and so a hub that no other's devices keep waiting. The ports are numbered
 * through: 0 to 7 are on the first bus, 8 to 15 on the second.
 */
#define VHCI_BUSES     8
#define VHCI_HUB_PORTS 8 /* of the high-speed root hub; Debian's kernel has more */
#define VHCI_PORTS     (VHCI_BUSES * VHCI_HUB_PORTS)

enum speed { SPEED_LOW = 1, SPEED_FULL = 2, SPEED_HIGH = 3 }; /* enum usb_device_speed in linux/usb/ch9.h */

int vhci_load(void);
bool vhci_port_free(int port);
int vhci_attach(int port, int fd, enum speed speed);
int vhci_detach(int port);

/* "1-1": the name that usbcore gives to a device in this port. */
int vhci_port_name(int port, char *out, size_t size);

/* The root hub of a bus, in usbfs: a descriptor, or -1. */
int vhci_open_hub(int bus);

/* Whether usbcore has a device for this port. (Its number would not do: that is 0 while a reset goes on.) */
bool vhci_known(int port);

#endif
