/* SPDX-License-Identifier: MIT */
/*
 * The one loop in which a call waits for its peer:
 *
 *	back off	a side that streams stays away for a moment, and then finds many messages
 *	check soon	some checks with pauses, without reading the clock
 *	spin		checks for as long as the last waits made it seem worthwhile
 *	sleep		in slices (eventcount.h); every 250 ms the kernel is asked whether the peer lives
 *
 * A call with timeout 0 does none of this: it checks once more and fails (try.h).
 */
#include "config.h"

#include "wait.h"

#include <errno.h>

#include "cancel.h"
#include "note.h"
#include "peer.h"
#include "process.h"
#include "try.h"

/*
 * Checks before the clock is read for the first time: in a ping-pong the peer answers within them. After each a pause,
 * because a check takes the cache line away from the peer, which may be writing it: without pauses a round trip took
 * half as long again (doc/performance.md).
 */
#define SOON_CHECKS 64
/*
 * A side that has moved this many messages since it last had to wait is streaming, and has caught up with its peer:
 * checking at once would contend for the line that the peer writes.
 */
#define STREAMING_MESSAGES    8
#define BACK_OFF_PAUSES       64
#define SPIN_MIN_NS           1000
#define SPINS_A_CLOCK_READING 32

bool smq_take_interrupt(struct shmemq *q)
{
	/* Relaxed: the flag alone is passed. Only this side clears it; two interrupts at once end one wait. */
	if (smq_likely(!atomic_load_explicit(&q->eventcount.interrupted, memory_order_relaxed)))
		return false;
	atomic_store_explicit(&q->eventcount.interrupted, false, memory_order_relaxed);
	return true;
}

/* smq_is_decided() for a call that waits. An interrupt that finds no call waiting stays set and ends the next wait. */
static bool is_over(struct shmemq *q, struct smq_want *want, int *err)
{
	if (smq_is_decided(q, want, err))
		return true;
	if (!smq_take_interrupt(q))
		return false;
	*err = ECANCELED;
	return true;
}

void smq_await_init(struct shmemq *q)
{
	q->spin_ns = SMQ_SPIN_MAX_NS;
	/* With one processor, which may be the peer's too, spinning has to prove itself first. */
	q->spin_misses = smq_process_parallel() ? 0 : SMQ_SPIN_MISSES;
}

/*
 * Spinning is worthwhile while what is waited for comes soon. If both sides share one processor, for whatever reason,
 * it never is: what comes soon comes while this side sleeps, and no spin sees it. So after some misses in a row a side
 * sleeps at once, and spins again now and then.
 */
static bool spinning_pays(const struct shmemq *q)
{
	return !q->nospin && (q->spin_misses < SMQ_SPIN_MISSES || q->spin_misses % SMQ_SPIN_AGAIN == 0);
}

/* Backs off, and checks: true if there is something. */
static smq_always_inline bool check_soon(struct shmemq *q, struct smq_want *want, bool streaming)
{
	for (int i = 0; streaming && i < BACK_OFF_PAUSES; i++)
		smq_cpu_relax();
	for (int i = 0; i < SOON_CHECKS; i++) {
		if (smq_check(q, want, false) == SMQ_READY)
			return true;
		smq_cpu_relax();
	}
	return false;
}

/* Until `until`: true when the wait is over. */
static bool spin(struct shmemq *q, struct smq_want *want, int64_t until, int *err)
{
	do {
		for (int i = 0; i < SPINS_A_CLOCK_READING; i++) {
			smq_cpu_relax();
			if (smq_check(q, want, false) != SMQ_NOT_YET)
				return is_over(q, want, err);
		}
		if (is_over(q, want, err))
			return true;
	} while (smq_now_ns() < until);
	return false;
}

/*
 * Sleeps, at most until `deadline`, until the wait is over. The kernel is asked about the peer once a slice, counted
 * across calls: so a loop of short timeouts notices a death too, and a side that is always woken soon never asks.
 */
