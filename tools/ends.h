/* SPDX-License-Identifier: MIT */
/* The holders of an end of a queue, in words for an error: by shmemq_stat() and /proc, so a moment ago. */
#ifndef TOOLS_ENDS_H
#define TOOLS_ENDS_H

#include <shmemq.h>
#include <stdbool.h>

/*
 * The handles of the end: "process 12 cat (stopped)", or "3 handles, of which process 12 cat holds it just now". NULL:
 * nothing is known of it. The caller frees it.
 */
char *end_holders(const struct shmemq_stat *st, bool producer);

/*
 * What a wait for this end has waited for: "no consumer has opened it yet", "the consumer is process 12 cat (stopped)".
 * The caller frees it.
 */
char *end_awaited(const struct shmemq_stat *st, bool producer);

/*
 * The process that holds a shared end of which this process has a handle, so that it keeps this one from it: as above.
 * NULL: none does. The caller frees it.
 */
char *end_rival(const struct shmemq_stat *st, bool producer);

#endif
