/* SPDX-License-Identifier: MIT */
/* Closing a handle. */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>

#include "acquire.h"
#include "cancel.h"
#include "endlock.h"
#include "follow.h"
#include "mapping.h"
#include "note.h"
#include "file.h"

/*
 * A handle that has the owner lock when it is closed is in the middle of a message; or the program has left a call by
 * siglongjmp(3), at any instruction. So it settles, as the recovery from its death would, what the call may have done.
 */
static void give_up_owner(struct shmemq *q)
{
	if (!(q->state & SMQ_SHARED) || !smq_ownerlock_has_own_number(&q->ownerlock))
		return;
	(void)smq_attach(q); /* garbage is the next holder's to report */
	q->ownerlock.held = true;
	smq_unlock_owner(q);
}

/* Is this handle the last of its end? `locked`: it has the init lock. */
static bool is_last(struct shmemq *q, int fd, bool locked)
{
	uint32_t number = smq_is_reader(q) ? smq_readers_number(q) : q->ownerlock.number;

	if (!(q->state & SMQ_SHARED) && !smq_is_reader(q))
		return true;
	/* Without the lock another handle may be about to join. Then the end is not stored as closed: if this was the
	 * last handle, the peer takes it for dead. */
	return locked && !smq_endlock_others_held(fd, q->producer, number);
}

static void remove_temporary(const struct shmemq *q, int fd)
{
	int directory = smq_handle_directory(q);

	if (directory >= 0)
		smq_endlock_unlink_unused(directory, q->path + sizeof SMQ_DIRECTORY, fd);
	else
		smq_endlock_unlink_unused(AT_FDCWD, q->path, fd);
}

/*
 * Gives the end up: state, notification, the mapping and with it the lock, and the name of a TEMPORARY queue. 0 or
 * ETIMEDOUT.
 */
static int leave_end(struct shmemq *q)
{
	int fd = smq_fd(q), lock_fd, err;

	smq_note_moves(q); /* before it attaches, after which nothing tells of that */
	/* Stores the room, by the head as it was stored: a call that was left may have got no further than its copy. */
	if (smq_is_reader(q)) {
		smq_readers_leave(q);
		smq_notify_fenced(q);
	} else if (!q->producer && !(q->state & SMQ_SHARED)) {
		(void)smq_attach(q);
	}
	give_up_owner(q); /* first: the other handles need not wait for the init lock too */
	lock_fd = smq_endlock_open_fd(fd, q->forks);
	/* If the init lock is not to be had, the end is given up all the same; only the name stays. */
	err = smq_initlock_lock(lock_fd);
	if (is_last(q, fd, err == 0)) {
		/* Gives back what is reserved in vain; of an end that is not SHARED after it has settled, as above. */
		if (q->producer && smq_is_elastic(q))
			(void)smq_attach(q);
		smq_claim_close(smq_claim_of(q->header, q->producer));
		smq_notify_fenced(q);
	}
	smq_mapping_unmap(q->header, smq_header_bytes(q), smq_capacity(q), smq_extension_bytes(q));
	if (err == 0) {
		if (q->flags & SHMEMQ_ATTR_TEMPORARY && smq_has_name(q))
			remove_temporary(q, fd);
		smq_initlock_unlock(lock_fd);
	}
	smq_endlock_close_fd(lock_fd, fd);
	/* Without a descriptor the queue has no name any more that could be removed. */
	return err == 0 || fd < 0 ? 0 : ETIMEDOUT;
}

int shmemq_close(struct shmemq *q)
{
	int err = 0, cancel;

	if (q == NULL)
		return smq_fail(EINVAL);
	cancel = smq_cancel_disable();
	/* A forked child has neither the claim nor the mapping. */
	if (smq_in_process(q) && q->follower)
		smq_follow_close(q);
	else if (smq_in_process(q) && !q->observer)
		err = leave_end(q);
	smq_handle_close_fds(q);
	smq_cancel_restore(cancel);
	smq_handle_free_more(q);
	free(q);
	return err != 0 ? smq_fail(err) : 0;
}
