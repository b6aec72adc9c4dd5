/* SPDX-License-Identifier: MIT */
/* What is not inline: jumps, loading the peer's position, totals. */
#include "config.h"

#include "ring.h"

uint64_t smq_ring_total(uint32_t lower, uint32_t upper)
{
	return (uint64_t)smq_ring_corrected(upper, lower) << 31 | (lower & INT32_MAX);
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

void smq_ring_jump(struct smq_ring *from, struct smq_ring *to)
{
	struct smq_record *record = smq_record_at(from, from->position);

	/* Both relaxed: the release below publishes them. */
	atomic_store_explicit(&smq_record_at(to, to->position)->size_plus_1, 0, memory_order_relaxed);
	atomic_store_explicit(&record->type, to->position, memory_order_relaxed);
	/* The linearisation point of a switch. Its acquire: smq_ring_jumps(), after the one in smq_ring_peek_at(). */
	atomic_store_explicit(&record->size_plus_1, SMQ_JUMP, memory_order_release);
	/* Release: after the jump, as in smq_ring_move(). */
	atomic_store_explicit(&to->moved->position_units, to->position, memory_order_release);
}

void smq_ring_arrive(struct smq_ring *to, uint32_t target)
{
	to->position = to->lease = target;
	to->redelivering = false;
	/* Relaxed: read by this end's next handle; it meets the jump again, unless it sees the end in this ring. */
	atomic_store_explicit(&to->moved->lease_units, target, memory_order_relaxed);
	/* Release, as in smq_ring_move(). */
	atomic_store_explicit(&to->moved->position_units, target, memory_order_release);
	smq_ring_store_room(to);
}

/* The head of a broadcast queue is the position of its slowest consumer. */
static enum smq_ring_status load_slowest(struct smq_ring *ring, bool exact, uint32_t record_units)
{
	if (!smq_slowest_load(ring, exact))
		return SMQ_BAD;
	return smq_ring_fits_head(ring, record_units) ? SMQ_READY : SMQ_NOT_YET;
}

enum smq_ring_status smq_ring_load_room(struct smq_ring *ring, uint32_t record_units)
{
	uint32_t room;

	if (ring->readers != NULL)
		return load_slowest(ring, false, record_units);
	/* Acquire: with the release in smq_ring_store_room(), as in smq_ring_load_head(). */
	room = atomic_load_explicit(&ring->header->consumer_room.position_units, memory_order_acquire);
	if (!smq_position_is_aligned(ring, room))
		return SMQ_BAD;
	/* The room is stored after the head, so it may lie before the head that was seen. Garbage that does is not
	 * noticed here, but by smq_ring_load_head(). */
	if (ring->position - room < ring->position - ring->head)
		ring->head = room;
	return smq_ring_fits_head(ring, record_units) ? SMQ_READY : SMQ_NOT_YET;
}

enum smq_ring_status smq_ring_load_head(struct smq_ring *ring, uint32_t record_units)
{
	uint32_t head;

	if (ring->readers != NULL)
		return load_slowest(ring, true, record_units);
	/* Acquire: with the release in smq_ring_move(), the consumer has read what lies before the head before
	 * this side writes over it. */
	head = atomic_load_explicit(&ring->header->consumer_progress.moved.position_units, memory_order_acquire);
	/* The head only moves forward: one before the last is garbage. */
	if (!smq_ring_head_is_valid(ring, head) || ring->position - head > ring->position - ring->head)
		return SMQ_BAD;
	ring->head = head;
	return smq_ring_fits_head(ring, record_units) ? SMQ_READY : SMQ_NOT_YET;
}

void smq_ring_store_room(struct smq_ring *ring)
{
	ring->room_due = ring->position + smq_room_step(ring);
	/* Release, as for the head. Its acquire: smq_ring_load_room(). */
	atomic_store_explicit(ring->room, ring->position, memory_order_release);
	/* A lease before the head marks nothing. Copying pops leave it where it is, but not so far that it would seem
	 * to be after the head again, since the two are compared by difference. */
	if ((int32_t)(ring->position - ring->lease) > SMQ_LEASE_LAG_MAX)
		smq_ring_lease(ring, ring->position);
}
