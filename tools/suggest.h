/* SPDX-License-Identifier: MIT */
/* What a name that no queue has, a prefix or a command may have been meant to be. */
#ifndef TOOLS_SUGGEST_H
#define TOOLS_SUGGEST_H

#include <stdbool.h>

/* Is one the other with one byte inserted, replaced, or exchanged with the next? */
bool suggest_alike(const char *one, const char *other);

/*
 * The only queue whose name is `name` with a slash before it, or of whose file `name` is the path; or the only one that
 * is called `name` with one byte more, less or different, or two exchanged. It is printable() text, which the caller
 * frees. NULL: there is none.
 */
char *suggest_name(const char *name);

/* Likewise what queues' names begin with: `prefix` with a slash before it, or without the path of their directory. */
char *suggest_prefix(const char *prefix);

#endif
