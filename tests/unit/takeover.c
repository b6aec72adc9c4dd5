/* SPDX-License-Identifier: MIT */
/* What the next holder of an end makes of the ring, wherever the last one was killed. */
#include "config.h"

#include "ring_ends.h"
#include "suite.h"
#include "traffic.h"

/* Puts back what a producer had stored of its progress before its last operations, as if it had been killed in them. */
static void forget_since(struct smq_moved *progress, const struct smq_moved *then)
{
	memcpy(progress, then, sizeof *progress);
}

/* All of a push but the store that commits it. */
TEST(producer_dies_before_commit)
{
	struct smq_record *record = smq_record_at(&producer, producer.position);
	uint32_t tail = producer.position;

	traffic_fill(smq_message_at(&producer, tail), SIZE, 1);
	record->type = 1;
	smq_record_at(&producer, tail + RECORD)->size_plus_1 = 0;
	producer = memory_produce(&memory);
	ck_assert_uint_eq(producer.position, tail);
	ck_assert_uint_eq(producer.messages_lo, 0);
	ck_assert(empty());
	push(2);
	memory_pop(&consumer, SIZE, 2);
	ck_assert(empty());
}

/* Committed, but neither the tail nor the totals are stored. `_i` of the messages are popped meanwhile. */
TEST(producer_dies_before_its_tail_is_stored)
{
	struct smq_moved then;
	uint32_t tail;

	push(0);
	then = *pushed;
	for (int i = 1; i <= 3; i++)
		push((uint64_t)i);
	tail = producer.position;
	for (int i = 0; i < _i; i++)
		memory_pop(&consumer, SIZE, (uint64_t)i);
	forget_since(pushed, &then);
	producer = memory_produce(&memory);
	ck_assert_uint_eq(producer.position, tail);
	ck_assert_uint_eq(pushed->position_units, tail);
	ck_assert_uint_eq(pushed->messages_lo, 4);
	ck_assert_uint_eq(pushed->moved_lo, 4 * SIZE);
	push(4);
	for (int i = _i; i <= 4; i++)
		memory_pop(&consumer, SIZE, (uint64_t)i);
	ck_assert(empty());
}

/*
 * The totals are stored after the tail. Killed in between, they stay one message short, and nothing is counted twice.
 */
TEST(producer_dies_before_its_totals_are_stored)
{
	push(0);
	pushed->messages_lo = pushed->moved_lo = 0;
	producer = memory_produce(&memory);
	ck_assert_uint_eq(producer.messages_lo, 0);
	memory_pop(&consumer, SIZE, 0);
	ck_assert(empty());
}

/* The walk may go all around: a whole ring of the smallest records, all of them after the stored tail. */
TEST(producer_recovers_a_full_ring)
{
	struct smq_moved then = *pushed;
	uint32_t count = 0;

	while (memory_push(&producer, 0, count) == SMQ_READY)
		count++;
	ck_assert_uint_eq(count, CAPACITY / ALIGNED - 1);
	forget_since(pushed, &then);
	producer = memory_produce(&memory);
	ck_assert_uint_eq(producer.messages_lo, count);
	ck_assert_int_eq(memory_push(&producer, 0, 0), SMQ_NOT_YET);
	for (uint32_t i = 0; i < count; i++)
		memory_pop(&consumer, 0, i);
	ck_assert(empty());
}

/* A consumer pops what is committed after a tail that was never stored. */
TEST(consumer_ahead_of_the_stored_tail)
{
	struct smq_moved then = *pushed;

	push(1);
	push(2);
	memory_pop(&consumer, SIZE, 1);
	forget_since(pushed, &then);
	consumer = memory_consume(&memory);
	memory_pop(&consumer, SIZE, 2);
	ck_assert(empty());
}

/* The message that was held comes again and is marked; the one after it was not held. */
TEST(held_message_is_redelivered)
{
	push(1);
	push(2);
	smq_ring_lease(&consumer, consumer.position + RECORD);
	/* However often the end changes hands meanwhile. */
	for (int i = 0; i < 3; i++)
		consumer = memory_consume(&memory);
	ck_assert(smq_ring_redelivered(&consumer, consumer.position));
	memory_pop(&consumer, SIZE, 1);
	ck_assert(!smq_ring_redelivered(&consumer, consumer.position));
	memory_pop(&consumer, SIZE, 2);
	push(3);
	ck_assert(!smq_ring_redelivered(&consumer, consumer.position));
}

