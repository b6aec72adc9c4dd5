/* SPDX-License-Identifier: MIT */
/* Waking the peer. */
#ifndef SMQ_NOTIFY_H
#define SMQ_NOTIFY_H

#include <sys/types.h>

#include "handle.h"

/* Wakes the peer; from a side that fences, only if the peer waits. Returns `result`, so that a call may end with it. */
ssize_t smq_notify_slow(struct shmemq *q, ssize_t result);

/* Wakes the peer if it waits: after each publication. */
static inline ssize_t smq_notify(struct shmemq *q, ssize_t result)
{
	/* A side that fences does it in the slow function, so that its counting costs the others nothing. */
	if (smq_unlikely(q->eventcount.fences != 0 || smq_eventcount_has_waiter(&q->eventcount)))
		return smq_notify_slow(q, result);
	return result;
}

/* The same after a change of the claim, which is no publication: the peer may not rely on this side's fences. */
void smq_notify_fenced(struct shmemq *q);

#endif
