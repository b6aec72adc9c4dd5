/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "fit.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "numbers.h"
#include "text.h"

size_t fit_limit(void)
{
	const char *given = getenv("COLUMNS");
	struct winsize size;
	uint64_t number;

	if (given != NULL && parse_decimal(given, UINT16_MAX, &number))
		return (size_t)number;
	return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/* Of a table whose first column takes `name`. */
static size_t total(const size_t *widths, size_t count, size_t name)
{
	size_t sum = name;

	for (size_t i = 1; i < count; i++)
		sum += widths[i] != 0 ? FIT_GAP + widths[i] : 0;
	return sum;
}

void fit(size_t *widths, size_t count, const size_t *spare, size_t spares, size_t limit)
{
	size_t least = widths[0] < FIT_NAME_LEAST ? widths[0] : FIT_NAME_LEAST, others;

	if (limit == 0)
		return;
	for (size_t i = 0; i < spares && total(widths, count, least) > limit; i++)
		widths[spare[i]] = 0;
	others = total(widths, count, 0);
	least = least < FIT_NAME_LEAST / 2 ? least : FIT_NAME_LEAST / 2;
	if (others + widths[0] > limit)
		widths[0] = others + least < limit ? limit - others : least;
}

/* The bytes at the beginning of `text` that take at most `limit` columns; stores how many they take. */
static size_t bytes_within(const char *text, size_t limit, size_t *taken)
{
	size_t at = 0, width;

	*taken = 0;
	while (text[at] != '\0') {
		size_t bytes = character(text + at, &width);

		if (*taken + width > limit)
			break;
		*taken += width;
		at += bytes;
	}
	return at;
}

void fit_print(FILE *out, const char *text, size_t width)
{
	size_t all = columns(text), left = all, head, bytes, skipped;
	const char *tail = text;

	if (all <= width) {
		fputs(text, out);
		return;
	}
	bytes = bytes_within(text, width - 2 - (width - 2) / 2, &head);
	while (left > (width - 2) / 2) {
		tail += character(tail, &skipped);
		left -= skipped;
	}
	/* Where a character of two columns does not fit, a blank is left. */
	fprintf(out, "%.*s..%s%*s", (int)bytes, text, tail, (int)(width - head - 2 - left), "");
}
