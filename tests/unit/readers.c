/* SPDX-License-Identifier: MIT */
/*
 * The words of a broadcast queue's consumers: garbage in them, and what another process does between two steps of a
 * join, or of the probe that lets the dead go. The linker puts __wrap_smq_ring_join() and the like in place of the
 * library's functions: there this process does what another might.
 */
#include "config.h"

#include "acquire.h"
#include "broadcast.h"
#include "child.h"
#include "endlock.h"
#include "file.h"
#include "suite.h"

#define LOTS UINT32_MAX

enum smq_ring_status __wrap_smq_ring_join(struct smq_ring *ring, struct smq_header *header, struct smq_reader *reader);
enum smq_ring_status __real_smq_ring_join(struct smq_ring *ring, struct smq_header *header, struct smq_reader *reader);
bool __wrap_smq_endlock_number_held(int fd, bool producer, uint32_t number);
bool __real_smq_endlock_number_held(int fd, bool producer, uint32_t number);

static const char *name;
static struct shmemq *producer, *consumer, *other;
static struct smq_header *file;
static uint32_t pushed;
/* What to do once JOINING is stored, once the position is, and after the kernel has said that a consumer is dead. */
static void (*before_join)(void), (*after_join)(void), (*after_question)(void);

static void run(void (**what)(void))
{
	void (*once)(void) = *what;

	*what = NULL;
	if (once != NULL)
		once();
}

enum smq_ring_status __wrap_smq_ring_join(struct smq_ring *ring, struct smq_header *header, struct smq_reader *reader)
{
	enum smq_ring_status status;

	run(&before_join);
	status = __real_smq_ring_join(ring, header, reader);
	run(&after_join);
	return status;
}

bool __wrap_smq_endlock_number_held(int fd, bool producer_end, uint32_t number)
{
	bool held = __real_smq_endlock_number_held(fd, producer_end, number);

	if (!held)
		run(&after_question);
	return held;
}

static void setup(void)
{
	name = test_name();
	producer = broadcast_open(name, SHMEMQ_PRODUCER);
	file = file_map(name);
	pushed = broadcast_fill(producer, 0, 1000); /* so that it is in the middle of a lap */
}

static void push_lots(void)
{
	pushed += broadcast_fill(producer, pushed, 10000);
}

/* The consumer pops all that has been pushed, from its first message on: nothing has been written over. */
static void expect_all(void)
{
	uint32_t number = 0, next = pushed;

	if (shmemq_timedpop(consumer, &number, sizeof number, NULL, 0) == sizeof number)
		next = number + 1;
	broadcast_pop(consumer, BROADCAST_COPY, next, pushed - next);
	broadcast_empty(consumer);
}

/* And all that is pushed from now on: a lap, for which the producer waits. */
static void expect_a_lap(void)
{
	uint32_t first = pushed;

	push_lots();
	ck_assert(pushed > first && pushed < first + 1000);
	broadcast_pop(consumer, BROADCAST_BATCH, first, pushed - first);
}

/* While it joins the producer goes on, before and after the consumer has read its tail, for at most a lap. */
TEST(pushes_while_a_consumer_joins)
{
	uint32_t first = pushed;

	before_join = _i & 1 ? push_lots : NULL;
	after_join = _i & 2 ? push_lots : NULL;
	consumer = broadcast_open(name, SHMEMQ_CONSUMER);
	ck_assert_uint_lt(pushed, first + 1000);
	push_lots();
	expect_all();
	expect_a_lap();
	expect_a_lap();
	ck_assert_int_eq(shmemq_close(consumer), 0);
	broadcast_push(producer, 0, 1000);
}

/* Another holder of a SHARED end recovers it meanwhile, without the init lock: it knows no other head than the last. */
static void recover(void)
{
	ck_assert_int_eq(smq_attach(producer), SMQ_READY);
	push_lots();
}

TEST(a_producer_recovers_while_a_consumer_joins)
{
	uint32_t first = pushed;

	before_join = _i & 1 ? recover : push_lots;
	after_join = _i & 2 ? recover : push_lots;
	consumer = broadcast_open(name, SHMEMQ_CONSUMER);
	ck_assert_uint_lt(pushed, first + 1000);
	ck_assert_int_eq(smq_attach(producer), SMQ_READY);
	push_lots();
	expect_all();
	expect_a_lap();
}

static void join_again(void)
{
	consumer = broadcast_open(name, SHMEMQ_CONSUMER);
}

