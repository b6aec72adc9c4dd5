/* SPDX-License-Identifier: MIT */
/*
 * How an end of a queue that may grow goes from one of its two rings to the other (format.h); extension.h: when.
 *
 * All of these with the owner lock, if the end is SHARED, but for smq_jump_has_left().
 */
#ifndef SMQ_JUMP_H
#define SMQ_JUMP_H

#include "extent.h"

/* Makes the ring that the end's words tell the handle's. false: garbage. */
bool smq_jump_find_ring(struct shmemq *q);

/* Units of a jump, and of an empty message. */
static inline uint32_t smq_jump_units(const struct shmemq *q)
{
	return smq_record_units(&q->ring, 0);
}

/*
 * Producer.
 */

/* Where a jump leads if the other ring does not start anew: after the jump by which the end has left it. */
static inline uint32_t smq_jump_target(const struct shmemq *q)
{
	return q->more->other.position + smq_jump_units(q);
}

/* Is there space there, by the head that this side has seen, for a record of `need` units? */
static inline bool smq_jump_has_space(const struct shmemq *q, uint32_t need)
{
	return smq_ring_fits_head(&q->more->other, smq_jump_units(q) + need);
}

/* Goes to `target` in the other ring, where there is space, and memory, for a record of `need` units. */
void smq_jump_to(struct shmemq *q, uint32_t target, uint32_t need);

/*
 * The last producer was killed on its way: it has published the jump at the tail, and may have stored where it leads.
 * Goes there; what lies there is not read. SMQ_READY or SMQ_BAD.
 */
enum smq_ring_status smq_jump_finish(struct shmemq *q);

/* In the ring, with this tail and head: has the consumer left the extension, and come to where the last jump led? */
bool smq_jump_has_left(const struct shmemq *q, uint32_t tail, uint32_t head, uint32_t returned);

/*
 * Where the extension is used next if both ends have left it: at the start of a page and of a 64th, more than a ring
 * after the last record.
 */
uint32_t smq_jump_next_start(const struct shmemq *q, const struct smq_ring *extension);

/* Makes the extension start anew, with both ends at `position`. */
void smq_jump_rebase(struct smq_ring *extension, uint32_t position);

/*
 * Consumer.
 */

/* Goes where a jump leads. SMQ_READY or SMQ_BAD. */
enum smq_ring_status smq_jump_follow(struct shmemq *q, uint32_t target);

#endif
