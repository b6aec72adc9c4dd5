/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "notify.h"

#include "note.h"

ssize_t smq_notify_slow(struct shmemq *q, ssize_t result)
{
	uint32_t bits;

	if (q->eventcount.fences != 0 && !smq_eventcount_has_waiter(&q->eventcount))
		return result;
	smq_note_moves(q);
	bits = smq_eventcount_notify(&q->eventcount);
	SMQ_PROBE(notify, smq_probed_id(q), smq_probed_end(q), bits);
	if (bits & SMQ_WAIT_POLLER)
		smq_pollable_raise(smq_fd(q), q->producer);
	return result;
}

void smq_notify_fenced(struct shmemq *q)
{
	/* The change is seen before the peer's word is read. Partner: the fence in prepare() of eventcount.c. */
	atomic_thread_fence(memory_order_seq_cst);
	smq_notify(q, 0);
}
