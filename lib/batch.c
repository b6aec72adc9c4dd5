/* SPDX-License-Identifier: MIT */
/* The calls that move many messages. */
#include "config.h"

#include <limits.h>

#include "acquire.h"

/*
 * Units after which the messages written so far are published: one line crosses between the cores for many small
 * messages, and the consumer begins long before a large batch is complete. doc/performance.md has the figures.
 */
#define PUBLISH_UNITS (1024 / SMQ_UNIT)

/* May this message be pushed, if there is space for it? */
static inline bool is_legal(const struct shmemq *q, const struct shmemq_msg *msg)
{
	return (msg->data != NULL || msg->size == 0) && msg->size <= smq_message_max(q);
}

/*
 * Writes messages to the tail and publishes them together: the size word of the first one is stored last, so until then
 * a consumer, or a producer that takes over, sees none of them. There is space for the first. Returns how many: at
 * least 1.
 */
static unsigned push_group(struct shmemq *q, const struct shmemq_msg *msgs, unsigned count)
{
	/* Units for records. As in smq_ring_reserve(), all is computed before anything is stored. */
	uint32_t space = q->ring.mask - (q->ring.position - q->ring.cached_head);
	uint32_t message_max = q->ring.message_max, align_mask = q->ring.align_mask;
	struct smq_reservation group = smq_ring_reserve(&q->ring, 0);
	uint32_t used = 0, bytes = 0;
	unsigned n = 0;

	do {
		size_t size = msgs[n].size;
		uint32_t units = smq_units((uint32_t)size, align_mask);
		struct smq_record *record = smq_record_after(group.record, used);

		/* A message that is too large ends this batch, and fails the next call, as its first. */
		if (size > message_max || units > space - used || (msgs[n].data == NULL && size != 0))
			break;
		smq_copy((unsigned char *)(record + 1), msgs[n].data, size);
		/* Both relaxed: the size word of the first publishes them. */
		atomic_store_explicit(&record->type, msgs[n].type, memory_order_relaxed);
		if (n != 0)
			atomic_store_explicit(&record->size_plus_1, (uint32_t)size + 1, memory_order_relaxed);
		bytes += (uint32_t)size;
		used += units;
	} while (++n < count && used < PUBLISH_UNITS);
	group.next = smq_record_after(group.record, used);
	group.end = q->ring.position + used;
	smq_ring_publish(&q->ring, group, (uint32_t)msgs[0].size, n, bytes);
	smq_notify(q, 0);
	return n;
}

/* Of `count` messages so many as messages_max allows: at least 1, which has been acquired. */
static inline unsigned within_limit(const struct shmemq *q, unsigned count)
{
	if (smq_unlikely(q->state & SMQ_LIMITED) && count > smq_limit_left(q))
		return smq_limit_left(q);
	return count;
}

/* With a mark, which one operation brings into force: pushes one message, for which there is space. */
static smq_noinline int push_marked(struct shmemq *q, const struct shmemq_msg *msg)
{
	smq_copy((unsigned char *)smq_message_at(&q->ring, q->ring.position), msg->data, msg->size);
	smq_ring_commit(&q->ring, (uint32_t)msg->size, msg->type);
	smq_finish(q);
	return 1;
}

int shmemq_pushm(struct shmemq *q, const struct shmemq_msg *msgs, unsigned count, int64_t timeout)
{
	unsigned most = count < INT_MAX ? count : INT_MAX, pushed = 0;

	if (!smq_in_state(q, SHMEMQ_PRODUCER) || (msgs == NULL && count != 0))
		return smq_refuse(q, SHMEMQ_PRODUCER);
	if (count == 0)
		return 0;
	if (msgs[0].data == NULL && msgs[0].size != 0)
		return smq_fail(EINVAL);
	if (smq_acquire_space(q, msgs[0].size, timeout) != 0)
		return -1;
	if (smq_unlikely(q->state & SMQ_MARKED))
		return push_marked(q, msgs);
	do
		pushed += push_group(q, msgs + pushed, within_limit(q, most - pushed));
	while (pushed < most && is_legal(q, &msgs[pushed]) &&
	       smq_try_space(q, smq_record_units(&q->ring, (uint32_t)msgs[pushed].size)) == SMQ_READY);
	smq_unlock_owner(q);
	return (int)pushed;
}

