/* SPDX-License-Identifier: MIT */
/* Garbage in a ring's memory, from a bug or a hostile peer, is refused, and nothing outside the ring is touched. */
#include "config.h"

#include "ring_ends.h"
#include "suite.h"

TEST(size_words)
{
	smq_word *size_word = &smq_record_at(&consumer, consumer.position)->size_plus_1;
	const uint32_t bad[] = { MESSAGE_MAX + 2, CAPACITY * 8, 2 * CAPACITY * 8, 1u << 31, UINT32_MAX };
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

/* The header of a record that begins so many bytes after the first place for one. */
static void put_size(uint32_t offset, uint32_t size)
{
	smq_record_at(&producer, smq_start_units(memory.alignment) + offset / 8)->size_plus_1 = size + 1;
}

/* Committed headers all around the ring: the smallest, a few large ones, and a last one that ends within the first. */
TEST(walk_ends_with_the_ring)
{
	uint32_t capacity = CAPACITY * 8, half = capacity / 2, record = RECORD * 8;

	memory_empty_at(&memory, smq_start_units(memory.alignment));
	for (uint32_t i = 0; i < capacity; i += memory.alignment)
		put_size(i, 0);
	ck_assert(memory_refused_produce(&memory));
	for (uint32_t i = 0; i < capacity; i += half / 2)
		put_size(i, half / 2 - 8);
	ck_assert(memory_refused_produce(&memory));
	memset(memory.records, 0, capacity);
	put_size(0, half - 8);
	put_size(half, half - record - 8);
	put_size(capacity - record, 2 * record - 8);
	ck_assert(memory_refused_produce(&memory));
}

/*
 * The head is checked against the end of the walk, two records after the stored tail, which is stored only if it is
 * sound.
 */
TEST(positions_a_claim_refuses)
{
	uint32_t stored = producer.position, tail = stored + 2 * RECORD, full = CAPACITY - ALIGNED;
	const uint32_t bad[] = { tail + ALIGNED, tail - full - ALIGNED, tail + (1u << 31) };

	push(1);
	push(2);
	pushed->position_units = stored;
	popped->position_units = tail - full - ALIGNED;
	ck_assert(memory_refused_produce(&memory));
	popped->position_units = tail - full;
	ck_assert(!memory_refused_produce(&memory));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		popped->position_units = bad[i];
		ck_assert(memory_refused_produce(&memory));
	}
	popped->position_units = tail;
	pushed->position_units = tail;
	ck_assert(!memory_refused_produce(&memory));
}

/* The stored tail may be before the consumer's head, but not by more than a ring. */
TEST(positions_a_consumer_refuses)
{
	uint32_t tail = producer.position;
	const uint32_t good[] = { tail, tail - CAPACITY, tail + CAPACITY };
	const uint32_t bad[] = { tail - CAPACITY - ALIGNED, tail + CAPACITY + ALIGNED, tail + (1u << 31) };

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		popped->position_units = good[i];
		ck_assert(!memory_refused_consume(&memory));
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		popped->position_units = bad[i];
		ck_assert(memory_refused_consume(&memory));
	}
}

/* A running producer reads the head when its copy says that the ring is full, and only then. */
TEST(heads_a_producer_refuses)
{
	uint32_t start = producer.position;

	while (memory_push(&producer, SIZE, 0) == SMQ_READY)
		;
	const uint32_t bad[] = { start - ALIGNED, producer.position + ALIGNED, start + (1u << 31) };

	popped->position_units = start + 2 * RECORD;
	ck_assert_int_eq(smq_ring_space(&producer, 2 * RECORD), SMQ_READY);
	popped->position_units = start;
	ck_assert_int_eq(smq_ring_space(&producer, 2 * RECORD), SMQ_READY);
	ck_assert_int_eq(smq_ring_space(&producer, 4 * RECORD), SMQ_BAD);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		popped->position_units = bad[i];
		ck_assert_int_eq(smq_ring_space(&producer, 4 * RECORD), SMQ_BAD);
	}
	/* None of these heads was believed. */
	popped->position_units = start + 4 * RECORD;
	ck_assert_int_eq(smq_ring_space(&producer, 4 * RECORD), SMQ_READY);
}

