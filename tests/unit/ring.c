/* SPDX-License-Identifier: MIT */
/* The ring's protocol while both ends live: every size everywhere, how much fits, positions and totals that wrap. */
#include "config.h"

#include "ring_ends.h"
#include "suite.h"
#include "traffic.h"

/*
 * Units from a record's place to the next one that is tried. Rings of larger pages are walked in larger steps. In a
 * ring of 4 KiB nothing is left out.
 */
static uint32_t step(void)
{
	return CAPACITY / 512 > ALIGNED ? CAPACITY / 512 : ALIGNED;
}

/* The next number of bytes by which a message is shorter than the largest one of its record, from 0 on. */
static uint32_t next_spare(uint32_t spare)
{
	return memory.alignment <= 64 ? spare + 1 : spare + memory.alignment - 1;
}

/* Moves both ends on, by records that are not read, until the next record starts so many units further. */
static void move_on(uint32_t units)
{
	while (units > 0) {
		uint32_t record = units < CAPACITY ? units : CAPACITY - ALIGNED;

		ck_fast(smq_ring_space(&producer, record) == SMQ_READY);
		smq_ring_commit(&producer, record * 8 - 8, 0);
		if (smq_ring_release(&consumer, consumer.position + record, 1, record * 8 - 8))
			smq_ring_store_room(&consumer);
		units -= record;
	}
}

/* Each record size at each offset, in a walk of many laps that crosses the end of the 32-bit positions. */
TEST(every_size_at_every_offset)
{
	use_alignment(_i);
	start_at(UINT32_MAX - (1u << 21));
	for (uint32_t record = ALIGNED; record <= CAPACITY - ALIGNED; record += step()) {
		uint32_t start = producer.position;

		for (uint32_t i = 0; i < CAPACITY; i += step()) {
			/* All message sizes that need this record, in turn, from the largest and the smallest on. */
			uint32_t spare = -(i / step()) % memory.alignment, most = record * 8 - 8;
			uint32_t size = spare < most ? most - spare : 0;

			ck_fast((producer.position - start) % CAPACITY == i);
			ck_fast(memory_push(&producer, size, start + i) == SMQ_READY);
			memory_pop(&consumer, size, start + i);
			ck_fast(empty());
			move_on((2 * CAPACITY + step() - record) % CAPACITY);
		}
	}
}

/* As many messages of a size as the format allows fit, at any offset, and no more; each pop makes space for one. */
static void full_and_empty(uint32_t record, uint32_t size)
{
	uint32_t fits = (CAPACITY - 1) / record;

	start_at(UINT32_MAX - 3 * record % CAPACITY);
	for (uint32_t i = 0; i < fits; i++)
		ck_fast(memory_push(&producer, size, i) == SMQ_READY);
	ck_fast(memory_push(&producer, size, 0) == SMQ_NOT_YET);
	for (uint32_t i = 0; i < fits; i++) {
		memory_pop(&consumer, size, i);
		ck_fast(memory_push(&producer, size, fits + i) == SMQ_READY);
		ck_fast(memory_push(&producer, size, 0) == SMQ_NOT_YET);
	}
	for (uint32_t i = 0; i < fits; i++)
		memory_pop(&consumer, size, fits + i);
	ck_fast(empty());
}

TEST(full_and_empty_counts)
{
	use_alignment(_i);
	for (uint32_t record = ALIGNED; record <= CAPACITY - ALIGNED; record += step()) {
		for (uint32_t spare = 0; spare < memory.alignment && spare <= record * 8 - 8; spare = next_spare(spare))
			full_and_empty(record, record * 8 - 8 - spare);
	}
}

TEST(largest_message_fits_at_every_offset)
{
	use_alignment(_i);
	for (uint32_t offset = 0; offset < CAPACITY; offset += ALIGNED) {
		start_at(UINT32_MAX - CAPACITY + offset);
		ck_fast(memory_push(&producer, MESSAGE_MAX, offset) == SMQ_READY);
		ck_fast(memory_push(&producer, 0, 0) == SMQ_NOT_YET);
		memory_pop(&consumer, MESSAGE_MAX, offset);
		ck_fast(empty());
	}
	ck_assert_uint_eq(producer.message_max, MESSAGE_MAX);
	ck_assert_int_eq(smq_ring_space(&producer, smq_record_units(&producer, MESSAGE_MAX + 1)), SMQ_NOT_YET);
}

