/* SPDX-License-Identifier: MIT */
/* What goes wrong is one line on standard error: "shmemq: /name: what". */
#ifndef TOOLS_REPORT_H
#define TOOLS_REPORT_H

/* Exit statuses. */
#define STATUS_FAILED 1
#define STATUS_USAGE  2

#if defined __GNUC__
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#else
#define PRINTF_LIKE(text, first)
#endif

/* Says what went wrong with `name`, a queue's or a command's (NULL: in general). Returns STATUS_FAILED. */
int report(const char *name, const char *format, ...) PRINTF_LIKE(2, 3);

/* The same for a command line that cannot be obeyed, with a hint behind it. Returns STATUS_USAGE. */
int report_usage(const char *command, const char *format, ...) PRINTF_LIKE(2, 3);

/* What `err` of a call on a whole queue means. `name`, `flags`: as for shmemq_open(). Returns STATUS_FAILED. */
int report_queue(const char *name, unsigned flags, int err);

/* Writes out and closes standard output. Returns 0, or says what failed and returns STATUS_FAILED. */
int finish_output(void);

#endif
