/* SPDX-License-Identifier: MIT */
/* How a public call begins and fails: whether it may be made on this handle now, and if not, with which errno. */
#ifndef SMQ_CALL_H
#define SMQ_CALL_H

#include <errno.h>

#include "handle.h"
#include "shmemq.h"

#define SMQ_ROLES (SHMEMQ_PRODUCER | SHMEMQ_CONSUMER | SHMEMQ_OBSERVER | SHMEMQ_FOLLOWER)

static inline int smq_fail(int err)
{
	errno = err;
	return -1;
}

/*
 * Fails a call that is for handles of these roles, with the first reason that applies: EINVAL (no handle), EPERM (a
 * forked child), EBADF (another end), EBADMSG (broken), EINVAL (a start or end out of order, or a bad argument).
 */
int smq_refuse(const struct shmemq *q, uint32_t roles);

/* Is this a handle, and not a forked child's copy of one? Relaxed: only this process and its fork write the word. */
static inline bool smq_in_process(const struct shmemq *q)
{
	return q != NULL && atomic_load_explicit(q->generation_now, memory_order_relaxed) == q->generation;
}

/* Is it in this state, with neither a SHARED end nor messages_max? For the frequent case. */
static inline bool smq_in_unshared_state(const struct shmemq *q, uint32_t state)
{
	return smq_in_process(q) && q->state == state;
}

/* Is it in this state, its end SHARED, with nothing else? The state first, since on most ends it decides. */
static inline bool smq_in_shared_state(const struct shmemq *q, uint32_t state)
{
	return q != NULL && q->state == (state | SMQ_SHARED) && smq_in_process(q);
}

/* Is it in this state, SHARED or not, with messages_max or without, and no mark is drafted? */
static inline bool smq_in_unmarked_state(const struct shmemq *q, uint32_t state)
{
	return smq_in_process(q) && (q->state & ~(SMQ_SHARED | SMQ_LIMITED | SMQ_SWITCHING)) == state;
}

/* The same with a mark or without. */
static inline bool smq_in_state(const struct shmemq *q, uint32_t state)
{
	return smq_in_process(q) && (q->state & ~(SMQ_SHARED | SMQ_LIMITED | SMQ_SWITCHING | SMQ_MARKED)) == state;
}

#define SMQ_WAITING_ROLES (SHMEMQ_PRODUCER | SHMEMQ_CONSUMER | SHMEMQ_FOLLOWER)

/* Is it a handle of this process, and not an observer's, which never waits? */
static inline bool smq_can_wait(const struct shmemq *q)
{
	return smq_in_process(q) && (!q->observer || q->follower);
}

/* Was it opened by name, and not by descriptor? */
static inline bool smq_has_name(const struct shmemq *q)
{
	return q->path[0] != '\0';
}

/* The timeout of a call without a timeout argument. */
static inline int64_t smq_timeout(const struct shmemq *q)
{
	return q == NULL || q->nonblock ? 0 : -1;
}

#endif
