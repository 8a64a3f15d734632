#ifndef EMU_JPEG_H
#define EMU_JPEG_H

#include <stddef.h>
#include <stdint.h>

/* A valid grey picture, lighter or darker with `turn`, as small as JPEG can make it. The caller frees it. */
uint8_t *jpeg_grey(unsigned width, unsigned height, unsigned turn, size_t *size);

#endif
