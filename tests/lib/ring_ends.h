/* SPDX-License-Identifier: MIT */
/* What the suites of the ring begin with: a ring in memory, and both of its ends. */
#ifndef TESTS_RING_ENDS_H
#define TESTS_RING_ENDS_H

#include <stdbool.h>
#include <stdint.h>

#include "memory.h"

/* Of the present ring: bytes of the largest message, units of the whole ring and of the alignment. */
#define MESSAGE_MAX ((uint32_t)memory.capacity - memory.alignment - 8)
#define CAPACITY    ((uint32_t)memory.capacity / 8)
#define ALIGNED     (memory.alignment / 8)
/* Of the messages that push() makes: bytes, and units of their records. */
#define SIZE   20
#define RECORD (memory.alignment < 32 ? 4 : ALIGNED)

/* Most tests run with each of these. The first is the smallest, with which any unit is a place for a record. */
extern const uint32_t alignments[];
#define ALIGNMENTS 3

extern struct memory memory;
extern struct smq_ring producer, consumer;
extern struct smq_moved *pushed, *popped; /* what each end has stored of its progress */

/* Makes a ring in which messages have that alignment, by its index above. */
void use_alignment(int i);

/* Empties the ring and attaches both ends at this position. */
void start_at(uint32_t position);

/* Both, near the end of the ring and of the 32-bit positions: fixtures, one for each alignment. */
void start_near_the_end(void);
void start_near_the_end_64(void);
void start_near_the_end_4096(void);

void push(uint64_t content);
bool empty(void);

#endif
