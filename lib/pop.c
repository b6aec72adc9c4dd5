/* SPDX-License-Identifier: MIT */
/* The consumer's calls. */
#include "config.h"

#include <string.h>

#include "handle.h"

/* The next message where it lies, and its bytes; NULL: errno. */
static const unsigned char *next(struct shmemq *q, uint32_t *size, int64_t timeout)
{
	enum smq_look look;

	if (smq_unlikely(!smq_usable(q, SHMEMQ_CONSUMER))) {
		smq_refuse(q, SHMEMQ_CONSUMER);
		return NULL;
	}
	while (smq_unlikely((look = smq_ring_look(&q->ring, size)) != SMQ_READY)) {
		int err = smq_await(q, look, 0, timeout);

		if (err != 0) {
			errno = err;
			return NULL;
		}
	}
	return smq_message_at(&q->ring, q->ring.position);
}

static void release(struct shmemq *q, uint32_t size)
{
	smq_ring_release(&q->ring, size);
	smq_wait_wake(&q->waiter);
}

ssize_t shmemq_timedpop(struct shmemq *q, void *buf, size_t size, uint32_t *type, int64_t timeout)
{
	const unsigned char *message;
	uint32_t bytes;

	if (smq_unlikely(buf == NULL && size != 0))
		return smq_refuse(q, SHMEMQ_CONSUMER);
	message = next(q, &bytes, timeout);
	if (smq_unlikely(message == NULL))
		return -1;
	if (smq_unlikely(bytes > size))
		return smq_fail(EMSGSIZE);
	if (bytes != 0)
		memcpy(buf, message, bytes);
	if (type != NULL)
		*type = smq_ring_type(&q->ring);
	q->redelivered = smq_ring_redelivered(&q->ring);
	release(q, bytes);
	return (ssize_t)bytes;
}

ssize_t shmemq_pop(struct shmemq *q, void *buf, size_t size, uint32_t *type)
{
	return shmemq_timedpop(q, buf, size, type, smq_timeout(q));
}

const void *shmemq_timedpop_start(struct shmemq *q, size_t *size, uint32_t *type, int64_t timeout)
{
	const unsigned char *message;
	uint32_t bytes;

	if (smq_unlikely(size == NULL)) {
		smq_refuse(q, SHMEMQ_CONSUMER);
		return NULL;
	}
	message = next(q, &bytes, timeout);
	if (smq_unlikely(message == NULL))
		return NULL;
	*size = bytes;
	if (type != NULL)
		*type = smq_ring_type(&q->ring);
	q->redelivered = smq_ring_redelivered(&q->ring);
	/* Before the caller sees the message: if this process is killed from here on, the next consumer is told. */
	smq_ring_view(&q->ring, q->ring.position + smq_record_bytes(bytes));
	q->held_bytes = bytes;
	q->state |= SMQ_STARTED;
	return message;
}

const void *shmemq_pop_start(struct shmemq *q, size_t *size, uint32_t *type)
{
	return shmemq_timedpop_start(q, size, type, smq_timeout(q));
}

int shmemq_pop_end(struct shmemq *q)
{
	if (smq_unlikely(!smq_usable(q, SHMEMQ_CONSUMER | SMQ_STARTED)))
		return smq_refuse(q, SHMEMQ_CONSUMER);
	q->state = SHMEMQ_CONSUMER;
	/* The size as it was checked at the start, not as it may have been changed since. */
	release(q, q->held_bytes);
	return 0;
}

int shmemq_redelivered(struct shmemq *q)
{
	if (!smq_alive(q) || !(q->state & SHMEMQ_CONSUMER))
		return smq_refuse(q, SHMEMQ_CONSUMER);
	return q->redelivered;
}
