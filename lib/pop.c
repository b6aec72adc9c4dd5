/* SPDX-License-Identifier: MIT */
/*
 * The consumer's calls. Each of them acquires a message at the head, reads or hands it out, releases it, and finishes.
 * The frequent case is tried first: a small message that is there.
 */
#include "config.h"

#include "acquire.h"
#include "follow.h"

static inline const unsigned char *message_at_head(const struct shmemq *q)
{
	return smq_message_at(&q->ring, q->ring.position);
}

/* Reads the type of the message at the head, and whether it is delivered again. */
static inline void read_type(struct shmemq *q, uint32_t *type)
{
	if (type != NULL)
		*type = smq_ring_type(&q->ring, q->ring.position);
	q->redelivered = smq_ring_redelivered(&q->ring, q->ring.position);
}

static smq_always_inline int release(struct shmemq *q, uint32_t size)
{
	if (smq_ring_release(&q->ring, q->ring.position + smq_record_units(&q->ring, size), 1, size))
		return (int)smq_finish_due(q, 0);
	return smq_finish(q);
}

#define NOTHING UINT32_MAX

/*
 * Pops a small message. Returns false, and has done nothing, if there is none. `*bytes` is NOTHING if it found none.
 * `*due`: the call is to end with smq_finish_due(), as its last call.
 */
static smq_always_inline bool pop_at_head(struct shmemq *q, void *buf, size_t size, uint32_t *type, uint32_t *bytes,
					  bool *due)
{
	const struct smq_record *record = smq_record_at(&q->ring, q->ring.position);
	uint32_t end;

	if (smq_unlikely(!smq_ring_peek_small(record, bytes) || *bytes > size || q->ring.redelivering))
		return false;
	/* Before anything is stored: see struct smq_reservation. */
	end = q->ring.position + smq_record_units(&q->ring, *bytes);
	smq_copy_small(buf, (const unsigned char *)(record + 1), *bytes);
	if (type != NULL)
		*type = smq_record_type(record);
	q->redelivered = false;
	*due = smq_ring_release_new(&q->ring, end, 1, *bytes);
	return true;
}

/* The frequent case. Returns false, and has done nothing, if this is not it. `*bytes` is NOTHING if there is none. */
static smq_always_inline bool pop_small(struct shmemq *q, void *buf, size_t size, uint32_t *type, uint32_t *bytes,
					bool *due)
{
	*bytes = 0;
	return smq_likely(buf != NULL && smq_in_unshared_state(q, SHMEMQ_CONSUMER)) &&
	       pop_at_head(q, buf, size, type, bytes, due);
}

static smq_noinline ssize_t pop_any(struct shmemq *q, void *buf, size_t size, uint32_t *type, int64_t timeout)
{
	uint32_t bytes;

	if (buf == NULL && size != 0)
		return smq_refuse(q, SHMEMQ_CONSUMER);
	if (smq_acquire_message(q, &bytes, timeout) != 0)
		return -1;
	if (bytes > size) {
		smq_unlock_owner(q);
		return smq_fail(EMSGSIZE);
	}
	smq_copy(buf, message_at_head(q), bytes);
	read_type(q, type);
	release(q, bytes);
	return (ssize_t)bytes;
}

/*
 * The frequent case of a SHARED end, a follower, and all others. If the first has got the owner lock, the last go on
 * with it.
 */
static smq_noinline ssize_t pop_other(struct shmemq *q, void *buf, size_t size, uint32_t *type, int64_t timeout)
{
	uint32_t bytes;
	bool due;

	if (smq_in_shared_state(q, SHMEMQ_CONSUMER) && buf != NULL) {
		if (smq_lock_once(q)) {
			if (smq_likely(pop_at_head(q, buf, size, type, &bytes, &due)))
				return due ? smq_finish_due(q, (ssize_t)bytes) : smq_finish_once(q, (ssize_t)bytes);
			q->ownerlock.held = true;
		}
	} else if (q != NULL && q->follower) {
		return smq_follow_pop(q, buf, size, type, timeout);
	}
	return pop_any(q, buf, size, type, timeout);
}

