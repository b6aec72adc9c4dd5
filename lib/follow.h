/* SPDX-License-Identifier: MIT */
/* The calls of a follower's handle. It claims no end, and maps nothing that it touches. */
#ifndef SMQ_FOLLOW_H
#define SMQ_FOLLOW_H

#include <sys/types.h>

#include "alarm.h"
#include "call.h"
#include "place.h"

/* What a follower's handle has beside its block. */
struct smq_follow {
	struct smq_alarm alarm;
	struct smq_follower follower;
};

static inline struct smq_follower *smq_follower_of(const struct shmemq *q)
{
	return &q->more->follow->follower;
}

/* Follows the queue that q->fd has open, from the next push on. 0, EBADMSG, EPROTO or ENOMEM. */
int smq_follow_open(struct shmemq *q, const struct smq_identity *identity, bool writable);
/* Gives up what smq_follow_open() has made, in the process that did. */
void smq_follow_close(struct shmemq *q);

/* shmemq_timedpop() of such a handle, or of one that cannot pop at all. */
ssize_t smq_follow_pop(struct shmemq *q, void *buf, size_t size, uint32_t *type, int64_t timeout);

/* shmemq_interrupt(), likewise. */
void smq_follow_interrupt(struct shmemq *q);

#endif
