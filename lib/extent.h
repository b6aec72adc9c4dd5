/* SPDX-License-Identifier: MIT */
/*
 * The extension's memory: which part of it is reserved. It is a range of whole pages that holds all records between the
 * consumer's position and the producer's, and what is reserved in advance; never more than capacity_max - capacity.
 *
 * A kill leaves nothing unreserved that a position refers to: memory is reserved before the new end of the range is
 * stored, and the new start is stored before memory is given back. It may leave memory that the range does not tell of;
 * so a handle that attaches gives back all outside.
 *
 * By the producer's handle; on a SHARED end, the holder of the owner lock.
 */
#ifndef SMQ_EXTENT_H
#define SMQ_EXTENT_H

#include "handle.h"

/*
 * Reserves the extension up to the position `end`; `head`: what lies before it is not needed any more. SMQ_NOT_YET:
 * that would be too much, or there is no memory. `patient`: the call waits, so memory is asked for once in each slice;
 * else once in SMQ_TRIES_A_CLOCK_READING tries.
 */
enum smq_ring_status smq_extent_reserve(struct shmemq *q, uint32_t head, uint32_t end, bool patient);

/* The same question without an answer by the kernel: might memory be had? */
bool smq_extent_is_worth_a_try(const struct shmemq *q, bool patient);

/* Gives back the whole pages before `head`, if they are worth the system call. */
void smq_extent_advance(struct shmemq *q, uint32_t head);

/* Gives everything back: neither end needs anything before `next`. */
void smq_extent_forget(struct shmemq *q, uint32_t next);

/* For a handle that attaches: the pages from `head` to `end` are reserved, and nothing else is to be. */
enum smq_ring_status smq_extent_trim(struct shmemq *q, uint32_t head, uint32_t end);

/* Nothing is reserved: begin at this position, that of a page. */
static inline void smq_extent_begin(struct shmemq *q, uint32_t page)
{
	q->more->kept = q->more->reserved = page;
}

/* Is anything reserved? Then an end may be in the extension, or be led there by a jump. */
static inline bool smq_extent_in_use(const struct shmemq *q)
{
	return q->more->kept != q->more->reserved;
}

/* Loads what the last holder of a SHARED end has stored. SMQ_READY or SMQ_BAD. */
enum smq_ring_status smq_extent_resume(struct shmemq *q);

/* Stores it all. */
void smq_extent_store(const struct shmemq *q);

#endif
