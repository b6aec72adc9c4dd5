/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "limit.h"

/* Where an end stands. */
struct place {
	uint32_t extended; /* in which ring */
	uint32_t position;
};

static const struct smq_ring *ring_at(const struct shmemq *q, uint32_t extended)
{
	return smq_is_elastic(q) && extended != q->more->extended ? &q->more->other : &q->ring;
}

static struct place own_place(const struct shmemq *q)
{
	return (struct place){ smq_is_elastic(q) ? q->more->extended : 0, q->ring.position };
}

static struct place limited_place(const struct shmemq *q)
{
	return (struct place){ q->more->limited_extended, q->more->limited_units };
}

/* Can an end stand there, in a ring that this side has filled up to its tail? */
static bool is_valid(const struct shmemq *q, struct place place)
{
	const struct smq_ring *ring = ring_at(q, place.extended);

	return place.extended <= smq_is_elastic(q) && smq_position_is_aligned(ring, place.position) &&
	       ring->position - place.position < smq_units_with_memory(q, place.extended);
}

/*
 * Where the consumer stands: at the last head that was seen, or after it. Of a queue that may grow it is loaded, since
 * the consumer may have gone to the other ring.
 */
static bool find_consumer(const struct shmemq *q, struct place *place)
{
	*place = (struct place){ 0, q->ring.head };
	if (smq_is_elastic(q)) {
		/* Acquire: its release is in store_ring() of jump.c. The head that is loaded is that one or later. */
		place->extended = atomic_load_explicit(&q->header->consumer_progress.extended, memory_order_acquire);
		/* Acquire, as in smq_ring_load_head(). */
		place->position = atomic_load_explicit(
			&smq_header_of_ring(q, place->extended)->consumer_progress.moved.position_units,
			memory_order_acquire);
	}
	return is_valid(q, *place);
}

/*
 * Counts the messages between two places, both valid. They are this end's own and in order, unless another process has
 * written there. In each ring it only comes nearer to the tail, so it ends.
 */
static enum smq_ring_status count_to(const struct shmemq *q, struct place at, struct place end, uint32_t *count)
{
	uint32_t left[2], size, target;

	for (uint32_t i = 0; i < (smq_is_elastic(q) ? 2 : 1); i++)
		left[i] = smq_units_with_memory(q, i);
	left[at.extended] = ring_at(q, at.extended)->position - at.position;
	for (*count = 0; at.extended != end.extended || at.position != end.position;) {
		const struct smq_ring *ring = ring_at(q, at.extended);

		if (smq_ring_peek_at(ring, at.position, &size) == SMQ_READY) {
			uint32_t units = smq_record_units(ring, size);

			if (units > left[at.extended])
				return SMQ_BAD;
			at.position += units;
			left[at.extended] -= units;
			++*count;
			continue;
		}
		if (!smq_is_elastic(q) || !smq_ring_jumps(ring, at.position, &target))
			return SMQ_BAD;
		at = (struct place){ !at.extended, target };
		ring = ring_at(q, at.extended);
		if (!smq_position_is_aligned(ring, target) || ring->position - target >= left[at.extended])
			return SMQ_BAD;
		left[at.extended] = ring->position - target;
	}
	return SMQ_READY;
}

/* Relaxed: read by handles of this end, with the owner lock; and by guesses. */
static void store(struct shmemq *q)
{
	struct smq_progress *progress = &q->header->producer_progress;

	atomic_store_explicit(&progress->limited_messages, q->more->limited_messages, memory_order_relaxed);
	atomic_store_explicit(&progress->limited_extended, q->more->limited_extended, memory_order_relaxed);
	atomic_store_explicit(&progress->limited_units, q->more->limited_units, memory_order_relaxed);
}

static void set_limited(struct shmemq *q, struct place place, uint32_t messages)
{
	q->more->limited_extended = place.extended;
	q->more->limited_units = place.position;
	q->more->limited_messages = messages;
	store(q);
}

enum smq_ring_status smq_limit_attach(struct shmemq *q)
{
	struct place consumer;
	uint32_t count;

	if (!find_consumer(q, &consumer) || count_to(q, consumer, own_place(q), &count) != SMQ_READY)
		return SMQ_BAD;
	set_limited(q, consumer, smq_pushed(q) - count);
	return SMQ_READY;
}

enum smq_ring_status smq_limit_resume(struct shmemq *q)
{
	const struct smq_progress *progress = &q->header->producer_progress;

	q->more->limited_messages = smq_load(&progress->limited_messages);
	q->more->limited_extended = smq_load(&progress->limited_extended);
	q->more->limited_units = smq_load(&progress->limited_units);
	return is_valid(q, limited_place(q)) ? SMQ_READY : SMQ_BAD;
}

enum smq_ring_status smq_limit_follow(struct shmemq *q)
{
	struct place consumer, limited;
	uint32_t count;

	if (!(q->state & SMQ_LIMITED))
		return SMQ_READY;
	limited = limited_place(q);
	/* On a SHARED end the head may be an older one, going by the room. */
	if (!smq_is_elastic(q) && q->ring.position - limited.position <= q->ring.position - q->ring.head)
		return SMQ_READY;
	if (!find_consumer(q, &consumer) || count_to(q, limited, consumer, &count) != SMQ_READY)
		return SMQ_BAD;
	if (consumer.position != limited.position || consumer.extended != limited.extended)
		set_limited(q, consumer, q->more->limited_messages + count);
	return SMQ_READY;
}

enum smq_ring_status smq_limit_check(struct shmemq *q)
{
	enum smq_ring_status status;

	if (smq_limit_left(q) != 0)
		return SMQ_READY;
	/* The head and not the room, which says nothing of a few small messages. */
	status = smq_ring_load_head(&q->ring, 0);
	if (status == SMQ_READY && q->ring.position - q->more->limited_units < q->ring.position - q->ring.head &&
	    !smq_is_elastic(q))
		status = SMQ_BAD;
	if (status == SMQ_READY)
		status = smq_limit_follow(q);
	if (status != SMQ_READY)
		return status;
	return smq_limit_left(q) != 0 ? SMQ_READY : SMQ_NOT_YET;
}

bool smq_limit_guess(const struct shmemq *q)
{
	const struct smq_progress *pushed = &q->header->producer_progress, *popped = &q->header->consumer_progress;
	uint32_t messages = smq_load(&pushed->moved.messages_lo), extended = 0, head;

	if (smq_is_elastic(q)) {
		messages += smq_load(&smq_extension_of(q->header)->producer_progress.moved.messages_lo);
		extended = smq_load(&popped->extended);
		if (extended != 0)
			popped = &smq_extension_of(q->header)->consumer_progress;
	}
	head = smq_is_elastic(q) ? smq_load(&popped->moved.position_units)
				 : smq_ring_guess_head(&q->ring, smq_load(&pushed->moved.position_units));
	/* A handle that has counted up to the head found the limit reached; each later pop is followed by a
	 * notification. */
	return messages - smq_load(&pushed->limited_messages) < q->more->messages_max ||
	       smq_load(&pushed->limited_extended) != extended || smq_load(&pushed->limited_units) != head;
}