/* Bytes of a message, header included, that are requested when it is described. */
#define PREFETCH_BYTES 320u

/*
 * The header's line is here. The others come from the producer's core: requested now, they are on their way while the
 * later messages are described and the earlier ones are read.
 */
static inline void prefetch_message(const struct smq_record *record, uint32_t size)
{
	uint32_t end = SMQ_UNIT + size < PREFETCH_BYTES ? SMQ_UNIT + size : PREFETCH_BYTES;

	for (uint32_t at = 64; at < end; at += 64)
		smq_prefetch_read((const unsigned char *)record + at);
}

/* Units that a batch takes up at most: no more of the ring than the largest message. */
static inline uint32_t most_units_of(const struct smq_ring *ring)
{
	return smq_units(ring->message_max, ring->align_mask);
}

/*
 * Describes up to `most` messages, the first of which, of `size` bytes, is there, after `used` units that the batch has
 * already. Returns how many. `*end`: the position after them; `*bytes`: the sum of their sizes.
 */
static smq_always_inline unsigned describe(const struct smq_ring *ring, uint32_t used, uint32_t size,
					   struct shmemq_msg *msgs, unsigned most, uint32_t *end, uint32_t *bytes)
{
	/* As in push_group(), all is computed first. */
	uint32_t align_mask = ring->align_mask, most_units = most_units_of(ring);
	uint32_t sum = 0, position = ring->position;
	struct smq_record *first = smq_record_at(ring, position);
	bool redelivering = ring->redelivering;
	unsigned n = 0;

	for (;;) {
		struct smq_record *record = smq_record_after(first, used);

		msgs[n] = (struct shmemq_msg){
			.data = record + 1,
			.size = size,
			.type = smq_record_type(record),
		};
		if (smq_unlikely(redelivering) && smq_ring_redelivered(ring, position + used))
			msgs[n].flags = SHMEMQ_MSG_REDELIVERED;
		if (smq_unlikely(size > 64 - SMQ_UNIT))
			prefetch_message(record, size);
		sum += size;
		used += smq_units(size, align_mask);
		if (++n == most)
			break;
		/* Acquire, loaded once, as in smq_ring_peek_at(). One comparison replaces its two: no message (0 - 1)
		 * and garbage are both too large. Either ends the batch, and garbage fails the next call. */
		size = atomic_load_explicit(&smq_record_after(first, used)->size_plus_1, memory_order_acquire) - 1;
		if ((uint64_t)size + SMQ_UNIT > (most_units - used) * SMQ_UNIT)
			break;
	}
	*end = position + used;
	*bytes = sum;
	return n;
}

int shmemq_popm_start(struct shmemq *q, struct shmemq_msg *msgs, unsigned max, int64_t timeout)
{
	uint32_t size;

	if (!smq_in_state(q, SHMEMQ_CONSUMER) || msgs == NULL || max == 0)
		return smq_refuse(q, SHMEMQ_CONSUMER);
	if (smq_acquire_message(q, &size, timeout) != 0)
		return -1;
	q->batch = describe(&q->ring, 0, size, msgs, max < INT_MAX ? max : INT_MAX, &q->batch_end, &q->held_bytes);
	/* Before the caller sees the messages: if this process is killed from here on, the next consumer is told. */
	smq_ring_lease(&q->ring, q->batch_end);
	q->redelivered = msgs[0].flags & SHMEMQ_MSG_REDELIVERED;
	q->state |= SMQ_BATCH;
	return (int)q->batch;
}

