/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "slowest.h"

#include "shmemq.h"

/*
 * How far a broadcast queue's consumer is before `tail`, in units, as far as it keeps the producer from reusing the
 * ring; by its position, or by its room if not `exact`. `known`: how far any consumer was at the last look. false:
 * garbage.
 */
static bool lag_of(const struct smq_ring *ring, const struct smq_reader *reader, bool exact, uint32_t tail,
		   uint32_t known, uint32_t *lag)
{
	/* Acquire: with the release of OPEN in smq_readers_join(), the position below is the consumer's; with the
	 * release of CLOSED in smq_claim_close(), or of DEAD in smq_readers_let_go(), it has read what it was to read
	 * before this side writes over it. */
	uint32_t claim = atomic_load_explicit(&reader->claim.state, memory_order_acquire), position;

	*lag = 0;
	if (claim != 0 && (claim & SMQ_CLAIM_STATE) == SMQ_CLAIM_JOINING)
		*lag = known;
	if ((claim & SMQ_CLAIM_STATE) != SHMEMQ_END_OPEN)
		return true;
	/* Acquire, as in smq_ring_load_head() and smq_ring_load_room(). If another consumer has got this number since
	 * the claim was loaded, the position is that one's or, further back, the last one's: either will do. */
	position = atomic_load_explicit(exact ? &reader->moved[0].position_units : &reader->room[0].position_units,
					memory_order_acquire);
	*lag = tail - position;
	/* No consumer joins before the head of the last look (smq_slowest_load()), and none moves back. */
	if (*lag > known && exact)
		return false;
	if (*lag > known)
		*lag = known; /* the room may lag */
	return smq_position_is_aligned(ring, position);
}

/* The greatest lag of all consumers of a broadcast queue. false: garbage. */
static bool greatest_lag(const struct smq_ring *ring, bool exact, uint32_t tail, uint32_t known, uint32_t *greatest)
{
	uint32_t lag;

	*greatest = 0;
	for (uint32_t i = 0; i < SMQ_READERS_MAX; i++) {
		if (!lag_of(ring, &ring->readers[i], exact, tail, known, &lag))
			return false;
		if (lag > *greatest)
			*greatest = lag;
	}
	return true;
}

/*
 * The head of a broadcast queue: the position of the consumer that is furthest back, or the tail if there is none.
 *
 * A consumer that joins while this looks: it stores JOINING, fences, and loads the tail, at which it starts. This side
 * has stored the tail, fences, and loads the claims. Of the two fences one comes first. If it is the consumer's, this
 * side sees JOINING, or what came after it, and goes no further than the last look allowed. If it is this side's, the
 * consumer starts at this tail, or after it; and until the next look this side overwrites nothing after this tail,
 * since the head that it goes by is not after it. So a consumer never starts before the head of a look that has not
 * seen it (doc/model/join.cc). On a SHARED end an earlier holder may have stored the tail: the owner lock orders that
 * before this fence.
 */
bool smq_slowest_load(struct smq_ring *ring, bool exact)
{
	uint32_t lag;

	/* The tail is seen before the claims are read. Partner: the fence in smq_readers_join(). */
	atomic_thread_fence(memory_order_seq_cst);
	if (!greatest_lag(ring, exact, ring->position, ring->position - ring->head, &lag))
		return false;
	ring->head = ring->position - lag;
	/* For the other handles of a SHARED end, and the next producer: to be used before it is written over anything
	 * before that head. Relaxed: the owner lock, or the end's lock, orders it. */
	atomic_store_explicit(&ring->header->consumer_room.position_units, ring->head, memory_order_relaxed);
	return true;
}

uint32_t smq_ring_guess_head(const struct smq_ring *ring, uint32_t tail)
{
	uint32_t known, lag, greatest = 0;

	/* Acquire, also in lag_of(): what the consumer did with the messages is seen by a caller that waits for it. */
	if (ring->readers == NULL)
		return atomic_load_explicit(&ring->header->consumer_progress.moved.position_units,
					    memory_order_acquire);
	known = tail - smq_load(&ring->header->consumer_room.position_units);
	/* The tail may have been loaded before a look that went further. */
	if (known > ring->mask)
		known = ring->mask;
	for (uint32_t i = 0; i < SMQ_READERS_MAX; i++) {
		bool valid = lag_of(ring, &ring->readers[i], true, tail, known, &lag);

		/* After the tail: it has popped what another handle has pushed since. The others may not have. */
		if ((int32_t)lag < 0)
			continue;
		if (!valid)
			return tail - (ring->mask + 1);
		if (lag > greatest)
			greatest = lag;
	}
	return tail - greatest;
}
