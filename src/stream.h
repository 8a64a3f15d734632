/* SPDX-License-Identifier: MIT */
/* A capture node that is asked for a sign of life without a picture being taken. */
#ifndef REPLUG_STREAM_H
#define REPLUG_STREAM_H

#include <stddef.h>

/*
 * Tries the format that the node is set to (VIDIOC_TRY_FMT). uvcvideo answers that by SET_CUR and GET_CUR of the
 * streaming interface's probe control, on the device (Linux uvc_v4l2.c, uvc_probe_video): what negotiates a stream
 * answers, and none begins. Of a driver that answers by itself it proves only that the node can be opened. The
 * kernel's own deadline for each request is 5 s, and nothing ends it sooner. Returns 0, with the format in words
 * ("1920x1080 MJPG"), or a negative errno with the cause in words (-ENODEV: the node went away).
 */
int stream_ask(const char *path, char *words, size_t size);

#endif
