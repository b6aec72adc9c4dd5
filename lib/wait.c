/* SPDX-License-Identifier: MIT */
/* What a call does that cannot go on: try, spin, sleep, and notice that the peer has gone. */
#include "config.h"

#include "endlock.h"
#include "handle.h"
#include "spin.h"

#define SPIN_MIN_NS           1000
#define SPINS_A_CLOCK_READING 32

/* `bytes`: see smq_await(). */
static enum smq_ring_status look(struct shmemq *q, uint32_t *bytes)
{
	if (smq_unlikely(q->state & SMQ_SHARED))
		return smq_ring_guess(&q->ring, q->eventcount.producer, *bytes) ? SMQ_READY : SMQ_NOT_YET;
	if (q->state & SHMEMQ_PRODUCER)
		return smq_ring_space(&q->ring, *bytes);
	return smq_ring_peek(&q->ring, bytes);
}

/* What is known of the peer without asking the kernel: 0 (there, or to be waited for), EPIPE or EOWNERDEAD. */
static int peer_gone(const struct shmemq *q)
{
	/* Acquire: with the release in smq_claim_close(), what the peer did before it closed is seen after this. */
	uint32_t claim = atomic_load_explicit(&q->peer.claim->claim, memory_order_acquire);

	if (q->stay)
		return 0;
	if (smq_claim_state(claim) == SHMEMQ_END_CLOSED)
		return EPIPE;
	return claim != 0 && claim == q->peer.dead_claim ? EOWNERDEAD : 0;
}

/* Asks the kernel whether the holder of the peer's end lives. */
static void probe(struct shmemq *q, int64_t now)
{
	enum smq_lock_byte end = q->state & SHMEMQ_PRODUCER ? SMQ_LOCK_CONSUMER : SMQ_LOCK_PRODUCER;
	/* Before the question: an answer of "nobody" then cannot be pinned on a later claim. And peer_gone() reads the
	 * claim after it: a close in between has stored CLOSED before it let the lock go. doc/model/claim.pml. */
	uint32_t claim = atomic_load_explicit(&q->peer.claim->claim, memory_order_acquire);

	q->peer.probed_at = now;
	if (!q->stay && smq_claim_state(claim) == SHMEMQ_END_OPEN && !smq_endlock_held(q->fd, end))
		q->peer.dead_claim = claim;
}

/* Is it decided, without waiting, how the call ends? `*err`: 0, EBADMSG, EPIPE or EOWNERDEAD. */
static bool decided(struct shmemq *q, uint32_t *bytes, int *err)
{
	enum smq_ring_status seen = look(q, bytes);
	int gone = 0;

	/* After seeing the peer gone the ring counts once more: what it published before comes first. */
	if (seen == SMQ_NOT_YET && (gone = peer_gone(q)) != 0)
		seen = look(q, bytes);
	*err = seen == SMQ_READY ? 0 : seen == SMQ_BAD ? EBADMSG : gone;
	return seen != SMQ_NOT_YET || gone != 0;
}

static int fail_try(struct shmemq *q, uint32_t *bytes)
{
	int err;

	if (!q->stay && ++q->peer.tries % SMQ_TRIES_A_CLOCK_READING == 0) {
		int64_t now = smq_now_ns();

		if (now - q->peer.probed_at >= SMQ_SLICE_NS)
			probe(q, now);
	}
	return decided(q, bytes, &err) ? err : EAGAIN;
}

bool smq_take_interrupt(struct shmemq *q)
{
	/* Relaxed: nothing but the flag is passed. Only this side clears it; of two that come at once, one is lost. */
	if (smq_likely(!atomic_load_explicit(&q->eventcount.interrupted, memory_order_relaxed)))
		return false;
	atomic_store_explicit(&q->eventcount.interrupted, false, memory_order_relaxed);
	return true;
}

/* The same for a call that waits. An interruption ends a wait, so it stays where there is none to end. */
static bool over(struct shmemq *q, uint32_t *bytes, int *err)
{
	if (decided(q, bytes, err))
		return true;
	if (!smq_take_interrupt(q))
		return false;
	*err = ECANCELED;
	return true;
}

/* Before anything that costs: true when there is something. After smq_comes_soon() it is as much again, once. */
static bool look_first(struct shmemq *q, uint32_t *bytes)
{
	smq_back_off(q);
	for (int i = 0; i < SMQ_PEEKS_FIRST; i++) {
		if (look(q, bytes) == SMQ_READY)
			return true;
		smq_cpu_relax();
	}
	return false;
}

/* Until `until`: true when the wait is over. */
static bool spin(struct shmemq *q, uint32_t *bytes, int64_t until, int *err)
{
	do {
		for (int i = 0; i < SPINS_A_CLOCK_READING; i++) {
			smq_cpu_relax();
			if (look(q, bytes) != SMQ_NOT_YET)
				return over(q, bytes, err);
		}
		if (over(q, bytes, err))
			return true;
	} while (smq_now_ns() < until);
	return false;
}

