/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "turn.h"

#include <errno.h>

#include "cancel.h"
#include "try.h"
#include "wait.h"

/* Pauses before a call sleeps for the owner lock: a push or pop of a small message takes a tenth of that. */
#define LOCK_PAUSES 100
/*
 * Times in a row that the lock may be unlocked just before this call would sleep. Only a hostile writer does it more.
 */
#define UNLOCKED_MAX 100

/* As smq_ownerlock_recover(). */
static int recover(struct shmemq *q, int64_t now)
{
	int err = smq_ownerlock_recover(&q->ownerlock, smq_fd(q), q->forks, q->producer);

	if (err != EAGAIN)
		q->ownerlock.probed_at = now;
	if (err == 0)
		SMQ_PROBE(takeover, smq_probed_id(q), smq_probed_end(q), 0);
	return err;
}

/* The lock's holder is checked once a slice. */
static bool recover_if_due(struct shmemq *q, int64_t now)
{
	return now - q->ownerlock.probed_at >= SMQ_SLICE_NS && recover(q, now) == 0;
}

/* If the descriptor has reported a death or a close: checks the lock's holder, and sets the time of the next check. */
static bool recheck_holder(struct shmemq *q)
{
	struct smq_recheck *recheck = &q->pollable->owner;
	int err;

	if (smq_recheck_due(recheck)) {
		err = recover(q, smq_now_ns());
		if (err == 0)
			return true;
		smq_recheck_done(recheck, err != EAGAIN);
	}
	if (recheck->since != 0)
		smq_pollable_raise_at(q->pollable, recheck->at);
	return false;
}

/* Clears the descriptor, and has it raised when the lock is unlocked, or its holder dead. true: locked now. */
static bool poll_lock(struct shmemq *q)
{
	bool recovered;

	if (!smq_poll_again(q))
		return false;
	recovered = recheck_holder(q);
	if (!recovered && smq_ownerlock_prepare(&q->ownerlock, SMQ_OWNER_POLLER) != 0)
		return false;
	/* The clear may have removed the report of a message. So it is raised again, whether this handle now gets the
	 * lock or another one does. */
	smq_pollable_raise_at(q->pollable, SMQ_AT_ONCE);
	return recovered || smq_ownerlock_trylock(&q->ownerlock);
}

static int fail_lock_try(struct shmemq *q)
{
	if (++q->peer.tries % SMQ_TRIES_A_CLOCK_READING == 0 && recover_if_due(q, smq_now_ns()))
		return 0;
	return q->pollable != NULL && poll_lock(q) ? 0 : EAGAIN;
}

/* Sleeps until the lock is this handle's. 0, ECANCELED, EINTR, ETIMEDOUT. */
static int sleep_until_locked(struct shmemq *q, int64_t deadline)
{
	unsigned unlocked = 0;

	while (!smq_ownerlock_trylock(&q->ownerlock)) {
		/* First: with SLEEPER set the next unlock wakes another handle, even if this one has used up a wake and
		 * gives up below. */
		uint32_t expected = smq_ownerlock_prepare(&q->ownerlock, SMQ_OWNER_SLEEPER);
		int64_t now = smq_now_ns(), slice = SMQ_SLICE_NS;

		if (expected == 0 && ++unlocked < UNLOCKED_MAX)
			continue;
		if (smq_take_interrupt(q))
			return ECANCELED;
		if (recover_if_due(q, now))
			return 0;
		if (now >= deadline)
			return ETIMEDOUT;
		if (expected == 0)
			continue;
		if (slice > deadline - now)
			slice = deadline - now;
		if (smq_ownerlock_wait(&q->ownerlock, q->eventcount.own, expected, slice) == EINTR)
			return smq_take_interrupt(q) ? ECANCELED : EINTR;
		unlocked = 0;
	}
	return 0;
}

static int sleep_for_lock(struct shmemq *q, int64_t deadline)
{
	int err;

	SMQ_PROBE(sleep, smq_probed_id(q), smq_probed_end(q), SMQ_PROBED_LOCK);
	err = sleep_until_locked(q, deadline);
	SMQ_PROBE(wake, smq_probed_id(q), smq_probed_end(q), err);
	return err;
}

int smq_await_turn(struct shmemq *q, int64_t timeout, int64_t deadline)
{
	int cancel, err;

	if (q->ownerlock.held) /* since smq_lock_once() of acquire.h */
		return 0;
	for (int i = 0; i < LOCK_PAUSES; i++) {
		if (smq_ownerlock_trylock(&q->ownerlock))
			return 0;
		smq_cpu_relax();
	}
	cancel = smq_cancel_disable();
	err = timeout == 0 ? fail_lock_try(q) : sleep_for_lock(q, deadline);
	smq_cancel_restore(cancel);
	return err;
}
