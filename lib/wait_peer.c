/* SPDX-License-Identifier: MIT */
/* shmemq_wait_peer(): until the other end has a handle. */
#include "config.h"

#include "call.h"
#include "wait.h"

int shmemq_wait_peer(struct shmemq *q, int64_t timeout)
{
	int err;

	if (!smq_in_process(q) || q->observer)
		return smq_refuse(q, SHMEMQ_PRODUCER | SHMEMQ_CONSUMER);
	err = smq_await_peer(q, timeout);
	return err != 0 ? smq_fail(err) : 0;
}
