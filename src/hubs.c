/* SPDX-License-Identifier: MIT */
#include "hubs.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wait.h"

enum { PATIENCE_MS = 1000 };

struct answer {
	size_t index;
	int power;
};

typedef char hub_name[32]; /* empty where a device's hub is not known, or was asked */

static void tell(int to, const hub_name *hub, size_t n, size_t first, int power)
{
	for (struct answer a = {.index = first, .power = power}; a.index < n; a.index++)
		if (!strcmp(hub[a.index], hub[first]) && write(to, &a, sizeof(a)) != sizeof(a))
			return;
}

/* One process for each hub, which may be kept by it. Returns how many there are. */
static size_t ask(const struct device *list, hub_name *hub, size_t n, const int fds[2], pid_t *pid)
{
	enum hub_power power;
	size_t asked = 0;
	unsigned ports;
	struct port p;
	char why[128];

	for (size_t i = 0; i < n; i++) {
		if (!hub[i][0])
			continue;
		pid_t child = fork();
		if (!child) {
			close(fds[0]);
			if (!port_of(list[i].port, &p) && !port_switching(&p, &power, &ports, why, sizeof(why)))
				tell(fds[1], hub, n, i, (int)power);
			_exit(0);
		}
		if (child > 0)
			pid[asked++] = child;
		for (size_t k = n; k-- > i;)
			if (!strcmp(hub[k], hub[i]))
				hub[k][0] = '\0';
	}
	return asked;
}

void hubs_ask(const struct device *list, size_t n, int *power)
{
	uint64_t deadline = clock_ms() + PATIENCE_MS;
	hub_name *hub = calloc(n + 1, sizeof(*hub));
	pid_t *pid = calloc(n + 1, sizeof(*pid));
	struct answer a;
	struct port p;
	int fds[2];

	for (size_t i = 0; i < n; i++) {
		power[i] = -1;
		if (hub && !port_of(list[i].port, &p))
			snprintf(hub[i], sizeof(hub[i]), "%s", p.hub);
	}
	if (hub && pid && n && !pipe(fds)) {
		size_t asked = ask(list, hub, n, fds, pid);
		close(fds[1]);
		while (wait_for(fds[0], POLLIN, deadline) > 0 && read(fds[0], &a, sizeof(a)) == sizeof(a))
			if (a.index < n)
				power[a.index] = a.power;
		close(fds[0]);
		/* One that the kernel keeps ends when that lets go of it, and nobody waits for it. */
		for (size_t i = 0; i < asked; i++) {
			kill(pid[i], SIGKILL);
			waitpid(pid[i], NULL, WNOHANG);
		}
	}
	free(pid);
	free(hub);
}
