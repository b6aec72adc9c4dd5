/* SPDX-License-Identifier: MIT */
/* Both ends in one process, a thread each, and a third thread that interrupts both. */
#include "config.h"

#include <pthread.h>
#include <stdatomic.h>

#include "acquire.h"
#include "suite.h"
#include "traffic.h"

#define MESSAGES TEST_PART(200000)

static uint64_t seed;

struct ends {
	struct shmemq *producer, *consumer;
	int push_failed, pop_failed;
	_Atomic bool over;
	unsigned interruptions;
};

/*
 * Lets a handle work on the other one's mapping of the same pages. The thread sanitizer knows addresses, not pages:
 * with two mappings it would see neither a race nor an order.
 */
static void move_pointers(struct shmemq *q, ptrdiff_t apart)
{
#define MOVE(pointer) ((pointer) = (void *)((char *)(pointer) + apart))
	MOVE(q->ring.records);
	MOVE(q->ring.moved);
	if (q->state & SHMEMQ_PRODUCER)
		MOVE(q->ring.header);
	else
		MOVE(q->ring.room);
	MOVE(q->eventcount.own);
	MOVE(q->eventcount.peer);
	MOVE(q->eventcount.own_fence);
	MOVE(q->eventcount.peer_fence);
#undef MOVE
}

static void *push(void *argument)
{
	struct ends *ends = argument;

	ends->push_failed = traffic_push(ends->producer, seed, MESSAGES, TEST_BOX);
	return NULL;
}

static void *pop(void *argument)
{
	struct ends *ends = argument;

	ends->pop_failed = traffic_pop(ends->consumer, seed);
	return NULL;
}

static void *interrupt(void *argument)
{
	struct ends *ends = argument;

	while (!ends->over) {
		shmemq_interrupt(ends->producer);
		shmemq_interrupt(ends->consumer);
		ends->interruptions++;
		test_sleep(MS / 10);
	}
	return NULL;
}

static void move(struct ends *ends, bool sleeping, bool fencing)
{
	pthread_t pusher, popper, interrupter;

	if (sleeping)
		ends->producer->spin_misses = ends->consumer->spin_misses = SMQ_SPIN_MISSES;
	if (fencing)
		ends->producer->eventcount.membarriers = ends->consumer->eventcount.membarriers = SMQ_MEMBARRIERS_MAX;
	ck_assert_int_eq(pthread_create(&pusher, NULL, push, ends), 0);
	ck_assert_int_eq(pthread_create(&popper, NULL, pop, ends), 0);
	ck_assert_int_eq(pthread_create(&interrupter, NULL, interrupt, ends), 0);
	pthread_join(pusher, NULL);
	pthread_join(popper, NULL);
	ends->over = true;
	pthread_join(interrupter, NULL);
	ck_assert_int_eq(ends->push_failed, 0);
	ck_assert_int_eq(ends->pop_failed, 0);
}

/*
 * Bits of `_i`: 1: one mapping; 2: sleeps instead of spinning, for the first hundred waits at least; 4: these ask for
 * fences, and call no membarrier at first.
 */
TEST(threads)
{
	const char *name = test_name();
	struct ends ends = { .producer = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1) };
	struct shmemq_stat st;
	ptrdiff_t apart;

	ends.consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	apart = (char *)ends.producer->header - (char *)ends.consumer->header;
	if (_i & 1)
		move_pointers(ends.consumer, apart);
	move(&ends, _i & 2, _i & 4);
	if (_i & 1)
		move_pointers(ends.consumer, -apart);
	ck_assert_int_eq(shmemq_stat(ends.producer, &st), 0);
	ck_assert_uint_ge(st.pushed_messages, 1);
	ck_assert_uint_le(st.pushed_messages, MESSAGES);
	ck_assert_uint_eq(st.popped_messages, st.pushed_messages);
	ck_assert_uint_eq(st.pushed_bytes, st.popped_bytes);
	ck_assert_uint_eq(st.queued_bytes, 0);
	ck_assert_int_eq(shmemq_close(ends.consumer), 0);
	ck_assert_int_eq(shmemq_close(ends.producer), 0);
}

static void begin(void)
{
	seed = test_seed();
}

const struct suite suite = {
	.name = "unit/threads",
	.seconds = 240,
	.test_seconds = 60,
	.begin = begin,
	.tests = {
		{ threads, 8, 0 },
	},
};
