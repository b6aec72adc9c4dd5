/* SPDX-License-Identifier: MIT */
/*
 * Announce, sleep, wake: nothing lost, and no system call or fence on the waker's way while nobody sleeps.
 *
 *	sleeper                                  waker
 *	 S1  own word = ASLEEP                    W1  publish (a record, or room)
 *	 S2  membarrier: a full barrier here      W2  compiler barrier
 *	     and on every processor that runs
 *	     a waker
 *	 S3  look at the ring; ready: withdraw    W3  load the peer's word; no bit: done
 *	 S4  sleep while the word is as at S1     W4  clear the bits, count the wake, wake
 *
 * The race is store-then-load on both sides: without barriers S3 may miss W1 while W3 misses S1, and the
 * sleeper sleeps beside a full ring. S2 puts a full barrier into the waker's stream too: if it falls after W1,
 * then S3 sees the record; if before, W3 comes after it and sees ASLEEP. So the waker needs only W2, which keeps
 * the compiler from exchanging W1 and W3. doc/model/ checks this, and that it fails without S2.
 *
 * Where that fails:
 *  - A waker that could not register with membarrier is not reached by S2: it always fences at W2.
 *  - A sleeper that cannot call membarrier (an old kernel, seccomp, also one installed after open) announces
 *    ASLEEP | FENCE and fences itself. The waker that sees FENCE acknowledges (claim.fence = 1) and fences from
 *    then on. Until the acknowledgement shows, the sleeper's slices are 1 ms: one wake may be missed, and is
 *    made up for.
 *  - A new claim starts without fences: it resets its acknowledgement, then fences. A sleeper announces, fences,
 *    and reads the acknowledgement. Either it sees the reset, or the new waker sees its word.
 *
 * W4 may meet the sleeper's next announcement and erase it: then the word is not what the sleeper expects, the
 * futex returns at once (the semaphore has been posted), and it looks again. Of several on a SHARED end, one may have
 * announced before W4 and another one after it: the count tells the first that it has missed a wake, where the bits
 * alone would look to it as it left them.
 *
 * Who has a pollfd announces POLLS instead, before the look that a try fails with, and goes away; W4 then rings. The
 * word keeps the bit until W4 has taken it: a sleep in between leaves it alone. So at any time the
 * descriptor is readable or the bit is set, and a ring is never missed.
 */
#ifndef SMQ_EVENTCOUNT_H
#define SMQ_EVENTCOUNT_H

#include <stdbool.h>
#include <sys/types.h>

#include "format.h"
#include "ring.h"

/* Bits of a wait word; none: nobody waits. */
#define SMQ_WAIT_SLEEPER 1u
#define SMQ_WAIT_FENCE   2u
#define SMQ_WAIT_POLLER  4u /* somebody polls: the doorbell is to be rung, whether anybody sleeps or not */
#define SMQ_WAIT_BITS    7u
#define SMQ_WAIT_COUNT   8u /* above them, the wakes so far are counted */

#define SMQ_NS_PER_MS 1000000
/* A sleep is cut into slices: after each the peer's liveness is probed and a death shows within one. */
#define SMQ_SLICE_NS          (250 * (int64_t)SMQ_NS_PER_MS)
#define SMQ_SLICE_UNFENCED_NS (1 * (int64_t)SMQ_NS_PER_MS)

/* One side's view of both wait rooms. */
struct smq_eventcount {
	struct smq_wait *own;
	struct smq_wait *peer;
	smq_word *own_fence; /* claim.fence of this side and of the peer */
	smq_word *peer_fence;
	int fd;                   /* to ring the peer's doorbell with, */
	bool producer;            /* as this end does */
	uint32_t announced;       /* what own->word was set to */
	bool fences;              /* this side fences at W2 */
	bool shared;              /* others may sleep in the own room too */
	bool joined;              /* counted among them */
	bool no_membarrier;       /* this side could not call it at S2 */
	_Atomic bool interrupted; /* set by shmemq_interrupt(), taken by the wait that it ends */
};

/* The id of the mechanism that this library was built with, for smq_identity. */
extern const uint32_t smq_mechanism;

/* Makes both rooms of a new queue. 0 or errno. */
int smq_eventcount_init(struct smq_header *header);

/*
 * Takes up this side's room for a new claim. `registered`: this process is a target of membarrier. `alone`: nobody else
 * has a part in this end. The handles of a shared end always fence, since one cannot acknowledge for another.
 */
void smq_eventcount_attach(struct smq_eventcount *eventcount, bool registered, bool alone);

/* S1 and S2. Returns the longest slice to sleep: to be called before the look at the ring, S3. */
int64_t smq_eventcount_prepare(struct smq_eventcount *eventcount);
void smq_eventcount_cancel(struct smq_eventcount *eventcount);

/* The same for a pollfd: stays announced until it has been rung. */
int64_t smq_eventcount_prepare_poll(struct smq_eventcount *eventcount);

/* S4, at most `ns`. 0: look again. EINTR: a signal handler ran. */
int smq_eventcount_wait(struct smq_eventcount *eventcount, int64_t ns);

/* W4. Returns `result`: a caller that ends with it keeps its hot path free of a call. */
ssize_t smq_eventcount_notify_slow(struct smq_eventcount *eventcount, ssize_t result);

/* W2 to W4: after each publication. Returns `result`. */
static inline ssize_t smq_eventcount_notify(struct smq_eventcount *eventcount, ssize_t result)
{
	if (smq_unlikely(eventcount->fences))
		atomic_thread_fence(memory_order_seq_cst); /* the publication is seen before the word is read */
	else
		atomic_signal_fence(memory_order_seq_cst); /* the same for the compiler; S2 does it for the processor */
	if (smq_unlikely(atomic_load_explicit(&eventcount->peer->word, memory_order_relaxed) & SMQ_WAIT_BITS))
		return smq_eventcount_notify_slow(eventcount, result);
	return result;
}

/* After a change that is no publication (a close), whatever the fences: wakes the peer if it sleeps. */
void smq_eventcount_notify_fenced(struct smq_eventcount *eventcount);

/* Ends this side's own sleep, from another thread or a signal handler. */
void smq_eventcount_interrupt(struct smq_eventcount *eventcount);

#endif
