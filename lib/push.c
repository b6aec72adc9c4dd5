/* SPDX-License-Identifier: MIT */
/*
 * The producer's calls. Each of them acquires space at the tail, writes there, commits, and finishes. The
 * frequent case is tried first: a small message, and space that is known.
 */
#include "config.h"

#include <limits.h>
#include <string.h>

#include "acquire.h"
#include "announce.h"

static inline unsigned char *message_at_tail(const struct shmemq *q)
{
	return smq_message_at(&q->ring, q->ring.position);
}

static inline int commit(struct shmemq *q, size_t size, uint32_t type)
{
	smq_ring_commit(&q->ring, (uint32_t)size, type);
	return smq_finish(q);
}

/* Pushes a small message, for which there is space. */
static smq_always_inline void push_at_tail(struct shmemq *q, const void *data, uint32_t bytes, uint32_t type)
{
	struct smq_reservation reservation = smq_ring_reserve(&q->ring, bytes);

	smq_ring_prefetch(reservation.record);
	smq_copy_small((unsigned char *)(reservation.record + 1), data, bytes);
	smq_ring_commit_at(&q->ring, reservation, bytes, type);
}

/* The frequent case. Returns false, and has done nothing, if this is not it. */
static smq_always_inline bool push_small(struct shmemq *q, const void *data, size_t size, uint32_t type)
{
	uint32_t bytes = (uint32_t)size;

	/* Even the smallest ring can hold such a message. */
	if (smq_unlikely(size > SMQ_SMALL || data == NULL || !smq_in_unshared_state(q, SHMEMQ_PRODUCER) ||
			 !smq_ring_fits(&q->ring, smq_record_units(&q->ring, bytes))))
		return false;
	push_at_tail(q, data, bytes, type);
	return true;
}

static smq_noinline int push_any(struct shmemq *q, const void *data, size_t size, uint32_t type, int64_t timeout)
{
	if (data == NULL && size != 0)
		return smq_refuse(q, SHMEMQ_PRODUCER);
	if (smq_acquire_space(q, size, timeout) != 0)
		return -1;
	smq_copy(message_at_tail(q), data, size);
	return commit(q, size, type);
}

/* The frequent case of a SHARED end, and all others of small messages. */
static smq_noinline int push_other(struct shmemq *q, const void *data, size_t size, uint32_t type, int64_t timeout)
{
	uint32_t bytes = (uint32_t)size;

	if (!smq_in_shared_state(q, SHMEMQ_PRODUCER) || data == NULL ||
	    !smq_ring_fits(&q->ring, smq_record_units(&q->ring, bytes)) || !smq_lock_once(q))
		return push_any(q, data, size, type, timeout);
	push_at_tail(q, data, bytes, type);
	return (int)smq_finish_once(q, 0);
}

/* These leave by tail calls, so that the frequent case has no registers to save. */
int shmemq_push(struct shmemq *q, const void *data, size_t size, uint32_t type)
{
	if (push_small(q, data, size, type))
		return (int)smq_notify(q, 0);
	return size <= SMQ_SMALL ? push_other(q, data, size, type, smq_timeout(q))
				 : push_any(q, data, size, type, smq_timeout(q));
}

int shmemq_timedpush(struct shmemq *q, const void *data, size_t size, uint32_t type, int64_t timeout)
{
	if (push_small(q, data, size, type))
		return (int)smq_notify(q, 0);
	return size <= SMQ_SMALL ? push_other(q, data, size, type, timeout) : push_any(q, data, size, type, timeout);
}

/* Bytes of all parts; SIZE_MAX if the sum is larger. `*bad`: not a legal iovec. */
static size_t iov_bytes(const struct iovec *iov, int iovcnt, bool *bad)
{
	size_t bytes = 0;

	*bad = iovcnt < 0 || iovcnt > IOV_MAX || (iov == NULL && iovcnt != 0);
	for (int i = 0; i < iovcnt && !*bad; i++) {
		*bad = iov[i].iov_base == NULL && iov[i].iov_len != 0;
		bytes = iov[i].iov_len > SIZE_MAX - bytes ? SIZE_MAX : bytes + iov[i].iov_len;
	}
	return bytes;
}

