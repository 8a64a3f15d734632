/* SPDX-License-Identifier: MIT */
#include "columns.h"

#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

/* Of a well-formed sequence; a byte that does not begin one stands for itself. */
static size_t decode(const char *s, wchar_t *code)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t len = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : u[0] >= 0xc0 ? 2 : 1;
	uint32_t c = len == 1 ? u[0] : u[0] & (0x7fu >> len);

	for (size_t i = 1; i < len; i++) {
		if ((u[i] & 0xc0) != 0x80) {
			*code = (wchar_t)u[0];
			return 1;
		}
		c = c << 6 | (u[i] & 0x3f);
	}
	*code = (wchar_t)c;
	return len;
}

/* The C library's tables, whatever locale a person over ssh has brought along. */
static unsigned width_of(wchar_t code)
{
	static locale_t utf8;
	static bool asked;

	if (code < 0x7f)
		return 1;
	if (!asked)
		utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	asked = true;
	locale_t before = utf8 ? uselocale(utf8) : (locale_t)0;
	int w = wcwidth(code);
	if (utf8)
		uselocale(before);
	return w < 0 ? 2 : (unsigned)w; /* unknown: rather a short line than a long one */
}

unsigned columns_fit(char *dst, size_t size, const char *src, unsigned columns)
{
	unsigned used = 0;
	size_t n = 0;

	while (*src) {
		wchar_t code;
		size_t len = decode(src, &code);
		unsigned w = width_of(code);
		if (used + w > columns || n + len >= size)
			break;
		memcpy(dst + n, src, len);
		n += len;
		src += len;
		used += w;
	}
	dst[n] = '\0';
	return used;
}

static const struct {
	int64_t seconds;
	const char *name;
} unit[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
enum { UNITS = sizeof(unit) / sizeof(unit[0]) };

void columns_ago(char *dst, size_t size, int64_t seconds)
{
	snprintf(dst, size, "now"); /* a clock that was set back makes no future */
	for (size_t i = 0; i < UNITS; i++)
		if (seconds >= unit[i].seconds) {
			snprintf(dst, size, "%lld %s ago", (long long)(seconds / unit[i].seconds), unit[i].name);
			return;
		}
}

int64_t columns_ago_changes(int64_t seconds)
{
	for (size_t i = 0; i < UNITS; i++)
		if (seconds >= unit[i].seconds)
			return unit[i].seconds - seconds % unit[i].seconds;
	return 1 - seconds;
}
