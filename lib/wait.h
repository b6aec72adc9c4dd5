/* SPDX-License-Identifier: MIT */
/* Waiting for the peer, and waking it. wait.c has the one loop in which all calls wait. */
#ifndef SMQ_WAIT_H
#define SMQ_WAIT_H

#include <sys/types.h>

#include "extension.h"
#include "limit.h"
#include "readers.h"

/*
 * A sleep and its wake add some 50 us (doc/design.md): a longer spin costs more than the sleep that it saves. If a wait
 * that slept was over within twice that time, a spin of this length would about have caught it.
 */
#define SMQ_SPIN_MAX_NS 50000
/*
 * After so many such waits in a row that spun in vain a side stops spinning, but for one in SMQ_SPIN_AGAIN of them: a
 * spin now and then costs little.
 */
#define SMQ_SPIN_MISSES 8
#define SMQ_SPIN_AGAIN  128

/* What a call waits for. */
enum smq_want_kind {
	SMQ_WANT_MESSAGE, /* space for one, or one */
	SMQ_WANT_EMPTY,   /* producer: that all has been popped */
	SMQ_WANT_PEER,    /* a handle that lives at the other end */
};

struct smq_want {
	enum smq_want_kind kind;
	uint32_t need;  /* producer: units of the record that has to fit; SMQ_WANT_EMPTY, SHARED: a tail */
	uint32_t found; /* consumer: bytes of the message at the head, once there is one; that tail's ring */
	bool patient;   /* the call may wait */
};

/* smq_check() for a producer with messages_max, or of a queue that may grow; for a consumer that has met a jump. */
enum smq_ring_status smq_check_more(struct shmemq *q, const struct smq_want *want, bool exact);
enum smq_ring_status smq_check_jump(struct shmemq *q, struct smq_want *want);

/* SMQ_WANT_EMPTY, on a SHARED end without the owner lock: up to the tail as it is now. */
void smq_find_tail(const struct shmemq *q, struct smq_want *want);

/* smq_check() on a SHARED end without the owner lock. */
bool smq_guess(const struct shmemq *q, const struct smq_want *want, bool exact);

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
		status = smq_ring_peek(&q->ring, &want->found);
		return smq_unlikely(status == SMQ_BAD && q->more != NULL) ? smq_check_jump(q, want) : status;
	}
	if (smq_unlikely(q->more != NULL))
		return smq_check_more(q, want, exact);
	return exact ? smq_ring_space(&q->ring, want->need) : smq_ring_room(&q->ring, want->need);
}

/* Sets what a new handle knows of spinning. */
void smq_await_init(struct shmemq *q);

/*
 * Waits, after the caller's own check returned `status`, SMQ_NOT_YET or SMQ_BAD. 0, or the errno that the call fails
 * with: EAGAIN EBADMSG ECANCELED EINTR EOWNERDEAD EPIPE ETIMEDOUT. After 0 what it wants is there, and the caller of an
 * unshared end must not check again: a hostile peer that takes messages back would keep it waiting for ever. On a
 * SHARED end without the owner lock 0 is a guess: the caller locks and checks.
 */
int smq_await(struct shmemq *q, enum smq_ring_status status, struct smq_want *want, int64_t timeout);

/* Waits for a peer, on any end and in any state. 0, or EAGAIN ECANCELED EINTR ETIMEDOUT. */
int smq_await_peer(struct shmemq *q, int64_t timeout);

/* Has shmemq_interrupt() been called? Clears that. */
bool smq_take_interrupt(struct shmemq *q);

/* Wakes the peer; from a side that fences, only if the peer waits. Returns `result`, so that a call may end with it. */
ssize_t smq_notify_slow(struct shmemq *q, ssize_t result);

/* Wakes the peer if it waits: after each publication. */
static inline ssize_t smq_notify(struct shmemq *q, ssize_t result)
{
	/* A side that fences does it in the slow function, so that its counting costs the others nothing. */
	if (smq_unlikely(q->eventcount.fences != 0 || smq_eventcount_has_waiter(&q->eventcount)))
		return smq_notify_slow(q, result);
	return result;
}

/* The same after a change of the claim, which is no publication: the peer may not rely on this side's fences. */
void smq_notify_fenced(struct shmemq *q);

#endif
