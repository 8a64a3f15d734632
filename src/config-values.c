/* SPDX-License-Identifier: MIT */
#include "config-values.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

int conf_refuse(struct value *v, const char *what)
{
	char shown[160];

	text_clean(shown, sizeof(shown), v->text);
	snprintf(v->msg, v->size, "\"%s\" %s", shown, what);
	return -EINVAL;
}

/* One word of a fixed list; the index, or -EINVAL with the nearest word named. */
int conf_choose(struct value *v, const char *word, const char *const *list)
{
	char shown[96];

	for (int i = 0; list[i]; i++)
		if (text_is(list[i], word))
			return i;
	text_clean(shown, sizeof(shown), word);
	const char *near = text_nearest(word, list);
	int n = snprintf(v->msg, v->size, "\"%s\" is not known here; ", shown);
	if (n < 0 || (size_t)n >= v->size)
		return -EINVAL;
	if (near) {
		snprintf(v->msg + n, v->size - (size_t)n, "did you mean \"%s\"?", near);
		return -EINVAL;
	}
	for (int i = 0; list[i] && n > 0 && (size_t)n < v->size; i++)
		n += snprintf(v->msg + n, v->size - (size_t)n, "%s%s", i ? ", " : "valid are ", list[i]);
	return -EINVAL;
}

/* The next word of a list divided by commas and blanks; 0 at the end. */
size_t conf_list_word(const char **p, char *word, size_t size)
{
	size_t n = 0, len = 0;

	while (**p == ' ' || **p == '\t' || **p == ',')
		++*p;
	for (; **p && **p != ' ' && **p != '\t' && **p != ','; ++*p, len++)
		if (n + 1 < size)
			word[n++] = **p;
	word[n] = '\0';
	return len;
}

int conf_set_match(struct value *v)
{
	struct selector *sel = v->field;

	if (!v->again && sel->n)
		selector_free(sel);
	if (!*v->text)
		return 0; /* takes nothing: how a person switches off a section that was shipped */
	return selector_parse(sel, v->text, false, v->msg, v->size);
}

void conf_show_selector(const void *field, char *dst, size_t size)
{
	const struct selector *sel = field;
	size_t n = 0;

	*dst = '\0';
	for (size_t i = 0; i < sel->n; i++) {
		if (!selector_terms(sel)[i].first)
			continue;
		if (i && n + 3 < size) {
			memcpy(dst + n, ", ", 3);
			n += 2;
		}
		n += selector_show(dst + n, size - n, sel, i);
	}
}

/* The rates of the chip that a tty can be set to everywhere: POSIX has no 14400. */
#define RATES "1200", "2400", "4800", "9600", "19200", "38400", "57600", "115200"
const char *const conf_rates[] = {RATES, NULL}, *const conf_rates_or_auto[] = {RATES, "auto", NULL};

int conf_set_baud(struct value *v)
{
	int i = conf_choose(v, v->text, v->key->words);

	if (i < 0)
		return i;
	if (text_number(v->key->words[i], 1, 115200, v->field))
		*(unsigned *)v->field = 0; /* auto */
	return 0;
}

void conf_show_count(const void *field, char *dst, size_t size)
{
	snprintf(dst, size, "%u", *(const unsigned *)field);
}

void conf_show_baud(const void *field, char *dst, size_t size)
{
	if (*(const unsigned *)field)
		conf_show_count(field, dst, size);
	else
		snprintf(dst, size, "auto");
}

int conf_set_duration(struct value *v)
{
	char lo[24], hi[24], what[120];
	uint32_t ms = 0;
	int r = text_duration(v->text, &ms);

	if (!r && ms >= v->key->min && ms <= v->key->max) {
		*(uint32_t *)v->field = ms;
		return 0;
	}
	text_duration_show(lo, sizeof(lo), v->key->min);
	text_duration_show(hi, sizeof(hi), v->key->max);
	if (r == -EINVAL)
		snprintf(what, sizeof(what), "is not a duration; they look like 500ms, 10s, 2min, 6h");
	else
		snprintf(what, sizeof(what), "is out of range; from %s to %s", lo, hi);
	return conf_refuse(v, what);
}

void conf_show_duration(const void *field, char *dst, size_t size)
{
	text_duration_show(dst, size, *(const uint32_t *)field);
}

int conf_set_count(struct value *v)
{
	char what[80];

	if (!text_number(v->text, v->key->min, v->key->max, v->field))
		return 0;
	snprintf(what, sizeof(what), "is not a number from %u to %u", v->key->min, v->key->max);
	return conf_refuse(v, what);
}

int conf_set_word(struct value *v)
{
	int i = conf_choose(v, v->text, v->key->words);

	if (i < 0)
		return i;
	*(unsigned *)v->field = (unsigned)i;
	return 0;
}

int conf_set_bytes(struct value *v)
{
	struct conf_bytes *b = v->field;
	const char *p = v->text;
	char word[8];

	b->n = 0;
	while (conf_list_word(&p, word, sizeof(word))) {
		unsigned long byte = strtoul(word, NULL, 16);
		if (strlen(word) != 2 || word[strspn(word, "0123456789abcdefABCDEF")] || b->n == CONF_BYTES)
			return conf_refuse(v, "is not up to 16 bytes of two hexadecimal digits each, such as D0 01");
		b->byte[b->n++] = (uint8_t)byte;
	}
	return b->n ? 0 : conf_refuse(v, "holds no bytes; they look like D0 01");
}

void conf_show_bytes(const void *field, char *dst, size_t size)
{
	const struct conf_bytes *b = field;
	size_t n = 0;

	*dst = '\0';
	for (unsigned i = 0; i < b->n && n < size; i++)
		n += (size_t)snprintf(dst + n, size - n, "%s%02X", i ? " " : "", b->byte[i]);
}
