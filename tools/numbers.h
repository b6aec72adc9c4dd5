/* SPDX-License-Identifier: MIT */
/* Numbers on the command line: the whole text or nothing, no sign, no overflow, no locale. */
#ifndef TOOLS_NUMBERS_H
#define TOOLS_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

bool parse_decimal(const char *text, uint64_t max, uint64_t *value);

/* A K, M or G, in either case, may follow the number: powers of 1024. */
bool parse_size(const char *text, uint64_t max, uint64_t *value);

/* Seconds with an optional fraction, as nanoseconds. Digits after the ninth are ignored. */
bool parse_seconds(const char *text, int64_t *ns);

/* A number above 0 with an optional fraction, or "max", which is stored as 0. */
bool parse_factor(const char *text, double *factor);

/* Octal permission bits, at most 0777. */
bool parse_mode(const char *text, mode_t *mode);

#endif
