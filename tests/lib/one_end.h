/* SPDX-License-Identifier: MIT */
/* The plainest calls on one end, whichever it is: the same questions are put to both. */
#ifndef TESTS_ONE_END_H
#define TESTS_ONE_END_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "shmemq.h"

/* SHMEMQ_PRODUCER and SHMEMQ_CONSUMER, for loop tests. */
extern const unsigned both_ends[2];
unsigned other_end(unsigned end);

/* A handle that has a part in a SHARED end. Makes the queue if need be. */
struct shmemq *end_join(const char *name, unsigned end);

/* Moves a message of CALL_BYTES. -1: errno. */
int end_move(struct shmemq *q, unsigned end, int64_t timeout);
int end_try(struct shmemq *q, unsigned end);

/* Begins such a message in place, without waiting, and ends it. */
bool end_begin(struct shmemq *q, unsigned end);
int end_finish(struct shmemq *q, unsigned end);

/*
 * Starts a process that joins a SHARED end, begins a message, and stops. SIGCONT: ends it. Of the queue `name`, or if
 * that is NULL of the one open as `fd`, for which it needs /proc.
 */
pid_t end_hold(const char *name, int fd, unsigned end);

#endif