/*
 * Sleeps, at most until `deadline`, until the wait is over. The kernel is asked for the peer once a slice, counted
 * across calls: so a loop of short timeouts learns of a death too, and a side that is soon woken does not pay.
 */
static int sleep_on(struct shmemq *q, uint32_t *bytes, int64_t deadline)
{
	int64_t probe_at;
	int err;

	for (;;) {
		int64_t slice = smq_eventcount_prepare(&q->eventcount), now;

		if (over(q, bytes, &err))
			break;
		now = smq_now_ns();
		probe_at = q->peer.probed_at + SMQ_SLICE_NS;
		if (now >= probe_at) {
			probe(q, now);
			probe_at = now + SMQ_SLICE_NS;
			if (over(q, bytes, &err))
				break;
		}
		if (now >= deadline) {
			err = ETIMEDOUT;
			break;
		}
		if (slice > deadline - now)
			slice = deadline - now;
		if (slice > probe_at - now)
			slice = probe_at - now;
		if (smq_eventcount_wait(&q->eventcount, slice) == EINTR) {
			err = smq_take_interrupt(q) ? ECANCELED : EINTR;
			break;
		}
	}
	smq_eventcount_cancel(&q->eventcount);
	return err;
}

/* Spins as long as the last waits made it seem worth while, then sleeps. */
static int block(struct shmemq *q, uint32_t *bytes, int64_t timeout)
{
	bool spins = smq_spinning_pays(q);
	int64_t start, deadline;
	int err;

	if (spins && look_first(q, bytes)) {
		q->spin_misses = 0;
		return 0;
	}
	start = smq_now_ns();
	deadline = smq_deadline(start, timeout);
	if (spins && spin(q, bytes, deadline - start < q->spin_ns ? deadline : start + q->spin_ns, &err)) {
		q->spin_misses = 0;
		return err;
	}
	err = sleep_on(q, bytes, deadline);
	if (smq_now_ns() - start >= 2 * SMQ_SPIN_MAX_NS) {
		if (q->spin_ns > SPIN_MIN_NS)
			q->spin_ns /= 2;
	} else if (err == 0) {
		q->spin_ns = SMQ_SPIN_MAX_NS;
		q->spin_misses++;
	}
	return err;
}

/* Is the peer about to go, of which the pollfd has heard? Asks, and has it ring for the next question. */
static void doubt_peer(struct shmemq *q)
{
	struct smq_recheck *recheck = &q->pollable->peer;

	if (!q->stay && smq_recheck_due(recheck)) {
		probe(q, smq_now_ns());
		smq_recheck_done(recheck, true);
	}
	if (q->stay || peer_gone(q) != 0)
		recheck->since = 0; /* nothing to ask: who comes back rings */
	if (recheck->since != 0)
		smq_pollable_raise_at(q->pollable, recheck->ask_at);
}

/* A call has failed with `err`: makes the pollfd ring when it is worth repeating. 0 if that is so already, or errno. */
static int arm(struct shmemq *q, uint32_t *bytes, int err)
{
	bool known;
	int now;

	smq_pollable_clear(q->pollable, q->fd, q->eventcount.producer);
	doubt_peer(q);
	if (smq_eventcount_prepare_poll(&q->eventcount) == SMQ_SLICE_UNFENCED_NS)
		smq_pollable_raise_at(q->pollable, smq_now_ns() + SMQ_SLICE_UNFENCED_NS);
	known = decided(q, bytes, &now);
	/* What came before the announcement was not rung for, and the next thing to come may be long in coming: so
	 * after a success the descriptor is readable again, and when the peer that was gone is back. */
	if (known ? now == 0 : err != EAGAIN)
		smq_pollable_raise_at(q->pollable, SMQ_AT_ONCE);
	return known ? now : err;
}

int smq_await(struct shmemq *q, enum smq_ring_status seen, uint32_t *bytes, int64_t timeout)
{
	int err;

	if (seen == SMQ_BAD)
		err = EBADMSG;
	else
		err = timeout == 0 ? fail_try(q, bytes) : block(q, bytes, timeout);
	if (q->pollable != NULL && (err == EAGAIN || err == EPIPE || err == EOWNERDEAD))
		err = arm(q, bytes, err);
	if (err == EBADMSG)
		q->state |= SMQ_BROKEN;
	return err;
}

int smq_enter(struct shmemq *q, uint32_t *bytes, int64_t timeout)
{
	enum smq_ring_status seen;
	int err = 0;

	if (q->state & SMQ_SHARED)
		err = smq_shared_enter(q, bytes, timeout);
	else if ((seen = look(q, bytes)) != SMQ_READY)
		err = smq_await(q, seen, bytes, timeout);
	return err != 0 ? smq_fail(err) : 0;
}
