/*
 * A picture of one grey (ITU-T T.81, baseline). Its Huffman tables have only the codes that it needs: for the DC
 * difference category 0 ("as before") = 0 and 7 = 10, for AC "end of block" = 0. So each block but the first is two
 * zero bits.
 */
#include "jpeg.h"

#include <stdlib.h>
#include <string.h>

uint8_t *jpeg_grey(unsigned width, unsigned height, unsigned turn, size_t *size)
{
	const uint8_t frame[] = {0xff, 0xc0, 0, 11, 8, (uint8_t)(height >> 8), (uint8_t)height, (uint8_t)(width >> 8),
		(uint8_t)width, 1, 1, 0x11, 0};
	static const uint8_t dc[] = {0xff, 0xc4, 0, 21, 0x00, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7};
	static const uint8_t ac[] = {0xff, 0xc4, 0, 20, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	static const uint8_t scan[] = {0xff, 0xda, 0, 8, 1, 1, 0x00, 0, 63, 0};
	const size_t blocks = (size_t)((width + 7) / 8) * ((height + 7) / 8);
	/* The first block has 2 + 7 bits of DC and 1 of AC, each other one 2 bits. */
	const size_t bits = 10 + (blocks - 1) * 2, bytes = (bits + 7) / 8;
	uint8_t *out = calloc(1, 256 + bytes), *p = out;

	if (!out)
		abort();
	*p++ = 0xff;
	*p++ = 0xd8;
	*p++ = 0xff; /* quantisation: the DC step is 8, so that its value is the difference from middle grey */
	*p++ = 0xdb;
	*p++ = 0;
	*p++ = 67;
	*p++ = 0;
	memset(p, 8, 64);
	p += 64;
	memcpy(p, frame, sizeof(frame));
	p += sizeof(frame);
	memcpy(p, dc, sizeof(dc));
	p += sizeof(dc);
	memcpy(p, ac, sizeof(ac));
	p += sizeof(ac);
	memcpy(p, scan, sizeof(scan));
	p += sizeof(scan);

	unsigned grey = 64 + turn % 32;     /* category 7: seven bits, 64 to 127 as they are */
	p[0] = (uint8_t)(0x80 | grey >> 1); /* code 10, then the upper six bits */
	p[1] = (uint8_t)((grey & 1) << 7);
	/* Padding is ones (T.81, F.1.2.3). */
	if (bits % 8)
		p[bytes - 1] = (uint8_t)(p[bytes - 1] | (0xff >> bits % 8));
	p += bytes;
	*p++ = 0xff;
	*p++ = 0xd9;
	*size = (size_t)(p - out);
	return out;
}
