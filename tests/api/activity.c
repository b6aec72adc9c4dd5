/* SPDX-License-Identifier: MIT */
/* What shmemq_stat() tells of the past: when messages were moved, how full the ring was, how often calls waited. */
#include "config.h"

#include <time.h>

#include "calls.h"
#include "child.h"
#include "file.h"
#include "one_end.h"
#include "suite.h"

static struct shmemq_stat stat_of(struct shmemq *q)
{
	struct shmemq_stat st;

	ck_assert_int_eq(shmemq_stat(q, &st), 0);
	return st;
}

/* A queue with some messages in it, and an end that has just moved many. */
struct busy {
	const char *name;
	struct shmemq *producer, *consumer, *own;
	struct smq_header *file;
	smq_word *moved_at;
	unsigned end;
};

#define MANY 5000 /* messages: more than a part (note.h) */

static struct busy open_busy(unsigned end, unsigned flags)
{
	const char *name = test_name();
	struct busy busy = { .name = name, .end = end };

	busy.producer = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE | (end == SHMEMQ_PRODUCER ? flags : 0), 0);
	busy.consumer = test_open(name, SHMEMQ_CONSUMER | (end == SHMEMQ_CONSUMER ? flags : 0), 0);
	busy.own = end == SHMEMQ_PRODUCER ? busy.producer : busy.consumer;
	busy.file = file_map(name);
	busy.moved_at = end == SHMEMQ_PRODUCER ? &busy.file->producer_counts.moved_at_s
					       : &busy.file->consumer_counts.moved_at_s;
	for (int i = 0; i < 2 * MANY; i++)
		ck_assert_int_eq(end_try(busy.producer, SHMEMQ_PRODUCER), 0);
	for (int i = 0; i < MANY; i++)
		ck_assert_int_ge(end_try(busy.consumer, SHMEMQ_CONSUMER), 0);
	return busy;
}

static void close_busy(const struct busy *busy)
{
	file_unmap(busy->file);
	ck_assert_int_eq(shmemq_close(busy->producer) | shmemq_close(busy->consumer), 0);
}

/* Noted just now, since the test has set it to 1. */
static bool is_now(uint64_t moved_at)
{
	return (uint64_t)time(NULL) - moved_at <= 60;
}

TEST(never_and_now)
{
	const char *name = test_name();
	struct shmemq *producer = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1);
	struct shmemq *consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	struct shmemq_stat st = stat_of(consumer);

	ck_assert(st.pushed_at == 0 && st.popped_at == 0);
	ck_assert_int_eq(end_try(producer, SHMEMQ_PRODUCER), 0);
	st = stat_of(consumer);
	ck_assert(is_now(st.pushed_at) && st.popped_at == 0);
	ck_assert_int_ge(end_try(consumer, SHMEMQ_CONSUMER), 0);
	st = stat_of(consumer);
	ck_assert(is_now(st.pushed_at) && is_now(st.popped_at));
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumer), 0);
}

static const unsigned modes[] = { 0, SHMEMQ_SHARED };

/* Messages that come one at a time, each in another second, while the peer does nothing: each is noted at once. */
TEST(a_trickle)
{
	struct busy busy = open_busy(both_ends[_i % 2], modes[_i / 2]);
	int late = 0;

	/* The first ones may be later: they follow a burst. */
	for (*busy.moved_at = 1; *busy.moved_at == 1; late++)
		ck_assert_int_ge(end_try(busy.own, busy.end), 0);
	ck_assert_int_lt(late, MANY);
	for (int i = 0; i < 100; i++) {
		*busy.moved_at = 1;
		ck_assert_int_ge(end_try(busy.own, busy.end), 0);
		ck_assert(is_now(*busy.moved_at));
	}
	close_busy(&busy);
}

/* Handles of a SHARED end that take turns: what another one has moved is no reason to note. */
TEST(turns)
{
	struct busy busy = open_busy(both_ends[_i], SHMEMQ_SHARED);
	struct shmemq *other = end_join(busy.name, busy.end);

	/* The first ones may be later, as above. */
	for (*busy.moved_at = 1; *busy.moved_at == 1;)
		ck_assert_int_ge(end_try(busy.own, busy.end), 0);
	for (int i = 0; i < 100; i++) {
		*busy.moved_at = 1;
		ck_assert_int_ge(end_try(i % 2 != 0 ? busy.own : other, busy.end), 0);
		ck_assert(is_now(*busy.moved_at));
	}
	ck_assert_int_eq(shmemq_close(other), 0);
	close_busy(&busy);
}

