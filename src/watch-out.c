/* SPDX-License-Identifier: MIT */
#include "watch-out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wait.h"

void out_open(struct out *o)
{
	struct stat st;

	*o = (struct out){.fd = STDOUT_FILENO};
	if (fstat(STDOUT_FILENO, &st))
		return;
	o->socket = S_ISSOCK(st.st_mode);
	if (!S_ISFIFO(st.st_mode) && !isatty(STDOUT_FILENO))
		return; /* a file opened anew would be written from its beginning */
	int fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0)
		*o = (struct out){.fd = fd, .own = true};
}

void out_close(struct out *o)
{
	if (o->own)
		close(o->fd);
	*o = (struct out){.fd = STDOUT_FILENO};
}

int out_put(const struct out *o, const char *text, size_t len, uint64_t deadline)
{
	while (len) {
		ssize_t n = o->socket ? send(o->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL) : write(o->fd, text, len);
		if (n >= 0) {
			text += n;
			len -= (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		int e = wait_for(o->fd, POLLOUT, deadline);
		if (e <= 0)
			return e ? e : -ETIMEDOUT;
		if (!(e & POLLOUT))
			return -EPIPE;
	}
	return 0;
}
