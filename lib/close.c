/* SPDX-License-Identifier: MIT */
/* Closing a handle. */
#include "config.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "acquire.h"
#include "endlock.h"
#include "mapping.h"
#include "object.h"

/*
 * Gives the end up: state, notification, the mapping and with it the lock, and the name of a TEMPORARY queue. 0 or
 * ETIMEDOUT.
 */
static int leave_end(struct shmemq *q)
{
	/* lock_fd holds no end lock: unmapping must not release the init lock. If the init lock is not to be had, the
	 * end is given up all the same; only the name stays. */
	int lock_fd, err;

	if (!q->producer && !(q->state & SMQ_SHARED))
		smq_ring_flush_room(&q->ring);
	smq_unlock_owner(q); /* first: the other handles need not wait for the init lock too */
	lock_fd = smq_initlock_fd(q->fd, q->forks);
	err = smq_initlock_lock(lock_fd);
	if (!(q->state & SMQ_SHARED) || !smq_endlock_others_held(q->fd, q->producer, q->ownerlock.number)) {
		smq_claim_close(smq_claim_of(q->header, q->producer));
		smq_notify_fenced(q);
	}
	smq_mapping_unmap(q->header, q->header_bytes, smq_capacity(q));
	if (err == 0) {
		if (q->flags & SHMEMQ_ATTR_TEMPORARY && smq_has_name(q))
			smq_endlock_unlink_unused(q->path, q->fd);
		smq_initlock_unlock(lock_fd);
	}
	smq_initlock_close_fd(lock_fd, q->fd);
	return err == 0 ? 0 : ETIMEDOUT;
}

int shmemq_close(struct shmemq *q)
{
	int err = 0;

	if (q == NULL)
		return smq_fail(EINVAL);
	if (smq_in_process(q)) { /* a forked child has neither the claim nor the mapping */
		if (q->state & SHMEMQ_OBSERVER)
			munmap(q->header, q->header_bytes);
		else
			err = leave_end(q);
	}
	if (q->pollable != NULL)
		smq_pollable_close(q->pollable);
	free(q->pollable);
	close(q->fd);
	free(q);
	return err != 0 ? smq_fail(err) : 0;
}
