/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "announce.h"

/* Sets the cached head so that records fit which end within `limit`, as far as the head allows. */
static void set_reach(struct smq_ring *ring, uint32_t limit)
{
	uint32_t align_units = ring->align_mask / SMQ_UNIT + 1;
	/* A record, and the header after it, end at a multiple of the alignment. */
	uint32_t reach = limit / align_units * align_units + align_units - 1 - (ring->mask + 1);

	uint32_t before = ring->position - reach;

	/* Not if the limit is more than a ring after the tail: it is rounded up. */
	ring->cached_head = (int32_t)before > 0 && before > ring->position - ring->head ? reach : ring->head;
}

void smq_ring_narrow(struct smq_ring *ring, uint32_t end)
{
	uint32_t fits = ring->cached_head;

	set_reach(ring, end);
	/* What is further back leaves less space. */
	if (ring->position - fits > ring->position - ring->cached_head)
		ring->cached_head = fits;
}

void smq_ring_forget_limit(struct smq_ring *ring)
{
	set_reach(ring, ring->position + 1);
}

void smq_ring_resume_limit(struct smq_ring *ring)
{
	uint32_t limit = smq_load(&ring->header->producer_progress.limit_units), step = smq_room_step(ring);
	uint32_t entered = (ring->position / step + 1) * step;

	/* Not beyond this 64th: the index may not tell of the tail in later ones (smq_ring_shrink()). */
	if ((int32_t)(limit - entered) > 0)
		limit = entered;
	if (limit - ring->position - 1 > ring->mask)
		limit = ring->position + 1;
	set_reach(ring, limit);
}

void smq_ring_shrink(struct smq_ring *ring, uint32_t record_units)
{
	uint32_t step = smq_room_step(ring);

	smq_ring_narrow(ring, (ring->position + record_units + step) / step * step);
}

/* An entry that is being changed: so far from any limit that it is not valid. */
#define SMQ_INDEX_CHANGING 0x80000000u

/* Enters into the index the record at the tail, which is the first to reach into the `count` 64ths before `limit`. */
static void enter(struct smq_ring *ring, uint32_t limit, uint32_t count, uint32_t messages)
{
	uint32_t end = limit / smq_room_step(ring);

	for (uint32_t i = end - count; i != end; i++) {
		struct smq_index *entry = &ring->header->index[i % SMQ_INDEX_ENTRIES];

		/* The old position may be valid still: of a message that was started there, and ended smaller. */
		atomic_store_explicit(&entry->position_units, ring->position ^ SMQ_INDEX_CHANGING,
				      memory_order_relaxed);
		/* Release: a follower that sees this number sees that the old position is gone. */
		atomic_store_explicit(&entry->messages_lo, messages, memory_order_release);
		/* Release: a follower that sees this position sees its number. */
		atomic_store_explicit(&entry->position_units, ring->position, memory_order_release);
	}
}

void smq_ring_enter(struct smq_ring *ring, uint32_t others)
{
	uint32_t step = smq_room_step(ring);

	enter(ring, (ring->position / step + 1) * step, 1, ring->messages_lo + others);
}

/*
 * Each release orders the store after the one before it, for a follower that reads all three twice, and in what a
 * killed producer leaves: see smq_ring_recount().
 */
void smq_ring_count(struct smq_ring *ring, uint32_t others)
{
	struct smq_progress *progress = &ring->header->producer_progress;

	atomic_store_explicit(&progress->counted_units, ring->position, memory_order_release);
	atomic_store_explicit(&progress->counted_messages, ring->messages_lo + others, memory_order_release);
	atomic_store_explicit(&progress->counted_again, ring->position, memory_order_release);
}

