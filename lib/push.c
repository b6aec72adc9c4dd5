/* SPDX-License-Identifier: MIT */
/* The producer's calls. */
#include "config.h"

#include <limits.h>
#include <string.h>

#include "handle.h"

/* Is there room for a message of `size` bytes, as far as this side knows, and may it be pushed now? */
static inline bool fits(const struct shmemq *q, size_t size)
{
	return smq_in_state(q, SHMEMQ_PRODUCER) && size <= smq_message_max(&q->ring) &&
	       smq_ring_fits(&q->ring, smq_record_bytes((uint32_t)size));
}

smq_noinline int smq_make_room(struct shmemq *q, size_t size, int64_t timeout)
{
	uint32_t need;

	if (!smq_in_shared_state(q, SHMEMQ_PRODUCER))
		return smq_refuse(q, SHMEMQ_PRODUCER);
	if (size > smq_message_max(&q->ring))
		return smq_fail(EMSGSIZE);
	need = smq_record_bytes((uint32_t)size);
	return smq_enter(q, &need, timeout);
}

static inline unsigned char *tail(const struct shmemq *q)
{
	return smq_message_at(&q->ring, q->ring.position);
}

static smq_always_inline int publish(struct shmemq *q, size_t size, uint32_t type)
{
	smq_ring_commit(&q->ring, (uint32_t)size, type);
	return (int)smq_eventcount_notify(&q->eventcount, 0);
}

/* The same on any end: leaves a shared one, too. */
static smq_noinline int publish_any(struct shmemq *q, size_t size, uint32_t type)
{
	smq_ring_commit(&q->ring, (uint32_t)size, type);
	smq_shared_leave(q);
	return (int)smq_eventcount_notify(&q->eventcount, 0);
}

/* A push on any end, in any state. */
static smq_noinline int push_waiting(struct shmemq *q, const void *data, size_t size, uint32_t type, int64_t timeout)
{
	if (smq_make_room(q, size, timeout) != 0)
		return -1;
	if (size != 0)
		smq_copy(tail(q), data, size);
	return publish_any(q, size, type);
}

/* A push of any size. */
static smq_noinline int push_any(struct shmemq *q, const void *data, size_t size, uint32_t type, int64_t timeout)
{
	if (data == NULL && size != 0)
		return smq_refuse(q, SHMEMQ_PRODUCER);
	if (!fits(q, size))
		return push_waiting(q, data, size, type, timeout);
	if (size != 0)
		smq_copy(tail(q), data, size);
	return publish(q, size, type);
}

/* The frequent case: a small message, and room known. False: not this way, and nothing is done. */
static smq_always_inline bool push_small(struct shmemq *q, const void *data, size_t size, uint32_t type)
{
	uint32_t bytes = (uint32_t)size;
	struct smq_reservation place;

	/* No ring is so small that such a message never fits. */
	if (smq_unlikely(size > SMQ_SMALL || data == NULL || !smq_in_state(q, SHMEMQ_PRODUCER) ||
			 !smq_ring_fits(&q->ring, smq_record_bytes(bytes))))
		return false;
	place = smq_ring_reserve(&q->ring, bytes);
	smq_ring_prefetch(place.record);
	smq_copy_small((unsigned char *)(place.record + 1), data, bytes);
	smq_ring_commit_at(&q->ring, place, bytes, type);
	return true;
}

static smq_noinline int push_untimed(struct shmemq *q, const void *data, size_t size, uint32_t type)
{
	return push_any(q, data, size, type, smq_timeout(q));
}

/* All that is not frequent leaves by a tail call, so that nothing has to be saved for it. */
int shmemq_push(struct shmemq *q, const void *data, size_t size, uint32_t type)
{
	if (push_small(q, data, size, type))
		return (int)smq_eventcount_notify(&q->eventcount, 0);
	return push_untimed(q, data, size, type);
}

int shmemq_timedpush(struct shmemq *q, const void *data, size_t size, uint32_t type, int64_t timeout)
{
	if (push_small(q, data, size, type))
		return (int)smq_eventcount_notify(&q->eventcount, 0);
	return push_any(q, data, size, type, timeout);
}

/* Bytes of all parts, SIZE_MAX where that does not fit. `*bad`: no legal iovec. */
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
	if (smq_make_room(q, size, timeout) != 0)
		return -1;
	message = tail(q);
	for (int i = 0; i < iovcnt; i++) {
		if (iov[i].iov_len != 0)
			message = (unsigned char *)memcpy(message, iov[i].iov_base, iov[i].iov_len) + iov[i].iov_len;
	}
	return publish_any(q, size, type);
}

int shmemq_pushv(struct shmemq *q, const struct iovec *iov, int iovcnt, uint32_t type)
{
	return shmemq_timedpushv(q, iov, iovcnt, type, smq_timeout(q));
}

static smq_always_inline void *push_start(struct shmemq *q, size_t size, int64_t timeout)
{
	if (smq_unlikely(!fits(q, size)) && smq_make_room(q, size, timeout) != 0)
		return NULL;
	q->held_bytes = (uint32_t)size;
	q->state |= SMQ_STARTED;
	return tail(q);
}

void *shmemq_push_start(struct shmemq *q, size_t size)
{
	return push_start(q, size, smq_timeout(q));
}

void *shmemq_timedpush_start(struct shmemq *q, size_t size, int64_t timeout)
{
	return push_start(q, size, timeout);
}

static smq_noinline int push_end_any(struct shmemq *q, size_t size, uint32_t type)
{
	if (!smq_in_shared_state(q, SHMEMQ_PRODUCER | SMQ_STARTED) || size > q->held_bytes)
		return smq_refuse(q, SHMEMQ_PRODUCER);
	q->state &= ~SMQ_STARTED;
	return publish_any(q, size, type);
}

int shmemq_push_end(struct shmemq *q, size_t size, uint32_t type)
{
	if (smq_unlikely(!smq_in_state(q, SHMEMQ_PRODUCER | SMQ_STARTED) || size > q->held_bytes))
		return push_end_any(q, size, type);
	q->state = SHMEMQ_PRODUCER;
	return publish(q, size, type);
}

int shmemq_push_cancel(struct shmemq *q)
{
	if (!smq_in_shared_state(q, SHMEMQ_PRODUCER | SMQ_STARTED))
		return smq_refuse(q, SHMEMQ_PRODUCER);
	q->state &= ~SMQ_STARTED;
	smq_shared_leave(q);
	return 0;
}