/* A push of the rest of the ring leaves the end marker its space. */
TEST(last_bytes_of_the_ring)
{
	const uint32_t by = alignments[_i] > 128 ? alignments[_i] / 16 : 8;

	use_alignment(_i);
	for (uint32_t first = 0; smq_record_units(&producer, first) * 8 <= MESSAGE_MAX; first += by) {
		uint32_t rest = MESSAGE_MAX - smq_record_units(&producer, first) * 8;

		start_at(smq_record_units(&producer, first) - 1);
		ck_fast(memory_push(&producer, first, 1) == SMQ_READY);
		ck_fast(memory_push(&producer, rest + 1, 2) == SMQ_NOT_YET);
		ck_fast(memory_push(&producer, rest, 2) == SMQ_READY);
		memory_pop(&consumer, first, 1);
		memory_pop(&consumer, rest, 2);
		ck_fast(empty());
	}
}

/* Several messages queued while the positions pass 2^32. */
TEST(positions_wrap)
{
	use_alignment(_i);
	for (uint32_t before = 0; before <= 2 * CAPACITY; before += ALIGNED) {
		uint64_t pushes = (uint64_t)before << 19, pops = pushes;

		start_at(UINT32_MAX - before);
		for (;;) {
			uint64_t in = pushes, out = pops, next = traffic_random(&in), oldest = traffic_random(&out);

			if (producer.position >= 1u << 31 &&
			    memory_push(&producer, next >> 8 & 255, next) == SMQ_READY) {
				pushes++;
			} else if (pops < pushes) {
				memory_pop(&consumer, oldest >> 8 & 255, oldest);
				pops++;
			} else {
				break;
			}
		}
		ck_fast(empty());
		ck_fast(consumer.position == producer.position && producer.position < CAPACITY);
	}
}

/*
 * The first byte of every message is aligned, whichever mapping of the ring it begins in, and the message after it
 * stands where the padding ends.
 */
TEST(messages_are_aligned)
{
	uint64_t random = 1;
	uint32_t second = 0;

	memory = memory_make(8u << _i);
	start_at(smq_start_units(8u << _i));
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t size = (uint32_t)(traffic_random(&random) % (MESSAGE_MAX / (i % 4 + 1) + 1));
		const unsigned char *at = smq_message_at(&producer, producer.position);
		uint32_t before = producer.position;

		ck_fast((uintptr_t)at % memory.alignment == 0);
		ck_fast(at >= memory.records && at < memory.records + memory.capacity + 8);
		ck_fast(memory_push(&producer, size, i) == SMQ_READY);
		ck_fast((producer.position - before) * 8 >= 8 + size);
		ck_fast((producer.position - before) * 8 < 8 + size + memory.alignment);
		second += at + size > memory.records + memory.capacity;
		memory_pop(&consumer, size, i);
	}
	ck_assert_uint_gt(second, 0);
}

static uint64_t total(const smq_word *lo)
{
	return smq_ring_total(*lo, *(lo + 1));
}

static uint64_t both(uint32_t hi, uint32_t lo)
{
	return (uint64_t)hi << 31 | (lo & INT32_MAX);
}

/* Both totals of both ends, each with its carry at another moment. The total of bytes comes out at exactly 5 * 2^32. */
TEST(totals_carry)
{
	uint64_t messages = ((uint64_t)1 << 32) - 2, moved = ((uint64_t)5 << 32) - 40;

	use_alignment(0);
	pushed->messages_lo = popped->messages_lo = (uint32_t)messages;
	pushed->messages_hi = popped->messages_hi = (uint32_t)(messages >> 31);
	pushed->moved_lo = popped->moved_lo = (uint32_t)moved;
	pushed->moved_hi = popped->moved_hi = (uint32_t)(moved >> 31);
	start_at(0);
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_int_eq(memory_push(&producer, 10, i), SMQ_READY);
		ck_assert_uint_eq(total(&pushed->messages_lo), messages + i + 1);
		ck_assert_uint_eq(total(&pushed->moved_lo), moved + 10 * (i + 1));
		memory_pop(&consumer, 10, i);
		ck_assert_uint_eq(total(&popped->messages_lo), messages + i + 1);
		ck_assert_uint_eq(total(&popped->moved_lo), moved + 10 * (i + 1));
	}
	/* An empty message is a message, and no bytes. */
	ck_assert_int_eq(memory_push(&producer, 0, 0), SMQ_READY);
	ck_assert_uint_eq(total(&pushed->messages_lo), messages + 6);
	ck_assert_uint_eq(total(&pushed->moved_lo), moved + 50);
	/* The next holders of the ends go on counting. */
	producer = memory_produce(&memory);
	ck_assert_uint_eq(both(producer.messages_hi, producer.messages_lo), messages + 6);
	ck_assert_uint_eq(both(producer.moved_hi, producer.moved_lo), moved + 50);
	consumer = memory_consume(&memory);
	ck_assert_uint_eq(both(consumer.messages_hi, consumer.messages_lo), messages + 5);
	ck_assert_uint_eq(both(consumer.moved_hi, consumer.moved_lo), moved + 50);
}

