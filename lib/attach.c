/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "attach.h"

#include "announce.h"

/* By the end's holder, beside which no other handle changes them. */
static void load_totals(struct smq_ring *ring)
{
	const struct smq_moved *progress = ring->moved;

	ring->messages_lo = smq_load(&progress->messages_lo);
	ring->moved_lo = smq_load(&progress->moved_lo);
	ring->messages_hi = smq_ring_corrected(smq_load(&ring->moved->messages_hi), ring->messages_lo);
	ring->moved_hi = smq_ring_corrected(smq_load(&progress->moved_hi), ring->moved_lo);
}

static void load_moved(struct smq_ring *ring, struct smq_moved *moved)
{
	ring->moved = moved;
	ring->position = smq_load(&moved->position_units);
	load_totals(ring);
}

/* Where an attaching producer finds a head. Of a broadcast queue that is the last one that a producer has gone by. */
static const smq_word *head_word(const struct smq_ring *ring, const struct smq_header *header)
{
	return ring->readers != NULL ? &header->consumer_room.position_units
				     : &header->consumer_progress.moved.position_units;
}

enum smq_ring_status smq_ring_attach_growing(struct smq_ring *ring, struct smq_header *header,
					     const struct smq_span *within, bool *jump)
{
	uint32_t target, size, count = 0, bytes = 0;
	enum smq_ring_status status;
	struct smq_span span;

	load_moved(ring, &header->producer_progress.moved);
	ring->header = header;
	span = within != NULL ? *within : (struct smq_span){ ring->position, ring->mask + 1 };
	if (!smq_position_is_aligned(ring, ring->position) || ring->position - span.from >= span.units)
		return SMQ_BAD;
	/* The last producer may have died between the publication and the store of its tail. What it published stands,
	 * and the size word after it is 0, whatever an unfinished push has written after that word: walk on to it. All
	 * of it fits into the ring. */
	while ((status = smq_ring_peek_at(ring, ring->position, &size)) == SMQ_READY) {
		ring->position += smq_record_units(ring, size);
		if (ring->position - span.from >= span.units)
			return SMQ_BAD;
		count++;
		bytes += size;
	}
	if (status == SMQ_BAD && jump != NULL) {
		*jump = smq_ring_jumps(ring, ring->position, &target);
		status = *jump ? SMQ_READY : SMQ_BAD;
	}
	/* Acquire, as in smq_ring_load_head(). */
	ring->head = atomic_load_explicit(head_word(ring, header), memory_order_acquire);
	if (status == SMQ_BAD || !smq_ring_head_is_valid(ring, ring->head))
		return SMQ_BAD;
	smq_ring_forget_limit(ring);
	/* Only here, after all checks, is shared memory written. */
	smq_ring_move(ring, ring->position, count, bytes);
	return ring->readers == NULL || smq_slowest_load(ring, true) ? SMQ_READY : SMQ_BAD;
}

enum smq_ring_status smq_ring_attach_producer(struct smq_ring *ring, struct smq_header *header)
{
	return smq_ring_attach_growing(ring, header, NULL, NULL);
}

enum smq_ring_status smq_ring_attach_away(struct smq_ring *ring, struct smq_header *header, bool producer)
{
	smq_ring_attach_shared(ring, header, producer);
	load_moved(ring, ring->moved);
	if (!producer)
		ring->lease = ring->position;
	else /* acquire, as in smq_ring_load_head() */
		ring->head =
			atomic_load_explicit(&header->consumer_progress.moved.position_units, memory_order_acquire);
	return smq_position_is_aligned(ring, ring->position) ? SMQ_READY : SMQ_BAD;
}

/* Loads what an earlier consumer, or another handle of a SHARED end, has held and not released. */
static void load_lease(struct smq_ring *ring)
{
	uint32_t lease = smq_load(&ring->moved->lease_units);

	ring->redelivering = lease != ring->position && lease - ring->position <= ring->mask + 1;
	ring->redelivered_end = lease;
	ring->lease = ring->redelivering ? lease : ring->position;
	if (ring->lease != lease)
		atomic_store_explicit(&ring->moved->lease_units, ring->lease, memory_order_relaxed);
}

enum smq_ring_status smq_ring_attach_consumer(struct smq_ring *ring, struct smq_header *header)
{
	uint32_t tail, capacity = ring->mask + 1;

	load_moved(ring, &header->consumer_progress.moved);
	/* The stored tail may be before the head, because the size word publishes a record and not the tail; but by
	 * less than a ring. */
	tail = smq_load(&header->producer_progress.moved.position_units); /* relaxed: only a plausibility check */
	if (!smq_position_is_aligned(ring, ring->position) ||
	    (tail - ring->position > capacity && ring->position - tail > capacity))
		return SMQ_BAD;
	load_lease(ring);
	ring->room = &header->consumer_room.position_units;
	ring->room_due = smq_load(ring->room) + smq_room_step(ring);
	smq_ring_store_room(ring);
	return SMQ_READY;
}

