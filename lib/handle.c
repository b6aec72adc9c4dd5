/* SPDX-License-Identifier: MIT */
/* What a handle answers beside its messages: why not, a descriptor to poll, an end to its waiting. */
#include "config.h"

#include <stdlib.h>

#include "handle.h"
#include "shmemq.h"

int smq_refuse(const struct shmemq *q, uint32_t role)
{
	if (q == NULL)
		return smq_fail(EINVAL);
	if (!smq_in_process(q))
		return smq_fail(EPERM);
	if (!(q->state & role))
		return smq_fail(EBADF);
	return smq_fail(q->state & SMQ_BROKEN ? EBADMSG : EINVAL);
}

int shmemq_interrupt(struct shmemq *q)
{
	int saved = errno;

	if (!smq_in_process(q) || q->observer)
		return smq_refuse(q, SHMEMQ_PRODUCER | SHMEMQ_CONSUMER);
	smq_eventcount_interrupt(&q->eventcount);
	if (q->owner.number != 0)
		smq_ownerlock_interrupt(&q->owner, q->eventcount.own);
	errno = saved; /* it may run in a signal handler */
	return 0;
}

int shmemq_pollfd(struct shmemq *q)
{
	struct smq_pollable *pollable;
	int err;

	if (!smq_in_process(q) || q->observer)
		return smq_refuse(q, SHMEMQ_PRODUCER | SHMEMQ_CONSUMER);
	if (q->pollable == NULL) {
		pollable = malloc(sizeof *pollable);
		err = pollable != NULL ? smq_pollable_open(pollable, q->fd, q->eventcount.producer) : ENOMEM;
		if (err != 0) {
			free(pollable);
			return smq_fail(err);
		}
		q->pollable = pollable;
	}
	return q->pollable->pollfd;
}
