/* SPDX-License-Identifier: MIT */
/* The calls that move many messages. */
#include "config.h"

#include <limits.h>

#include "handle.h"

/*
 * Ring bytes after which the messages written so far are published: one line crosses between the cores for many small
 * messages, and the consumer still begins long before a large batch is done. doc/performance.md has the figures.
 */
#define PUBLISH_BYTES 1024u

/* May this message be pushed, whatever the room? */
static inline bool legal(const struct smq_ring *ring, const struct shmemq_msg *msg)
{
	return (msg->data != NULL || msg->size == 0) && msg->size <= smq_message_max(ring);
}

/*
 * Writes messages to the tail and publishes them, all at once: the size word of the first comes last, so until then a
 * consumer, or a producer that takes over, sees none of them. Room for the first is there. How many: at least 1.
 */
static unsigned push_group(struct shmemq *q, const struct shmemq_msg *msgs, unsigned count)
{
	/* Worked out before anything is stored: see struct smq_place. */
	unsigned char *records = q->ring.records;
	uint32_t mask = q->ring.capacity - 1, start = q->ring.position, end = start, bytes = 0;
	uint32_t room = q->ring.capacity - SMQ_RECORD_HEADER - (start - q->ring.head_seen); /* for records */
	struct smq_place place;
	unsigned n = 0;

	do {
		size_t size = msgs[n].size;
		uint32_t record_bytes = smq_record_bytes((uint32_t)size);
		struct smq_record *record = (struct smq_record *)(void *)(records + (end & mask));

		/* What is too large for the ring is so for its room; it ends the batch, or fails the next one. */
		if (size > room || record_bytes > room || (msgs[n].data == NULL && size != 0))
			break;
		if (size != 0)
			smq_copy((unsigned char *)(record + 1), msgs[n].data, size);
		/* Both relaxed: published by the size word of the first. */
		atomic_store_explicit(&record->type, msgs[n].type, memory_order_relaxed);
		if (n != 0)
			atomic_store_explicit(&record->size_plus_1, (uint32_t)size + 1, memory_order_relaxed);
		bytes += (uint32_t)size;
		room -= record_bytes;
		end += record_bytes;
	} while (++n < count && end - start < PUBLISH_BYTES);
	place = (struct smq_place){ smq_record_at(&q->ring, start), smq_record_at(&q->ring, end), end };
	smq_ring_publish(&q->ring, place, (uint32_t)msgs[0].size);
	smq_ring_count(&q->ring, n, bytes);
	smq_wait_wake(&q->waiter, 0);
	return n;
}

int shmemq_pushm(struct shmemq *q, const struct shmemq_msg *msgs, unsigned count, int64_t timeout)
{
	unsigned most = count < INT_MAX ? count : INT_MAX, pushed = 0;

	if (!smq_is(q, SHMEMQ_PRODUCER) || (msgs == NULL && count != 0))
		return smq_refuse(q, SHMEMQ_PRODUCER);
	if (count == 0)
		return 0;
	if (msgs[0].data == NULL && msgs[0].size != 0)
		return smq_fail(EINVAL);
	if (smq_make_room(q, msgs[0].size, timeout) != 0)
		return -1;
	do
		pushed += push_group(q, msgs + pushed, most - pushed);
	while (pushed < most && legal(&q->ring, &msgs[pushed]) &&
	       smq_ring_room(&q->ring, smq_record_bytes((uint32_t)msgs[pushed].size)) == SMQ_READY);
	smq_shared_leave(q);
	return (int)pushed;
}

int shmemq_popm_start(struct shmemq *q, struct shmemq_msg *msgs, unsigned max, int64_t timeout)
{
	struct smq_ring ring;
	unsigned most = max < INT_MAX ? max : INT_MAX, n = 0;
	uint32_t size, position, bytes = 0;

	if (!smq_is(q, SHMEMQ_CONSUMER) || msgs == NULL || max == 0)
		return smq_refuse(q, SHMEMQ_CONSUMER);
	if (smq_await_message(q, &size, timeout) != 0)
		return -1;
	ring = q->ring; /* as in push_group(): `msgs` does not lie over it */
	position = ring.position;
	do {
		msgs[n++] = (struct shmemq_msg){
			.data = smq_message_at(&ring, position),
			.size = size,
			.type = smq_ring_type(&ring, position),
			.flags = smq_ring_redelivered(&ring, position) ? SHMEMQ_MSG_REDELIVERED : 0,
		};
		bytes += size;
		position += smq_record_bytes(size);
		/* Garbage ends the batch, and fails the next call. No honest ring holds more than the last bound. */
	} while (n < most && smq_ring_look_at(&ring, position, &size) == SMQ_READY &&
		 position - ring.position + smq_record_bytes(size) <= ring.capacity - SMQ_RECORD_HEADER);
	/* Before the caller sees the messages: if this process is killed from here on, the next consumer is told. */
	smq_ring_view(&q->ring, position);
	q->redelivered = msgs[0].flags & SHMEMQ_MSG_REDELIVERED;
	q->held_bytes = bytes;
	q->batch = n;
	q->batch_end = position;
	q->state |= SMQ_BATCH;
	return (int)n;
}

/* Walks over the first `count` messages of a batch: where they end, and their bytes. False: that has been changed. */
static bool walk(const struct shmemq *q, unsigned count, uint32_t *end, uint32_t *bytes)
{
	uint32_t size;

	*end = q->ring.position;
	*bytes = 0;
	while (count-- > 0) {
		if (smq_ring_look_at(&q->ring, *end, &size) != SMQ_READY ||
		    smq_record_bytes(size) > q->batch_end - *end)
			return false;
		*end += smq_record_bytes(size);
		*bytes += size;
	}
	return true;
}

int shmemq_popm_end(struct shmemq *q, unsigned count)
{
	uint32_t end, bytes;

	if (!smq_is(q, SHMEMQ_CONSUMER | SMQ_BATCH) || count > q->batch)
		return smq_refuse(q, SHMEMQ_CONSUMER);
	end = q->batch_end;
	bytes = q->held_bytes;
	if (count < q->batch && !walk(q, count, &end, &bytes)) {
		q->state |= SMQ_BROKEN;
		smq_shared_leave(q);
		return smq_fail(EBADMSG);
	}
	q->state &= ~SMQ_BATCH;
	if (count != 0)
		smq_ring_release(&q->ring, end, count, bytes);
	if (q->state & SMQ_SHARED)
		smq_ring_give_back(&q->ring);
	smq_shared_leave(q);
	return (int)smq_wait_wake(&q->waiter, 0);
}
