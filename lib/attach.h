/* SPDX-License-Identifier: MIT */
/* How a handle comes to know where its end of a ring is: a new one, and one of a SHARED end each time. */
#ifndef SMQ_ATTACH_H
#define SMQ_ATTACH_H

#include "ring.h"

/* Continue at the position where the end's last handle left it. SMQ_READY or SMQ_BAD. */
enum smq_ring_status smq_ring_attach_producer(struct smq_ring *ring, struct smq_header *header);
enum smq_ring_status smq_ring_attach_consumer(struct smq_ring *ring, struct smq_header *header);

/* Where there is memory: `units` from a position on. */
struct smq_span {
	uint32_t from, units;
};

/*
 * Of a queue that may grow. The first: a producer may find a jump at its tail, at which it then stands. It reads
 * nothing outside of `within`; NULL: a ring that has memory everywhere. The second: loads what the end has left in the
 * ring that it is not in; of the peer's position only what it is.
 */
enum smq_ring_status smq_ring_attach_growing(struct smq_ring *ring, struct smq_header *header,
					     const struct smq_span *within, bool *jump);
enum smq_ring_status smq_ring_attach_away(struct smq_ring *ring, struct smq_header *header, bool producer);

/*
 * The same for a SHARED end that other handles use already. The position is not read here, but by smq_ring_resume(),
 * which a handle calls each time that it has locked the owner lock. After the death of a holder the functions above are
 * to be called instead.
 */
void smq_ring_attach_shared(struct smq_ring *ring, struct smq_header *header, bool producer);
enum smq_ring_status smq_ring_resume(struct smq_ring *ring, bool producer);

/*
 * Starts a consumer of a broadcast queue, whose words are `reader`, at the producer's tail. SMQ_READY or SMQ_BAD.
 * Before, the claim says that it joins: see SMQ_CLAIM_JOINING.
 */
enum smq_ring_status smq_ring_join(struct smq_ring *ring, struct smq_header *header, struct smq_reader *reader);

#endif
