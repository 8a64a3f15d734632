#include "control.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int complain(const char *what)
{
	fprintf(stderr, "emu: ");
	perror(what);
	return 1;
}

/* An order is its words, each ended by a NUL, up to the end of the stream; the answer is a digit and text. */
int client_run(int argc, char **argv)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = CONTROL_PATH};
	char buffer[4096];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FILE *out = NULL;
	ssize_t n;

	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return complain("is `emu serve' running? " CONTROL_PATH);
	for (int i = 0; i < argc; i++) {
		if (send(fd, argv[i], strlen(argv[i]) + 1, MSG_NOSIGNAL) < 0)
			return complain("send");
	}
	shutdown(fd, SHUT_WR);
	while ((n = read(fd, buffer, sizeof(buffer))) > 0) {
		const char *text = buffer;
		if (!out) {
			out = buffer[0] == '0' ? stdout : stderr;
			text++;
			n--;
		}
		fwrite(text, 1, (size_t)n, out);
	}
	close(fd);
	if (!out) {
		fprintf(stderr, "emu: the daemon gave no answer\n");
		return 1;
	}
	fflush(out);
	return out == stdout ? 0 : 1;
}
