/* SPDX-License-Identifier: MIT */
/* Where the consumers of a broadcast queue are, for its producer: the slowest keeps it from reusing the ring. */
#ifndef SMQ_SLOWEST_H
#define SMQ_SLOWEST_H

#include "record.h"

/*
 * Loads the head: the position of the consumer that is furthest back, or the tail if there is none; by the consumers'
 * positions, or by their rooms if not `exact`. false: garbage.
 */
bool smq_slowest_load(struct smq_ring *ring, bool exact);

/*
 * Where the consumer is, for a producer at `tail`, as a guess like smq_ring_guess(). Of a broadcast queue: the consumer
 * that is furthest back. Garbage gives a head that is too far from the tail.
 */
uint32_t smq_ring_guess_head(const struct smq_ring *ring, uint32_t tail);

#endif
