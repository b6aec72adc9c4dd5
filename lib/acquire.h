/* SPDX-License-Identifier: MIT */
/*
 * How a call that moves messages gets space or a message, on a SHARED end together with the owner lock, and how it
 * ends. The frequent case is inline: an end that is not SHARED, and nothing to wait for.
 */
#ifndef SMQ_ACQUIRE_H
#define SMQ_ACQUIRE_H

#include "call.h"
#include "marks.h"
#include "wait.h"

/* Attaches to the ring as the end's new holder, and finishes what the last one left undone. SMQ_READY or SMQ_BAD. */
enum smq_ring_status smq_attach(struct shmemq *q);

/*
 * The frequent failure of a call with timeout 0: is the peer as it was when such a call last failed, and is it not the
 * time to ask whether it lives? Then there is nothing to do but to check the ring. See smq_fail_try().
 */
static smq_always_inline bool smq_try_is_quiet(const struct shmemq *q)
{
	/* Relaxed: only compared. */
	return atomic_load_explicit(&smq_peer_claim(q)->state, memory_order_relaxed) == q->peer.quiet_claim &&
	       (q->peer.tries + 1) % SMQ_TRIES_A_CLOCK_READING != 0;
}

/* Fails such a call, when it has found nothing. */
int smq_fail_quiet(struct shmemq *q);

/*
 * The general case of the two functions below: any state of the handle, any end, and waiting. A mark that is drafted is
 * begun for the message, as the call may push or pop it at once; a call that ends later begins it again.
 */
int smq_acquire_space_slow(struct shmemq *q, size_t size, int64_t timeout);
int smq_acquire_message_slow(struct shmemq *q, uint32_t *size, int64_t timeout);

/* The frequent case: is there space at the tail for a message of `size` bytes, as far as this side knows? */
static smq_always_inline bool smq_has_space(const struct shmemq *q, size_t size)
{
	return smq_likely(smq_in_unshared_state(q, SHMEMQ_PRODUCER) && size <= q->ring.message_max &&
			  smq_ring_fits(&q->ring, smq_record_units(&q->ring, (uint32_t)size)));
}

/* Is there a message at the head? `*size`: its bytes. */
static smq_always_inline bool smq_has_message(const struct shmemq *q, uint32_t *size)
{
	return smq_likely(smq_in_unshared_state(q, SHMEMQ_CONSUMER) && smq_ring_peek(&q->ring, size) == SMQ_READY);
}

/* Gets space at the tail for a message of `size` bytes. 0, or -1 and errno. */
static inline int smq_acquire_space(struct shmemq *q, size_t size, int64_t timeout)
{
	return smq_has_space(q, size) ? 0 : smq_acquire_space_slow(q, size, timeout);
}

/* Gets a message at the head, of `*size` bytes. 0, or -1 and errno. */
static inline int smq_acquire_message(struct shmemq *q, uint32_t *size, int64_t timeout)
{
	return smq_has_message(q, size) ? 0 : smq_acquire_message_slow(q, size, timeout);
}

/* Is there space at the tail for a further record of this call, of `need` units? Does not wait. */
enum smq_ring_status smq_try_space(struct shmemq *q, uint32_t need);

/* Wakes those that wait for the owner lock, or poll for it. */
void smq_wake_waiters(struct shmemq *q, uint32_t waiters);

/* Unlocks the owner lock, if there is one: ends a call that has nothing left to notify the peer of. */
static inline void smq_unlock_owner(struct shmemq *q)
{
	if (smq_unlikely(q->state & SMQ_SHARED))
		smq_wake_waiters(q, smq_ownerlock_unlock(&q->ownerlock));
}

/* The same, then wakes the peer. Returns `result`. */
ssize_t smq_notify_waiters(struct shmemq *q, uint32_t waiters, ssize_t result);

/*
 * The frequent case of a SHARED end, for a call that does all its work between this and smq_finish_once(): nobody has
 * the owner lock, and this handle was the last that had it, so that what it knows of the ring is still right. false:
 * the general case, which goes on with the lock if this has got it.
 */
static smq_always_inline bool smq_lock_once(struct shmemq *q)
{
	if (!smq_ownerlock_trylock_once(&q->ownerlock))
		return false;
	if (smq_likely(smq_ring_is_unmoved(&q->ring, q->producer)))
		return true;
	q->ownerlock.held = true;
	return false;
}

/* Unlocks, then wakes the peer. */
static smq_always_inline ssize_t smq_finish_once(struct shmemq *q, ssize_t result)
{
	/* First, so that other handles do not wait for the system call of the wake. */
	uint32_t waiters = smq_ownerlock_exchange(&q->ownerlock);

	/* W2: what was published is seen before W3, on every end that is SHARED (eventcount.h). Partner: the fence in
	 * prepare() of eventcount.c. */
	smq_fence_after_exchange();
	if (smq_unlikely(waiters != 0))
		return smq_notify_waiters(q, waiters, result);
	return smq_eventcount_look(&q->eventcount) ? smq_notify_slow(q, result) : result;
}

/* Puts a mark in force, or unlocks, then wakes the peer: ends a call that has published or released. Returns 0. */
int smq_finish_other(struct shmemq *q);
static smq_always_inline int smq_finish(struct shmemq *q)
{
	if (smq_unlikely(q->state & (SMQ_SHARED | SMQ_MARKED)))
		return smq_finish_other(q);
	return (int)smq_notify(q, 0);
}

/*
 * The same for a pop after which the room is due. Not inline, and to be called last: so the frequent case has no
 * registers to save for it. Returns `result`.
 */
ssize_t smq_finish_due(struct shmemq *q, ssize_t result);

#endif
