/* SPDX-License-Identifier: MIT */
/*
 * The consumers of a broadcast queue. Each has a number, which its lock and its words (struct smq_reader) go by, and a
 * position of its own, from its claim on.
 *
 *	consumer	JOINING, fence, position = the tail, OPEN; ... ; CLOSED
 *	producer	before it goes beyond the head that it knows: fence, read all claims and positions; the head
 *			is the position that is furthest back. While it waits, once a slice: let the dead ones go
 *
 * slowest.c has the first half of it. A producer that finds a consumer dead changes its claim to DEAD by a compare-and-
 * exchange with the claim that it has asked about. So it cannot harm a new consumer with that number, whose claim has
 * another count, nor a close. The consumer's own reads come before all this: its process has ended.
 */
#ifndef SMQ_READERS_H
#define SMQ_READERS_H

#include "handle.h"
#include "shmemq.h"

/* Is it a broadcast queue's consumer? */
static inline bool smq_is_reader(const struct shmemq *q)
{
	return q->flags & SHMEMQ_ATTR_BROADCAST && !q->producer && !q->observer;
}

/* Does it wait for all consumers, instead of the last that claimed the end? */
static inline bool smq_is_broadcaster(const struct shmemq *q)
{
	return q->flags & SHMEMQ_ATTR_BROADCAST && q->producer;
}

/* Claims the words of this number, whose lock the handle has, and attaches to the ring. SMQ_READY or SMQ_BAD. */
enum smq_ring_status smq_readers_join(struct shmemq *q, uint32_t number);

/* The number of a consumer that has joined. */
uint32_t smq_readers_number(const struct shmemq *q);

/* Gives its words up: no producer waits for it any more. The caller notifies them. */
void smq_readers_leave(struct shmemq *q);

/* Producer: asks the kernel about all consumers, and lets the dead ones go. */
void smq_readers_probe(struct shmemq *q);

#endif
