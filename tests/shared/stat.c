/* SPDX-License-Identifier: MIT */
/* SHARED ends: shmemq_stat() tells which process holds one, and so whom the others wait for. */
#include "config.h"

#include <signal.h>

#include "acquire.h"
#include "child.h"
#include "one_end.h"
#include "polling.h"
#include "suite.h"
#include "three.h"

static uint32_t holder(struct shmemq *q, unsigned end)
{
	struct shmemq_stat st;

	ck_assert_int_eq(shmemq_stat(q, &st), 0);
	return end == SHMEMQ_PRODUCER ? st.producer_holder_pid : st.consumer_holder_pid;
}

/* The claim's pid is that of the handle that came last. The holder is another one, which is stopped in a message. */
TEST(a_stopped_holder_is_named)
{
	struct three three = open_three(both_ends[_i]);
	struct shmemq *observer = test_open(three.name, SHMEMQ_OBSERVER, 0), *late;
	pid_t pid;

	ck_assert_uint_eq(holder(observer, three.end), 0);
	pid = end_hold(three.name, -1, three.end);
	late = end_join(three.name, three.end);
	ck_assert_uint_eq(holder(observer, three.end), (uint32_t)pid);
	ck_assert_uint_eq(holder(three.one, three.end), (uint32_t)pid);
	kill(pid, SIGCONT);
	ck_assert_int_eq(test_wait(pid), 0);
	ck_assert_uint_eq(holder(observer, three.end), 0);

	/* This process itself. */
	ck_assert(end_begin(late, three.end));
	ck_assert_uint_eq(holder(observer, three.end), (uint32_t)getpid());
	ck_assert_int_eq(end_finish(late, three.end), 0);
	ck_assert_uint_eq(holder(observer, three.end), 0);
	ck_assert_int_eq(shmemq_close(late) | shmemq_close(observer), 0);
	close_three(&three);
}

/* A dead one blocks nobody for long. */
TEST(a_dead_holder_is_none)
{
	struct three three = open_three(both_ends[_i]);

	child_kill(end_hold(three.name, -1, three.end));
	ck_assert_uint_ne(*three.one->ownerlock.word, 0);
	ck_assert_uint_eq(holder(three.one, three.end), 0);
	ck_assert_uint_eq(holder(three.peer, three.end), 0);
	close_three(&three);
}

/* A number in the word that no handle has. */
TEST(garbage)
{
	struct three three = open_three(both_ends[_i]);

	for (uint32_t number = 3; number <= 0xffffu; number = number * 2 + 1) {
		*three.one->ownerlock.word = number | 0xffff0000u;
		ck_assert_uint_eq(holder(three.peer, three.end), 0);
	}
	*three.one->ownerlock.word = 0;
	close_three(&three);
}

/* An end that is not SHARED has its handle's process as the holder, between messages too. */
TEST(of_an_end_that_is_not_shared)
{
	const char *name = test_name();
	struct shmemq *observer = test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1), *q;

	ck_assert_uint_eq(holder(observer, both_ends[_i]), 0);
	q = test_open(name, both_ends[_i], 0);
	ck_assert_uint_eq(holder(observer, both_ends[_i]), (uint32_t)getpid());
	ck_assert_uint_eq(holder(observer, other_end(both_ends[_i])), 0);
	ck_assert_int_eq(shmemq_close(q), 0);
	ck_assert_uint_eq(holder(observer, both_ends[_i]), 0);
	ck_assert_int_eq(shmemq_close(observer), 0);
}

/* No consumer of a broadcast queue holds anything from another one. */
TEST(of_a_broadcast_queue)
{
	const struct shmemq_attr attr = { .capacity = 4096, .flags = SHMEMQ_ATTR_BROADCAST };
	const char *name = test_name();
	struct shmemq *producer = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr);
	struct shmemq *consumer = test_open(name, SHMEMQ_CONSUMER, 0);

	ck_assert_ptr_nonnull(producer);
	ck_assert_uint_eq(holder(producer, SHMEMQ_PRODUCER), (uint32_t)getpid());
	ck_assert_uint_eq(holder(producer, SHMEMQ_CONSUMER), 0);
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumer), 0);
}

const struct suite suite = {
	.name = "shared/stat",
	.seconds = 60,
	.tests = {
		{ a_stopped_holder_is_named, 2, NEEDS_PROC },
		{ a_dead_holder_is_none, 2, 0 },
		{ garbage, 2, 0 },
		{ of_an_end_that_is_not_shared, 2, NEEDS_PROC },
		{ of_a_broadcast_queue, 1, NEEDS_PROC },
	},
};