void smq_ring_announce(struct smq_ring *ring, uint32_t record_units, uint32_t others)
{
	uint32_t step = smq_room_step(ring), limit = (ring->position + record_units + step) / step * step;
	smq_word *stored = &ring->header->producer_progress.limit_units;
	/* The first 64th that begins at the record or after it; or that has no entry, since the limit lay in it. */
	uint32_t before = smq_load(stored), first = (ring->position + step - 1) / step * step;

	/* It is not rounded up beyond what the head allows to be written: so what is queued is always intact. */
	if (limit - ring->head > ring->mask + 1)
		limit = ring->head + ring->mask + 1;
	/* It never goes back: a message that was started may have been ended with a smaller size, or cancelled. */
	if ((int32_t)(limit - before) > 0)
		atomic_store_explicit(stored, limit, memory_order_relaxed);
	if ((int32_t)(before / step * step - first) < 0)
		first = before / step * step;
	if (limit - first > ring->mask + 1)
		first = limit / step * step - ring->mask - 1;
	/* If it did not move, the index has that message in all 64ths that it was to reach into. */
	if ((int32_t)(limit - first) > 0)
		enter(ring, limit, (limit / step * step - first) / step, ring->messages_lo + others);
	smq_ring_count(ring, others);
	/* The limit is seen before what is written from now on. Partner: the acquire fence of a follower between its
	 * copy of messages and its load of the limit. If it has copied any of that, it sees this limit
	 * (doc/model/follow.cc). */
	atomic_thread_fence(memory_order_release);
	set_reach(ring, limit);
}

void smq_ring_renumber(struct smq_ring *ring, uint32_t others)
{
	for (uint32_t i = 0; i < SMQ_INDEX_ENTRIES; i++) {
		struct smq_index *entry = &ring->header->index[i];

		/* Relaxed: the jump publishes it. */
		if (smq_load(&entry->position_units) == ring->position)
			atomic_store_explicit(&entry->messages_lo, ring->messages_lo + others, memory_order_relaxed);
	}
}

/* Is the entry of the `i`th 64th of all valid, for this limit? */
static bool is_entered(const struct smq_ring *ring, uint32_t i, uint32_t limit)
{
	const struct smq_index *entry = &ring->header->index[i % SMQ_INDEX_ENTRIES];
	uint32_t entered = smq_load(&entry->position_units), end = (i + 1) * smq_room_step(ring);

	return smq_position_is_aligned(ring, entered) && end - entered - 1 <= ring->mask &&
	       limit - entered <= ring->mask + 1 && smq_index_is_set(entered, smq_load(&entry->messages_lo), false);
}

/*
 * A producer that was killed between the store of the limit and that of the index has left the index without entries;
 * without any, if the message may have taken up the whole ring. What was announced is announced no more. An entry that
 * is valid stays: a follower may have read its position, and not yet its number.
 */
static void enter_again(struct smq_ring *ring, uint32_t others)
{
	uint32_t step = smq_room_step(ring), limit = smq_load(&ring->header->producer_progress.limit_units);

	if (limit - ring->position - 1 > ring->mask)
		return;
	for (uint32_t at = ring->position / step * step; at != limit / step * step; at += step) {
		if (!is_entered(ring, at / step, limit))
			enter(ring, at + step, 1, ring->messages_lo + others);
	}
}

/* Counts the records from `at` to the tail. false: garbage. */
static bool count_records(const struct smq_ring *ring, uint32_t at, uint32_t *count)
{
	uint32_t size;

	for (*count = 0; at != ring->position; ++*count) {
		if (smq_ring_peek_at(ring, at, &size) != SMQ_READY ||
		    smq_record_units(ring, size) > ring->position - at)
			return false;
		at += smq_record_units(ring, size);
	}
	return true;
}

void smq_ring_recount(struct smq_ring *ring, uint32_t others, uint32_t readable)
{
	const struct smq_progress *progress = &ring->header->producer_progress;
	/* Relaxed: the end's lock, or the owner lock, orders what the last holder has stored. */
	uint32_t at = smq_load(&progress->counted_units), count, missing;

	/* No record after the count has been written over: each was written within a limit that was stored before the
	 * count, and lies at most a ring after it. */
	if (at == smq_load(&progress->counted_again) && smq_position_is_aligned(ring, at) &&
	    ring->position - at < readable && count_records(ring, at, &count)) {
		missing = smq_load(&progress->counted_messages) + count - others - ring->messages_lo;
		/* No operation moves more. */
		if (missing != 0 && missing <= ring->mask)
			smq_ring_move(ring, ring->position, missing, 0);
	}
	enter_again(ring, others);
}
