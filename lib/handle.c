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
	if (!smq_alive(q))
		return smq_fail(EPERM);
	if (!(q->state & role))
		return smq_fail(EBADF);
	return smq_fail(q->state & SMQ_BROKEN ? EBADMSG : EINVAL);
}

int shmemq_interrupt(struct shmemq *q)
{
	int saved = errno;

	if (!smq_alive(q) || q->observer)
		return smq_refuse(q, SHMEMQ_PRODUCER | SHMEMQ_CONSUMER);
	smq_wait_interrupt(&q->waiter);
	if (q->turn.number != 0)
		smq_turn_nudge(&q->turn, q->waiter.own);
	errno = saved; /* it may run in a signal handler */
	return 0;
}

int shmemq_pollfd(struct shmemq *q)
{
	struct smq_doorbell *bell;
	int err;

	if (!smq_alive(q) || q->observer)
		return smq_refuse(q, SHMEMQ_PRODUCER | SHMEMQ_CONSUMER);
	if (q->bell == NULL) {
		bell = malloc(sizeof *bell);
		err = bell != NULL ? smq_doorbell_make(bell, q->fd, q->waiter.producer) : ENOMEM;
		if (err != 0) {
			free(bell);
			return smq_fail(err);
		}
		q->bell = bell;
	}
	return q->bell->pollfd;
}
