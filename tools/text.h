/* SPDX-License-Identifier: MIT */
/* How names of queues, which may hold any byte that a file name may hold, are shown in text and in JSON. */
#ifndef TOOLS_TEXT_H
#define TOOLS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* malloc() that ends the process if there is no memory. */
void *allocate(size_t bytes);

bool is_utf8(const char *s);

/*
 * `name` as one word that is safe to show on a terminal: blanks, backslashes, bytes that are not UTF-8, and characters
 * that control the terminal or the direction of the text, or are invisible, become \xNN. The caller frees it.
 */
char *printable(const char *name);

/* Writes a line in which such characters and bytes, but not blanks and backslashes, become '?'. */
void print_line(FILE *out, const char *s);

/* The columns of a printable() text on a terminal that shows UTF-8. */
size_t columns(const char *text);

/* The bytes of the character at `text`, which is not the end; stores the columns that it takes. */
size_t character(const char *text, size_t *width);

/* Writes `s` as a JSON string; each byte that is not UTF-8 becomes U+FFFD. */
void json_string(FILE *out, const char *s);

#endif
