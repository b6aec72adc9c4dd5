/* SPDX-License-Identifier: MIT */
/* Names of queues are any bytes that a file name may have: how they are shown, and quoted in JSON. */
#ifndef TOOLS_TEXT_H
#define TOOLS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* malloc() that does not return without memory. */
void *allocate(size_t bytes);

bool is_utf8(const char *s);

/*
 * `name` in one word that does nothing to a terminal: blanks, control characters, backslashes and bytes that are
 * not UTF-8 as \xNN. To be freed.
 */
char *printable(const char *name);

/* Characters of a printable() text: its columns, as long as no character is wide. */
size_t columns(const char *text);

/* `s` as a JSON string; U+FFFD stands for each byte that is not UTF-8. */
void json_string(FILE *out, const char *s);

#endif