/* A holder that is killed between the two stores of a carry leaves no total that is wrong for good. */
TEST(a_carry_half_done)
{
	use_alignment(0);
	for (uint32_t upper = 1; upper <= 3; upper++) {
		uint64_t messages = ((uint64_t)upper << 31) - 1;

		pushed->messages_lo = (uint32_t)messages;
		pushed->messages_hi = upper; /* the next one's */
		pushed->moved_lo = (uint32_t)(messages - 4);
		pushed->moved_hi = upper;
		ck_assert_uint_eq(total(&pushed->messages_lo), messages);
		ck_assert_uint_eq(total(&pushed->moved_lo), messages - 4);
		producer = memory_produce(&memory);
		for (unsigned i = 1; i <= 3; i++) {
			ck_assert_int_eq(memory_push(&producer, 4, i), SMQ_READY);
			memory_pop(&consumer, 4, i);
			ck_assert_uint_eq(total(&pushed->messages_lo), messages + i);
			ck_assert_uint_eq(total(&pushed->moved_lo), messages - 4 + 4 * i);
		}
		ck_assert_uint_eq(pushed->messages_hi, upper);
	}
}

/* A copying pop leaves the lease where it is, but never so far before the head that it would compare as after it. */
TEST(the_lease_lags_within_bounds)
{
	static const uint32_t lags[] = { 0, 1, SMQ_LEASE_LAG_MAX - 3, SMQ_LEASE_LAG_MAX - 2, SMQ_LEASE_LAG_MAX };

	use_alignment(0);
	for (size_t i = 0; i < sizeof lags / sizeof lags[0]; i++) {
		uint32_t lease;

		start_at(64);
		lease = consumer.position - lags[i];
		consumer.lease = lease;
		popped->lease_units = lease;
		consumer.room_due = consumer.position; /* the lag is checked whenever the room is due */
		ck_assert_int_eq(memory_push(&producer, 8, 1), SMQ_READY);
		memory_pop(&consumer, 8, 1);
		ck_assert_uint_eq(popped->lease_units, lags[i] + 2 > SMQ_LEASE_LAG_MAX ? consumer.position : lease);
		/* Also where a consumer that waits stores the room, which is then never due. */
		consumer.lease = lease;
		popped->lease_units = lease;
		consumer.room_due = consumer.position + 1;
		smq_ring_store_room(&consumer);
		ck_assert_uint_eq(popped->lease_units, lags[i] + 2 > SMQ_LEASE_LAG_MAX ? consumer.position : lease);
		/* It is not after the head, and a new lease moves it. */
		ck_assert(!memory_consume(&memory).redelivering);
		popped->lease_units = lease;
		smq_ring_lease(&consumer, consumer.position + 2);
		ck_assert_uint_eq(popped->lease_units, consumer.position + 2);
		ck_assert(memory_consume(&memory).redelivering);
	}
}

/* Every byte is copied, and none beside them, from and to any offset. */
TEST(small_copies)
{
	unsigned char from[2 * SMQ_SMALL], to[2 * SMQ_SMALL], expected[2 * SMQ_SMALL];

	for (size_t size = 0; size <= SMQ_SMALL; size++) {
		for (size_t start = 0; start <= SMQ_SMALL - 8; start++) {
			traffic_fill(from, sizeof from, size);
			traffic_fill(to, sizeof to, start + 1000);
			memcpy(expected, to, sizeof to);
			memcpy(expected + start, from + SMQ_SMALL - size, size);
			smq_copy_small(to + start, from + SMQ_SMALL - size, size);
			ck_fast(memcmp(to, expected, sizeof to) == 0);
		}
	}
}

const struct suite suite = {
	.name = "unit/ring",
	.seconds = 90,
	.test_seconds = 30,
	.tests = {
		{ every_size_at_every_offset, ALIGNMENTS, 0 },
		{ full_and_empty_counts, ALIGNMENTS, 0 },
		{ largest_message_fits_at_every_offset, ALIGNMENTS, 0 },
		{ last_bytes_of_the_ring, ALIGNMENTS, 0 },
		{ positions_wrap, ALIGNMENTS, 0 },
		{ messages_are_aligned, 10, 0 },
		{ totals_carry, 1, 0 },
		{ a_carry_half_done, 1, 0 },
		{ the_lease_lags_within_bounds, 1, 0 },
		{ small_copies, 1, 0 },
	},
};
