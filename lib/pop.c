/* SPDX-License-Identifier: MIT */
/* The consumer's calls. */
#include "config.h"

#include "handle.h"
#include "spin.h"

smq_noinline int smq_await_message(struct shmemq *q, uint32_t *size, int64_t timeout)
{
	return smq_in_shared_state(q, SHMEMQ_CONSUMER) ? smq_enter(q, size, timeout) : smq_refuse(q, SHMEMQ_CONSUMER);
}

static inline const unsigned char *head(const struct shmemq *q)
{
	return smq_message_at(&q->ring, q->ring.position);
}

/* Is there a message that may be popped now? */
static inline bool there(struct shmemq *q, uint32_t *size)
{
	return smq_in_state(q, SHMEMQ_CONSUMER) && smq_ring_peek(&q->ring, size) == SMQ_READY;
}

static smq_always_inline ssize_t release(struct shmemq *q, uint32_t size, ssize_t result)
{
	smq_ring_release(&q->ring, q->ring.position + smq_record_bytes(size), 1, size);
	return smq_eventcount_notify(&q->eventcount, result);
}

/* The same on any end: leaves a shared one, too. */
static smq_noinline ssize_t release_any(struct shmemq *q, uint32_t size, ssize_t result)
{
	smq_ring_release(&q->ring, q->ring.position + smq_record_bytes(size), 1, size);
	smq_shared_leave(q);
	return smq_eventcount_notify(&q->eventcount, result);
}

/* Copies the message at the head, of `bytes`. */
static inline void copy_out(struct shmemq *q, void *buf, uint32_t bytes, uint32_t *type)
{
	if (bytes != 0)
		smq_copy(buf, head(q), bytes);
	if (type != NULL)
		*type = smq_ring_type(&q->ring, q->ring.position);
	q->redelivered = smq_ring_redelivered(&q->ring, q->ring.position);
}

/* A pop on any end, in any state. */
static smq_noinline ssize_t pop_waiting(struct shmemq *q, void *buf, size_t size, uint32_t *type, int64_t timeout)
{
	uint32_t bytes;

	if (smq_await_message(q, &bytes, timeout) != 0)
		return -1;
	if (bytes > size) {
		smq_shared_leave(q);
		return smq_fail(EMSGSIZE);
	}
	copy_out(q, buf, bytes, type);
	return release_any(q, bytes, (ssize_t)bytes);
}

/* A pop of any size. */
static smq_noinline ssize_t pop_any(struct shmemq *q, void *buf, size_t size, uint32_t *type, int64_t timeout)
{
	uint32_t bytes;

	if (buf == NULL && size != 0)
		return smq_refuse(q, SHMEMQ_CONSUMER);
	if (!there(q, &bytes))
		return pop_waiting(q, buf, size, type, timeout);
	if (bytes > size)
		return smq_fail(EMSGSIZE);
	copy_out(q, buf, bytes, type);
	return release(q, bytes, (ssize_t)bytes);
}

/*
 * The frequent case: a small message that is there, in `record`, at the head. False: not this way, and nothing is done;
 * `*bytes` is SMQ_NOTHING if there is none.
 */
static smq_always_inline bool pop_small(struct shmemq *q, const struct smq_record *record, void *buf, size_t size,
					uint32_t *type, uint32_t *bytes)
{
	uint32_t end;

	if (smq_unlikely(!smq_ring_peek_small(record, bytes) || *bytes > size || q->ring.redelivering))
		return false;
	end = q->ring.position + smq_record_bytes(*bytes); /* before anything is stored: see struct smq_reservation */
	smq_copy_small(buf, (const unsigned char *)(record + 1), *bytes);
	if (type != NULL)
		*type = smq_record_type(record);
	q->redelivered = false;
	smq_ring_release_new(&q->ring, end, 1, *bytes);
	return true;
}

static smq_noinline ssize_t pop_late(struct shmemq *q, void *buf, size_t size, uint32_t *type, int64_t timeout)
{
	const struct smq_record *record = smq_record_at(&q->ring, q->ring.position);
	uint32_t bytes;

	if (smq_comes_soon(q, record, timeout) && pop_small(q, record, buf, size, type, &bytes))
		return smq_eventcount_notify(&q->eventcount, (ssize_t)bytes);
	return pop_any(q, buf, size, type, timeout);
}

