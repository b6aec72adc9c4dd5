/* SPDX-License-Identifier: MIT */
/* shmemq_pollfd(), to wait in an event loop, and shmemq_interrupt(), to end a wait. */
#include "config.h"

#include <stdlib.h>

#include "call.h"

int shmemq_pollfd(struct shmemq *q)
{
	struct smq_pollable *pollable;
	int err;

	if (!smq_in_process(q) || q->observer)
		return smq_refuse(q, SHMEMQ_PRODUCER | SHMEMQ_CONSUMER);
	if (q->pollable == NULL) {
		pollable = malloc(sizeof *pollable);
		err = pollable != NULL ? smq_pollable_open(pollable, q->fd, q->producer) : ENOMEM;
		if (err != 0) {
			free(pollable);
			return smq_fail(err);
		}
		q->pollable = pollable;
		q->peer.quiet_claim = SMQ_NOT_QUIET;
	}
	return q->pollable->pollfd;
}

int shmemq_interrupt(struct shmemq *q)
{
	int saved = errno;

	if (!smq_in_process(q) || q->observer)
		return smq_refuse(q, SHMEMQ_PRODUCER | SHMEMQ_CONSUMER);
	smq_eventcount_interrupt(&q->eventcount);
	if (q->ownerlock.number != 0)
		smq_ownerlock_interrupt(&q->ownerlock, q->eventcount.own);
	errno = saved; /* it may run in a signal handler */
	return 0;
}
