/* SPDX-License-Identifier: MIT */
/* One line on standard error, rewritten if that is a terminal: --progress, about twice a second; and bench. */
#ifndef TOOLS_PROGRESS_H
#define TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#define PROGRESS_NS 500000000

/* Is progress shown? Then no wait should last longer than PROGRESS_NS. */
extern bool progress_shown;

/* Starts the clock. Unless standard error is a terminal, none of these shows anything. */
void progress_start(void);

/* Rewrites the line if PROGRESS_NS have passed since the last time. Keeps errno. */
void progress_update(uint64_t messages, uint64_t bytes);

/* Shows the totals and the rates of the whole run. */
void progress_finish(uint64_t messages, uint64_t bytes);

/* Rewrites the line with what is being done. */
__attribute__((format(printf, 1, 2))) void progress_stage(const char *format, ...);

/* Empties the line, so that what is printed next takes its place. */
void progress_erase(void);

/* Ends the line. To be called before anything else is written to standard error. */
void progress_break(void);

#endif
