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
 *
 * The words that tell of the range are not trusted. A producer touches only pages that it has itself reserved: those
 * that the words or the positions claim it reserves once more, which costs a system call for each step and does not
 * change what is reserved already. So words that were written by mistake make a call fail with EBADMSG, and cause no
 * SIGBUS in a full /dev/shm; whatever they are, no memory beyond the file's size is reserved. A consumer only reads,
 * and goes by the words: a position outside of what they claim is garbage (smq_extent_claims()). Not covered is a
 * process that means harm: who may write to the queue may as well truncate the file, or punch holes into it, the first
 * ring too; or have a producer give back what another handle has reserved.
 */
#ifndef SMQ_EXTENT_H
#define SMQ_EXTENT_H

#include "handle.h"

/* Where the memory that a record needs ends: the next one's header is written with it. */
static inline uint32_t smq_extent_end(uint32_t position, uint32_t record_units)
{
	return position + record_units + 1;
}

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

/*
 * For a handle that attaches in the extension, before it reads anything there: reserves the pages from that of the
 * consumer's position `head` to where the words say; or from that of the stored tail, which may lag, or of the count,
 * from which records are counted, whether they are popped or not. SMQ_READY or SMQ_BAD.
 */
enum smq_ring_status smq_extent_attach(struct shmemq *q, uint32_t head, uint32_t tail);

/* For a handle that attaches: the pages from `head` to `end` are to be reserved, and nothing else is. */
enum smq_ring_status smq_extent_trim(struct shmemq *q, uint32_t head, uint32_t end);

/* Nothing is reserved: begin at this position, that of a page. */
static inline void smq_extent_begin(struct shmemq *q, uint32_t page)
{
	q->more->kept = q->more->reserved = page;
	q->more->own_from = q->more->own_to = page;
}

/* Is anything reserved? Then an end may be in the extension, or be led there by a jump. */
static inline bool smq_extent_in_use(const struct shmemq *q)
{
	return q->more->kept != q->more->reserved;
}

/* For probes: bytes that the queue's messages have, with the extension reserved up to `to`. */
static inline unsigned long smq_probed_bytes(const struct shmemq *q, uint32_t to)
{
	return (unsigned long)(smq_capacity(q) + (uint64_t)(to - q->more->kept) * SMQ_UNIT);
}

/* Do the words claim that there is memory at this position? */
bool smq_extent_claims(const struct shmemq *q, uint32_t position);

/* Loads what the last holder of a SHARED end has stored. SMQ_READY or SMQ_BAD. */
enum smq_ring_status smq_extent_resume(struct shmemq *q);

/* Stores it all. */
void smq_extent_store(const struct shmemq *q);

#endif
