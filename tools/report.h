/* SPDX-License-Identifier: MIT */
/* An error is one line on standard error: "shmemq: /name: what". */
#ifndef TOOLS_REPORT_H
#define TOOLS_REPORT_H

#include <shmemq.h>
#include <stdbool.h>
#include <stdint.h>

/* The exit statuses, by which scripts tell failures apart: shmemq(1) lists them, and they do not change. */
enum status {
	STATUS_FAILED = 1,     /* in a way that has no status of its own */
	STATUS_USAGE = 2,      /* the command line is wrong */
	STATUS_TIMEOUT = 3,    /* no message or no space in time */
	STATUS_NO_QUEUE = 4,   /* there is no such queue */
	STATUS_PERMISSION = 5, /* this user may not do it */
	STATUS_PEER_GONE = 6,  /* the other side died, or has closed the queue while it was full */
	STATUS_BUSY = 7,       /* another process has the end */
};

#if defined __GNUC__
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#else
#define PRINTF_LIKE(text, first)
#endif

/* Reports an error of `name`, a queue or a command (NULL: of neither). Returns STATUS_FAILED. */
int report(const char *name, const char *format, ...) PRINTF_LIKE(2, 3);

/* The same; returns the status of `err`, an errno of a call on a queue. */
int report_as(int err, const char *name, const char *format, ...) PRINTF_LIKE(3, 4);

/* The status of a command of two steps that ended with these: if they failed in different ways, STATUS_FAILED. */
int status_join(int one, int other);

/* Reports a wrong command line, and adds a hint. Returns STATUS_USAGE. */
int report_usage(const char *command, const char *format, ...) PRINTF_LIKE(2, 3);

/* Reports what `err` of a call on a queue means. `name`, `flags`: as for shmemq_open(). Returns its
 * status. */
int report_queue(const char *name, unsigned flags, int err);

/* Reports that another process has the end of `flags`, which process, and `hint`. Returns the status. */
int report_in_use(const char *name, unsigned flags, const char *hint);

/*
 * Reports that a call of the handle `q`, of this end or SHMEMQ_FOLLOWER, has timed out: `what` was so, which process it
 * has waited for, and how many messages were `moved`. Returns the status.
 */
int report_timeout(struct shmemq *q, const char *name, unsigned end, const char *what, const char *moved,
		   uint64_t messages);

/*
 * Reports that the producer, or else the consumer, has died while `what` was so ("", or a text and " and "), which
 * process that was, and how many messages were `moved`. Returns the status.
 */
int report_died(struct shmemq *q, const char *name, bool producer, const char *what, const char *moved,
		uint64_t messages);

/* Flushes and closes standard output. Returns 0, or reports what failed and returns STATUS_FAILED. */
int finish_output(void);

#endif
