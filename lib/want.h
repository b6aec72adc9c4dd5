/* SPDX-License-Identifier: MIT */
/* What a call waits for, and whether it is there. */
#ifndef SMQ_WANT_H
#define SMQ_WANT_H

#include "drained.h"
#include "extension.h"
#include "limit.h"
#include "notify.h"
#include "readers.h"

/* What a call waits for. */
enum smq_want_kind {
	SMQ_WANT_MESSAGE = SMQ_PROBED_MESSAGE, /* space for one, or one */
	SMQ_WANT_EMPTY = SMQ_PROBED_EMPTY,     /* producer: that all has been popped */
	SMQ_WANT_PEER = SMQ_PROBED_PEER,       /* a handle that lives at the other end */
};

struct smq_want {
	enum smq_want_kind kind;
	/* Producer: units of the record that has to fit; SMQ_WANT_EMPTY, SHARED: a tail. Consumer: units of the
	 * messages that it holds, after which another one is wanted. */
	uint32_t need;
	uint32_t found; /* consumer: bytes of that message, once there is one, or SMQ_JUMP; that tail's ring */
	bool patient;   /* the call may wait */
};

/* smq_check() for a producer with messages_max, or of a queue that may grow; for a consumer that has met a jump. */
enum smq_ring_status smq_check_more(struct shmemq *q, const struct smq_want *want, bool exact);
enum smq_ring_status smq_check_jump(struct shmemq *q, struct smq_want *want);

/* SMQ_WANT_EMPTY, on a SHARED end without the owner lock: up to the tail as it is now. */
void smq_find_tail(const struct shmemq *q, struct smq_want *want);

/* smq_check() on a SHARED end without the owner lock. */
bool smq_guess(struct shmemq *q, const struct smq_want *want, bool exact);

/*
 * Is it there? `exact`: before this side sleeps or fails; else a producer reads the room, which may lag. On a SHARED
 * end without the owner lock: a guess.
 */
static inline enum smq_ring_status smq_check(struct shmemq *q, struct smq_want *want, bool exact)
{
	enum smq_ring_status status;

	if (smq_unlikely(q->state & SMQ_SHARED) && !q->ownerlock.held)
		return smq_guess(q, want, exact) ? SMQ_READY : SMQ_NOT_YET;
	if (!q->producer) {
		status = smq_ring_peek_at(&q->ring, q->ring.position + want->need, &want->found);
		return smq_unlikely(status == SMQ_BAD && q->more != NULL) ? smq_check_jump(q, want) : status;
	}
	if (smq_unlikely(q->more != NULL))
		return smq_check_more(q, want, exact);
	return exact ? smq_ring_space(&q->ring, want->need) : smq_ring_room(&q->ring, want->need);
}

#endif
