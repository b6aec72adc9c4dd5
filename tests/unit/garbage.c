/* SPDX-License-Identifier: MIT */
/* Garbage in a ring's memory, from a bug or a hostile peer, is refused, and nothing outside the ring is touched. */
#include "config.h"

#include "ring_ends.h"
#include "suite.h"

TEST(size_words)
{
	smq_word *size_word = &smq_record_at(&consumer, consumer.position)->size_plus_1;
	const uint32_t bad[] = { MESSAGE_MAX + 2, memory.capacity, 2 * memory.capacity, 1u << 31, UINT32_MAX };
	uint32_t size = 0;

	*size_word = MESSAGE_MAX + 1;
	ck_assert_int_eq(smq_ring_peek(&consumer, &size), SMQ_READY);
	ck_assert_uint_eq(size, MESSAGE_MAX);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		*size_word = bad[i];
		ck_assert_int_eq(smq_ring_peek(&consumer, &size), SMQ_BAD);
		ck_assert(memory_refused_produce(&memory));
	}
}

static void put_size(uint32_t offset, uint32_t size)
{
	((struct smq_record *)(void *)(memory.records + offset))->size_plus_1 = size + 1;
}

/* Committed headers all around the ring: the smallest, a few large ones, and a last one that ends within the first. */
TEST(walk_ends_with_the_ring)
{
	uint32_t half = memory.capacity / 2;

	memory_empty_at(&memory, 0);
	for (uint32_t i = 0; i < memory.capacity; i += 8)
		put_size(i, 0);
	ck_assert(memory_refused_produce(&memory));
	for (uint32_t i = 0; i < memory.capacity; i += half / 2)
		put_size(i, half / 2 - SMQ_RECORD_HEADER);
	ck_assert(memory_refused_produce(&memory));
	memset(memory.records, 0, memory.capacity);
	put_size(0, half - SMQ_RECORD_HEADER);
	put_size(half, half - RECORD - SMQ_RECORD_HEADER);
	put_size(memory.capacity - RECORD, 2 * RECORD - SMQ_RECORD_HEADER);
	ck_assert(memory_refused_produce(&memory));
}

/*
 * The head is checked against the end of the walk, two records after the stored tail, which is stored only if it is
 * sound.
 */
TEST(positions_a_claim_refuses)
{
	uint32_t stored = producer.position, tail = stored + 2 * RECORD, full = memory.capacity - SMQ_RECORD_HEADER;
	const uint32_t bad[] = { tail + 8, tail - full - 8, tail - 4, tail - 1, tail + 1, tail + (1u << 31) };

	push(1);
	push(2);
	pushed->position_bytes = stored;
	popped->position_bytes = tail - full - 8;
	ck_assert(memory_refused_produce(&memory));
	popped->position_bytes = tail - full;
	ck_assert(!memory_refused_produce(&memory));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		popped->position_bytes = bad[i];
		ck_assert(memory_refused_produce(&memory));
	}
	popped->position_bytes = tail;
	pushed->position_bytes = tail + 4;
	ck_assert(memory_refused_produce(&memory));
	pushed->position_bytes = tail;
	ck_assert(!memory_refused_produce(&memory));
}

/* The stored tail may be before the consumer's head, but not by more than a ring. */
TEST(positions_a_consumer_refuses)
{
	uint32_t tail = producer.position;
	const uint32_t good[] = { tail, tail - memory.capacity, tail + memory.capacity };
	const uint32_t bad[] = { tail - memory.capacity - 8, tail + memory.capacity + 8, tail + (1u << 31), tail - 4 };

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		popped->position_bytes = good[i];
		ck_assert(!memory_refused_consume(&memory));
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		popped->position_bytes = bad[i];
		ck_assert(memory_refused_consume(&memory));
	}
}

/* A running producer reads the head when its copy says that the ring is full, and only then. */
TEST(heads_a_producer_refuses)
{
	uint32_t start = producer.position;

	while (memory_push(&producer, SIZE, 0) == SMQ_READY)
		;
	const uint32_t bad[] = { start - 8, producer.position + 8, start + 4, start + 1, start + (1u << 31) };

	popped->position_bytes = start + 2 * RECORD;
	ck_assert_int_eq(smq_ring_space(&producer, 2 * RECORD), SMQ_READY);
	popped->position_bytes = start;
	ck_assert_int_eq(smq_ring_space(&producer, 2 * RECORD), SMQ_READY);
	ck_assert_int_eq(smq_ring_space(&producer, 4 * RECORD), SMQ_BAD);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		popped->position_bytes = bad[i];
		ck_assert_int_eq(smq_ring_space(&producer, 4 * RECORD), SMQ_BAD);
	}
	/* None of these heads was believed. */
	popped->position_bytes = start + 4 * RECORD;
	ck_assert_int_eq(smq_ring_space(&producer, 4 * RECORD), SMQ_READY);
}

/* Whatever the lease word says, it marks at most what lies in the ring. */
TEST(garbage_in_the_lease)
{
	const uint32_t bad[] = { memory.capacity + 8, 1u << 31, (1u << 31) + 8, (uint32_t)-8, (uint32_t)-RECORD };

	push(1);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		popped->lease_bytes = consumer.position + bad[i];
		consumer = memory_consume(&memory);
		ck_assert(!smq_ring_redelivered(&consumer, consumer.position));
		ck_assert_uint_eq(popped->lease_bytes, consumer.position);
	}
}

const struct suite suite = {
	.name = "unit/garbage",
	.seconds = 60,
	.setup = start_near_the_end,
	.tests = {
		{ size_words, 1, 0 },
		{ walk_ends_with_the_ring, 1, 0 },
		{ positions_a_claim_refuses, 1, 0 },
		{ positions_a_consumer_refuses, 1, 0 },
		{ heads_a_producer_refuses, 1, 0 },
		{ garbage_in_the_lease, 1, 0 },
	},
};
