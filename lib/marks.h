/* SPDX-License-Identifier: MIT */
/*
 * The marks of both ends: format.h has their words, and the steps by which one comes into force.
 *
 * A handle that has drafted a mark is in the state SMQ_MARKED. So it is never in the state of a frequent case, and its
 * next operation comes to the general one, which begins and ends the mark.
 */
#ifndef SMQ_MARKS_H
#define SMQ_MARKS_H

#include "handle.h"

/* Has this end marks? Not if several handles take turns, nor if there are several positions. */
bool smq_marks_allowed(const struct shmemq *q);

/* Drafts a mark, in place of one that is drafted already. */
void smq_marks_draft(struct shmemq *q, uint64_t mark);

/*
 * The next operation leads to `end`, in the ring that the end is in. If it does not take place, this may be called
 * again, for another one.
 */
void smq_marks_begin(struct shmemq *q, uint32_t end);

/* The operation has taken place; or there is none. */
void smq_marks_end(struct shmemq *q);

/* Settles what a killed process has left: for the end's new holder, which has attached to its ring. */
void smq_marks_settle(const struct shmemq *q);

/*
 * The mark in force, read while its end is in use, after smq_fd(); 0 if its words are garbage. `header_bytes`: of the
 * queue. false: the words are not there any more.
 */
bool smq_marks_look(const struct shmemq *q, bool producer, uint32_t header_bytes, uint64_t *mark);

#endif
