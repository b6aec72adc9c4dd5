/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "numbers.h"

#include <string.h>

#define NS_PER_S 1000000000

/* Reads digits of `base`; `*end` is the byte after them. False: there is no digit, or the number is over `max`. */
static bool digits(const char *text, unsigned base, uint64_t max, uint64_t *value, const char **end)
{
	const char *at = text;

	*value = 0;
	for (; *at >= '0' && (unsigned)(*at - '0') < base; at++) {
		unsigned digit = (unsigned)(*at - '0');

		if (digit > max || *value > (max - digit) / base)
			return false;
		*value = *value * base + digit;
	}
	*end = at;
	return at != text;
}

bool parse_decimal(const char *text, uint64_t max, uint64_t *value)
{
	const char *end;

	return digits(text, 10, max, value, &end) && *end == '\0';
}

bool parse_size(const char *text, uint64_t max, uint64_t *value)
{
	static const char units[] = "KkMmGg";
	const char *end, *unit;
	unsigned shift;

	if (!digits(text, 10, max, value, &end))
		return false;
	if (*end == '\0')
		return true;
	unit = strchr(units, *end);
	if (unit == NULL || end[1] != '\0')
		return false;
	shift = 10 * (1 + (unsigned)(unit - units) / 2);
	if (*value > max >> shift)
		return false;
	*value <<= shift;
	return true;
}

bool parse_seconds(const char *text, int64_t *ns)
{
	const char *end = text;
	uint64_t whole = 0;
	int64_t part = 0;

	if (*text != '.' && !digits(text, 10, INT64_MAX / NS_PER_S - 1, &whole, &end))
		return false;
	if (*end == '.') {
		int64_t unit = NS_PER_S / 10;

		if (end == text && end[1] == '\0')
			return false; /* a dot alone */
		for (end++; *end >= '0' && *end <= '9'; end++, unit /= 10)
			part += unit * (*end - '0');
	}
	*ns = (int64_t)whole * NS_PER_S + part;
	return *end == '\0';
}

bool parse_factor(const char *text, double *factor)
{
	int64_t billionths = 0;

	*factor = 0;
	if (strcmp(text, "max") == 0)
		return true;
	if (!parse_seconds(text, &billionths) || billionths == 0)
		return false;
	*factor = (double)billionths / NS_PER_S;
	return true;
}

bool parse_mode(const char *text, mode_t *mode)
{
	const char *end;
	uint64_t bits;

	if (!digits(text, 8, 0777, &bits, &end) || *end != '\0')
		return false;
	*mode = (mode_t)bits;
	return true;
}