/* May another message come, of `size` bytes, while the handle holds the batch, which takes up `used` units? */
static bool may_extend(const struct shmemq *q, uint32_t used, uint32_t size)
{
	/* Constant; from garbage follows only that the batch ends. */
	uint32_t messages_max = q->header->identity.messages_max;

	return smq_record_units(&q->ring, size) <= most_units_of(&q->ring) - used &&
	       (messages_max == 0 || q->batch < messages_max);
}

/* The batch remains held, unless the handle is broken. */
static int fail_more(struct shmemq *q, int err)
{
	if (err == EBADMSG)
		smq_unlock_owner(q);
	return smq_fail(err);
}

int shmemq_popm_more(struct shmemq *q, struct shmemq_msg *msgs, unsigned max, int64_t timeout)
{
	struct smq_want want = { 0 };
	enum smq_ring_status status;
	unsigned more;
	uint32_t bytes;
	int err;

	if (!smq_in_state(q, SHMEMQ_CONSUMER | SMQ_BATCH) || msgs == NULL || max == 0)
		return smq_refuse(q, SHMEMQ_CONSUMER);
	want.need = q->batch_end - q->ring.position;
	/* Then neither the producer can push nor this handle wait. */
	if (!may_extend(q, want.need, 0))
		return 0;
	status = smq_check(q, &want, true);
	err = status == SMQ_READY ? 0 : smq_await(q, status, &want, timeout);
	if (err != 0)
		return fail_more(q, err);
	if (want.found == SMQ_JUMP || !may_extend(q, want.need, want.found))
		return 0;
	more = describe(&q->ring, want.need, want.found, msgs, max < INT_MAX ? max : INT_MAX, &q->batch_end, &bytes);
	q->held_bytes += bytes;
	q->batch += more;
	smq_ring_lease(&q->ring, q->batch_end);
	return (int)more;
}

/* Where the first `count` messages of a batch end, and the sum of their bytes. false: a peer has changed the sizes. */
static smq_always_inline bool measure(const struct shmemq *q, unsigned count, uint32_t *end, uint32_t *bytes)
{
	uint32_t size;

	*end = q->ring.position;
	*bytes = 0;
	while (count-- > 0) {
		if (smq_ring_peek_at(&q->ring, *end, &size) != SMQ_READY ||
		    smq_record_units(&q->ring, size) > q->batch_end - *end)
			return false;
		*end += smq_record_units(&q->ring, size);
		*bytes += size;
	}
	return true;
}

/* Releases the first `count` messages of the batch. */
static smq_always_inline int end_batch(struct shmemq *q, unsigned count, bool marked)
{
	uint32_t end, bytes;
	bool due;

	end = q->batch_end;
	bytes = q->held_bytes;
	if (count < q->batch && !measure(q, count, &end, &bytes)) {
		q->state |= SMQ_BROKEN;
		smq_unlock_owner(q);
		return smq_fail(EBADMSG);
	}
	q->state &= ~SMQ_BATCH;
	if (marked && count != 0)
		smq_marks_begin(q, end);
	due = count != 0 && smq_ring_release(&q->ring, end, count, bytes);
	if (smq_unlikely(q->state & SMQ_SHARED))
		smq_ring_return_lease(&q->ring);
	return due ? (int)smq_finish_due(q, 0) : smq_finish(q);
}

static smq_noinline int end_batch_marked(struct shmemq *q, unsigned count)
{
	if (!smq_in_state(q, SHMEMQ_CONSUMER | SMQ_BATCH) || count > q->batch)
		return smq_refuse(q, SHMEMQ_CONSUMER);
	return end_batch(q, count, true);
}

int shmemq_popm_end(struct shmemq *q, unsigned count)
{
	if (!smq_in_unmarked_state(q, SHMEMQ_CONSUMER | SMQ_BATCH) || count > q->batch)
		return end_batch_marked(q, count);
	return end_batch(q, count, false);
}
