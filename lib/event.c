/* SPDX-License-Identifier: MIT */
/* shmemq_pollfd(), to wait in an event loop, and shmemq_interrupt(), to end a wait. */
#include "config.h"

#include <stdlib.h>

#include "call.h"
#include "cancel.h"
#include "follow.h"

#define WAITING_ROLES (SHMEMQ_PRODUCER | SHMEMQ_CONSUMER | SHMEMQ_FOLLOWER)

/* Is it a handle of this process, and not an observer's, which never waits? */
static bool can_wait(const struct shmemq *q)
{
	return smq_in_process(q) && (!q->observer || q->follower);
}

/* The descriptor, or -1: errno. */
static int get_pollfd(struct shmemq *q)
{
	int fd, err;

	if (!can_wait(q))
		return smq_refuse(q, WAITING_ROLES);
	fd = smq_fd(q); /* first, because it may find that the program has closed the pollable descriptor as well */
	if (q->pollable == NULL) {
		q->pollable = malloc(sizeof *q->pollable);
		if (q->pollable == NULL)
			return smq_fail(ENOMEM);
		smq_pollable_forget(q->pollable);
	}
	if (!smq_pollable_check(q->pollable)) {
		err = smq_pollable_open(q->pollable, fd, q->producer);
		if (err != 0) {
			free(q->pollable);
			q->pollable = NULL;
			return smq_fail(err);
		}
		q->peer.quiet_claim = SMQ_NOT_QUIET;
	}
	return q->pollable->pollfd;
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

	if (!can_wait(q))
		return smq_refuse(q, WAITING_ROLES);
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