/* These leave by tail calls, so that the frequent case has no registers to save. */
ssize_t shmemq_pop(struct shmemq *q, void *buf, size_t size, uint32_t *type)
{
	uint32_t bytes;
	bool due;

	if (smq_likely(pop_small(q, buf, size, type, &bytes, &due)))
		return due ? smq_finish_due(q, (ssize_t)bytes) : smq_notify(q, (ssize_t)bytes);
	if (bytes == NOTHING && q->nonblock && smq_try_is_quiet(q))
		return smq_fail_quiet(q);
	return bytes == 0 ? pop_other(q, buf, size, type, smq_timeout(q)) : pop_any(q, buf, size, type, smq_timeout(q));
}

ssize_t shmemq_timedpop(struct shmemq *q, void *buf, size_t size, uint32_t *type, int64_t timeout)
{
	uint32_t bytes;
	bool due;

	if (smq_likely(pop_small(q, buf, size, type, &bytes, &due)))
		return due ? smq_finish_due(q, (ssize_t)bytes) : smq_notify(q, (ssize_t)bytes);
	if (bytes == NOTHING && timeout == 0 && smq_try_is_quiet(q))
		return smq_fail_quiet(q);
	return bytes == 0 ? pop_other(q, buf, size, type, timeout) : pop_any(q, buf, size, type, timeout);
}

/* Hands out the message at the head. */
static smq_always_inline const void *start(struct shmemq *q, uint32_t bytes, size_t *size, uint32_t *type)
{
	*size = bytes;
	read_type(q, type);
	/* Before the caller sees the message: if this process is killed from here on, the next consumer is told. */
	smq_ring_lease(&q->ring, q->ring.position + smq_record_units(&q->ring, bytes));
	q->held_bytes = bytes;
	q->state |= SMQ_STARTED;
	return message_at_head(q);
}

static smq_noinline const void *pop_start_slow(struct shmemq *q, size_t *size, uint32_t *type, int64_t timeout)
{
	uint32_t bytes;

	if (size == NULL) {
		smq_refuse(q, SHMEMQ_CONSUMER);
		return NULL;
	}
	return smq_acquire_message_slow(q, &bytes, timeout) == 0 ? start(q, bytes, size, type) : NULL;
}

static smq_always_inline const void *pop_start(struct shmemq *q, size_t *size, uint32_t *type, int64_t timeout)
{
	uint32_t bytes;

	if (size != NULL && smq_has_message(q, &bytes))
		return start(q, bytes, size, type);
	return pop_start_slow(q, size, type, timeout);
}

const void *shmemq_pop_start(struct shmemq *q, size_t *size, uint32_t *type)
{
	return pop_start(q, size, type, smq_timeout(q));
}

const void *shmemq_timedpop_start(struct shmemq *q, size_t *size, uint32_t *type, int64_t timeout)
{
	return pop_start(q, size, type, timeout);
}

static smq_noinline int pop_end_marked(struct shmemq *q)
{
	if (!smq_in_state(q, SHMEMQ_CONSUMER | SMQ_STARTED))
		return smq_refuse(q, SHMEMQ_CONSUMER);
	q->state &= ~SMQ_STARTED;
	smq_marks_begin(q, q->ring.position + smq_record_units(&q->ring, q->held_bytes));
	return release(q, q->held_bytes);
}

int shmemq_pop_end(struct shmemq *q)
{
	if (smq_unlikely(!smq_in_unmarked_state(q, SHMEMQ_CONSUMER | SMQ_STARTED)))
		return pop_end_marked(q);
	q->state &= ~SMQ_STARTED;
	/* With the size as it was checked at the start, not as it may have been changed since. */
	return release(q, q->held_bytes);
}

int shmemq_redelivered(struct shmemq *q)
{
	if (!smq_in_process(q) || !(q->state & SHMEMQ_CONSUMER))
		return smq_refuse(q, SHMEMQ_CONSUMER);
	return q->redelivered;
}
