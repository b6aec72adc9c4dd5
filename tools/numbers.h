/* SPDX-License-Identifier: MIT */
/* Numbers on the command line: the whole text or nothing, no sign, no overflow, no locale. */
#ifndef TOOLS_NUMBERS_H
#define TOOLS_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

bool parse_decimal(const char *text, uint64_t max, uint64_t *value);

/* With K, M or G behind it, in either case: powers of 1024. */
bool parse_size(const char *text, uint64_t max, uint64_t *value);

/* Seconds with an optional fraction, as nanoseconds. Digits behind the ninth are dropped. */
bool parse_seconds(const char *text, int64_t *ns);

/* Octal permission bits, at most 0777. */
bool parse_mode(const char *text, mode_t *mode);

#endif
