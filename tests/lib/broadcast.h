/* SPDX-License-Identifier: MIT */
/* Broadcast queues whose messages are consecutive numbers. */
#ifndef TESTS_BROADCAST_H
#define TESTS_BROADCAST_H

#include <stdint.h>

#include "shmemq.h"

/* Opens an end, or fails the test. Creates the queue if there is none: with the smallest ring. */
struct shmemq *broadcast_open(const char *name, unsigned flags);

/* Pushes the numbers from `first` on, `count` of them, without waiting. */
void broadcast_push(struct shmemq *q, uint32_t first, uint32_t count);

/* Pushes until the ring is full. Returns how many: at most `most`. */
uint32_t broadcast_fill(struct shmemq *q, uint32_t first, uint32_t most);

/* Pops these numbers and no others, none of them marked as redelivered. `way`: copied, in place, or in batches. */
enum { BROADCAST_COPY, BROADCAST_IN_PLACE, BROADCAST_BATCH, BROADCAST_WAYS };
void broadcast_pop(struct shmemq *q, int way, uint32_t first, uint32_t count);

/* There is nothing to pop. */
void broadcast_empty(struct shmemq *q);

#endif
