/* The virtual host controller as sysfs shows it (drivers/usb/usbip/vhci_sysfs.c). */
#ifndef EMU_VHCI_H
#define EMU_VHCI_H

#include <stdbool.h>
#include <stddef.h>

#define VHCI_PORTS 8 /* of the high-speed root hub */

enum speed { SPEED_LOW = 1, SPEED_FULL = 2, SPEED_HIGH = 3 }; /* enum usb_device_speed in linux/usb/ch9.h */

int vhci_load(void);
bool vhci_port_free(int port);
int vhci_first_free(void);
int vhci_attach(int port, int fd, enum speed speed);
int vhci_detach(int port);

/* "1-1": the name that usbcore gives to a device in this port. */
int vhci_port_name(int port, char *out, size_t size);

/* The root hub of our ports, in usbfs: a descriptor, or -1. */
int vhci_open_hub(void);

/* Whether usbcore has a device for this port. (Its number would not do: that is 0 while a reset goes on.) */
bool vhci_known(int port);

#endif