static int sleep_until(struct shmemq *q, struct smq_want *want, int64_t deadline)
{
	bool slept = false;
	int err;

	for (;;) {
		int64_t slice = smq_eventcount_prepare(&q->eventcount), now, probe_at;

		if (is_over(q, want, &err))
			break;
		now = smq_now_ns();
		probe_at = q->peer.probed_at + SMQ_SLICE_NS;
		if (now >= probe_at) {
			smq_peer_begin_slice(q, now);
			probe_at = now + SMQ_SLICE_NS;
			if (is_over(q, want, &err))
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
		if (!slept) {
			SMQ_PROBE(sleep, smq_probed_id(q), smq_probed_end(q), (uint32_t)want->kind);
			if (want->kind == SMQ_WANT_MESSAGE)
				smq_note_slept(q);
			slept = true;
		}
		if (smq_eventcount_wait(&q->eventcount, slice) == EINTR) {
			err = smq_take_interrupt(q) ? ECANCELED : EINTR;
			break;
		}
	}
	smq_eventcount_cancel(&q->eventcount);
	if (slept)
		SMQ_PROBE(wake, smq_probed_id(q), smq_probed_end(q), err);
	return err;
}

/* Spins and sleeps. Apart from block(), so that what comes at once does not pay for the registers of this. */
static smq_noinline int block_longer(struct shmemq *q, struct smq_want *want, int64_t timeout)
{
	int64_t start, deadline, spin_ns;
	int err, cancel;

	/* As in block(); a producer that streams has now waited long enough. */
	if (q->producer && smq_check(q, want, true) == SMQ_READY)
		return 0;
	if (want->kind == SMQ_WANT_MESSAGE) {
		if (q->producer)
			SMQ_PROBE(full, smq_probed_id(q), (unsigned long)want->need * SMQ_UNIT);
		smq_note_blocked(q);
	}
	start = smq_now_ns();
	deadline = smq_deadline(start, timeout);
	spin_ns = deadline - start < q->spin_ns ? deadline - start : q->spin_ns;
	if (spinning_pays(q) && spin(q, want, start + spin_ns, &err)) {
		q->spin_misses = 0;
		return err;
	}
	cancel = smq_cancel_disable();
	err = sleep_until(q, want, deadline);
	smq_cancel_restore(cancel);
	if (smq_now_ns() - start >= 2 * SMQ_SPIN_MAX_NS) {
		if (q->spin_ns > SPIN_MIN_NS)
			q->spin_ns /= 2;
	} else if (err == 0) {
		q->spin_ns = SMQ_SPIN_MAX_NS;
		q->spin_misses++;
	}
	return err;
}

static smq_always_inline int block(struct shmemq *q, struct smq_want *want, int64_t timeout)
{
	bool streaming = q->ring.messages_lo - q->peer.messages_at_wait >= STREAMING_MESSAGES;

	q->peer.messages_at_wait = q->ring.messages_lo;
	/* A producer that streams goes by the room alone. For another one, space that only the head shows is no wait,
	 * and says nothing about spinning. */
	if (q->producer && !streaming && smq_check(q, want, true) == SMQ_READY)
		return 0;
	if (!spinning_pays(q) || !check_soon(q, want, streaming))
		return block_longer(q, want, timeout);
	q->spin_misses = 0;
	return 0;
}

int smq_await(struct shmemq *q, enum smq_ring_status status, struct smq_want *want, int64_t timeout)
{
	int err, cancel;

	/* On a SHARED end the holder of the owner lock has done it: check_locked() of acquire.c. */
	if (!q->producer && !(q->state & SMQ_SHARED))
		smq_ring_flush_room(&q->ring);
	if (status == SMQ_BAD)
		err = EBADMSG;
	else
		err = timeout == 0 ? smq_fail_try(q, want) : block(q, want, timeout);
	if (q->pollable != NULL && want->kind == SMQ_WANT_MESSAGE &&
	    (err == EAGAIN || err == EPIPE || err == EOWNERDEAD)) {
		cancel = smq_cancel_disable();
		err = smq_poll_peer(q, want, err);
		smq_cancel_restore(cancel);
	}
	if (err == EBADMSG)
		q->state |= SMQ_BROKEN;
	return err;
}

/*
 * A claim takes longer than any spin, and says nothing about when messages come: so this sleeps at once, and leaves
 * alone what other waits have learnt. A try leaves alone the descriptor, which tells of messages and space, and what
 * smq_try_is_quiet() goes by: it fails although the peer has gone.
 */
int smq_await_peer(struct shmemq *q, int64_t timeout)
{
	struct smq_want want = { .kind = SMQ_WANT_PEER };
	int64_t deadline;
	int err, cancel;

	if (smq_is_decided(q, &want, &err))
		return err;
	if (timeout == 0)
		return EAGAIN;
	deadline = smq_deadline(smq_now_ns(), timeout);
	cancel = smq_cancel_disable();
	err = sleep_until(q, &want, deadline);
	smq_cancel_restore(cancel);
	return err;
}