int shmemq_timedpushv(struct shmemq *q, const struct iovec *iov, int iovcnt, uint32_t type, int64_t timeout)
{
	unsigned char *message;
	size_t size;
	bool bad;

	size = iov_bytes(iov, iovcnt, &bad);
	if (bad)
		return smq_refuse(q, SHMEMQ_PRODUCER);
	if (smq_acquire_space(q, size, timeout) != 0)
		return -1;
	message = message_at_tail(q);
	for (int i = 0; i < iovcnt; i++) {
		if (iov[i].iov_len != 0)
			message = (unsigned char *)memcpy(message, iov[i].iov_base, iov[i].iov_len) + iov[i].iov_len;
	}
	return commit(q, size, type);
}

int shmemq_pushv(struct shmemq *q, const struct iovec *iov, int iovcnt, uint32_t type)
{
	return shmemq_timedpushv(q, iov, iovcnt, type, smq_timeout(q));
}

static smq_always_inline void *start(struct shmemq *q, size_t size)
{
	q->held_bytes = (uint32_t)size;
	q->state |= SMQ_STARTED;
	return message_at_tail(q);
}

static smq_noinline void *push_start_slow(struct shmemq *q, size_t size, int64_t timeout)
{
	return smq_acquire_space_slow(q, size, timeout) == 0 ? start(q, size) : NULL;
}

static smq_always_inline void *push_start(struct shmemq *q, size_t size, int64_t timeout)
{
	return smq_has_space(q, size) ? start(q, size) : push_start_slow(q, size, timeout);
}

void *shmemq_push_start(struct shmemq *q, size_t size)
{
	return push_start(q, size, smq_timeout(q));
}

void *shmemq_timedpush_start(struct shmemq *q, size_t size, int64_t timeout)
{
	return push_start(q, size, timeout);
}

/*
 * A message that was started is ended with `size` bytes, or cancelled: is that less by a 64th of the ring? A 64th of
 * mask + 1 units of 8 bytes is an eighth of mask + 1 bytes.
 */
static inline bool shrinks(const struct shmemq *q, size_t size)
{
	return q->held_bytes - size > q->ring.mask / SMQ_UNIT;
}

/* In any state, and of any size. */
static smq_noinline int push_end_slow(struct shmemq *q, size_t size, uint32_t type)
{
	uint32_t units;

	if (!smq_in_state(q, SHMEMQ_PRODUCER | SMQ_STARTED) || size > q->held_bytes)
		return smq_refuse(q, SHMEMQ_PRODUCER);
	units = smq_record_units(&q->ring, (uint32_t)size);
	q->state &= ~SMQ_STARTED;
	if (shrinks(q, size))
		smq_ring_shrink(&q->ring, units);
	if (q->state & SMQ_MARKED)
		smq_marks_begin(q, q->ring.position + units);
	return commit(q, size, type);
}

int shmemq_push_end(struct shmemq *q, size_t size, uint32_t type)
{
	if (smq_unlikely(!smq_in_unmarked_state(q, SHMEMQ_PRODUCER | SMQ_STARTED) || size > q->held_bytes ||
			 shrinks(q, size)))
		return push_end_slow(q, size, type);
	q->state &= ~SMQ_STARTED;
	return commit(q, size, type);
}

int shmemq_push_cancel(struct shmemq *q)
{
	if (!smq_in_state(q, SHMEMQ_PRODUCER | SMQ_STARTED))
		return smq_refuse(q, SHMEMQ_PRODUCER);
	q->state &= ~SMQ_STARTED;
	if (shrinks(q, 0))
		smq_ring_shrink(&q->ring, smq_record_units(&q->ring, 0));
	smq_unlock_owner(q);
	return 0;
}