/* A handle that fails has not moved what the others have moved. */
TEST(failing_beside_others)
{
	struct busy busy = open_busy(both_ends[_i], SHMEMQ_SHARED);
	struct shmemq *other = end_join(busy.name, busy.end);

	while (end_try(busy.own, busy.end) >= 0)
		;
	for (int i = 0; i < 10; i++)
		ck_assert_int_ge(
			end_try(busy.end == SHMEMQ_PRODUCER ? busy.consumer : busy.producer, other_end(busy.end)), 0);
	while (end_try(other, busy.end) >= 0)
		;
	*busy.moved_at = 1;
	ck_fails(end_try(busy.own, busy.end), EAGAIN);
	ck_assert_uint_eq(*busy.moved_at, 1);
	ck_assert_int_eq(shmemq_close(other), 0);
	close_busy(&busy);
}

/* After a burst a message is noted when the next call fails, by a try or a wait, */
TEST(before_a_failure)
{
	static const int64_t timeouts[] = { 0, 10 * MS };
	const int64_t timeout = timeouts[_i / 2];
	struct busy busy = open_busy(both_ends[_i % 2], 0);

	while (end_try(busy.own, busy.end) >= 0)
		;
	for (int i = 0; i <= MANY / 4; i++)
		ck_assert_int_ge(
			end_try(busy.end == SHMEMQ_PRODUCER ? busy.consumer : busy.producer, other_end(busy.end)), 0);
	for (int i = 0; i < MANY / 4; i++)
		ck_assert_int_ge(end_try(busy.own, busy.end), 0);
	*busy.moved_at = 1;
	ck_assert_int_ge(end_try(busy.own, busy.end), 0);
	ck_fails(end_move(busy.own, busy.end, timeout), timeout == 0 ? EAGAIN : ETIMEDOUT);
	ck_assert(is_now(*busy.moved_at));
	/* Once: nothing more has been moved. */
	*busy.moved_at = 1;
	ck_fails(end_move(busy.own, busy.end, timeout), timeout == 0 ? EAGAIN : ETIMEDOUT);
	ck_assert_uint_eq(*busy.moved_at, 1);
	close_busy(&busy);
}

/* or at the close, */
TEST(at_the_close)
{
	struct busy busy = open_busy(both_ends[_i], 0);

	for (int i = 0; i < 5; i++)
		ck_assert_int_ge(end_try(busy.own, busy.end), 0);
	*busy.moved_at = 1;
	ck_assert_int_ge(end_try(busy.own, busy.end), 0);
	ck_assert_int_eq(shmemq_close(busy.own), 0);
	ck_assert(is_now(*busy.moved_at));
	*busy.moved_at = 1; /* but not at that of a handle that has moved nothing */
	ck_assert_int_eq(shmemq_close(test_open(busy.name, busy.end, 0)), 0);
	ck_assert_uint_eq(*busy.moved_at, 1);
	file_unmap(busy.file);
	ck_assert_int_eq(shmemq_close(busy.end == SHMEMQ_PRODUCER ? busy.consumer : busy.producer), 0);
}

static int wait_for_one(const void *name)
{
	struct shmemq *q = shmemq_open(name, SHMEMQ_CONSUMER | SHMEMQ_STAY, 0, NULL);
	char message[CALL_BYTES];

	CHECK(q != NULL);
	while (shmemq_timedpop(q, message, sizeof message, NULL, 0) >= 0)
		;
	CHECK(shmemq_pop(q, message, sizeof message, NULL) == CALL_BYTES && shmemq_close(q) == 0);
	return 0;
}

/* or when it wakes the peer. */
TEST(at_a_wake)
{
	struct busy busy = open_busy(SHMEMQ_PRODUCER, 0);
	pid_t child;

	ck_assert_int_eq(shmemq_close(busy.consumer), 0);
	child = child_start(wait_for_one, busy.name);
	/* It says that it waits before it counts that it sleeps, and checks in between. */
	while (stat_of(busy.own).waiting != SHMEMQ_WAIT_CONSUMER || stat_of(busy.own).consumer_slept == 0)
		test_sleep(1 * MS);
	*busy.moved_at = 1;
	ck_assert_int_eq(end_try(busy.own, busy.end), 0);
	ck_assert(is_now(*busy.moved_at));
	ck_assert_int_eq(test_wait(child), 0);
	file_unmap(busy.file);
	ck_assert_int_eq(shmemq_close(busy.own), 0);
}

static uint32_t blocked(struct shmemq *q, unsigned end)
{
	return end == SHMEMQ_PRODUCER ? stat_of(q).producer_blocked : stat_of(q).consumer_blocked;
}

static uint32_t slept(struct shmemq *q, unsigned end)
{
	return end == SHMEMQ_PRODUCER ? stat_of(q).producer_slept : stat_of(q).consumer_slept;
}

