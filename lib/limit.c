/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "limit.h"

static uint32_t load(const smq_word *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

/*
 * Counts the messages from `*at` on, to `*count`, and moves `*at` to `end`, which is not before it and at most a ring
 * after it. They are this end's own and in order, unless another process has written there.
 */
static enum smq_ring_status count_to(const struct smq_ring *ring, uint32_t end, uint32_t *at, uint32_t *count)
{
	uint32_t size;

	while (*at != end) {
		if (smq_ring_peek_at(ring, *at, &size) != SMQ_READY || smq_record_units(ring, size) > end - *at)
			return SMQ_BAD;
		*at += smq_record_units(ring, size);
		++*count;
	}
	return SMQ_READY;
}

/* Relaxed: read by handles of this end, with the owner lock; and by guesses. */
static void store(struct shmemq *q)
{
	struct smq_progress *progress = &q->header->producer_progress;

	atomic_store_explicit(&progress->limited_messages, q->more->limited_messages, memory_order_relaxed);
	atomic_store_explicit(&progress->limited_units, q->more->limited_units, memory_order_relaxed);
}

enum smq_ring_status smq_limit_attach(struct shmemq *q)
{
	uint32_t at = q->ring.head, count = 0;
	enum smq_ring_status status = count_to(&q->ring, q->ring.position, &at, &count);

	q->more->limited_units = q->ring.head;
	q->more->limited_messages = q->ring.messages_lo - count;
	if (status == SMQ_READY)
		store(q);
	return status;
}

enum smq_ring_status smq_limit_resume(struct shmemq *q)
{
	const struct smq_progress *progress = &q->header->producer_progress;

	q->more->limited_messages = load(&progress->limited_messages);
	q->more->limited_units = load(&progress->limited_units);
	if (!smq_position_is_aligned(&q->ring, q->more->limited_units) ||
	    q->ring.position - q->more->limited_units > q->ring.mask)
		return SMQ_BAD;
	return SMQ_READY;
}

/* Counts what lies before the head that this side knows. That may be the room, which lags: then that is done. */
static enum smq_ring_status count_to_head(struct shmemq *q)
{
	struct smq_more *more = q->more;
	enum smq_ring_status status;

	if (q->ring.position - more->limited_units <= q->ring.position - q->ring.head)
		return SMQ_READY;
	status = count_to(&q->ring, q->ring.head, &more->limited_units, &more->limited_messages);
	if (status == SMQ_READY)
		store(q);
	return status;
}

enum smq_ring_status smq_limit_check(struct shmemq *q)
{
	enum smq_ring_status status = count_to_head(q);

	if (status != SMQ_READY || smq_limit_left(q) != 0)
		return status;
	/* The head and not the room, which says nothing of a few small messages. */
	status = smq_ring_load_head(&q->ring, 0);
	if (status == SMQ_READY)
		status = count_to_head(q);
	return status == SMQ_READY && smq_limit_left(q) == 0 ? SMQ_NOT_YET : status;
}

bool smq_limit_guess(const struct shmemq *q)
{
	const struct smq_progress *progress = &q->header->producer_progress;

	/* A handle that has counted up to the head found the limit reached; each later pop is followed by a
	 * notification. */
	return load(&progress->moved.messages_lo) - load(&progress->limited_messages) < q->more->messages_max ||
	       load(&progress->limited_units) != smq_ring_guess_head(&q->ring, load(&progress->moved.position_units));
}
