/* SPDX-License-Identifier: MIT */
/*
 * messages_max: a push waits while so many messages are queued.
 *
 * How many are queued is not the difference of the two ends' totals, since a kill leaves a total short of an operation.
 * The positions are exact. So when the producer has pushed as many as may be queued, it counts the records from where
 * it last counted to the head: it reads each of its size words once more. Before it may overwrite them, or give back
 * their memory, it counts up to there too. What it has counted stands in the header, for the other handles of a SHARED
 * end. A handle that attaches counts from the head to the tail. Of a queue that may grow all this goes through both
 * rings, as the jumps lead.
 *
 * All of these with the owner lock, if the end is SHARED, but for the guess.
 */
#ifndef SMQ_LIMIT_H
#define SMQ_LIMIT_H

#include "handle.h"

/* Counts what is queued, as a new holder of the end that is attached. SMQ_READY or SMQ_BAD. */
enum smq_ring_status smq_limit_attach(struct shmemq *q);

/* Loads what other handles of the end have counted. */
enum smq_ring_status smq_limit_resume(struct shmemq *q);

/* Messages pushed so far, in both rings, modulo 2^32. */
static inline uint32_t smq_pushed(const struct shmemq *q)
{
	return q->ring.messages_lo + (smq_is_elastic(q) ? q->more->other.messages_lo : 0);
}

/* How many messages may be pushed, as far as this side knows? */
static inline uint32_t smq_limit_left(const struct shmemq *q)
{
	uint32_t queued = smq_pushed(q) - q->more->limited_messages;

	return queued < q->more->messages_max ? q->more->messages_max - queued : 0;
}

/*
 * May one be pushed? Counts what lies before the head that this side knows; if that is not enough, what has been popped
 * since. To be called before a new head is used.
 */
enum smq_ring_status smq_limit_check(struct shmemq *q);

/*
 * Counts up to the head that this side has seen: before it writes there. Nothing is done without messages_max.
 */
enum smq_ring_status smq_limit_follow(struct shmemq *q);

/* smq_limit_check() without the owner lock, as smq_ring_guess(). */
bool smq_limit_guess(const struct shmemq *q);

#endif