/* Each call that waits is counted, and each that sleeps; of failing tries the first one. And nothing is another's. */
TEST(blocked_and_slept)
{
	const struct call *call = &calls[both_ends[_i % 2] == SHMEMQ_PRODUCER ? 0 : 7];
	struct ends ends = ends_waiting(call, modes[_i / 2]);
	unsigned end = both_ends[_i % 2];
	uint32_t before, sleeps;

	while (end_try(ends.own, end) >= 0)
		;
	before = blocked(ends.own, end);
	sleeps = slept(ends.own, end);
	/* One whose time is over before it sleeps, since this process did not run, does not sleep. */
	for (uint32_t i = 0; i < 3;) {
		ck_fails(end_move(ends.own, end, 10 * MS), ETIMEDOUT);
		ck_assert_uint_eq(blocked(ends.peer, end), ++before);
		if (slept(ends.peer, end) != sleeps + i)
			ck_assert_uint_eq(slept(ends.peer, end), sleeps + ++i);
	}

	for (int i = 0; i < 1000; i++)
		ck_fails(end_try(ends.own, end), EAGAIN);
	ck_assert_uint_eq(blocked(ends.peer, end), before);
	ck_assert_int_ge(end_try(ends.peer, other_end(end)), 0);
	ck_assert_int_ge(end_try(ends.own, end), 0);
	/* By the first: few enough that none of them looks at more. */
	ck_fails(end_try(ends.own, end), EAGAIN);
	ck_assert_uint_eq(blocked(ends.peer, end), before + 1);
	for (int i = 0; i < 1000; i++)
		ck_fails(end_try(ends.own, end), EAGAIN);
	ck_assert_uint_eq(blocked(ends.peer, end), before + 1);
	ck_assert_uint_eq(slept(ends.peer, end), sleeps + 3);
	ck_assert_uint_eq(slept(ends.peer, other_end(end)), 0);
	ends_close(&ends);
}

#define RECORD 32 /* of a message of CALL_BYTES */

/* Exact to 64 KiB; and exact when it was full. */
TEST(most_queued)
{
	const char *name = test_name();
	struct shmemq *producer = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE | modes[_i], 0);
	struct shmemq *consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	uint64_t most, part = 65536;
	int count = 0;

	/* What keeps up does not seem full, although the producer seldom looks where the consumer is. */
	for (int i = 0; i < 3 * (1 << 20) / RECORD; i++) {
		ck_assert_int_eq(end_try(producer, SHMEMQ_PRODUCER), 0);
		ck_assert_int_ge(end_try(consumer, SHMEMQ_CONSUMER), 0);
	}
	ck_assert_uint_le(stat_of(producer).queued_bytes_most, RECORD);
	for (; count < MANY; count++)
		ck_assert_int_eq(end_try(producer, SHMEMQ_PRODUCER), 0);
	ck_assert_uint_eq(stat_of(producer).queued_bytes_most, MANY * RECORD);
	for (; count > 0; count--)
		ck_assert_int_ge(end_try(consumer, SHMEMQ_CONSUMER), 0);
	most = stat_of(producer).queued_bytes_most;
	ck_assert(most <= MANY * RECORD && most > MANY * RECORD - part - RECORD);
	while (end_try(producer, SHMEMQ_PRODUCER) == 0)
		;
	most = stat_of(producer).queued_bytes;
	while (end_try(consumer, SHMEMQ_CONSUMER) >= 0)
		;
	ck_assert_uint_eq(stat_of(producer).queued_bytes_most, most);
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumer), 0);
}

/* Of a queue that grows, with what is in its extension. */
TEST(most_of_a_grown_queue)
{
	const struct shmemq_attr attr = { .capacity = 1 << 16, .capacity_max = 1 << 20 };
	const char *name = test_name();
	struct shmemq *producer = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr), *consumer;
	uint64_t most;

	ck_assert_ptr_nonnull(producer);
	consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	while (end_try(producer, SHMEMQ_PRODUCER) == 0)
		;
	most = stat_of(producer).queued_bytes;
	ck_assert_uint_gt(most, 1 << 19);
	while (end_try(consumer, SHMEMQ_CONSUMER) >= 0)
		;
	ck_assert_uint_eq(stat_of(producer).queued_bytes_most, most);
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumer), 0);
}

/* Garbage is shown, but no more bytes than there can be. */
TEST(garbage)
{
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1);
	struct smq_header *file = file_map(name);

	file->producer_counts.most_units = UINT32_MAX;
	file->producer_counts.moved_at_s = UINT32_MAX;
	ck_assert_uint_eq(stat_of(q).queued_bytes_most, file_page());
	ck_assert_uint_eq(stat_of(q).pushed_at, UINT32_MAX);
	file_unmap(file);
	ck_assert_int_eq(shmemq_close(q), 0);
}

const struct suite suite = {
	.name = "api/activity",
	.seconds = 60,
	.tests = {
		{ never_and_now, 1, 0 },
		{ a_trickle, 4, 0 },
		{ turns, 2, 0 },
		{ failing_beside_others, 2, 0 },
		{ before_a_failure, 4, 0 },
		{ at_the_close, 2, 0 },
		{ at_a_wake, 1, 0 },
		{ blocked_and_slept, 4, 0 },
		{ most_queued, 2, 0 },
		{ most_of_a_grown_queue, 1, 0 },
		{ garbage, 1, 0 },
	},
};
