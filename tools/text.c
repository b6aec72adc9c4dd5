/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "text.h"

#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

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

/* Decodes the well-formed UTF-8 character at `s`. Returns its bytes; 0: there is none. */
static size_t decode(const char *s, uint32_t *character)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 }; /* that needs so many bytes */
	const unsigned char *byte = (const unsigned char *)s;
	size_t bytes = byte[0] >= 0xf0 ? 4 : byte[0] >= 0xe0 ? 3 : 2;
	uint32_t c;

	if (byte[0] < 0x80) {
		*character = byte[0];
		return byte[0] != 0;
	}
	if (byte[0] < 0xc0 || byte[0] > 0xf7)
		return 0;
	c = byte[0] & (0x7fu >> bytes);
	for (size_t i = 1; i < bytes; i++) {
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (byte[i] & 0x3f);
	}
	if (c < least[bytes] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) /* the last: surrogates */
		return 0;
	*character = c;
	return bytes;
}

bool is_utf8(const char *s)
{
	uint32_t c;
	size_t bytes;

	while ((bytes = decode(s, &c)) != 0)
		s += bytes;
	return *s == '\0';
}

/* The columns that it takes on a terminal; negative: unknown. Without a locale of UTF-8 in the system, it is 1. */
static int width_of(uint32_t c)
{
	static locale_t utf_8;
	static bool tried;
	locale_t before;
	int width;

	if (c < 0x300) /* but for those that is_hidden() has in its table */
		return 1;
	if (!tried)
		utf_8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	tried = true;
	if (utf_8 == (locale_t)0)
		return 1;
	before = uselocale(utf_8); /* whatever that of this process is */
	width = wcwidth((wchar_t)c);
	uselocale(before);
	return width;
}

/*
 * Does it command the terminal, reorder what is shown, end the line, or show nothing or a blank? Any user may make a
 * queue with such a name, so that it looks like another queue, or like several cells of a table.
 */
static bool is_hidden(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x0000, 0x001f }, /* C0 */
		{ 0x007f, 0x00a0 }, /* DEL, C1, the no-break space */
		{ 0x00ad, 0x00ad }, /* the soft hyphen */
		{ 0x061c, 0x061c }, /* a direction mark */
		{ 0x1680, 0x1680 }, /* a blank */
		{ 0x180e, 0x180e }, /* no width */
		{ 0x2000, 0x200f }, /* blanks, no width, direction marks */
		{ 0x2028, 0x202f }, /* line and paragraph separators, directions, a blank */
		{ 0x205f, 0x206f }, /* a blank, no width, directions */
		{ 0x3000, 0x3000 }, /* a blank */
		{ 0xfeff, 0xfeff }, /* the byte order mark: no width */
		{ 0xfff9, 0xfffb }, /* annotations */
	};

	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	}
	return false;
}

/* Is it seen, and apart from the others? Not if it has no width, as an accent that goes on top of another character. */
static bool is_plain(uint32_t c)
{
	return !is_hidden(c) && width_of(c) != 0;
}

char *printable(const char *name)
{
	char *text = allocate(4 * strlen(name) + 1), *to = text;

	while (*name != '\0') {
		uint32_t c;
		size_t bytes = decode(name, &c);

		if (bytes != 0 && is_plain(c) && c != ' ' && c != '\\') {
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

void print_line(FILE *out, const char *s)
{
	while (*s != '\0') {
		uint32_t c;
		size_t bytes = decode(s, &c);

		if (bytes == 0 || is_hidden(c)) {
			putc('?', out);
			bytes = bytes != 0 ? bytes : 1;
		} else {
			fwrite(s, 1, bytes, out);
		}
		s += bytes;
	}
	putc('\n', out);
}

size_t character(const char *text, size_t *width)
{
	uint32_t c;
	size_t bytes = decode(text, &c);
	int taken = bytes != 0 ? width_of(c) : 1;

	*width = taken >= 0 ? (size_t)taken : 1;
	return bytes != 0 ? bytes : 1;
}

size_t columns(const char *text)
{
	size_t count = 0, width;

	while (*text != '\0') {
		text += character(text, &width);
		count += width;
	}
	return count;
}

void json_string(FILE *out, const char *s)
{
	putc('"', out);
	while (*s != '\0') {
		uint32_t c;
		size_t bytes = decode(s, &c);

		if (bytes == 0) {
			fputs("\\ufffd", out);
			bytes = 1;
		} else if (c == '"' || c == '\\') {
			fprintf(out, "\\%c", *s);
		} else if (!is_plain(c) && c > 0xffff) {
			fprintf(out, "\\u%04x\\u%04x", (unsigned)(0xd7c0 + (c >> 10)),
				(unsigned)(0xdc00 + (c & 0x3ff)));
		} else if (!is_plain(c)) {
			fprintf(out, "\\u%04x", (unsigned)c);
		} else {
			fwrite(s, 1, bytes, out);
		}
		s += bytes;
	}
	putc('"', out);
}
