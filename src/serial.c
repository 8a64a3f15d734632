/* SPDX-License-Identifier: MIT */
#include "serial.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "wait.h"

static const struct {
	unsigned baud;
	speed_t speed;
} rates[] = {{1200, B1200}, {2400, B2400}, {4800, B4800}, {9600, B9600}, {19200, B19200}, {38400, B38400},
	{57600, B57600}, {115200, B115200}};
enum { RATES = sizeof(rates) / sizeof(rates[0]) };

static int rate_of(unsigned baud, speed_t *speed)
{
	for (size_t i = 0; i < RATES; i++)
		if (rates[i].baud == baud) {
			*speed = rates[i].speed;
			return 0;
		}
	return -EINVAL;
}

bool serial_knows(unsigned baud)
{
	speed_t speed;

	return rate_of(baud, &speed) == 0;
}

unsigned serial_rate_now(int fd)
{
	struct termios t;

	if (tcgetattr(fd, &t))
		return 0;
	for (size_t i = 0; i < RATES; i++)
		if (rates[i].speed == cfgetospeed(&t))
			return rates[i].baud;
	return 0;
}

/* What a tty whose device was pulled says. */
static int gone(int e)
{
	return e == EIO || e == ENXIO || e == ENODEV ? -ENODEV : -e;
}

int serial_rate(int fd, unsigned baud)
{
	struct termios t;
	speed_t speed;

	if (rate_of(baud, &speed))
		return -EINVAL;
	if (tcgetattr(fd, &t))
		return gone(errno);
	cfmakeraw(&t);
	t.c_iflag &= ~(tcflag_t)(IXOFF | IXANY); /* cfmakeraw forgets it, and a 13 would go to the chip */
	t.c_cflag &= ~(tcflag_t)(CSTOPB | CRTSCTS | HUPCL);
	t.c_cflag |= CLOCAL | CREAD;
	t.c_cc[VMIN] = 0;
	t.c_cc[VTIME] = 0;
	cfsetspeed(&t, speed);
	if (tcsetattr(fd, TCSANOW, &t) || tcflush(fd, TCIOFLUSH))
		return gone(errno);
	return 0;
}

int serial_open(const char *path, unsigned baud, unsigned *found, int *fd)
{
	int rts = TIOCM_RTS, e;

	*fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (*fd < 0)
		return -errno;
	if (found)
		*found = serial_rate_now(*fd);
	/* Not every tty has modem lines (a pseudo-terminal has none): then there is nothing to drop. */
	if (ioctl(*fd, TIOCMBIC, &rts) && gone(errno) == -ENODEV)
		e = -ENODEV;
	else
		e = serial_rate(*fd, baud);
	if (e) {
		close(*fd);
		*fd = -1;
	}
	return e;
}

void serial_close(int fd)
{
	tcflush(fd, TCIOFLUSH);
	close(fd);
}

int serial_write(int fd, const void *data, size_t len, uint64_t deadline)
{
	int r = wait_for(fd, POLLOUT, deadline);

	if (r <= 0)
		return r ? r : -ETIMEDOUT;
	if (r & (POLLHUP | POLLERR | POLLNVAL))
		return -ENODEV;
	ssize_t n = write(fd, data, len);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : gone(errno);
	return (size_t)n == len ? 0 : -ETIMEDOUT;
}

ssize_t serial_read(int fd, void *data, size_t len, uint64_t deadline)
{
	for (;;) {
		int r = wait_for(fd, POLLIN, deadline);
		if (r <= 0)
			return r;
		ssize_t n = read(fd, data, len);
		if (n > 0)
			return n;
		if (n < 0 && errno != EAGAIN)
			return gone(errno);
		/* Another reader of the tty may have been quicker; only a hang-up makes it end for good. */
		if (r & (POLLHUP | POLLERR | POLLNVAL))
			return -ENODEV;
	}
}
