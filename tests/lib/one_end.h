/* SPDX-License-Identifier: MIT */
/* The simplest calls on one end, producer or consumer, so that one test can be run with both. */
#ifndef TESTS_ONE_END_H
#define TESTS_ONE_END_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "shmemq.h"

/* SHMEMQ_PRODUCER and SHMEMQ_CONSUMER, for loop tests. */
extern const unsigned both_ends[2];
unsigned other_end(unsigned end);

/* A handle on a SHARED end. Creates the queue if there is none. */
struct shmemq *end_join(const char *name, unsigned end);

/* Moves a message of CALL_BYTES, end_try() without waiting. -1: errno. */
int end_move(struct shmemq *q, unsigned end, int64_t timeout);
int end_try(struct shmemq *q, unsigned end);

/* Starts such a message in place, without waiting, and ends it. */
bool end_begin(struct shmemq *q, unsigned end);
int end_finish(struct shmemq *q, unsigned end);

/*
 * Starts a process that opens a SHARED end, starts a message in place, and stops; on SIGCONT it ends the message. It
 * opens the queue by `name`, or if that is NULL by `fd`, which needs /proc.
 */
pid_t end_hold(const char *name, int fd, unsigned end);

#endif
