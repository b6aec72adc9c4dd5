/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "eventcount.h"

#include "pollable.h"
#include "process.h"
#ifdef SMQ_USE_FUTEX
#include "os_futex.h"
#else
#include "os_sem.h"
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

int smq_eventcount_init(struct smq_header *header)
{
	if (smq_os_init(&header->producer_wait) != 0 || smq_os_init(&header->consumer_wait) != 0)
		return errno;
	return 0;
}

/* Fences from now on, and tells the peer so. Release: its acquire is in smq_eventcount_prepare(). */
static void acknowledge(struct smq_eventcount *eventcount)
{
	eventcount->fences = true;
	atomic_store_explicit(eventcount->own_fence, 1, memory_order_release);
}

void smq_eventcount_attach(struct smq_eventcount *eventcount, bool registered, bool alone)
{
	if (alone) {
		store(&eventcount->own->word, 0); /* a dead holder may have been asleep */
		store(&eventcount->own->sleepers, 0);
		store(eventcount->own_fence, 0);
	}
	if (!registered || eventcount->shared)
		acknowledge(eventcount);
	/* The reset is seen before this side reads the peer's word. Partner: the fence between the announcement and
	 * the reading of the acknowledgement in smq_eventcount_prepare(). A sleeper that still saw the last holder's
	 * acknowledgement, and so sleeps a whole slice, has then announced where this side's W3 will see it. */
	atomic_thread_fence(memory_order_seq_cst);
}

/* Adds bits to this side's word, and notes what it then is. */
static void add(struct smq_eventcount *eventcount, uint32_t bits)
{
	eventcount->announced = atomic_fetch_or_explicit(&eventcount->own->word, bits, memory_order_relaxed) | bits;
}

static int64_t announce(struct smq_eventcount *eventcount, uint32_t bit)
{
	add(eventcount, bit | (eventcount->no_membarrier ? SMQ_WAIT_FENCE : 0));
	if (!eventcount->no_membarrier && !smq_process_membarrier()) {
		eventcount->no_membarrier = true;
		/* Both: a wake may have taken the first, and what it was for may be too little. */
		add(eventcount, bit | SMQ_WAIT_FENCE);
	}
	/* The announcement is seen before the ring, the interruption and the acknowledgement are read. Partners: W2
	 * where the waker fences, the fences in smq_eventcount_interrupt() and smq_eventcount_attach(). */
	atomic_thread_fence(memory_order_seq_cst);
	if (eventcount->no_membarrier && !atomic_load_explicit(eventcount->peer_fence, memory_order_acquire))
		return SMQ_SLICE_UNFENCED_NS;
	return SMQ_SLICE_NS;
}

int64_t smq_eventcount_prepare(struct smq_eventcount *eventcount)
{
	if (eventcount->shared && !eventcount->joined) {
		smq_os_join(eventcount->own);
		eventcount->joined = true;
	}
	if (!eventcount->shared) /* the posts may be another sleeper's */
		smq_os_prepare(eventcount->own);
	return announce(eventcount, SMQ_WAIT_SLEEPER);
}

/*
 * Takes bits from a word and counts that as a wake: doc/model/shared.pml. Relaxed: the futex orders it before the
 * wake. Between the two steps a sleeper may set its bit again and find the count as it was: then it sleeps when the
 * wake comes.
 */
static uint32_t take(smq_word *word, uint32_t bits)
{
	uint32_t was = atomic_fetch_and_explicit(word, ~bits, memory_order_relaxed);

	atomic_fetch_add_explicit(word, SMQ_WAIT_COUNT, memory_order_relaxed);
	return was;
}

void smq_eventcount_cancel(struct smq_eventcount *eventcount)
{
	if (!eventcount->shared) {
		/* Relaxed: seen late, it costs the waker one call in vain. */
		atomic_fetch_and_explicit(&eventcount->own->word, ~(SMQ_WAIT_SLEEPER | SMQ_WAIT_FENCE),
					  memory_order_relaxed);
	} else if (eventcount->joined) { /* the announcement stands for all who sleep there */
		smq_os_leave(eventcount->own);
		eventcount->joined = false;
	}
}

int64_t smq_eventcount_prepare_poll(struct smq_eventcount *eventcount)
{
	/* Relaxed: still announced, and so still to be rung for whatever is published from now on; for what was
	 * published before, the look that follows. A 0 that is seen late has its ring on the way. On a shared end it
	 * may be another handle's announcement, whose barrier (S2) is still to come: a waker may not have seen it. */
	if (!eventcount->shared && load(&eventcount->own->word) & SMQ_WAIT_POLLER)
		return SMQ_SLICE_NS;
	return announce(eventcount, SMQ_WAIT_POLLER);
}

int smq_eventcount_wait(struct smq_eventcount *eventcount, int64_t ns)
{
	return smq_os_sleep(eventcount->own, eventcount->announced, ns);
}

ssize_t smq_eventcount_notify_slow(struct smq_eventcount *eventcount, ssize_t result)
{
	/* Before the wake: a sleeper on its way into the futex finds another value there and turns back. */
	uint32_t word = take(&eventcount->peer->word, SMQ_WAIT_BITS);

	if (word & SMQ_WAIT_FENCE && !eventcount->fences)
		acknowledge(eventcount);
	if (word & SMQ_WAIT_SLEEPER)
		smq_os_wake(eventcount->peer);
	if (word & SMQ_WAIT_POLLER)
		smq_pollable_raise(eventcount->fd, eventcount->producer);
	return result;
}

void smq_eventcount_notify_fenced(struct smq_eventcount *eventcount)
{
	/* The change is seen before the word is read. Partner: the fence in smq_eventcount_prepare(). */
	atomic_thread_fence(memory_order_seq_cst);
	if (load(&eventcount->peer->word) & SMQ_WAIT_BITS)
		smq_eventcount_notify_slow(eventcount, 0);
}

void smq_eventcount_interrupt(struct smq_eventcount *eventcount)
{
	atomic_store_explicit(&eventcount->interrupted, true, memory_order_relaxed);
	/* The flag is seen before the word is changed. Partner: the fence in announce(): a sleeper that does not see
	 * the flag has announced before, so the change comes after its ASLEEP and turns it back. */
	atomic_thread_fence(memory_order_seq_cst);
	take(&eventcount->own->word, SMQ_WAIT_SLEEPER | SMQ_WAIT_FENCE);
	smq_os_wake(eventcount->own);
}
