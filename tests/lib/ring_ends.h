/* SPDX-License-Identifier: MIT */
/* What the suites of the ring begin with: a ring in memory, and both of its ends. */
#ifndef TESTS_RING_ENDS_H
#define TESTS_RING_ENDS_H

#include <stdbool.h>
#include <stdint.h>

#include "memory.h"

#define MESSAGE_MAX (memory.capacity - SMQ_CAPACITY_OVERHEAD)
#define SIZE        20 /* of the messages that push() makes */
#define RECORD      32 /* of their records */

extern struct memory memory;
extern struct smq_ring producer, consumer;
extern struct smq_progress *pushed, *popped; /* what each end has stored of its progress */

/* Empties the ring and attaches both ends at this position. */
void start_at(uint32_t position);

/* The same near the end of the ring and of the 32-bit positions: a fixture. */
void start_near_the_end(void);

void push(uint64_t content);
bool empty(void);

#endif
