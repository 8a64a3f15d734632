/* SPDX-License-Identifier: MIT */
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "text.h"

static void name_format(const struct v4l2_pix_format *f, char *dst, size_t size)
{
	char code[5];

	for (int i = 0; i < 4; i++) {
		code[i] = (char)(f->pixelformat >> 8 * i & 0x7f);
		if (code[i] <= ' ' || code[i] == 0x7f)
			code[i] = '\0';
	}
	code[4] = '\0';
	snprintf(dst, size, "%ux%u %s", f->width, f->height, code);
}

int stream_ask(const char *path, char *words, size_t size)
{
	struct v4l2_format f = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
	int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC), e = 0;

	if (fd < 0) {
		e = errno == ENOENT || errno == ENXIO ? ENODEV : errno;
		snprintf(words, size, "%s: %s%s", path, strerror(e), text_refusal(e));
		return -e;
	}
	if (ioctl(fd, VIDIOC_G_FMT, &f) || ioctl(fd, VIDIOC_TRY_FMT, &f)) {
		e = errno;
		snprintf(words, size, "the stream of %s cannot be negotiated: %s", path, strerror(e));
	} else {
		name_format(&f.fmt.pix, words, size);
	}
	close(fd);
	return -e;
}
