/* SPDX-License-Identifier: MIT */
/*
 * Where a follower starts, and where it goes on after it has been overtaken: by the index, which tells the positions
 * and the numbers of records that are intact (format.h). So how many messages have been passed over is counted exactly.
 */
#ifndef SMQ_PLACE_H
#define SMQ_PLACE_H

#include "follower.h"

/*
 * Put the follower there. SMQ_READY; SMQ_BAD; or SMQ_OVERTAKEN: the producer has gone round the ring again and again
 * meanwhile, so that no number can be told. Newest: before the next push. Queued: before
 * the first message that the consumer has not popped. Oldest: before the oldest intact message whose number is not less
 * than `least`; and then reads on, so that the producer cannot overtake it before the next pop.
 */
enum smq_ring_status smq_place_newest(struct smq_follower *follower, int fd);
enum smq_ring_status smq_place_queued(struct smq_follower *follower, int fd);
enum smq_ring_status smq_place_oldest(struct smq_follower *follower, int fd, uint64_t least);

/* Before the message with this number. SMQ_OVERTAKEN: it is not to be found. */
enum smq_ring_status smq_place_number(struct smq_follower *follower, int fd, uint64_t number);

/*
 * Before the oldest message, after the call that has told of lost ones; and looks at it, as smq_follower_peek(). If the
 * producer has not moved meanwhile, and there is still no place, then its words are garbage, or it has been killed
 * between two of them: nothing can be read, but nothing more is lost. That is not told again and again: SMQ_NOT_YET.
 */
enum smq_ring_status smq_place_again(struct smq_follower *follower, int fd, uint32_t *size);

#endif
