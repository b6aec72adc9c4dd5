/* SPDX-License-Identifier: MIT */
/* The producer's calls. */
#include "config.h"

#include <limits.h>
#include <string.h>

#include "handle.h"

/* Makes room for a message of `size` bytes at the tail and returns it; NULL: errno. */
static unsigned char *room(struct shmemq *q, size_t size, int64_t timeout)
{
	enum smq_look look;
	uint32_t need;

	if (smq_unlikely(!smq_usable(q, SHMEMQ_PRODUCER))) {
		smq_refuse(q, SHMEMQ_PRODUCER);
		return NULL;
	}
	if (smq_unlikely(size > smq_message_max(&q->ring))) {
		errno = EMSGSIZE;
		return NULL;
	}
	need = smq_record_bytes((uint32_t)size);
	while (smq_unlikely((look = smq_ring_room(&q->ring, need)) != SMQ_READY)) {
		int err = smq_await(q, look, need, timeout);

		if (err != 0) {
			errno = err;
			return NULL;
		}
	}
	return smq_message_at(&q->ring, q->ring.position);
}

static void publish(struct shmemq *q, uint32_t size, uint32_t type)
{
	smq_ring_commit(&q->ring, size, type);
	smq_wait_wake(&q->waiter);
}

int shmemq_timedpush(struct shmemq *q, const void *data, size_t size, uint32_t type, int64_t timeout)
{
	unsigned char *message;

	if (smq_unlikely(data == NULL && size != 0))
		return smq_refuse(q, SHMEMQ_PRODUCER);
	message = room(q, size, timeout);
	if (smq_unlikely(message == NULL))
		return -1;
	if (size != 0)
		memcpy(message, data, size);
	publish(q, (uint32_t)size, type);
	return 0;
}

int shmemq_push(struct shmemq *q, const void *data, size_t size, uint32_t type)
{
	return shmemq_timedpush(q, data, size, type, smq_timeout(q));
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
	message = room(q, size, timeout);
	if (message == NULL)
		return -1;
	for (int i = 0; i < iovcnt; i++) {
		if (iov[i].iov_len != 0)
			message = (unsigned char *)memcpy(message, iov[i].iov_base, iov[i].iov_len) + iov[i].iov_len;
	}
	publish(q, (uint32_t)size, type);
	return 0;
}

int shmemq_pushv(struct shmemq *q, const struct iovec *iov, int iovcnt, uint32_t type)
{
	return shmemq_timedpushv(q, iov, iovcnt, type, smq_timeout(q));
}

void *shmemq_timedpush_start(struct shmemq *q, size_t size, int64_t timeout)
{
	unsigned char *message = room(q, size, timeout);

	if (smq_likely(message != NULL)) {
		q->held_bytes = (uint32_t)size;
		q->state |= SMQ_STARTED;
	}
	return message;
}

void *shmemq_push_start(struct shmemq *q, size_t size)
{
	return shmemq_timedpush_start(q, size, smq_timeout(q));
}

int shmemq_push_end(struct shmemq *q, size_t size, uint32_t type)
{
	if (smq_unlikely(!smq_usable(q, SHMEMQ_PRODUCER | SMQ_STARTED) || size > q->held_bytes))
		return smq_refuse(q, SHMEMQ_PRODUCER);
	q->state = SHMEMQ_PRODUCER;
	publish(q, (uint32_t)size, type);
	return 0;
}

int shmemq_push_cancel(struct shmemq *q)
{
	if (!smq_usable(q, SHMEMQ_PRODUCER | SMQ_STARTED))
		return smq_refuse(q, SHMEMQ_PRODUCER);
	q->state = SHMEMQ_PRODUCER;
	return 0;
}
