/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "wait.h"

#include "doorbell.h"
#include "process.h"
#ifdef SMQ_USE_FUTEX
#include "futex.h"
#else
#include "sem.h"
#endif

const uint32_t smq_mechanism = SMQ_MECHANISM;

static void store(smq_word *word, uint32_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
}

static uint32_t load(const smq_word *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

int smq_wait_init(struct smq_header *header)
{
	if (smq_mechanism_init(&header->producer_wait) != 0 || smq_mechanism_init(&header->consumer_wait) != 0)
		return errno;
	return 0;
}

/* Fences from now on, and tells the peer so. Release: its acquire is in smq_wait_announce(). */
static void acknowledge(struct smq_waiter *waiter)
{
	waiter->fences = true;
	atomic_store_explicit(waiter->own_fence, 1, memory_order_release);
}

void smq_wait_attach(struct smq_waiter *waiter, bool registered, bool alone)
{
	if (alone) {
		store(&waiter->own->word, 0); /* a dead holder may have been asleep */
		store(&waiter->own->sleepers, 0);
		store(waiter->own_fence, 0);
	}
	if (!registered || waiter->shared)
		acknowledge(waiter);
	/* The reset is seen before this side reads the peer's word. Partner: the fence between the announcement and
	 * the reading of the acknowledgement in smq_wait_announce(). A sleeper that still saw the last holder's
	 * acknowledgement, and so sleeps a whole slice, has then announced where this side's W3 will see it. */
	atomic_thread_fence(memory_order_seq_cst);
}

/* Adds bits to this side's word, and notes what it then is. */
static void add(struct smq_waiter *waiter, uint32_t bits)
{
	waiter->announced = atomic_fetch_or_explicit(&waiter->own->word, bits, memory_order_relaxed) | bits;
}

static int64_t announce(struct smq_waiter *waiter, uint32_t bit)
{
	add(waiter, bit | (waiter->no_membarrier ? SMQ_WAIT_FENCE : 0));
	if (!waiter->no_membarrier && !smq_process_membarrier()) {
		waiter->no_membarrier = true;
		/* Both: a wake may have taken the first, and what it was for may be too little. */
		add(waiter, bit | SMQ_WAIT_FENCE);
	}
	/* The announcement is seen before the ring, the interruption and the acknowledgement are read. Partners: W2
	 * where the waker fences, the fences in smq_wait_interrupt() and smq_wait_attach(). */
	atomic_thread_fence(memory_order_seq_cst);
	if (waiter->no_membarrier && !atomic_load_explicit(waiter->peer_fence, memory_order_acquire))
		return SMQ_SLICE_UNFENCED_NS;
	return SMQ_SLICE_NS;
}

int64_t smq_wait_announce(struct smq_waiter *waiter)
{
	if (waiter->shared && !waiter->joined) {
		smq_mechanism_join(waiter->own);
		waiter->joined = true;
	}
	if (!waiter->shared) /* the posts may be another sleeper's */
		smq_mechanism_prepare(waiter->own);
	return announce(waiter, SMQ_WAIT_ASLEEP);
}

/*
 * Takes bits from a word and counts that as a wake: doc/model/shared.pml. Relaxed: the futex orders it before the
 * wake. Between the two steps a sleeper may set its bit again and find the count as it was: then it sleeps when the
 * wake comes.
 */
static uint32_t take(smq_word *word, uint32_t bits)
{
	uint32_t was = atomic_fetch_and_explicit(word, ~bits, memory_order_relaxed);

	atomic_fetch_add_explicit(word, SMQ_WAIT_WAKE, memory_order_relaxed);
	return was;
}

void smq_wait_withdraw(struct smq_waiter *waiter)
{
	if (!waiter->shared) {
		/* Relaxed: seen late, it costs the waker one call in vain. */
		atomic_fetch_and_explicit(&waiter->own->word, ~(SMQ_WAIT_ASLEEP | SMQ_WAIT_FENCE),
					  memory_order_relaxed);
	} else if (waiter->joined) { /* the announcement stands for all who sleep there */
		smq_mechanism_quit(waiter->own);
		waiter->joined = false;
	}
}

int64_t smq_wait_poll(struct smq_waiter *waiter)
{
	/* Relaxed: still announced, and so still to be rung for whatever is published from now on; for what was
	 * published before, the look that follows. A 0 that is seen late has its ring on the way. On a shared end it
	 * may be another handle's announcement, whose barrier (S2) is still to come: a waker may not have seen it. */
	if (!waiter->shared && load(&waiter->own->word) & SMQ_WAIT_POLLS)
		return SMQ_SLICE_NS;
	return announce(waiter, SMQ_WAIT_POLLS);
}

int smq_wait_sleep(struct smq_waiter *waiter, int64_t ns)
{
	return smq_mechanism_sleep(waiter->own, waiter->announced, ns);
}

ssize_t smq_wait_wake_slow(struct smq_waiter *waiter, ssize_t result)
{
	/* Before the wake: a sleeper on its way into the futex finds another value there and turns back. */
	uint32_t word = take(&waiter->peer->word, SMQ_WAIT_BITS);

	if (word & SMQ_WAIT_FENCE && !waiter->fences)
		acknowledge(waiter);
	if (word & SMQ_WAIT_ASLEEP)
		smq_mechanism_wake(waiter->peer);
	if (word & SMQ_WAIT_POLLS)
		smq_doorbell_ring(waiter->fd, waiter->producer);
	return result;
}

void smq_wait_wake_fenced(struct smq_waiter *waiter)
{
	/* The change is seen before the word is read. Partner: the fence in smq_wait_announce(). */
	atomic_thread_fence(memory_order_seq_cst);
	if (load(&waiter->peer->word) & SMQ_WAIT_BITS)
		smq_wait_wake_slow(waiter, 0);
}

void smq_wait_interrupt(struct smq_waiter *waiter)
{
	atomic_store_explicit(&waiter->interrupted, true, memory_order_relaxed);
	/* The flag is seen before the word is changed. Partner: the fence in announce(): a sleeper that does not see
	 * the flag has announced before, so the change comes after its ASLEEP and turns it back. */
	atomic_thread_fence(memory_order_seq_cst);
	take(&waiter->own->word, SMQ_WAIT_ASLEEP | SMQ_WAIT_FENCE);
	smq_mechanism_wake(waiter->own);
}
