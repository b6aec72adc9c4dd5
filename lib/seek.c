/* SPDX-License-Identifier: MIT */
/* shmemq_seek(): where a follower goes on. */
#include "config.h"

#include "cancel.h"
#include "follow.h"

static enum smq_ring_status seek(struct smq_follower *follower, int fd, int whence)
{
	enum smq_ring_status status;
	uint32_t size;

	switch (whence) {
	case SHMEMQ_NEWEST:
		return smq_place_newest(follower, fd);
	case SHMEMQ_QUEUED:
		return smq_place_queued(follower, fd);
	default:
		if (!follower->overtaken)
			return smq_place_oldest(follower, fd, 0);
		/* Where it would go on anyway. What it has had may be intact, and what comes next not. */
		status = smq_place_again(follower, fd, &size);
		return status == SMQ_NOT_YET ? SMQ_READY : status;
	}
}

int shmemq_seek(struct shmemq *q, int whence, uint64_t *lost)
{
	struct smq_follower *follower;
	enum smq_ring_status status;
	int cancel;

	if (!smq_in_state(q, SHMEMQ_FOLLOWER) || whence < SHMEMQ_NEWEST || whence > SHMEMQ_OLDEST)
		return smq_refuse(q, SHMEMQ_FOLLOWER);
	follower = smq_follower_of(q);
	cancel = smq_cancel_disable();
	status = seek(follower, smq_fd(q), whence);
	smq_cancel_restore(cancel);
	follower->untold = status == SMQ_OVERTAKEN; /* by the next pop */
	if (status == SMQ_BAD) {
		q->state |= SMQ_BROKEN;
		return smq_fail(EBADMSG);
	}
	if (lost != NULL)
		*lost = follower->number > follower->popped ? follower->number - follower->popped : 0;
	return 0;
}
