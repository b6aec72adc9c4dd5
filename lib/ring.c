/* SPDX-License-Identifier: MIT */
/* What is not inline: attaching, resuming on a SHARED end, loading the peer's position, totals. */
#include "config.h"

#include "ring.h"

static uint32_t load(const smq_word *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

/* The upper word is stored first. A writer that was killed after that store has left it one ahead. */
static uint32_t corrected(uint32_t upper, uint32_t lower)
{
	return (upper & 1) != lower >> 31 ? upper - 1 : upper;
}

uint64_t smq_ring_total(uint32_t lower, uint32_t upper)
{
	return (uint64_t)corrected(upper, lower) << 31 | (lower & INT32_MAX);
}

/* By the end's holder, beside which no other handle changes them. */
static void load_totals(struct smq_ring *ring)
{
	const struct smq_progress *progress = ring->progress;

	ring->messages_lo = load(&progress->messages_lo);
	ring->moved_lo = load(&progress->moved_lo);
	ring->messages_hi = corrected(load(&progress->messages_hi), ring->messages_lo);
	ring->moved_hi = corrected(load(&progress->moved_hi), ring->moved_lo);
}

void smq_ring_init(struct smq_ring *ring, void *records, uint64_t capacity, uint32_t alignment)
{
	/* A record begins where messages are aligned, and the header after it is one unit of the next record's
	 * alignment: so the largest record leaves a whole one. */
	uint64_t message_max = capacity - alignment - SMQ_UNIT;

	*ring = (struct smq_ring){
		.records = records,
		.mask = (uint32_t)(capacity / SMQ_UNIT) - 1,
		.align_mask = alignment - 1,
		.message_max = message_max < SMQ_MESSAGE_MAX ? (uint32_t)message_max : SMQ_MESSAGE_MAX,
	};
}

static void load_progress(struct smq_ring *ring, struct smq_progress *progress)
{
	ring->progress = progress;
	ring->position = load(&progress->position_units);
	load_totals(ring);
}

/* Is `head` possible for a producer at its tail: no further back than a full ring, and not after the tail? */
static bool head_is_valid(const struct smq_ring *ring, uint32_t head)
{
	return smq_position_is_aligned(ring, head) && ring->position - head <= ring->mask;
}

enum smq_ring_status smq_ring_attach_producer(struct smq_ring *ring, struct smq_header *header)
{
	uint32_t tail, size, count = 0, bytes = 0;
	enum smq_ring_status status;

	load_progress(ring, &header->producer_progress);
	ring->head = &header->consumer_progress.position_units;
	ring->room = &header->consumer_room.position_units;
	tail = ring->position;
	if (!smq_position_is_aligned(ring, tail))
		return SMQ_BAD;
	/* The last producer may have died between the publication and the store of its tail. What it published stands,
	 * and the size word after it is 0, whatever an unfinished push has written after that word: walk on to it. All
	 * of it fits into the ring. */
	while ((status = smq_ring_peek_at(ring, ring->position, &size)) == SMQ_READY) {
		ring->position += smq_record_units(ring, size);
		if (ring->position - tail > ring->mask)
			return SMQ_BAD;
		count++;
		bytes += size;
	}
	/* Acquire, as in smq_ring_load_head(). */
	ring->cached_head = atomic_load_explicit(ring->head, memory_order_acquire);
	if (status == SMQ_BAD || !head_is_valid(ring, ring->cached_head))
		return SMQ_BAD;
	/* Only here, after all checks, is shared memory written. */
	smq_ring_move(ring, ring->position, count, bytes);
	return SMQ_READY;
}

enum smq_ring_status smq_ring_load_room(struct smq_ring *ring, uint32_t record_units)
{
	/* Acquire: with the release in smq_ring_store_room(), as in smq_ring_load_head(). */
	uint32_t room = atomic_load_explicit(ring->room, memory_order_acquire), used = ring->position - room;

	if (!smq_position_is_aligned(ring, room))
		return SMQ_BAD;
	/* The room is stored after the head, so it may lie before the cached head. Garbage that does is not noticed
	 * here, but by smq_ring_load_head(). */
	if (used < ring->position - ring->cached_head)
		ring->cached_head = room;
	return smq_ring_fits(ring, record_units) ? SMQ_READY : SMQ_NOT_YET;
}

enum smq_ring_status smq_ring_load_head(struct smq_ring *ring, uint32_t record_units)
{
	/* Acquire: with the release in smq_ring_move(), the consumer has read what lies before the head before
	 * this side writes over it. */
	uint32_t head = atomic_load_explicit(ring->head, memory_order_acquire);

	/* The head only moves forward: one before the cached head is garbage. */
	if (!head_is_valid(ring, head) || ring->position - head > ring->position - ring->cached_head)
		return SMQ_BAD;
	ring->cached_head = head;
	return smq_ring_fits(ring, record_units) ? SMQ_READY : SMQ_NOT_YET;
}

/* Loads what an earlier consumer, or another handle of a SHARED end, has held and not released. */
static void load_lease(struct smq_ring *ring)
{
	uint32_t lease = load(&ring->progress->lease_units);

	ring->redelivering = lease != ring->position && lease - ring->position <= ring->mask + 1;
	ring->redelivered_end = lease;
	ring->lease = ring->redelivering ? lease : ring->position;
	if (ring->lease != lease)
		atomic_store_explicit(&ring->progress->lease_units, ring->lease, memory_order_relaxed);
}

enum smq_ring_status smq_ring_attach_consumer(struct smq_ring *ring, struct smq_header *header)
{
	uint32_t tail, capacity = ring->mask + 1;

	load_progress(ring, &header->consumer_progress);
	/* The stored tail may be before the head, because the size word publishes a record and not the tail; but by
	 * less than a ring. */
	tail = load(&header->producer_progress.position_units); /* relaxed: only a plausibility check */
	if (!smq_position_is_aligned(ring, ring->position) ||
	    (tail - ring->position > capacity && ring->position - tail > capacity))
		return SMQ_BAD;
	load_lease(ring);
	ring->room = &header->consumer_room.position_units;
	ring->room_due = load(ring->room) + smq_room_step(ring);
	smq_ring_store_room(ring);
	return SMQ_READY;
}

void smq_ring_attach_shared(struct smq_ring *ring, struct smq_header *header, bool producer)
{
	ring->progress = producer ? &header->producer_progress : &header->consumer_progress;
	ring->room = &header->consumer_room.position_units;
	if (producer)
		ring->head = &header->consumer_progress.position_units;
	ring->messages_lo = ring->messages_hi = UINT32_MAX; /* no valid total: the first resume loads everything */
}

enum smq_ring_status smq_ring_resume(struct smq_ring *ring, bool producer)
{
	uint32_t position;

	if (smq_ring_is_unmoved(ring, producer))
		return SMQ_READY;
	/* Relaxed, this and the other loads: they follow the acquire of the owner lock. */
	position = load(&ring->progress->position_units);
	if (!smq_position_is_aligned(ring, position))
		return SMQ_BAD;
	load_totals(ring);
	ring->position = position;
	if (!producer) {
		load_lease(ring);
		ring->room_due = load(ring->room) + smq_room_step(ring);
		return SMQ_READY;
	}
	/* The room and not the head, whose line the consumer writes with every message. Between a pop's store of the
	 * head and that of the room it lies before the head by nearly a step and that pop, of up to a whole ring, and
	 * the head a ring before the tail. Acquire, as in smq_ring_load_room(). */
	ring->cached_head = atomic_load_explicit(ring->room, memory_order_acquire);
	if (!smq_position_is_aligned(ring, ring->cached_head) ||
	    position - ring->cached_head > 2 * ring->mask + smq_room_step(ring))
		return SMQ_BAD;
	return SMQ_READY;
}
