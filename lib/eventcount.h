/* SPDX-License-Identifier: MIT */
/*
 * The eventcount: prepare, cancel, wait, notify. No wake-up is lost, and a side that notifies makes no system call, and
 * usually no fence, while the other side is awake.
 *
 *	sleeper                                  waker
 *	 S1  own word |= SLEEPER                  W1  publish (a record, or space)
 *	 S2  membarrier: a full barrier here      W2  compiler barrier
 *	     and on every processor that runs
 *	     a waker
 *	 S3  check the ring; ready: cancel        W3  load the peer's word; no bit: done
 *	 S4  sleep while the word is as after S1  W4  clear the bits, add one to the count, wake
 *
 * The race is a store followed by a load on both sides: without barriers S3 may miss W1 while W3 misses S1, and the
 * sleeper sleeps beside a full ring. S2 puts a full barrier into the waker's instruction stream too. If it falls after
 * W1, then S3 sees the record; if it falls before W1, then W3 comes after it and sees SLEEPER. So the waker needs only
 * W2, which keeps the compiler from exchanging W1 and W3. doc/model/wait.pml checks all of this, and that it fails
 * without each step.
 *
 * Fences in place of S2. A membarrier interrupts the processors of every registered process of the machine, strangers
 * too, and a waker may be out of its reach. So the waker may fence at W2; its end's claim.fence tells the sleeper,
 * which reads that word at S2, after its bits and a fence of its own, and calls membarrier only if it reads 0:
 *  - The sleeper asks for fences by the bit FENCE, beside its own. A waker that finds it at W4 acknowledges (fence = 1)
 *    and fences from then on.
 *  - The waker stops after SMQ_FENCED_MAX publications in a row that woke nobody: it sets fence = 0, and the W2 of that
 *    publication is its last. A new claim does the same: it starts without fences, resets the word, and fences once.
 *  - A waker that could not register with membarrier fences always. So do the handles of a SHARED end, because one
 *    cannot acknowledge for another.
 * Why the sleeper may go by a 1 that it reads: for a publication before the acknowledgement, that is a release, so S3
 * sees it. For one that was fenced: of its W2 and the sleeper's fence, the first one makes W1 visible to S3, or the
 * bits to W3. For one after the end of fencing: had the fence after fence = 0 come before the sleeper's, then the
 * sleeper would not have read 1; so it came after, and each W3 from then on sees the bits, be it hours later.
 *
 * A sleeper asks for fences if it has called membarrier often of late, SMQ_MEMBARRIERS_MAX / 2 times; it goes on
 * calling it until it sees the acknowledgement, which the next wake brings. But not after SMQ_MEMBARRIERS_MAX times, as
 * when nobody wakes it (short timeouts, signals) or the waker stops again and again. What is counted is halved in each
 * slice. So a handle calls membarrier at most SMQ_MEMBARRIERS_MAX times at once, and half as often in each further
 * slice, whatever its peer does: 200 times a second.
 *
 * A sleeper that has neither an acknowledgement nor membarrier, because it may not call it now or cannot at all (an old
 * kernel, a seccomp filter, also one installed after open), sets FENCE and sleeps in slices of 1 ms: one wake may be
 * missed, and the next slice makes up for it.
 *
 * W4 may clear a bit that the sleeper has just set again. Then the word is not what the sleeper expects, the futex
 * returns at once (the semaphore has been posted), and the sleeper checks again. The count does the same for several
 * sleepers of a SHARED end: if one of them has prepared before W4 and another one after it, the bits are as the first
 * one left them, but the count differs.
 *
 * A handle with a pollable descriptor sets POLLER instead, before the check with which a try fails, and returns to its
 * caller. W4 then raises the descriptor. The bit stays until W4 clears it; a sleep in between leaves it alone. So at
 * any time the descriptor is readable or the bit is set, and no event is missed.
 *
 * Followers sleep on the consumer's word too, each woken by every wake there. They set FOLLOWER, and a follower that
 * polls sets POLLER with it, in one step. A new claim of the consumer's end leaves these bits.
 */
#ifndef SMQ_EVENTCOUNT_H
#define SMQ_EVENTCOUNT_H

#include <stdbool.h>

#include "clock.h"
#include "compiler.h"
#include "format.h"

