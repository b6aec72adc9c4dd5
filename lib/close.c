/* SPDX-License-Identifier: MIT */
/* Closing a handle, and removing a name. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "endlock.h"
#include "handle.h"
#include "object.h"
#include "shmemq.h"

/* Gives the end up: state, wake, mapping and with it the lock, and the name of a TEMPORARY queue. 0 or ETIMEDOUT. */
static int leave_end(struct shmemq *q)
{
	/* A description without an end of its own: the lock does not go with the mapping. Without the init lock the
	 * end is given up all the same; only the name's removal needs it. */
	int lock_fd, err;

	smq_shared_leave(q); /* first: the others need not wait for the lock too */
	lock_fd = smq_initlock_fd(q->fd, q->forks);
	err = smq_initlock_lock(lock_fd);
	if (!(q->state & SMQ_SHARED) || !smq_endlock_others_held(q->fd, q->eventcount.producer, q->owner.number)) {
		smq_claim_close(smq_claim_of(q->header, q->eventcount.producer));
		smq_eventcount_notify_fenced(&q->eventcount);
	}
	smq_object_unmap(q->header, q->header_bytes, q->capacity);
	if (err == 0 && q->flags & SHMEMQ_ATTR_TEMPORARY && smq_has_name(q))
		smq_endlock_unlink_unused(q->path, q->fd);
	if (err == 0)
		smq_initlock_unlock(lock_fd);
	smq_initlock_close_fd(lock_fd, q->fd);
	return err == 0 ? 0 : ETIMEDOUT;
}

int shmemq_close(struct shmemq *q)
{
	int err = 0;

	if (q == NULL)
		return smq_fail(EINVAL);
	if (smq_in_process(q)) { /* in a forked child neither the claim nor the mapping is there */
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

/* Removes the name if it still is fd's. 0, errno or SMQ_START_OVER. */
static int remove_name(const char *path, int fd)
{
	int err = smq_object_is_queue(fd);

	if (err == 0)
		err = smq_initlock_lock(fd);
	if (err != 0)
		return err;
	if (!smq_object_has_name(path, fd))
		err = SMQ_START_OVER;
	else if (unlink(path) != 0)
		err = errno == EBUSY || errno == EROFS ? EPERM : errno; /* EBUSY: something is mounted on it */
	smq_initlock_unlock(fd);
	return err;
}

int shmemq_unlink(const char *name)
{
	char path[SMQ_PATH_BYTES];
	int fd, err;

	err = smq_object_path(name, path);
	if (err != 0)
		return smq_fail(err);
	do {
		err = smq_object_open(path, O_RDWR, &fd);
		if (err != 0)
			return smq_fail(err);
		err = remove_name(path, fd);
		close(fd);
	} while (err == SMQ_START_OVER);
	return err != 0 ? smq_fail(err) : 0;
}
