#include "vhci.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define VHCI      "/sys/devices/platform/vhci_hcd." /* and its number */
#define PORT_FREE 4 /* VDEV_ST_NULL in usbip's enum usbip_device_status: nothing attached */

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = write(fd, text, strlen(text));
	int saved = errno;
	close(fd);
	errno = saved;
	return n < 0 ? -1 : 0;
}

static int read_number(const char *path)
{
	int value = 0;
	FILE *f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%d", &value) != 1)
		value = 0;
	fclose(f);
	return value;
}

int vhci_load(void)
{
	if (access(VHCI "0/attach", F_OK) == 0)
		return 0;
	pid_t pid = fork();
	if (pid == 0) {
		execlp("modprobe", "modprobe", "vhci-hcd", (char *)NULL);
		_exit(127);
	}
	int status = 0;
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
		return -1;
	return access(VHCI "0/attach", F_OK);
}

static int count_controllers(void)
{
	char path[64];
	int n = 0;
	do
		snprintf(path, sizeof(path), VHCI "%d", ++n);
	while (access(path, F_OK) == 0);
	return n;
}

/* The kernel's number of a port: it counts all of a controller's, high speed before super speed, then the next one's.
 */
static int kernel_port(int port)
{
	static int each;
	if (!each)
		each = read_number(VHCI "0/nports") / count_controllers();
	return port / VHCI_HUB_PORTS * each + port % VHCI_HUB_PORTS;
}

/* A line of the status file: "hs  0000 004 000 00000000 000000 0-0"; other lines are headings. */
static int port_state(int wanted)
{
	char line[160], path[64];
	int state = -1, controller = wanted / VHCI_HUB_PORTS;
	snprintf(path, sizeof(path), controller ? VHCI "0/status.%d" : VHCI "0/status", controller);
	FILE *f = fopen(path, "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		int port, sta;
		if (sscanf(line, "hs %d %d", &port, &sta) == 2 && port == kernel_port(wanted))
			state = sta;
	}
	fclose(f);
	return state;
}

bool vhci_port_free(int port)
{
	return port_state(port) == PORT_FREE;
}

int vhci_attach(int port, int fd, enum speed speed)
{
	char order[64];
	/* The device id is only echoed in each header; any number does. */
	snprintf(order, sizeof(order), "%d %d %d %d", kernel_port(port), fd, 0x10000 + port + 1, (int)speed);
	return write_file(VHCI "0/attach", order);
}

int vhci_detach(int port)
{
	char order[16];
	snprintf(order, sizeof(order), "%d", kernel_port(port));
	return write_file(VHCI "0/detach", order);
}

/* A controller has two root hubs, one for high speed and one for super speed; ours are all on the first. */
static int bus_number(int controller)
{
	int bus = 0;
	char path[512];
	snprintf(path, sizeof(path), VHCI "%d", controller);
	DIR *dir = opendir(path);
	if (!dir)
		return 0;
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		int n;
		if (sscanf(e->d_name, "usb%d", &n) != 1)
			continue;
		snprintf(path, sizeof(path), VHCI "%d/%s/speed", controller, e->d_name);
		if (read_number(path) == 480)
			bus = n;
	}
	closedir(dir);
	return bus;
}

static int bus(int controller)
{
	static int number[VHCI_BUSES];
	if (!number[controller])
		number[controller] = bus_number(controller);
	return number[controller];
}

int vhci_open_hub(int controller)
{
	char path[64];
	snprintf(path, sizeof(path), "/dev/bus/usb/%03d/001", bus(controller));
	return open(path, O_RDWR | O_CLOEXEC);
}

int vhci_port_name(int port, char *out, size_t size)
{
	int number = bus(port / VHCI_HUB_PORTS);
	if (!number)
		return -1;
	snprintf(out, size, "%d-%d", number, port % VHCI_HUB_PORTS + 1);
	return 0;
}

bool vhci_known(int port)
{
	char name[32], path[96];
	if (vhci_port_name(port, name, sizeof(name)) < 0)
		return false;
	snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s", name);
	return access(path, F_OK) == 0;
}
