/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "eventcount.h"

#include "process.h"
#ifdef SMQ_USE_FUTEX
#include "os_futex.h"
#else
#include "os_sem.h"
#endif

const uint32_t smq_mechanism = SMQ_MECHANISM;

int smq_eventcount_init(struct smq_header *header)
{
	if (smq_os_init(&header->producer_wait) != 0 || smq_os_init(&header->consumer_wait) != 0)
		return errno;
	return 0;
}

/* Fences from now on, and tells the peer. Release: its acquire is in prepare(). */
static void acknowledge(struct smq_eventcount *eventcount, uint16_t fences)
{
	eventcount->fences = fences;
	atomic_store_explicit(eventcount->own_fence, 1, memory_order_release);
}

/* Attempts to change a word that others change too. So many fail only beside a hostile writer. */
#define ATTEMPTS 1000

/*
 * A dead handle may have left its bits; but those of followers stay, and POLLER may be theirs. A bit that stays causes
 * no more than a wake in vain.
 */
static void reset_word(smq_word *word)
{
	uint32_t was = atomic_load_explicit(word, memory_order_relaxed);

	for (int i = 0; i < ATTEMPTS; i++) {
		uint32_t reset = was & SMQ_WAIT_FOLLOWER ? was & ~(SMQ_WAIT_SLEEPER | SMQ_WAIT_FENCE) : 0;

		if (atomic_compare_exchange_weak_explicit(word, &was, reset, memory_order_relaxed,
							  memory_order_relaxed))
			break;
	}
}

void smq_eventcount_attach(struct smq_eventcount *eventcount, bool registered, bool alone)
{
	if (alone) {
		reset_word(&eventcount->own->word);
		smq_store(&eventcount->own->sleepers, 0);
		smq_store(eventcount->own_fence, 0);
	}
	if (!registered || eventcount->shared)
		acknowledge(eventcount, SMQ_FENCES_ALWAYS);
	/* The reset is seen before this side reads the peer's word. Partner: the fence in prepare(), between the bits
	 * and the reading of the acknowledgement. A sleeper that still saw the last handle's acknowledgement, and so
	 * sleeps for a whole slice, has set its bits where this side's W3 will see them. */
	atomic_thread_fence(memory_order_seq_cst);
}

static void set_bits(struct smq_eventcount *eventcount, uint32_t bits)
{
	eventcount->prepared = atomic_fetch_or_explicit(&eventcount->own->word, bits, memory_order_relaxed) | bits;
}

static int64_t prepare(struct smq_eventcount *eventcount, uint32_t bit)
{
	for (;;) {
		bool may = !eventcount->no_membarrier && eventcount->membarriers < SMQ_MEMBARRIERS_MAX;
		bool often = eventcount->membarriers >= SMQ_MEMBARRIERS_MAX / 2;

		set_bits(eventcount, bit | (may && !often ? 0 : SMQ_WAIT_FENCE));
		/* The bits are seen before the acknowledgement, the ring and the interruption are read. Partners: W2
		 * where the waker fences, and where it stops; the fences in smq_eventcount_interrupt(),
		 * smq_eventcount_attach() and smq_notify_fenced(). */
		atomic_thread_fence(memory_order_seq_cst);
		/* Acquire: its release is in acknowledge(). */
		if (atomic_load_explicit(eventcount->peer_fence, memory_order_acquire))
			return SMQ_SLICE_NS;
		if (!may)
			return SMQ_SLICE_UNFENCED_NS;
		if (smq_process_membarrier()) {
			eventcount->membarriers++;
			return SMQ_SLICE_NS;
		}
		/* Again from the start, with both bits: a notification may have cleared the first one meanwhile, for a
		 * publication that is not enough for this wait. */
		eventcount->no_membarrier = true;
	}
}

int64_t smq_eventcount_prepare(struct smq_eventcount *eventcount)
{
	if (eventcount->shared && !eventcount->joined) {
		smq_os_join(eventcount->own);
		eventcount->joined = true;
	}
	if (!eventcount->shared) /* the posts may be another sleeper's */
		smq_os_prepare(eventcount->own);
	return prepare(eventcount, SMQ_WAIT_SLEEPER);
}

void smq_eventcount_cancel(struct smq_eventcount *eventcount)
{
	if (!eventcount->shared) {
		/* Relaxed: if it is seen late, the waker makes one system call in vain. */
		atomic_fetch_and_explicit(&eventcount->own->word, ~(SMQ_WAIT_SLEEPER | SMQ_WAIT_FENCE),
					  memory_order_relaxed);
	} else if (eventcount->joined) { /* the bits stay: they are set for all sleepers of the end */
		smq_os_leave(eventcount->own);
		eventcount->joined = false;
	}
}

int64_t smq_eventcount_prepare_poll(struct smq_eventcount *eventcount)
{
	/* Relaxed: while the bit is set, whatever is published from now on raises the descriptor, and the check that
	 * follows finds what was published before; also when the waker has stopped fencing since. If a bit that W4 has
	 * cleared still shows, that waker raises the descriptor. On a SHARED end the bit may be another handle's, whose
	 * barrier (S2) is still to come: a waker may not have seen it. So it may be with followers. */
	if (!eventcount->shared && (atomic_load_explicit(&eventcount->own->word, memory_order_relaxed) &
				    (SMQ_WAIT_POLLER | SMQ_WAIT_FOLLOWER)) == SMQ_WAIT_POLLER)
		return SMQ_SLICE_NS;
	return prepare(eventcount, SMQ_WAIT_POLLER);
}

int smq_eventcount_wait(struct smq_eventcount *eventcount, int64_t ns)
{
	return smq_os_sleep(eventcount->own, eventcount->prepared, ns);
}

/*
 * Clears bits of a word and counts a wake (doc/model/shared.pml). Relaxed: the futex orders it before the wake. Between
 * the two steps a sleeper may set its bit again and expect the old count. Either its futex call finds the new count and
 * returns, or it came first, and the wake ends it.
 */
static uint32_t clear_bits(smq_word *word, uint32_t bits)
{
	uint32_t was = atomic_fetch_and_explicit(word, ~bits, memory_order_relaxed);

	atomic_fetch_add_explicit(word, SMQ_WAIT_COUNT_ONE, memory_order_relaxed);
	return was & bits;
}

uint32_t smq_eventcount_notify(struct smq_eventcount *eventcount)
{
	/* Before the wake: a sleeper that is about to sleep then finds another value in the word, and does not. */
	uint32_t bits = clear_bits(&eventcount->peer->word, SMQ_WAIT_BITS);

	if (bits & SMQ_WAIT_FENCE && eventcount->fences == 0)
		acknowledge(eventcount, SMQ_FENCED_MAX);
	else if (bits != 0 && eventcount->fences != 0 && eventcount->fences != SMQ_FENCES_ALWAYS)
		eventcount->fences = SMQ_FENCED_MAX;
	if (bits & SMQ_OS_SLEEPERS)
		smq_os_wake(eventcount->peer);
	return bits;
}

void smq_eventcount_interrupt(struct smq_eventcount *eventcount)
{
	atomic_store_explicit(&eventcount->interrupted, true, memory_order_relaxed);
	/* The flag is seen before the word is changed. Partners: the fence in prepare(), and the acquire in
	 * smq_ownerlock_prepare(). A sleeper that does not see the flag has set its bits before, so the change comes
	 * after them and keeps it from sleeping. */
	atomic_thread_fence(memory_order_seq_cst);
	clear_bits(&eventcount->own->word, SMQ_WAIT_SLEEPER | SMQ_WAIT_FENCE);
	smq_os_wake(eventcount->own);
}
