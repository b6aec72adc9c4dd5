/* SPDX-License-Identifier: MIT */
/* The room: the consumer's position as a spinning producer reads it, which may lag. */
#include "config.h"

#include <errno.h>

#include "file.h"
#include "ring_ends.h"
#include "acquire.h"
#include "suite.h"

static uint32_t room(void)
{
	return memory.header->consumer_room.position_units;
}

TEST(it_lags_by_less_than_a_step)
{
	uint32_t stored = 0, messages = 4 * CAPACITY / RECORD;

	for (uint32_t i = 0; i < messages; i++) {
		uint32_t before = room();

		push(i);
		memory_pop(&consumer, SIZE, i);
		ck_assert_uint_lt(consumer.position - room(), CAPACITY / 64);
		stored += room() != before;
	}
	/* And it is not stored with each message: that is what it is for. */
	ck_assert_uint_eq(stored, messages < 4 * 64 ? messages : 4 * 64);
}

/* A large message goes further than a step, and is seen at once. */
TEST(a_large_message_is_released_at_once)
{
	ck_assert_int_eq(memory_push(&producer, MESSAGE_MAX, 1), SMQ_READY);
	ck_assert_int_eq(smq_ring_room(&producer, RECORD), SMQ_NOT_YET);
	memory_pop(&consumer, MESSAGE_MAX, 1);
	ck_assert_int_eq(smq_ring_room(&producer, smq_record_units(&producer, MESSAGE_MAX)), SMQ_READY);
}

/* By the room the ring is full, by the head it is not: a producer goes by the head before it sleeps or fails. */
TEST(the_head_is_exact)
{
	while (memory_push(&producer, SIZE, 0) == SMQ_READY)
		;
	consumer.room_due = consumer.position + CAPACITY; /* whatever a step is */
	memory_pop(&consumer, SIZE, 0);
	ck_assert_int_eq(smq_ring_room(&producer, RECORD), SMQ_NOT_YET);
	ck_assert_int_eq(smq_ring_space(&producer, RECORD), SMQ_READY);
	/* The room is before the head that is known now, which is no garbage. */
	ck_assert_int_eq(smq_ring_room(&producer, 2 * RECORD), SMQ_NOT_YET);
	smq_ring_store_room(&consumer);
	ck_assert_uint_eq(room(), consumer.position);
}

/* A consumer that attaches stores it, wherever the last one was killed. */
TEST(an_attach_stores_it)
{
	push(1);
	memory_pop(&consumer, SIZE, 1);
	memory.header->consumer_room.position_units = 12345;
	consumer = memory_consume(&memory);
	ck_assert_uint_eq(room(), consumer.position);
}

/* Garbage is refused or has no effect: the producer then goes by the head. */
TEST(garbage)
{
	uint32_t start = producer.position;

	while (memory_push(&producer, SIZE, 0) == SMQ_READY)
		;
	const uint32_t bad[] = { start - ALIGNED, producer.position + ALIGNED, start + (1u << 31), start - CAPACITY };

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		memory.header->consumer_room.position_units = bad[i];
		ck_assert_int_eq(smq_ring_room(&producer, RECORD), SMQ_NOT_YET);
		ck_assert_uint_eq(producer.head, start);
		ck_assert_int_eq(smq_ring_space(&producer, RECORD), SMQ_NOT_YET);
	}
	/* Where no record can stand. */
	memory.header->consumer_room.position_units = start + ALIGNED / 2;
	if (ALIGNED > 1)
		ck_assert_int_eq(smq_ring_room(&producer, RECORD), SMQ_BAD);
}

/* As a consumer that streams: the room is stored when a 64th of the ring has been popped (note.h). */
static void stream(struct shmemq *q)
{
	q->ring.redelivering = false;
	q->ring.room_due = q->ring.position + smq_room_step(&q->ring);
}

/* A consumer that always finds a message stores the room when that is due. */
TEST(stored_when_due)
{
	const char *name = test_name();
	struct shmemq *in = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0);
	struct shmemq *out = test_open(name, SHMEMQ_CONSUMER, 0);
	struct smq_header *file = file_map(name);
	uint32_t due;
	char byte;

	stream(out);
	due = out->ring.room_due;
	while ((int32_t)(out->ring.position - due) < 0) {
		ck_assert_int_eq(shmemq_push(in, "x", 1, 0), 0);
		ck_assert_int_eq(shmemq_pop(out, &byte, 1, NULL), 1);
	}
	ck_assert_uint_eq(file->consumer_room.position_units, out->ring.position);
	file_unmap(file);
	ck_assert_int_eq(shmemq_close(in) | shmemq_close(out), 0);
}

