/* SPDX-License-Identifier: MIT */
/* What is said, and where: errors and, if asked for, events, a line each on standard error; exit statuses. */
#ifndef RELAY_REPORT_H
#define RELAY_REPORT_H

#include <stdbool.h>

/* Exit statuses: those of sysexits.h where it has one. */
#define STATUS_FAILED  1
#define STATUS_USAGE   64 /* command line or configuration file */
#define STATUS_MESSAGE 65 /* a message that cannot be carried */
#define STATUS_REFUSED 69 /* by the server: who we are, or what we may do; of status: no server */
#define STATUS_LOSS    70 /* messages are missing */
#define STATUS_QUEUE   71 /* the queue cannot be used */
#define STATUS_BUSY    75 /* another process holds the end */
#define STATUS_CONFIG  78 /* the stream is not this queue's, or configured otherwise */

#if defined __GNUC__
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#else
#define PRINTF_LIKE(text, first)
#endif

/* Shows events, too. */
extern bool report_verbose;

/* Reports an error of `name`, a queue, a stream or a command (NULL: of none). Returns STATUS_FAILED. */
int report(const char *name, const char *format, ...) PRINTF_LIKE(2, 3);

/* Reports an error. Returns `status`. */
int report_as(int status, const char *name, const char *format, ...) PRINTF_LIKE(3, 4);

/* Reports a wrong command line, and adds a hint. Returns STATUS_USAGE. */
int report_usage(const char *command, const char *format, ...) PRINTF_LIKE(2, 3);

/* Reports an event, with --verbose. */
void report_event(const char *name, const char *format, ...) PRINTF_LIKE(2, 3);

/* Reports what `err` of a call on a queue means. Returns the exit status. */
int report_queue(const char *name, int err);

/* Flushes and closes standard output. Returns 0, or reports what failed and returns STATUS_FAILED. */
int finish_output(void);

#endif
