/* SPDX-License-Identifier: MIT */
/* shmemq_wait_empty(): until all messages have been popped. */
#include "config.h"

#include "call.h"
#include "wait.h"

int shmemq_wait_empty(struct shmemq *q, int64_t timeout)
{
	struct smq_want want = { .kind = SMQ_WANT_EMPTY };
	enum smq_ring_status status;
	int err;

	if (!smq_in_state(q, SHMEMQ_PRODUCER))
		return smq_refuse(q, SHMEMQ_PRODUCER);
	/* On a SHARED end, which is not locked: up to the tail as it is now. Else no call would end beside other
	 * producers that keep the ring from being empty. */
	if (q->state & SMQ_SHARED)
		smq_find_tail(q, &want);
	else
		want.need = q->ring.mask; /* a record that fits an empty ring alone */
	status = smq_check(q, &want, true);
	if (status == SMQ_READY)
		return 0;
	err = smq_await(q, status, &want, timeout);
	return err != 0 ? smq_fail(err) : 0;
}
