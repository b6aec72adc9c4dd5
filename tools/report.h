/* SPDX-License-Identifier: MIT */
/* An error is one line on standard error: "shmemq: /name: what". */
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

/* Reports an error of `name`, a queue or a command (NULL: of neither). Returns STATUS_FAILED. */
int report(const char *name, const char *format, ...) PRINTF_LIKE(2, 3);

/* Reports a wrong command line, and adds a hint. Returns STATUS_USAGE. */
int report_usage(const char *command, const char *format, ...) PRINTF_LIKE(2, 3);

/* Reports what `err` of a call on a queue means. `name`, `flags`: as for shmemq_open(). Returns STATUS_FAILED. */
int report_queue(const char *name, unsigned flags, int err);

/* Flushes and closes standard output. Returns 0, or reports what failed and returns STATUS_FAILED. */
int finish_output(void);

#endif