/* All that is not frequent leaves by a tail call, so that nothing has to be saved for it. */
static smq_always_inline ssize_t pop(struct shmemq *q, void *buf, size_t size, uint32_t *type, bool timed,
				     int64_t timeout)
{
	const struct smq_record *record;
	uint32_t bytes;

	if (smq_unlikely(buf == NULL || !smq_in_state(q, SHMEMQ_CONSUMER)))
		return pop_any(q, buf, size, type, timed ? timeout : smq_timeout(q));
	record = smq_record_at(&q->ring, q->ring.position);
	if (smq_likely(pop_small(q, record, buf, size, type, &bytes)))
		return smq_eventcount_notify(&q->eventcount, (ssize_t)bytes);
	if (bytes == SMQ_NOTHING)
		return pop_late(q, buf, size, type, timed ? timeout : q->timeout);
	return pop_any(q, buf, size, type, timed ? timeout : q->timeout);
}

ssize_t shmemq_pop(struct shmemq *q, void *buf, size_t size, uint32_t *type)
{
	return pop(q, buf, size, type, false, 0);
}

ssize_t shmemq_timedpop(struct shmemq *q, void *buf, size_t size, uint32_t *type, int64_t timeout)
{
	return pop(q, buf, size, type, true, timeout);
}

/* Hands out the message at the head, of `bytes`. */
static smq_always_inline const void *show(struct shmemq *q, uint32_t bytes, size_t *size, uint32_t *type)
{
	*size = bytes;
	if (type != NULL)
		*type = smq_ring_type(&q->ring, q->ring.position);
	q->redelivered = smq_ring_redelivered(&q->ring, q->ring.position);
	/* Before the caller sees the message: if this process is killed from here on, the next consumer is told. */
	smq_ring_lease(&q->ring, q->ring.position + smq_record_bytes(bytes));
	q->held_bytes = bytes;
	q->state |= SMQ_STARTED;
	return head(q);
}

/* On any end, in any state. */
static smq_noinline const void *pop_start_any(struct shmemq *q, size_t *size, uint32_t *type, int64_t timeout)
{
	uint32_t bytes;

	if (size == NULL) {
		smq_refuse(q, SHMEMQ_CONSUMER);
		return NULL;
	}
	if (smq_await_message(q, &bytes, timeout) != 0)
		return NULL;
	return show(q, bytes, size, type);
}

static smq_noinline const void *pop_start_late(struct shmemq *q, size_t *size, uint32_t *type, int64_t timeout)
{
	uint32_t bytes;

	if (size == NULL || !smq_in_state(q, SHMEMQ_CONSUMER) ||
	    !smq_comes_soon(q, smq_record_at(&q->ring, q->ring.position), timeout) || !there(q, &bytes))
		return pop_start_any(q, size, type, timeout);
	return show(q, bytes, size, type);
}

static smq_always_inline const void *pop_start(struct shmemq *q, size_t *size, uint32_t *type, int64_t timeout)
{
	uint32_t bytes;

	if (smq_unlikely(size == NULL || !there(q, &bytes)))
		return pop_start_late(q, size, type, timeout);
	return show(q, bytes, size, type);
}

const void *shmemq_pop_start(struct shmemq *q, size_t *size, uint32_t *type)
{
	return pop_start(q, size, type, smq_timeout(q));
}

const void *shmemq_timedpop_start(struct shmemq *q, size_t *size, uint32_t *type, int64_t timeout)
{
	return pop_start(q, size, type, timeout);
}

static smq_noinline int pop_end_any(struct shmemq *q)
{
	if (!smq_in_shared_state(q, SHMEMQ_CONSUMER | SMQ_STARTED))
		return smq_refuse(q, SHMEMQ_CONSUMER);
	q->state &= ~SMQ_STARTED;
	return (int)release_any(q, q->held_bytes, 0);
}

int shmemq_pop_end(struct shmemq *q)
{
	if (smq_unlikely(!smq_in_state(q, SHMEMQ_CONSUMER | SMQ_STARTED)))
		return pop_end_any(q);
	q->state = SHMEMQ_CONSUMER;
	/* The size as it was checked at the start, not as it may have been changed since. */
	return (int)release(q, q->held_bytes, 0);
}

int shmemq_redelivered(struct shmemq *q)
{
	if (!smq_in_process(q) || !(q->state & SHMEMQ_CONSUMER))
		return smq_refuse(q, SHMEMQ_CONSUMER);
	return q->redelivered;
}