/* A consumer is found dead; before the producer lets it go, another one has got its number. */
TEST(the_number_is_given_out_again)
{
	uint32_t first = pushed;
	struct shmemq *others[63];
	pid_t pid = child_hold(name, "consumer");

	for (int i = 0; i < 63; i++)
		others[i] = broadcast_open(name, SHMEMQ_CONSUMER); /* the last numbers but that one */
	push_lots();
	for (int i = 0; i < 63; i++)
		broadcast_pop(others[i], BROADCAST_BATCH, first, pushed - first);
	child_kill(pid);
	ck_fails(shmemq_timedpush(producer, "x", 1, 0, 0), EAGAIN);
	after_question = join_again;
	smq_readers_probe(producer);
	ck_assert_ptr_nonnull(consumer);
	ck_assert_uint_eq(smq_readers_number(consumer), 1);
	for (int i = 0; i < 63; i++)
		ck_assert_int_eq(shmemq_close(others[i]), 0);
	expect_a_lap();
	expect_a_lap();
}

/* Nothing that stands in a consumer's words keeps the producer in a loop, or makes it leave the ring. */
TEST(garbage_in_the_positions)
{
	static const uint32_t bad[] = { 1, 1000, 1u << 20, 1u << 31, UINT32_MAX };
	struct smq_reader *reader;

	consumer = broadcast_open(name, SHMEMQ_CONSUMER);
	reader = smq_reader_of(file, smq_readers_number(consumer));
	push_lots();
	reader->moved[0].position_units += bad[_i % 5];
	if (_i < 5)
		reader->room[0].position_units = reader->moved[0].position_units;
	for (int i = 0; i < 100; i++) {
		if (shmemq_timedpush(producer, "x", 1, 0, 0) != 0 && errno == EBADMSG)
			break;
	}
	/* After the head and not after the tail is a lie that cannot be told from the truth. */
	if (bad[_i % 5] > 1000)
		ck_fails(shmemq_timedpush(producer, "x", 1, 0, 0), EBADMSG);
}

/* Any claim of any number: the producer waits, or not, and a probe lets those go that nobody holds. */
TEST(garbage_in_the_claims)
{
	for (uint32_t number = 1; number <= SMQ_READERS_MAX; number++) {
		struct smq_reader *reader = smq_reader_of(file, number);

		reader->claim.state = number * 0x01010101u + (uint32_t)_i;
		reader->moved[0].position_units = reader->room[0].position_units = file->consumer_room.position_units;
	}
	push_lots();
	ck_fails(shmemq_timedpush(producer, "x", 1, 0, 0), EAGAIN);
	ck_assert_int_eq(shmemq_timedpush(producer, &pushed, sizeof pushed, 7, 10000 * MS), 0);
	broadcast_push(producer, 0, 10000);
	for (uint32_t number = 1; number <= SMQ_READERS_MAX; number++)
		ck_assert(smq_claim_state(smq_reader_of(file, number)->claim.state) >= SHMEMQ_END_CLOSED);
	consumer = broadcast_open(name, SHMEMQ_CONSUMER);
	broadcast_push(producer, 0, 10);
	broadcast_pop(consumer, BROADCAST_COPY, 0, 10);
}

/* The count of claims comes round: a consumer that joins is not taken for none. */
TEST(the_last_count)
{
	for (uint32_t number = 1; number <= SMQ_READERS_MAX; number++)
		smq_reader_of(file, number)->claim.state = UINT32_MAX - 1;
	before_join = push_lots;
	other = consumer = broadcast_open(name, SHMEMQ_CONSUMER);
	push_lots();
	ck_assert_uint_eq(smq_reader_of(file, smq_readers_number(other))->claim.state, 5);
	ck_assert_uint_lt(pushed, 3000);
}

/* A tail that is no place for a record: no consumer joins there, and the producer does not wait for it. */
TEST(garbage_in_the_tail)
{
	struct shmemq_attr attr = { .capacity = 1, .alignment = 64, .flags = SHMEMQ_ATTR_BROADCAST };
	const char *aligned = test_name();
	struct shmemq *q = shmemq_open(aligned, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr);
	struct smq_header *header = file_map(aligned);

	ck_assert_ptr_nonnull(q);
	header->producer_progress.moved.position_units += 1;
	ck_fails(shmemq_open(aligned, SHMEMQ_CONSUMER, 0, NULL), EBADMSG);
	header->producer_progress.moved.position_units -= 1;
	broadcast_push(q, 0, 1000);
	file_unmap(header);
	ck_assert_int_eq(shmemq_close(q), 0);
}

const struct suite suite = {
	.name = "unit/readers",
	.seconds = 60,
	.setup = setup,
	.tests = {
		{ pushes_while_a_consumer_joins, 4, 0 },
		{ a_producer_recovers_while_a_consumer_joins, 4, 0 },
		{ the_number_is_given_out_again, 1, 0 },
		{ garbage_in_the_positions, 10, 0 },
		{ garbage_in_the_claims, 4, 0 },
		{ the_last_count, 1, 0 },
		{ garbage_in_the_tail, 1, 0 },
	},
};