/* The producer's words, copied while it may be pushing. */
struct pushed {
	uint32_t tail, messages_lo, messages_hi, moved_lo, moved_hi;
};

static void copy_pushed(const struct smq_moved *moved, struct pushed *pushed)
{
	pushed->tail = atomic_load_explicit(&moved->position_units, memory_order_acquire);
	/* Acquire: the upper words are loaded after the lower ones, as smq_ring_total() needs it. */
	pushed->messages_lo = atomic_load_explicit(&moved->messages_lo, memory_order_acquire);
	pushed->moved_lo = atomic_load_explicit(&moved->moved_lo, memory_order_acquire);
	pushed->messages_hi = smq_ring_corrected(smq_load(&moved->messages_hi), pushed->messages_lo);
	pushed->moved_hi = smq_ring_corrected(smq_load(&moved->moved_hi), pushed->moved_lo);
}

/* Attempts to copy them from one moment: they are for shmemq_stat(), and may be one push short in any case. */
#define COPIES 100

enum smq_ring_status smq_ring_join(struct smq_ring *ring, struct smq_header *header, struct smq_reader *reader)
{
	const struct smq_moved *producer = &header->producer_progress.moved;
	struct smq_moved *moved = &reader->moved[0];
	struct pushed pushed;

	copy_pushed(producer, &pushed);
	for (int i = 0; i < COPIES && smq_load(&producer->position_units) != pushed.tail; i++)
		copy_pushed(producer, &pushed);
	if (!smq_position_is_aligned(ring, pushed.tail))
		return SMQ_BAD;
	ring->moved = moved;
	ring->position = ring->lease = pushed.tail;
	/* What was pushed before counts as popped, so that the difference is what is queued for this consumer. */
	ring->messages_lo = pushed.messages_lo;
	ring->messages_hi = pushed.messages_hi;
	ring->moved_lo = pushed.moved_lo;
	ring->moved_hi = pushed.moved_hi;
	/* Relaxed: OPEN publishes all of this. */
	atomic_store_explicit(&moved->position_units, pushed.tail, memory_order_relaxed);
	atomic_store_explicit(&moved->lease_units, pushed.tail, memory_order_relaxed);
	atomic_store_explicit(&moved->messages_lo, pushed.messages_lo, memory_order_relaxed);
	atomic_store_explicit(&moved->messages_hi, pushed.messages_hi, memory_order_relaxed);
	atomic_store_explicit(&moved->moved_lo, pushed.moved_lo, memory_order_relaxed);
	atomic_store_explicit(&moved->moved_hi, pushed.moved_hi, memory_order_relaxed);
	ring->room = &reader->room[0].position_units;
	smq_ring_store_room(ring);
	return SMQ_READY;
}

void smq_ring_attach_shared(struct smq_ring *ring, struct smq_header *header, bool producer)
{
	ring->moved = producer ? &header->producer_progress.moved : &header->consumer_progress.moved;
	if (producer)
		ring->header = header;
	else
		ring->room = &header->consumer_room.position_units;
	ring->messages_lo = ring->messages_hi = UINT32_MAX; /* no valid total: the first resume loads everything */
}

enum smq_ring_status smq_ring_resume(struct smq_ring *ring, bool producer)
{
	uint32_t position;

	if (smq_ring_is_unmoved(ring, producer))
		return SMQ_READY;
	/* Relaxed, this and the other loads: they follow the acquire of the owner lock. */
	position = smq_load(&ring->moved->position_units);
	if (!smq_position_is_aligned(ring, position))
		return SMQ_BAD;
	load_totals(ring);
	ring->position = position;
	if (!producer) {
		load_lease(ring);
		ring->room_due = smq_load(ring->room) + smq_room_step(ring);
		return SMQ_READY;
	}
	/* The room and not the head, whose line the consumer writes with every message. Between a pop's store of the
	 * head and that of the room it lies before the head by nearly a step and that pop, of up to a whole ring, and
	 * the head a ring before the tail. Acquire, as in smq_ring_load_room(). */
	ring->head = atomic_load_explicit(&ring->header->consumer_room.position_units, memory_order_acquire);
	if (!smq_position_is_aligned(ring, ring->head) || position - ring->head > 2 * ring->mask + smq_room_step(ring))
		return SMQ_BAD;
	smq_ring_resume_limit(ring);
	return SMQ_READY;
}
