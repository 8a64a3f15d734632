/* SPDX-License-Identifier: MIT */
#include "hubs.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wait.h"

enum { PATIENCE_MS = 1000 };

struct answer {
	size_t index;
	int power;
};

static void ask(const struct device *list, size_t n, int to)
{
	char why[128], last[32] = "";
	struct answer a = {.power = -1};
	struct port p;
	unsigned ports;

	for (a.index = 0; a.index < n; a.index++) {
		enum hub_power power;
		if (port_of(list[a.index].port, &p))
			continue;
		/* The list is sorted by port: devices of one hub stand together. */
		if (strcmp(p.hub, last))
			a.power = port_switching(&p, &power, &ports, why, sizeof(why)) ? -1 : (int)power;
		memcpy(last, p.hub, sizeof(last));
		if (write(to, &a, sizeof(a)) != sizeof(a))
			return;
	}
}

void hubs_ask(const struct device *list, size_t n, int *power)
{
	uint64_t deadline = clock_ms() + PATIENCE_MS;
	struct answer a;
	int fds[2];

	for (size_t i = 0; i < n; i++)
		power[i] = -1;
	if (!n || pipe(fds))
		return;
	pid_t pid = fork();
	if (!pid) {
		close(fds[0]);
		ask(list, n, fds[1]);
		_exit(0);
	}
	close(fds[1]);
	while (pid > 0 && wait_for(fds[0], POLLIN, deadline) > 0 && read(fds[0], &a, sizeof(a)) == sizeof(a))
		if (a.index < n)
			power[a.index] = a.power;
	close(fds[0]);
	if (pid <= 0)
		return;
	/* One that the kernel keeps ends when that lets go of it, and nobody waits for it. */
	kill(pid, SIGKILL);
	waitpid(pid, NULL, WNOHANG);
}
