/* SPDX-License-Identifier: MIT */
/* shmemq_pollfd(), to wait in an event loop, and shmemq_interrupt(), to end a wait. */
#include "config.h"

#include "call.h"
#include "cancel.h"
#include "follow.h"

/* The descriptor, or -1: errno. */
static int get_pollfd(struct shmemq *q)
{
	int fd, err;

	if (!smq_can_wait(q))
		return smq_refuse(q, SMQ_WAITING_ROLES);
	fd = smq_fd(q); /* first, because it may find that the program has closed the pollable descriptor as well */
	if (!smq_handle_make_pollable(q))
		return smq_fail(ENOMEM);
	if (q->pollable->member.set != NULL)
		return smq_fail(EBUSY);
	if (!smq_pollable_check(q->pollable)) {
		err = smq_pollable_open(q->pollable, fd, q->producer);
		if (err != 0) {
			smq_handle_free_pollable(q);
			return smq_fail(err);
		}
		q->peer.quiet_claim = SMQ_NOT_QUIET;
	}
	return q->pollable->fds.pollfd;
}

int shmemq_pollfd(struct shmemq *q)
{
	int cancel = smq_cancel_disable(), fd = get_pollfd(q);

	smq_cancel_restore(cancel);
	return fd;
}

int shmemq_interrupt(struct shmemq *q)
{
	int saved = errno;

	if (!smq_can_wait(q))
		return smq_refuse(q, SMQ_WAITING_ROLES);
	if (q->follower) {
		smq_follow_interrupt(q);
		errno = saved; /* it may run in a signal handler */
		return 0;
	}
	smq_eventcount_interrupt(&q->eventcount);
	if (q->ownerlock.number != 0)
		smq_ownerlock_interrupt(&q->ownerlock, q->eventcount.own);
	errno = saved; /* it may run in a signal handler */
	return 0;
}
