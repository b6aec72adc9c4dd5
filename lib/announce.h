/* SPDX-License-Identifier: MIT */
/*
 * What a producer stores for followers before it writes: the limit, and for each 64th of the ring an entry of the index
 * (format.h). The frequent push needs no instruction for it, because the cached head leaves no space beyond the limit.
 */
#ifndef SMQ_ANNOUNCE_H
#define SMQ_ANNOUNCE_H

#include "ring.h"

/*
 * Tells followers what the producer is about to write, once there is space for a record of `record_units`: stores the
 * limit, and the index. Afterwards the record fits, and smaller ones after it until the 64th is full in which it ends.
 * `others`: the number of messages pushed to the other ring.
 */
void smq_ring_announce(struct smq_ring *ring, uint32_t record_units, uint32_t others);

/* Records fit, from now on, only if they end before `end`, the position of a header. */
void smq_ring_narrow(struct smq_ring *ring, uint32_t end);

/*
 * The record that was announced at the tail has now only so many units, or none: what comes after it is to be announced
 * anew, so that the index tells of it.
 */
void smq_ring_shrink(struct smq_ring *ring, uint32_t record_units);

/* Enters the tail into the index, after a jump to there: followers may have no other way to it. */
void smq_ring_enter(struct smq_ring *ring, uint32_t others);

/* For a producer that knows nothing of what the last one announced: no record fits before smq_ring_announce(). */
void smq_ring_forget_limit(struct smq_ring *ring);

/* The same for a handle of a SHARED end: goes by what the last holder announced. Relaxed: see smq_ring_resume(). */
void smq_ring_resume_limit(struct smq_ring *ring);

/*
 * Stores the count: so many messages have been pushed before what will be at the tail, which the total and `others`
 * tell. For a producer whose total is exact: it is not in the middle of a push. smq_ring_announce() does it, too.
 */
void smq_ring_count(struct smq_ring *ring, uint32_t others);

/*
 * Before a jump to the tail, once that is announced: a producer that was killed before its own jump to there may have
 * entered it into the index with an older number. Followers do not use an entry after the tail (place.c).
 */
void smq_ring_renumber(struct smq_ring *ring, uint32_t others);

/*
 * Counts once more, after an attach: a producer that was killed between the store of its tail and that of its total has
 * left the total short. The records from the stored count to the tail are counted. `others`: the number of messages
 * pushed to the other ring, which is exact: no producer leaves a ring in the middle of a push, nor before it has called
 * this. `readable`: units up to the tail, and with the header there, that may be read.
 */
void smq_ring_recount(struct smq_ring *ring, uint32_t others, uint32_t readable);

#endif
