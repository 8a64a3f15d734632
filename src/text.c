/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/*
 * The length of the well-formed UTF-8 sequence at s, or 0. Overlong forms, surrogates and code points past
 * U+10FFFF are not well formed (RFC 3629). C1 controls and bidirectional overrides count as ill formed here,
 * because a terminal obeys them.
 */
static size_t printable_utf8(const unsigned char *s)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t min;
	} form[] = {{0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f;
	for (size_t f = 0; f < sizeof(form) / sizeof(form[0]); f++) {
		if ((s[0] & form[f].mask) != form[f].lead)
			continue;
		uint32_t code = s[0] & (unsigned char)~form[f].mask;
		for (size_t i = 1; i <= f + 1; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (s[i] & 0x3f);
		}
		if (code < form[f].min || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
			return 0;
		if (code < 0xa0 || code == 0x61c || (code >= 0x200e && code <= 0x200f) ||
			(code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069))
			return 0;
		return f + 2;
	}
	return 0;
}

void text_cut(char *text, size_t size)
{
	size_t n = size - 4;

	while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	memcpy(text + n, "...", 4);
}

size_t text_clean(char *dst, size_t size, const char *src)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *s = (const unsigned char *)src;
	size_t n = 0;

	while (*s) {
		size_t len = printable_utf8(s);
		if (n + (len ? len : 4) >= size)
			break;
		if (len) {
			memcpy(dst + n, s, len);
			s += len;
			n += len;
		} else {
			dst[n++] = '\\';
			dst[n++] = 'x';
			dst[n++] = hex[*s >> 4];
			dst[n++] = hex[*s & 15];
			s++;
		}
	}
	dst[n] = '\0';
	return n;
}

/* Edits (insert, delete, replace, swap of neighbours) that lead from a to b; both are short words. */
static unsigned edits(const char *a, const char *b)
{
	enum { MAX = 48 };
	unsigned char d[MAX + 1][MAX + 1];
	size_t la = strlen(a), lb = strlen(b);

	if (la > MAX || lb > MAX)
		return UINT_MAX;
	for (size_t i = 0; i <= la; i++)
		d[i][0] = (unsigned char)i;
	for (size_t j = 0; j <= lb; j++)
		d[0][j] = (unsigned char)j;
	for (size_t i = 1; i <= la; i++)
		for (size_t j = 1; j <= lb; j++) {
			unsigned cost = a[i - 1] != b[j - 1];
			unsigned best = d[i - 1][j - 1] + cost;
			if (d[i - 1][j] + 1u < best)
				best = d[i - 1][j] + 1u;
			if (d[i][j - 1] + 1u < best)
				best = d[i][j - 1] + 1u;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				d[i - 2][j - 2] + 1u < best)
				best = d[i - 2][j - 2] + 1u;
			d[i][j] = (unsigned char)best;
		}
	return d[la][lb];
}

const char *text_nearest(const char *word, const char *const *list)
{
	const char *best = NULL;
	unsigned least = (unsigned)strlen(word) / 2 + 1;

	for (; *list; list++) {
		unsigned e = edits(word, *list);
		if (e < least) {
			least = e;
			best = *list;
		}
	}
	return best;
}

int text_number(const char *text, unsigned min, unsigned max, unsigned *out)
{
	uint64_t v = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		v = v * 10 + (unsigned)(*text - '0');
		if (v > UINT32_MAX)
			return -ERANGE;
	}
	if (v < min || v > max)
		return -ERANGE;
	*out = (unsigned)v;
	return 0;
}

static const struct {
	const char *name;
	uint32_t ms;
} unit[] = {{"h", 3600000}, {"min", 60000}, {"m", 60000}, {"s", 1000}, {"", 1000}, {"ms", 1}};

int text_duration(const char *text, uint32_t *ms)
{
	uint64_t v = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++) {
		v = v * 10 + (unsigned)(*p - '0');
		if (v > UINT32_MAX)
			return -ERANGE;
	}
	if (p == text)
		return -EINVAL;
	while (*p == ' ')
		p++;
	for (size_t i = 0; i < sizeof(unit) / sizeof(unit[0]); i++)
		if (!strcmp(p, unit[i].name)) {
			v *= unit[i].ms;
			if (v > UINT32_MAX)
				return -ERANGE;
			*ms = (uint32_t)v;
			return 0;
		}
	return -EINVAL;
}

bool text_has_unit(const char *text)
{
	text += strspn(text, " ");
	text += strspn(text, "0123456789");
	return text[strspn(text, " ")] != '\0';
}

void text_duration_show(char *dst, size_t size, uint32_t ms)
{
	for (size_t i = 0; i < sizeof(unit) / sizeof(unit[0]); i++)
		if (*unit[i].name && ms % unit[i].ms == 0 && (ms || unit[i].ms == 1000)) {
			snprintf(dst, size, "%u%s", ms / unit[i].ms, unit[i].name);
			return;
		}
}

void text_span(char *dst, size_t size, uint64_t ms)
{
	unsigned long long s = ms / 1000 + (ms % 1000 || !ms);

	if (s >= 3600)
		snprintf(dst, size, "%lluh %llumin", s / 3600, s / 60 % 60);
	else if (s >= 60)
		snprintf(dst, size, "%llumin %llus", s / 60, s % 60);
	else
		snprintf(dst, size, "%llus", s);
}

const char *text_refusal(int e)
{
	switch (e) {
	case EACCES:
		return " (this needs root)";
	case EPERM: /* to root: by a control group's list of devices, or a filter of system calls */
	case EROFS: /* /sys is not mounted like that by itself */
		return " (the sandbox of its unit, or a container, does not allow it)";
	default:
		return "";
	}
}