/* Before the consumer waits, fails or closes it stores the room, so that no producer spins for what is there. */
TEST(stored_before_a_wait)
{
	static const int64_t timeouts[] = { 0, 1, 10 * MS };
	const unsigned shared = _i == 0 ? 0 : SHMEMQ_SHARED;
	const char *name = test_name();
	struct shmemq *in = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1);
	struct shmemq *out = test_open(name, SHMEMQ_CONSUMER | shared, 0);
	struct smq_header *file = file_map(name);
	char byte;

	for (size_t i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++) {
		ck_assert_int_eq(shmemq_push(in, "x", 1, 0), 0);
		stream(out);
		ck_assert_int_eq(shmemq_pop(out, &byte, 1, NULL), 1);
		ck_assert_uint_ne(file->consumer_room.position_units, file->consumer_progress.moved.position_units);
		ck_fails(shmemq_timedpop(out, &byte, 1, NULL, timeouts[i]), timeouts[i] == 0 ? EAGAIN : ETIMEDOUT);
		ck_assert_uint_eq(file->consumer_room.position_units, file->consumer_progress.moved.position_units);
	}
	ck_assert_int_eq(shmemq_push(in, "x", 1, 0), 0);
	ck_assert_int_eq(shmemq_pop(out, &byte, 1, NULL), 1);
	ck_assert_int_eq(shmemq_close(out), 0);
	if (!shared)
		ck_assert_uint_eq(file->consumer_room.position_units, file->consumer_progress.moved.position_units);
	file_unmap(file);
	ck_assert_int_eq(shmemq_close(in), 0);
}

#define SMALLEST 8 /* of messages whose records are a quarter of a step, in a ring of one page */

static void fill_shared(struct shmemq *q)
{
	while (shmemq_timedpush(q, "message", SMALLEST, 0, 0) == 0)
		;
	ck_assert_int_eq(errno, EAGAIN);
}

/*
 * With a full ring the room may be more than a ring before the tail. That is no garbage, and a SHARED producer that
 * waits still notices what ends its wait.
 */
TEST(more_than_a_ring_before_the_tail)
{
	const char *name = test_name();
	struct shmemq *in = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_SHARED | SHMEMQ_CREATE, 1);
	struct shmemq *out = test_open(name, SHMEMQ_CONSUMER | SHMEMQ_SHARED, 0);
	struct smq_header *file = file_map(name);
	char message[SMALLEST];

	fill_shared(in);
	stream(out);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(shmemq_pop(out, message, sizeof message, NULL), SMALLEST);
	fill_shared(in);
	ck_assert_uint_gt(file->producer_progress.moved.position_units - file->consumer_room.position_units,
			  file->identity.capacity / 8);
	ck_fails(shmemq_timedpush(in, "message", SMALLEST, 0, 20 * MS), ETIMEDOUT);
	/* A SHARED consumer's close leaves the room. */
	ck_assert_int_eq(shmemq_close(out), 0);
	ck_fails(shmemq_timedpush(in, "message", SMALLEST, 0, -1), EPIPE);
	file_unmap(file);
	ck_assert_int_eq(shmemq_close(in), 0);
}

/* Space that the head shows and the room does not is no wait: nothing is learnt from it, and nothing sleeps. */
TEST(space_by_the_head_alone)
{
	const char *name = test_name();
	struct shmemq *in = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1);
	struct shmemq *out = test_open(name, SHMEMQ_CONSUMER, 0);
	struct smq_header *file = file_map(name);
	uint32_t word = file->producer_wait.word;
	char message[SMALLEST];

	fill_shared(in);
	for (uint32_t misses = 0; misses < 2 * SMQ_SPIN_MISSES; misses += SMQ_SPIN_MISSES + 1) {
		in->spin_misses = misses;
		ck_assert_int_eq(shmemq_pop(out, message, sizeof message, NULL), SMALLEST);
		ck_assert_int_eq(shmemq_push(in, "message", SMALLEST, 0), 0);
		ck_assert_uint_eq(in->spin_misses, misses);
		ck_assert_uint_eq(file->producer_wait.word, word);
	}
	file_unmap(file);
	ck_assert_int_eq(shmemq_close(in) | shmemq_close(out), 0);
}

const struct suite suite = {
	.name = "unit/room",
	.seconds = 60,
	.setups = { start_near_the_end, start_near_the_end_64, start_near_the_end_4096 },
	.tests = {
		{ it_lags_by_less_than_a_step, 1, 0 },
		{ a_large_message_is_released_at_once, 1, 0 },
		{ the_head_is_exact, 1, 0 },
		{ an_attach_stores_it, 1, 0 },
		{ garbage, 1, 0 },
		{ stored_when_due, 1, 0 },
		{ stored_before_a_wait, 2, 0 },
		{ more_than_a_ring_before_the_tail, 1, 0 },
		{ space_by_the_head_alone, 1, 0 },
	},
};
