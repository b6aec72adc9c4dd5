/* SPDX-License-Identifier: MIT */
/* The start of a wait: looks before anything that costs. */
#ifndef SMQ_SPIN_H
#define SMQ_SPIN_H

#include "handle.h"

/*
 * Looks before the clock is read for the first time: a peer that plays ping-pong answers within them. After each a
 * pause, for a look takes the line away from the peer, which may be writing it: without pauses a round trip took half
 * as long again (doc/performance.md).
 */
#define SMQ_PEEKS_FIRST 64
/*
 * A side that has moved this many messages since it last had to wait is streaming, and has caught up: looking on at
 * once would fight with the peer over the very line that it writes. So it stays away for a while and then finds many.
 */
#define SMQ_STREAMING_MESSAGES 8
#define SMQ_BACK_OFF_PAUSES    64

/*
 * Spinning pays while what is waited for comes soon. Where the two sides have one processor, however they came to it,
 * it never does: what has been slept for comes soon, and no spin sees it. So after some misses in a row a side sleeps
 * at once, and tries anew now and then.
 */
static inline bool smq_spinning_pays(const struct shmemq *q)
{
	return q->spin_misses < SMQ_SPIN_MISSES || q->spin_misses % SMQ_SPIN_AGAIN == 0;
}

static inline void smq_back_off(struct shmemq *q)
{
	bool streaming = q->ring.messages_lo - q->waited_at >= SMQ_STREAMING_MESSAGES;

	q->waited_at = q->ring.messages_lo;
	for (int i = 0; streaming && i < SMQ_BACK_OFF_PAUSES; i++)
		smq_cpu_relax();
}

/*
 * A consumer that would wait: does a message come at once? Inlined where it is then taken: each call and return on the
 * way from its arrival to the caller is time of a round trip.
 */
static smq_always_inline bool smq_comes_soon(struct shmemq *q, const struct smq_record *record, int64_t timeout)
{
	if (timeout == 0 || !smq_spinning_pays(q))
		return false;
	smq_back_off(q);
	for (int i = 0; i < SMQ_PEEKS_FIRST; i++) {
		/* Relaxed: whoever takes the message looks again. */
		if (atomic_load_explicit(&record->size_plus_1, memory_order_relaxed) != 0) {
			q->spin_misses = 0;
			return true;
		}
		smq_cpu_relax();
	}
	return false;
}

#endif
