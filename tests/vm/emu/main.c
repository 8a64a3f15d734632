#include "control.h"
#include "device.h"
#include "log.h"
#include "loop.h"
#include "power.h"
#include "vhci.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char usage[] = "usage: emu serve [--daemon]\n"
			    "       emu plug NAME [KIND] [KEY=VALUE...]\n"
			    "       emu unplug NAME | unplug-all\n"
			    "       emu set NAME KEY=VALUE...\n"
			    "       emu log [--since N] | mark | port NAME | stats\n"
			    "       emu wait [--since N] [--timeout SECONDS] PATTERN\n"
			    "       emu count [--since N] PATTERN\n"
			    "       emu stop\n"
			    "kinds: %s\n";

/* The parent of a daemon waits for one byte: the socket is there. */
static int in_background(int *ready)
{
	int pair[2];
	char ok;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return -1;
	pid_t pid = fork();
	if (pid < 0)
		return -1;
	if (pid > 0) {
		close(pair[1]);
		_exit(read(pair[0], &ok, 1) == 1 ? 0 : 1);
	}
	close(pair[0]);
	setsid();
	*ready = pair[1];
	return 0;
}

static int serve(bool background)
{
	int ready = -1;

	signal(SIGPIPE, SIG_IGN);
	if (background && in_background(&ready) < 0) {
		perror("emu: fork");
		return 1;
	}
	if (vhci_load() < 0) {
		fprintf(stderr, "emu: there is no vhci_hcd here\n");
		return 1;
	}
	if (log_open() < 0) {
		perror("emu: " LOG_PATH);
		return 1;
	}
	/* Before there is anything that its process would keep open, should this one be killed. */
	if (power_open(device_power) < 0) {
		perror("emu: the root hub");
		return 1;
	}
	if (control_open() < 0) {
		perror("emu: " CONTROL_PATH);
		return 1;
	}
	if (background) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		for (int fd = 0; null >= 0 && fd < 3; fd++)
			dup2(null, fd);
		if (write(ready, "", 1) < 0)
			return 1;
		close(ready);
	}
	loop_run();
	unlink(CONTROL_PATH);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 2 && strcmp(argv[1], "serve") == 0) {
		bool background = argc == 3 && strcmp(argv[2], "--daemon") == 0;
		if (argc == 2 || background)
			return serve(background);
	} else if (argc >= 2 && argv[1][0] != '-') {
		return client_run(argc - 1, argv + 1);
	}
	fprintf(stderr, usage, kind_names());
	return 2;
}