/* Of several that were held at once, those that were not released. */
TEST(held_messages_are_redelivered)
{
	for (uint64_t i = 1; i <= 4; i++)
		push(i);
	smq_ring_lease(&consumer, consumer.position + 3 * RECORD);
	memory_pop(&consumer, SIZE, 1);
	consumer = memory_consume(&memory);
	for (uint64_t i = 2; i <= 4; i++) {
		ck_assert_int_eq(smq_ring_redelivered(&consumer, consumer.position), i <= 3);
		memory_pop(&consumer, SIZE, i);
	}
}

TEST(released_message_marks_nothing)
{
	push(1);
	push(2);
	push(3);
	smq_ring_lease(&consumer, consumer.position + RECORD);
	memory_pop(&consumer, SIZE, 1);
	memory_pop(&consumer, SIZE, 2);
	consumer = memory_consume(&memory);
	ck_assert(!smq_ring_redelivered(&consumer, consumer.position));
	memory_pop(&consumer, SIZE, 3);
}

/* Killed between the store of the head and that of the lease: a lease before the head marks nothing. */
TEST(lease_before_the_head_marks_nothing)
{
	push(1);
	push(2);
	memory_pop(&consumer, SIZE, 1);
	popped->lease_units = consumer.position - RECORD;
	consumer = memory_consume(&memory);
	ck_assert(!smq_ring_redelivered(&consumer, consumer.position));
	/* From here on a lease counts again. */
	smq_ring_lease(&consumer, consumer.position + RECORD);
	consumer = memory_consume(&memory);
	ck_assert(smq_ring_redelivered(&consumer, consumer.position));
}

/*
 * A lease is compared by difference, so it must not stay where it was while copying pops move on: after 2^31 units it
 * would seem to be after the head, and close to 2^32 it would mark a message.
 */
TEST(lease_keeps_up_with_copying_pops)
{
	uint32_t held = consumer.position + RECORD, step = CAPACITY - ALIGNED;

	push(1);
	smq_ring_lease(&consumer, held);
	memory_pop(&consumer, SIZE, 1);
	/* The head alone matters here, so no messages are needed. It moves in laps, to a place just before `held`. */
	for (uint64_t moved = 0; moved < ((uint64_t)1 << 32) - RECORD; moved += step) {
		if (moved + step > ((uint64_t)1 << 32) - RECORD)
			step = (uint32_t)(((uint64_t)1 << 32) - RECORD - moved);
		if (smq_ring_release(&consumer, consumer.position + step, 1, step * 8 - 8))
			smq_ring_store_room(&consumer);
		ck_fast(consumer.position - popped->lease_units <= SMQ_LEASE_LAG_MAX);
	}
	ck_assert_uint_eq(consumer.position + RECORD, held);
	memory_empty_at(&memory, consumer.position);
	popped->lease_units = consumer.lease;
	producer = memory_produce(&memory);
	consumer = memory_consume(&memory);
	push(2);
	ck_assert(!smq_ring_redelivered(&consumer, consumer.position));
	/* And a new lease still counts. */
	smq_ring_lease(&consumer, consumer.position + RECORD);
	consumer = memory_consume(&memory);
	ck_assert(smq_ring_redelivered(&consumer, consumer.position));
}

const struct suite suite = {
	.name = "unit/takeover",
	.seconds = 60,
	.setups = { start_near_the_end, start_near_the_end_64, start_near_the_end_4096 },
	.tests = {
		{ producer_dies_before_commit, 1, 0 },
		{ producer_dies_before_its_tail_is_stored, 5, 0 },
		{ producer_dies_before_its_totals_are_stored, 1, 0 },
		{ producer_recovers_a_full_ring, 1, 0 },
		{ consumer_ahead_of_the_stored_tail, 1, 0 },
		{ held_message_is_redelivered, 1, 0 },
		{ held_messages_are_redelivered, 1, 0 },
		{ released_message_marks_nothing, 1, 0 },
		{ lease_before_the_head_marks_nothing, 1, 0 },
		{ lease_keeps_up_with_copying_pops, 1, 0 },
	},
};
