/* SPDX-License-Identifier: MIT */
/* What a call on a SHARED end does first: wait for its turn, and in it for what it came for. */
#include "config.h"

#include "handle.h"

/* Pauses before a call sleeps: another's copying call takes a tenth of that. */
#define TURN_PAUSES 100
/* Others are after the same turns and messages: a call with no time left that has lost as many of them has failed. */
#define TRIES_MAX 4

/* As smq_ownerlock_recover(). */
static int inherit(struct shmemq *q, int64_t now)
{
	int err = smq_ownerlock_recover(&q->owner, q->fd, q->forks, q->eventcount.producer);

	if (err != EAGAIN)
		q->owner.probed_at = now;
	return err;
}

static bool inherit_in_time(struct shmemq *q, int64_t now)
{
	return now - q->owner.probed_at >= SMQ_SLICE_NS && inherit(q, now) == 0;
}

/* The same if the pollfd has heard of a death. If not, has it ring for the next question. */
static bool inherit_in_doubt(struct shmemq *q)
{
	struct smq_recheck *recheck = &q->pollable->owner;
	int err;

	if (smq_recheck_due(recheck)) {
		err = inherit(q, smq_now_ns());
		if (err == 0)
			return true;
		smq_recheck_done(recheck, err != EAGAIN);
	}
	if (recheck->since != 0)
		smq_pollable_raise_at(q->pollable, recheck->ask_at);
	return false;
}

/* Makes the pollfd ring when the turn is left, or its holder dead. True: it is this handle's now. */
static bool arm(struct shmemq *q)
{
	bool mine;

	smq_pollable_clear(q->pollable, q->fd, q->eventcount.producer);
	mine = inherit_in_doubt(q);
	if (!mine && smq_ownerlock_prepare(&q->owner, SMQ_OWNER_POLLER) != 0)
		return false;
	/* After a success it is readable as before; and where the others are faster, once more. */
	smq_pollable_raise_at(q->pollable, SMQ_AT_ONCE);
	return mine || smq_ownerlock_trylock(&q->owner);
}

static int try_turn(struct shmemq *q)
{
	if (++q->peer.tries % SMQ_TRIES_A_CLOCK_READING == 0 && inherit_in_time(q, smq_now_ns()))
		return 0;
	return q->pollable != NULL && arm(q) ? 0 : EAGAIN;
}

/* Sleeps until it is this handle's turn. 0, ECANCELED, EINTR, ETIMEDOUT. */
static int await_turn(struct shmemq *q, int64_t deadline)
{
	unsigned left = 0;

	while (!smq_ownerlock_trylock(&q->owner)) {
		/* Before anything that may end this wait: who was woken and gives up has another one woken. */
		uint32_t expected = smq_ownerlock_prepare(&q->owner, SMQ_OWNER_SLEEPER);
		int64_t now = smq_now_ns(), slice = SMQ_SLICE_NS;

		/* Left meanwhile. Over and over again, that is a hostile writer's doing: it shall not keep the call. */
		if (expected == 0 && ++left < TURN_PAUSES)
			continue;
		if (smq_take_interrupt(q))
			return ECANCELED;
		if (inherit_in_time(q, now))
			return 0;
		if (now >= deadline)
			return ETIMEDOUT;
		if (expected == 0)
			continue;
		if (slice > deadline - now)
			slice = deadline - now;
		if (smq_ownerlock_wait(&q->owner, q->eventcount.own, expected, slice) == EINTR)
			return smq_take_interrupt(q) ? ECANCELED : EINTR;
		left = 0;
	}
	return 0;
}

static int take_turn(struct shmemq *q, int64_t timeout, int64_t deadline)
{
	for (int i = 0; i < TURN_PAUSES; i++) {
		if (smq_ownerlock_trylock(&q->owner))
			return 0;
		smq_cpu_relax();
	}
	return timeout == 0 ? try_turn(q) : await_turn(q, deadline);
}

/* In its turn: takes up what the others have left, and looks. */
static enum smq_ring_status take_up(struct shmemq *q, uint32_t *bytes)
{
	bool producer = q->eventcount.producer;
	enum smq_ring_status look;

	if (q->owner.inherited) {
		q->owner.inherited = false;
		look = smq_take_ring(q);
	} else {
		look = smq_ring_resume(&q->ring, producer);
	}
	if (look != SMQ_READY)
		return look;
	return producer ? smq_ring_space(&q->ring, *bytes) : smq_ring_peek(&q->ring, bytes);
}

int smq_shared_enter(struct shmemq *q, uint32_t *bytes, int64_t timeout)
{
	int64_t deadline = timeout > 0 ? smq_deadline(smq_now_ns(), timeout) : INT64_MAX, left = timeout;
	uint32_t need = *bytes;
	int lost = 0;

	for (;;) {
		int err = take_turn(q, timeout, deadline);
		enum smq_ring_status look;

		if (err != 0)
			return err;
		*bytes = need;
		look = take_up(q, bytes);
		if (look == SMQ_READY)
			return 0;
		smq_shared_leave(q);
		/* Here and not only in the wait: a hostile peer may show each time what is gone in the turn. */
		if (look == SMQ_NOT_YET && timeout != 0 && smq_take_interrupt(q))
			return ECANCELED;
		if (timeout > 0)
			left = deadline - smq_now_ns();
		if (look == SMQ_NOT_YET && timeout >= 0 && left <= 0 && lost++ == TRIES_MAX)
			break;
		err = smq_await(q, look, bytes, timeout > 0 && left <= 0 ? 1 : left);
		if (err != 0)
			return err;
	}
	if (timeout > 0)
		return ETIMEDOUT;
	if (q->pollable != NULL)
		smq_pollable_raise_at(q->pollable, SMQ_AT_ONCE);
	return EAGAIN;
}
