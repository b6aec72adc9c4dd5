/* SPDX-License-Identifier: MIT */
/* What a queue says of itself: getattr, stat; and the library's version. */
#include "config.h"

#include "call.h"
#include "endlock.h"

int shmemq_getattr(struct shmemq *q, struct shmemq_attr *attr)
{
	if (!smq_in_process(q))
		return smq_refuse(q, SMQ_ROLES);
	if (attr == NULL)
		return smq_fail(EINVAL);
	*attr = (struct shmemq_attr){
		.capacity = smq_capacity(q),
		.capacity_max = smq_capacity(q),
		.message_max = q->ring.message_max,
		.alignment = q->ring.align_mask + 1,
		.flags = q->flags,
		.id = q->header->identity.id,
	};
	memcpy(attr->user, q->header->identity.user, sizeof attr->user);
	return 0;
}

static uint32_t end_state(struct shmemq *q, const struct smq_claim *claim, bool producer)
{
	/* Acquire: its release is in smq_claim_open() and smq_claim_close(). */
	uint32_t first = atomic_load_explicit(&claim->state, memory_order_acquire), state = smq_claim_state(first);

	if (state == SHMEMQ_END_DEAD)
		return SHMEMQ_END_NEVER; /* garbage: no handle stores it */
	if (state == SHMEMQ_END_OPEN && !smq_endlock_held(smq_fd(q), producer)) {
		/* A close stores CLOSED before it unlocks, so a claim that is still the same has died. */
		uint32_t now = atomic_load_explicit(&claim->state, memory_order_acquire);

		state = now == first ? SHMEMQ_END_DEAD : smq_claim_state(now);
	}
	return state;
}

/* The words are read one after the other while both sides run, so their differences are clamped to what is possible. */
static void count_queued(const struct shmemq *q, struct shmemq_stat *st)
{
	uint32_t head = atomic_load_explicit(&q->header->consumer_progress.position_units, memory_order_acquire);
	uint32_t tail = atomic_load_explicit(&q->header->producer_progress.position_units, memory_order_acquire);
	uint32_t units = tail - head;

	if ((int32_t)units < 0)
		units = 0; /* the stored tail lags */
	if (units > q->ring.mask)
		units = q->ring.mask;
	st->queued_bytes = (uint64_t)units * SMQ_UNIT;
	st->queued_messages = st->pushed_messages > st->popped_messages ? st->pushed_messages - st->popped_messages : 0;
	if (st->queued_messages > units)
		st->queued_messages = units;
}

static bool asleep(const struct smq_wait *wait)
{
	return atomic_load_explicit(&wait->word, memory_order_relaxed) & SMQ_WAIT_SLEEPER;
}

int shmemq_stat(struct shmemq *q, struct shmemq_stat *st)
{
	struct smq_progress *producer, *consumer;

	if (!smq_in_process(q))
		return smq_refuse(q, SMQ_ROLES);
	if (st == NULL)
		return smq_fail(EINVAL);
	producer = &q->header->producer_progress;
	consumer = &q->header->consumer_progress;
	*st = (struct shmemq_stat){
		.capacity = smq_capacity(q),
		/* Popped first: of a queue in motion, pushed is then not less than that. */
		.popped_bytes = smq_ring_total(&consumer->moved_lo, &consumer->moved_hi),
		.popped_messages = smq_ring_total(&consumer->messages_lo, &consumer->messages_hi),
		.producer = end_state(q, smq_claim_of(q->header, true), true),
		.consumer = end_state(q, smq_claim_of(q->header, false), false),
		.producer_pid = atomic_load_explicit(&q->header->producer_claim.pid, memory_order_relaxed),
		.consumer_pid = atomic_load_explicit(&q->header->consumer_claim.pid, memory_order_relaxed),
	};
	st->pushed_bytes = smq_ring_total(&producer->moved_lo, &producer->moved_hi);
	st->pushed_messages = smq_ring_total(&producer->messages_lo, &producer->messages_hi);
	count_queued(q, st);
	/* A handle that was killed asleep has left its bits in the word. */
	if (st->producer == SHMEMQ_END_OPEN && asleep(&q->header->producer_wait))
		st->waiting |= SHMEMQ_WAIT_PRODUCER;
	if (st->consumer == SHMEMQ_END_OPEN && asleep(&q->header->consumer_wait))
		st->waiting |= SHMEMQ_WAIT_CONSUMER;
	return 0;
}

const char *shmemq_version(void)
{
	return PACKAGE_VERSION;
}
