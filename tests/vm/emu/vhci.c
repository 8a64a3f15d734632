#include "vhci.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define VHCI      "/sys/devices/platform/vhci_hcd.0"
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
	if (access(VHCI "/attach", F_OK) == 0)
		return 0;
	pid_t pid = fork();
	if (pid == 0) {
		execlp("modprobe", "modprobe", "vhci-hcd", (char *)NULL);
		_exit(127);
	}
	int status = 0;
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
		return -1;
	return access(VHCI "/attach", F_OK);
}

/* A line of the status file: "hs  0000 004 000 00000000 000000 0-0"; other lines are headings. */
static int port_state(int wanted)
{
	char line[160];
	int state = -1;
	FILE *f = fopen(VHCI "/status", "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		int port, sta;
		if (sscanf(line, "hs %d %d", &port, &sta) == 2 && port == wanted)
			state = sta;
	}
	fclose(f);
	return state;
}

bool vhci_port_free(int port)
{
	return port_state(port) == PORT_FREE;
}

int vhci_first_free(void)
{
	for (int port = 0; port < VHCI_PORTS; port++) {
		if (vhci_port_free(port))
			return port;
	}
	return -1;
}

int vhci_attach(int port, int fd, enum speed speed)
{
	char order[64];
	/* The device id is only echoed in each header; any number does. */
	snprintf(order, sizeof(order), "%d %d %d %d", port, fd, 0x10000 + port + 1, (int)speed);
	return write_file(VHCI "/attach", order);
}

int vhci_detach(int port)
{
	char order[16];
	snprintf(order, sizeof(order), "%d", port);
	return write_file(VHCI "/detach", order);
}

/* vhci_hcd.0 has two root hubs, one for high speed and one for super speed; ours are all on the first. */
static int bus_number(void)
{
	int bus = 0;
	DIR *dir = opendir(VHCI);
	if (!dir)
		return 0;
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		char path[512];
		int n;
		if (sscanf(e->d_name, "usb%d", &n) != 1)
			continue;
		snprintf(path, sizeof(path), VHCI "/%s/speed", e->d_name);
		if (read_number(path) == 480)
			bus = n;
	}
	closedir(dir);
	return bus;
}

static int bus(void)
{
	static int number;
	if (!number)
		number = bus_number();
	return number;
}

int vhci_open_hub(void)
{
	char path[64];
	snprintf(path, sizeof(path), "/dev/bus/usb/%03d/001", bus());
	return open(path, O_RDWR | O_CLOEXEC);
}

int vhci_port_name(int port, char *out, size_t size)
{
	if (!bus())
		return -1;
	snprintf(out, size, "%d-%d", bus(), port + 1);
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