/* Distances from a record's place, in units, at which none can stand: none if any unit is such a place. */
static size_t odd(uint32_t distances[4])
{
	const uint32_t all[] = { 1, ALIGNED / 2, ALIGNED - 1, -(uint32_t)1 };

	memcpy(distances, all, sizeof all);
	return ALIGNED > 1 ? 4 : 0;
}

/* Messages would not be aligned: no such position is believed, though it lies between the head and the tail. */
TEST(misaligned_positions)
{
	uint32_t start = producer.position, tail = start + 2 * RECORD, distance[4];

	push(1);
	push(2);
	for (size_t i = odd(distance); i-- > 0;) {
		popped->position_units = start + RECORD + distance[i];
		ck_assert(memory_refused_produce(&memory));
		ck_assert(memory_refused_consume(&memory));
		ck_assert_int_eq(smq_ring_load_head(&producer, RECORD), SMQ_BAD);
		popped->position_units = start;
		pushed->position_units = start + RECORD + distance[i];
		ck_assert(memory_refused_produce(&memory));
		pushed->position_units = tail;
		memory.header->consumer_room.position_units = start + RECORD + distance[i];
		ck_assert_int_eq(smq_ring_load_room(&producer, RECORD), SMQ_BAD);
		ck_assert_uint_eq(producer.head, start);
	}
	/* As they should be. */
	memory.header->consumer_room.position_units = popped->position_units = start + RECORD;
	ck_assert_int_eq(smq_ring_load_room(&producer, RECORD), SMQ_READY);
	ck_assert_int_eq(smq_ring_load_head(&producer, RECORD), SMQ_READY);
	ck_assert(!memory_refused_consume(&memory));
	ck_assert(!memory_refused_produce(&memory));
}

/* The same on a SHARED end, whose handles read their own position again each time. */
TEST(misaligned_positions_of_a_shared_end)
{
	struct smq_moved *own[] = { popped, pushed };
	uint32_t distance[4];

	for (int produces = 0; produces < 2; produces++) {
		struct smq_ring ring;

		smq_ring_init(&ring, memory.records, memory.capacity, memory.alignment);
		smq_ring_attach_shared(&ring, memory.header, produces);
		for (size_t i = odd(distance); i-- > 0;) {
			own[produces]->position_units += distance[i];
			ck_assert_int_eq(smq_ring_resume(&ring, produces), SMQ_BAD);
			own[produces]->position_units -= distance[i];
		}
		ck_assert_int_eq(smq_ring_resume(&ring, produces), SMQ_READY);
	}
}

/* Whatever the lease word says, it marks at most what lies in the ring. */
TEST(garbage_in_the_lease)
{
	const uint32_t bad[] = { CAPACITY + 1, 1u << 31, (1u << 31) + 1, (uint32_t)-1, -(uint32_t)RECORD };

	push(1);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		popped->lease_units = consumer.position + bad[i];
		consumer = memory_consume(&memory);
		ck_assert(!smq_ring_redelivered(&consumer, consumer.position));
		ck_assert_uint_eq(popped->lease_units, consumer.position);
	}
}

const struct suite suite = {
	.name = "unit/garbage",
	.seconds = 60,
	.setups = { start_near_the_end, start_near_the_end_64, start_near_the_end_4096 },
	.tests = {
		{ size_words, 1, 0 },
		{ walk_ends_with_the_ring, 1, 0 },
		{ positions_a_claim_refuses, 1, 0 },
		{ positions_a_consumer_refuses, 1, 0 },
		{ heads_a_producer_refuses, 1, 0 },
		{ misaligned_positions, 1, 0 },
		{ misaligned_positions_of_a_shared_end, 1, 0 },
		{ garbage_in_the_lease, 1, 0 },
	},
};
