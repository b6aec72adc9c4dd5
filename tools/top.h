/* SPDX-License-Identifier: MIT */
/* top: what it shows, and the two ways in which it shows it. */
#ifndef TOOLS_TOP_H
#define TOOLS_TOP_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "watch.h"

/* Writes the titles and `count` of the sorted queues, from `first` on, in `limit` columns; 0: there is no limit. */
void top_table(FILE *out, const struct watch *watch, size_t first, size_t count, size_t limit);

/* Writes all of them, in one line, as a JSON object. */
void top_json(const struct watch *watch);

/* Can the terminal show a table that changes in place? */
int top_screen_can(void);

/*
 * Shows that table until the user quits. Returns the exit status, or -1 if the terminal turns out not to be able to.
 * If a signal ends it, the process ends by that signal, after the terminal is as it was.
 */
int top_screen(struct watch *watch, enum watch_sort by, int64_t interval_ns);

#endif
