#include "power.h"

#include "loop.h"
#include "vhci.h"

#include <fcntl.h>
#include <linux/usbdevice_fs.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOK_EVERY 15 /* ms */
/*
 * Dark at so many looks is off. The kernel itself switches a port off and on at once when a device does not answer;
 * on a real board that is too short for its capacitors.
 */
#define DARK_LOOKS 2
#define IS_ON      0x80u /* beside the number of a port, in what the watcher says */

enum { PORT_TO_HOST = 0xa3, GET_STATUS = 0, POWER_HIGH_BYTE = 1 }; /* USB 2.0 specification, tables 11-16, 11-21 */

static int wire = -1;
static bool watched[VHCI_PORTS], off[VHCI_PORTS];
static void (*tell)(int port, bool on);

/* ---- the watcher's process ---- */

/* 1: on, 0: off, -1: not known. */
static int look(int hub, unsigned port)
{
	uint8_t status[4] = {0};
	struct usbdevfs_ctrltransfer ask = {
		.bRequestType = PORT_TO_HOST,
		.bRequest = GET_STATUS,
		.wIndex = (uint16_t)(port + 1),
		.wLength = sizeof(status),
		.timeout = 1000,
		.data = status,
	};
	if (ioctl(hub, USBDEVFS_CONTROL, &ask) != sizeof(status))
		return -1;
	return status[1] & POWER_HIGH_BYTE ? 1 : 0;
}

/*
 * A dark port is claimed, as a virtual machine would claim it. The kernel switches the power of a port on when a
 * device leaves it, but not that of a claimed one.
 */
static bool turned(int hub, unsigned port, int on, bool was_off)
{
	unsigned number = port + 1;
	bool now_off = on == 0;
	uint8_t word = (uint8_t)(port | (now_off ? 0 : IS_ON));

	if (on < 0 || now_off == was_off)
		return false;
	if (ioctl(hub, now_off ? USBDEVFS_CLAIM_PORT : USBDEVFS_RELEASE_PORT, &number) < 0 && now_off)
		return false;
	if (write(wire, &word, 1) != 1)
		_exit(0);
	return true;
}

/* hub stays open, and so the hub awake: one that wakes looks at its ports, and finds what we have not yet taken away.
 */
static void watch(int hub)
{
	unsigned dark[VHCI_PORTS] = {0};
	bool any = false;

	for (;;) {
		struct pollfd p = {.fd = wire, .events = POLLIN};
		if (poll(&p, 1, any ? LOOK_EVERY : -1) > 0) {
			uint8_t port;
			if (read(wire, &port, 1) != 1)
				_exit(0);
			watched[port] = any = true;
		}
		for (unsigned port = 0; port < VHCI_PORTS; port++) {
			if (!watched[port])
				continue;
			int on = look(hub, port);
			if (on != 0)
				dark[port] = 0;
			else if (!off[port] && ++dark[port] < DARK_LOOKS)
				continue;
			if (turned(hub, port, on, off[port]))
				off[port] = !off[port];
		}
	}
}

/* ---- the emulator's ---- */

static void heard(void *arg)
{
	uint8_t word;
	(void)arg;
	if (read(wire, &word, 1) != 1) {
		loop_unwatch(wire);
		return;
	}
	int port = (int)(word & (IS_ON - 1));
	off[port] = !(word & IS_ON);
	tell(port, !off[port]);
}

int power_open(void (*changed)(int port, bool on))
{
	int pair[2], hub = vhci_open_hub();

	if (hub < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	pid_t parent = getpid(), pid = fork();
	if (pid < 0)
		return -1;
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		for (int fd = 0; null >= 0 && fd < 3; fd++)
			dup2(null, fd);
		close(pair[0]);
		wire = pair[1];
		prctl(PR_SET_NAME, "emu-power");
		if (getppid() == parent)
			watch(hub);
		_exit(0);
	}
	close(pair[1]);
	close(hub);
	wire = pair[0];
	tell = changed;
	loop_watch(wire, POLLIN, heard, NULL);
	return 0;
}

void power_watch(int port)
{
	uint8_t word = (uint8_t)port;
	if (!watched[port] && write(wire, &word, 1) == 1)
		watched[port] = true;
}

bool power_is_on(int port)
{
	return !off[port];
}
