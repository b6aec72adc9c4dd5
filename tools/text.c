/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

#include "report.h"

void *allocate(size_t bytes)
{
	void *memory = malloc(bytes);

	if (memory == NULL) {
		report(NULL, "out of memory");
		exit(STATUS_FAILED);
	}
	return memory;
}

/* Is `c` one of the bytes low to high? */
static bool within(unsigned char c, unsigned low, unsigned high)
{
	return c >= low && c <= high;
}

size_t utf8_bytes(const char *s)
{
	const unsigned char *c = (const unsigned char *)s;
	unsigned low = 0x80, high = 0xbf;
	size_t bytes;

	if (c[0] < 0x80)
		return c[0] != 0;
	bytes = within(c[0], 0xc2, 0xdf) ? 2 : within(c[0], 0xe0, 0xef) ? 3 : within(c[0], 0xf0, 0xf4) ? 4 : 0;
	/* The second byte excludes what a shorter form could say, surrogates, and all beyond U+10FFFF. */
	if (c[0] == 0xe0)
		low = 0xa0;
	else if (c[0] == 0xed)
		high = 0x9f;
	else if (c[0] == 0xf0)
		low = 0x90;
	else if (c[0] == 0xf4)
		high = 0x8f;
	for (size_t i = 1; i < bytes; i++) {
		if (!within(c[i], low, high))
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return bytes;
}

bool is_utf8(const char *s)
{
	size_t bytes;

	while ((bytes = utf8_bytes(s)) != 0)
		s += bytes;
	return *s == '\0';
}

/* C0 and C1 control characters, DEL. `bytes` as of utf8_bytes(). */
static bool is_control(const char *s, size_t bytes)
{
	const unsigned char *c = (const unsigned char *)s;

	return (bytes == 1 && (c[0] < 0x20 || c[0] == 0x7f)) || (bytes == 2 && c[0] == 0xc2 && c[1] < 0xa0);
}

char *printable(const char *name)
{
	char *text = allocate(4 * strlen(name) + 1), *to = text;

	while (*name != '\0') {
		size_t bytes = utf8_bytes(name);

		if (bytes != 0 && !is_control(name, bytes) && *name != ' ' && *name != '\\') {
			memcpy(to, name, bytes);
			to += bytes;
			name += bytes;
		} else {
			to += sprintf(to, "\\x%02x", (unsigned)(unsigned char)*name++);
		}
	}
	*to = '\0';
	return text;
}

size_t columns(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++)
		count += (*text & 0xc0) != 0x80;
	return count;
}

void json_string(FILE *out, const char *s)
{
	putc('"', out);
	while (*s != '\0') {
		size_t bytes = utf8_bytes(s);

		if (bytes == 0) {
			fputs("\\ufffd", out);
			bytes = 1;
		} else if (*s == '"' || *s == '\\') {
			fprintf(out, "\\%c", *s);
		} else if (is_control(s, bytes)) {
			/* Of two bytes, C1, the second is the code point. */
			fprintf(out, "\\u%04x", (unsigned)(unsigned char)s[bytes - 1]);
		} else {
			fwrite(s, 1, bytes, out);
		}
		s += bytes;
	}
	putc('"', out);
}