/* Bits of a wait word; none: nobody waits. */
#define SMQ_WAIT_SLEEPER 1u
#define SMQ_WAIT_FENCE   2u /* the waker is to fence from now on */
#define SMQ_WAIT_POLLER  4u /* the pollable descriptor is to be raised, whether a handle sleeps or not */
/* Of the consumer's word: followers sleep there too, or poll (alarm.h). With POLLER if one of them polls. */
#define SMQ_WAIT_FOLLOWER 8u
#define SMQ_WAIT_BITS     15u
/* 16: not used yet. */
#define SMQ_WAIT_COUNT_ONE 32u /* above the bits: wakes so far */

/* A sleep is cut into slices. The peer's liveness is checked once in SMQ_SLICE_NS: a death shows within that time. */
#define SMQ_SLICE_NS          (250 * SMQ_NS_PER_MS)
#define SMQ_SLICE_UNFENCED_NS (1 * SMQ_NS_PER_MS)

/* How often a handle may call membarrier at once; half of that in each further slice. */
#define SMQ_MEMBARRIERS_MAX 100
/*
 * A waker fences for so many publications after each wake. A fence takes some 20 ns: so fences that were in vain have
 * cost no more than a sleep, its membarrier and its wake.
 */
#define SMQ_FENCED_MAX    4096
#define SMQ_FENCES_ALWAYS UINT16_MAX

/* One handle's private state. */
struct smq_eventcount {
	struct smq_wait *own;
	struct smq_wait *peer;
	smq_word *own_fence; /* claim.fence of this end and of the peer's */
	smq_word *peer_fence;
	uint32_t prepared;        /* what own->word was set to at S1 */
	uint16_t fences;          /* at W2 of so many publications more; 0: none; or SMQ_FENCES_ALWAYS */
	uint8_t membarriers;      /* called of late at S2, halved in each slice */
	bool shared;              /* other handles may sleep at this end too */
	bool joined;              /* this handle is counted in own->sleepers */
	bool no_membarrier;       /* this side could not call it at S2 */
	_Atomic bool interrupted; /* set by shmemq_interrupt(), cleared by the wait that it ends */
};

/* The id of the mechanism that this library was built with, for smq_identity. */
extern const uint32_t smq_mechanism;

/* Initialises both ends of a new queue. 0 or errno. */
int smq_eventcount_init(struct smq_header *header);

/*
 * For a new claim. `registered`: this process is a target of membarrier. `alone`: no other handle has this end.
 */
void smq_eventcount_attach(struct smq_eventcount *eventcount, bool registered, bool alone);

/* S1 and S2. To be called before the check of the ring, S3. Returns the longest time to sleep, in ns. */
int64_t smq_eventcount_prepare(struct smq_eventcount *eventcount);
void smq_eventcount_cancel(struct smq_eventcount *eventcount);

/* The same for a pollable descriptor: stays prepared until it has been raised. */
int64_t smq_eventcount_prepare_poll(struct smq_eventcount *eventcount);

/* To be called once in each slice in which this handle has to wait. */
static inline void smq_eventcount_new_slice(struct smq_eventcount *eventcount)
{
	eventcount->membarriers /= 2;
}

/* S4, at most `ns`. 0: check again. EINTR: a signal handler ran. */
int smq_eventcount_wait(struct smq_eventcount *eventcount, int64_t ns);

/* W3, after W2. */
static inline bool smq_eventcount_look(const struct smq_eventcount *eventcount)
{
	return atomic_load_explicit(&eventcount->peer->word, memory_order_relaxed) & SMQ_WAIT_BITS;
}

/* W2 of a side that fences. */
static inline void smq_eventcount_fence(struct smq_eventcount *eventcount)
{
	/* Relaxed: nothing was published for a sleeper that reads this 0. */
	if (eventcount->fences != SMQ_FENCES_ALWAYS && --eventcount->fences == 0)
		atomic_store_explicit(eventcount->own_fence, 0, memory_order_relaxed);
	/* W1, and that 0, are seen before W3, and before each W3 to come. Partner: the fence in prepare(). */
	atomic_thread_fence(memory_order_seq_cst);
}

/* W2 and W3, after each publication. */
static inline bool smq_eventcount_has_waiter(struct smq_eventcount *eventcount)
{
	if (smq_unlikely(eventcount->fences != 0))
		smq_eventcount_fence(eventcount);
	else
		atomic_signal_fence(memory_order_seq_cst); /* the same for the compiler; S2 does it for the processor */
	return smq_eventcount_look(eventcount);
}

/* W4. Returns the bits that it cleared: if SMQ_WAIT_POLLER is among them, the descriptor is to be raised. */
uint32_t smq_eventcount_notify(struct smq_eventcount *eventcount);

/* Ends this handle's own wait. From any thread and signal handler. */
void smq_eventcount_interrupt(struct smq_eventcount *eventcount);

#endif
