/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "jump.h"

#include "announce.h"

/* Makes the other ring the one that this end is in. */
static void swap(struct shmemq *q)
{
	struct smq_ring left = q->ring;

	q->ring = q->more->other;
	q->more->other = left;
	q->noted += q->ring.position - left.position; /* as far from the new position as from the old one */
	q->more->extended = !q->more->extended;
}

bool smq_jump_find_ring(struct shmemq *q)
{
	uint32_t extended = smq_load(&smq_own_progress(q)->extended);

	if (extended > 1)
		return false;
	if (extended != q->more->extended)
		swap(q);
	return true;
}

/* Release: the positions are seen before. Its acquire: find_consumer() of limit.c, smq_jump_has_left(). */
static void store_ring(struct shmemq *q)
{
	atomic_store_explicit(&smq_own_progress(q)->extended, q->more->extended, memory_order_release);
}

uint32_t smq_jump_next_start(const struct shmemq *q, const struct smq_ring *extension)
{
	uint32_t page = q->more->page_units, step = smq_room_step(extension), whole = page > step ? page : step;

	return (extension->position + extension->mask + 1 + whole) & ~(whole - 1);
}

bool smq_jump_has_left(const struct shmemq *q, uint32_t tail, uint32_t head, uint32_t returned)
{
	/* Acquire, after that of the head: its release is in store_ring(). A consumer that is killed between the
	 * stores of its new head and of this has not left. */
	return tail - head <= tail - returned &&
	       atomic_load_explicit(&q->header->consumer_progress.extended, memory_order_acquire) == 0;
}

void smq_jump_rebase(struct smq_ring *extension, uint32_t position)
{
	struct smq_header *words = extension->header;

	/* Relaxed: a consumer reads them after the jump. The tail first: if it is more than a ring after the head, the
	 * producer was killed here. */
	atomic_store_explicit(&words->producer_progress.moved.position_units, position, memory_order_relaxed);
	atomic_store_explicit(&words->consumer_progress.moved.lease_units, position, memory_order_relaxed);
	atomic_store_explicit(&words->consumer_room.position_units, position, memory_order_relaxed);
	/* Release: after the tail. */
	atomic_store_explicit(&words->consumer_progress.moved.position_units, position, memory_order_release);
	extension->head = position;
}

void smq_jump_to(struct shmemq *q, uint32_t target, uint32_t need)
{
	struct smq_ring *other = &q->more->other;

	other->position = target;
	smq_ring_announce(other, need, q->ring.messages_lo);
	smq_ring_enter(other, q->ring.messages_lo);
	smq_ring_renumber(other, q->ring.messages_lo);
	smq_ring_jump(&q->ring, other);
	swap(q);
	store_ring(q);
	if (q->more->extended)
		q->more->arrived = target;
	else
		q->more->returned = target;
	smq_extent_store(q);
}

enum smq_ring_status smq_jump_follow(struct shmemq *q, uint32_t target)
{
	struct smq_ring *other = &q->more->other;
	/* Relaxed: the producer may have stored it before the jump. */
	uint32_t head = smq_load(&other->moved->position_units);

	if (!smq_position_is_aligned(other, target) || target - head > other->mask ||
	    (!q->more->extended && !smq_extent_claims(q, target)))
		return SMQ_BAD;
	smq_ring_flush_room(&q->ring);
	smq_ring_arrive(other, target);
	swap(q);
	store_ring(q);
	return SMQ_READY;
}

enum smq_ring_status smq_jump_finish(struct shmemq *q)
{
	struct smq_ring *other = &q->more->other;
	uint32_t target;

	if (!smq_ring_jumps(&q->ring, q->ring.position, &target) ||
	    (target != other->position && target != smq_jump_target(q)))
		return SMQ_BAD;
	atomic_store_explicit(&other->moved->position_units, target, memory_order_relaxed);
	swap(q);
	store_ring(q);
	return SMQ_READY;
}
