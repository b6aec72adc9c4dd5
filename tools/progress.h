/* SPDX-License-Identifier: MIT */
/* --progress: one line on a terminal's standard error, rewritten about twice a second. */
#ifndef TOOLS_PROGRESS_H
#define TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#define PROGRESS_NS 500000000

/* Is there a line to rewrite? Then no wait should last longer than PROGRESS_NS. */
extern bool progress_shown;

/* Starts the clock; shows nothing, now and later, where standard error is not a terminal. */
void progress_start(void);

/* To be called now and then: rewrites the line when it is time. Keeps errno. */
void progress_look(uint64_t messages, uint64_t bytes);

/* The last line: the totals, and the rates over the whole run. */
void progress_finish(uint64_t messages, uint64_t bytes);

/* Before something else is written to standard error: ends the line that is being rewritten. */
void progress_break(void);

#endif
