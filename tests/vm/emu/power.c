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

static int wire[VHCI_BUSES]; /* to the watcher of each bus; 0: it has none yet */
static bool watched[VHCI_PORTS], off[VHCI_PORTS];
static void (*tell)(int port, bool on);

/* ---- a watcher's process; its ports are those of its hub ---- */

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
static bool turned(int hub, int out, unsigned port, int on, bool was_off)
{
	unsigned number = port + 1;
	bool now_off = on == 0;
	uint8_t word = (uint8_t)(port | (now_off ? 0 : IS_ON));

	if (on < 0 || now_off == was_off)
		return false;
	if (ioctl(hub, now_off ? USBDEVFS_CLAIM_PORT : USBDEVFS_RELEASE_PORT, &number) < 0 && now_off)
		return false;
	if (write(out, &word, 1) != 1)
		_exit(0);
	return true;
}

/* hub stays open, and so the hub awake: one that wakes looks at its ports, and finds what we have not yet taken away.
 */
static void watch(int hub, int line)
{
	unsigned dark[VHCI_HUB_PORTS] = {0};
	bool mine[VHCI_HUB_PORTS] = {false}, is_off[VHCI_HUB_PORTS] = {false}, any = false;

	for (;;) {
		struct pollfd p = {.fd = line, .events = POLLIN};
		if (poll(&p, 1, any ? LOOK_EVERY : -1) > 0) {
			uint8_t port;
			if (read(line, &port, 1) != 1)
				_exit(0);
			mine[port] = any = true;
		}
		for (unsigned port = 0; port < VHCI_HUB_PORTS; port++) {
			if (!mine[port])
				continue;
			int on = look(hub, port);
			if (on != 0)
				dark[port] = 0;
			else if (!is_off[port] && ++dark[port] < DARK_LOOKS)
				continue;
			if (turned(hub, line, port, on, is_off[port]))
				is_off[port] = !is_off[port];
		}
	}
}

/* ---- the emulator's ---- */

static void heard(void *arg)
{
	int *line = arg;
	uint8_t word;
	if (read(*line, &word, 1) != 1) {
		loop_unwatch(*line);
		return;
	}
	int port = (int)(line - wire) * VHCI_HUB_PORTS + (int)(word & (IS_ON - 1));
	off[port] = !(word & IS_ON);
	tell(port, !off[port]);
}

/* The watcher keeps nothing else of ours open: a device whose line it held would never be unplugged. */
static void become_watcher(int hub, int line, pid_t parent)
{
	int null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	int kept_hub = fcntl(hub, F_DUPFD, 500), kept_line = fcntl(line, F_DUPFD, 500);
	dup2(kept_hub, 3);
	dup2(kept_line, 4);
	close_range(5, ~0u, 0);
	prctl(PR_SET_NAME, "emu-power");
	if (getppid() == parent)
		watch(3, 4);
	_exit(0);
}

static int start_watcher(int bus)
{
	int pair[2], hub = vhci_open_hub(bus);

	if (hub < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	pid_t parent = getpid(), pid = fork();
	if (pid < 0)
		return -1;
	if (pid == 0)
		become_watcher(hub, pair[1], parent);
	close(pair[1]);
	close(hub);
	wire[bus] = pair[0];
	loop_watch(wire[bus], POLLIN, heard, &wire[bus]);
	return 0;
}

int power_open(void (*changed)(int port, bool on))
{
	tell = changed;
	return start_watcher(0);
}

void power_watch(int port)
{
	int bus = port / VHCI_HUB_PORTS;
	uint8_t word = (uint8_t)(port % VHCI_HUB_PORTS);
	if (!watched[port] && (wire[bus] || !start_watcher(bus)) && write(wire[bus], &word, 1) == 1)
		watched[port] = true;
}

bool power_is_on(int port)
{
	return !off[port];
}
