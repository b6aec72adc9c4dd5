/* SPDX-License-Identifier: MIT */
/* Sets: which handles are told, and that none is forgotten. */
#include "config.h"

#include "calls.h"
#include "child.h"
#include "one_end.h"
#include "suite.h"
#include "told.h"

TEST(ready_until_a_call_fails)
{
	struct shmemq *producer, *consumer = add_consumer(&producer);
	void *told;

	for (int i = 0; i < 3; i++)
		ck_assert_ptr_eq(wait_for_one(0), consumer);
	quiet();
	for (uint32_t i = 0; i < 3; i++)
		ck_assert_int_eq(shmemq_push(producer, NULL, 0, i), 0);
	for (uint32_t i = 0, type; i < 3; i++) {
		ck_assert_ptr_eq(wait_for_one(SOON), consumer);
		ck_assert_int_eq(shmemq_timedpop(consumer, NULL, 0, &type, 0), 0);
		ck_assert_uint_eq(type, i);
	}
	/* No call has failed. */
	ck_assert_ptr_eq(wait_for_one(0), consumer);
	ck_fails(shmemq_timedpop(consumer, NULL, 0, NULL, 0), EAGAIN);
	ck_fails(shmemq_set_wait(set, &told, 1, 0), EAGAIN);
	ck_fails(shmemq_set_wait(set, &told, 1, 1 * MS), ETIMEDOUT);
	ck_assert_int_eq(shmemq_close(producer), 0);
	ck_assert_ptr_eq(wait_for_one(SOON), consumer);
	ck_fails(shmemq_timedpop(consumer, NULL, 0, NULL, 0), EPIPE);
	ck_assert_int_eq(shmemq_close(consumer), 0);
}

/* A producer waits for space, a follower for messages, and a handle of a SHARED end for its turn as well. */
TEST(each_kind_of_handle)
{
	const char *name = test_name();
	struct shmemq *producer = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE | SHMEMQ_SHARED, 1);
	struct shmemq *other = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_SHARED, 0);
	struct shmemq *consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	struct shmemq *follower = test_open(name, SHMEMQ_FOLLOWER, 0);

	add(producer);
	add(other);
	add(follower);
	while (shmemq_timedpush(producer, NULL, 0, 0, 0) == 0)
		;
	ck_fails(shmemq_timedpush(other, NULL, 0, 0, 0), EAGAIN);
	await_told(follower);
	while (shmemq_timedpop(follower, NULL, 0, NULL, 0) == 0)
		;
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(shmemq_pop(consumer, NULL, 0, NULL), 0);
	await_told(producer);
	await_told(other);
	ck_assert_ptr_nonnull(shmemq_timedpush_start(producer, 0, 0));
	ck_fails(shmemq_timedpush(other, NULL, 0, 0, 0), EAGAIN);
	ck_assert_int_eq(shmemq_push_end(producer, 0, 7), 0);
	await_told(other);
	await_told(follower);
	ck_assert_int_eq(shmemq_timedpop(follower, NULL, 0, NULL, 0), 0);
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(other) | shmemq_close(consumer) | shmemq_close(follower),
			 0);
}

/* With room for one, each is told in its turn. */
TEST(none_is_passed_over)
{
	enum { COUNT = 5 };
	struct shmemq *consumers[COUNT], *first[COUNT];

	for (int i = 0; i < COUNT; i++)
		consumers[i] = add_consumer(NULL);
	for (int i = 0; i < COUNT; i++) {
		first[i] = wait_for_one(0);
		for (int j = 0; j < i; j++)
			ck_assert_ptr_ne(first[i], first[j]);
	}
	for (int i = 0; i < 3 * COUNT; i++)
		ck_assert_ptr_eq(wait_for_one(0), first[i % COUNT]);
	for (int i = 0; i < COUNT; i++)
		ck_assert_int_eq(shmemq_close(consumers[i]), 0);
}

/* Each is told once in a call, however many there is room for. */
TEST(all_at_once)
{
	struct shmemq *consumers[3];
	void *told[10];

	for (int i = 0; i < 3; i++)
		consumers[i] = add_consumer(NULL);
	ck_assert_int_eq(shmemq_set_wait(set, told, 10, 0), 3);
	ck_assert(told[0] != told[1] && told[1] != told[2] && told[0] != told[2]);
	ck_assert_int_eq(shmemq_set_wait(set, told, 2, 0), 2);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(shmemq_close(consumers[i]), 0);
}

TEST(tells_of_deaths_and_returns)
{
	const char *name = test_name();
	unsigned end = both_ends[_i];
	struct shmemq *q = test_open(name, end | SHMEMQ_CREATE, 1);

	add(q);
	while (end == SHMEMQ_PRODUCER && end_try(q, end) == 0)
		;
	for (int i = 0; i < 5; i++) {
		pid_t peer = child_hold(name, end == SHMEMQ_PRODUCER ? "consumer" : "producer");

		await_told(q);
		ck_fails(end_try(q, end), EAGAIN);
		child_kill(peer);
		do
			await_told(q);
		while (end_try(q, end) == -1 && errno == EAGAIN);
		ck_assert_int_eq(errno, EOWNERDEAD);
	}
	ck_assert_int_eq(shmemq_close(q), 0);
}

TEST(removed_and_added_again)
{
	struct shmemq *producer, *consumer = add_consumer(&producer), *twin;
	struct shmemq_set *other = shmemq_set_open();
	void *told;

	ck_fails(shmemq_set_add(set, consumer, NULL), EBUSY);
	ck_fails(shmemq_set_add(other, consumer, NULL), EBUSY);
	ck_fails(shmemq_pollfd(consumer), EBUSY);
	ck_fails(shmemq_set_remove(other, consumer), ENOENT);
	ck_assert_int_eq(shmemq_set_remove(set, consumer), 0);
	ck_fails(shmemq_set_remove(set, consumer), ENOENT);
	ck_fails(shmemq_set_wait(set, &told, 1, 0), EAGAIN);
	ck_assert_int_eq(shmemq_set_add(other, consumer, &twin), 0);
	ck_assert_int_eq(shmemq_set_wait(other, &told, 1, 0), 1);
	ck_assert_ptr_eq(told, &twin);
	/* A set that is closed leaves its handles alone. */
	ck_assert_int_eq(shmemq_set_close(other), 0);
	ck_fails(shmemq_timedpop(consumer, NULL, 0, NULL, 0), EAGAIN);
	ck_assert_int_eq(shmemq_push(producer, NULL, 0, 0), 0);
	ck_assert_int_eq(shmemq_timedpop(consumer, NULL, 0, NULL, 0), 0);
	add(consumer);
	ck_assert_ptr_eq(wait_for_one(0), consumer);
	ck_assert_int_eq(shmemq_set_remove(set, consumer), 0);
	await_raised(shmemq_pollfd(consumer));
	ck_fails(shmemq_set_add(set, consumer, NULL), EBUSY);
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumer), 0);
}

/* Several handles of one queue have one watch: it stays until the last of them has left. */
TEST(handles_of_one_queue)
{
	const char *name = test_name();
	struct shmemq *producer = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1), *consumers[3];

	for (int i = 0; i < 3; i++) {
		consumers[i] = test_open(name, SHMEMQ_CONSUMER | SHMEMQ_SHARED, 0);
		add(consumers[i]);
	}
	add(producer);
	for (int left = 3; left > 0; left--) {
		int leaver = _i < 3 ? (_i + left) % left : left - 1;

		for (int i = 0; i < left; i++)
			ck_fails(shmemq_timedpop(consumers[i], NULL, 0, NULL, 0), EAGAIN);
		ck_assert_int_eq(shmemq_push(producer, NULL, 0, 0), 0);
		for (int i = 0; i < left; i++)
			await_told(consumers[i]);
		ck_assert_int_eq(shmemq_timedpop(consumers[0], NULL, 0, NULL, 0), 0);
		if (_i % 2)
			ck_assert_int_eq(shmemq_set_remove(set, consumers[leaver]), 0);
		ck_assert_int_eq(shmemq_close(consumers[leaver]), 0);
		consumers[leaver] = consumers[left - 1];
	}
	while (shmemq_timedpush(producer, NULL, 0, 0, 0) == 0)
		;
	ck_assert_int_eq(errno, EPIPE);
	consumers[0] = test_open(name, SHMEMQ_CONSUMER, 0);
	ck_assert_int_eq(shmemq_pop(consumers[0], NULL, 0, NULL), 0);
	await_told(producer);
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumers[0]), 0);
}

TEST(each_wrong_call_has_its_errno)
{
	struct shmemq *observer = test_open(test_name(), SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1), *q = add_consumer(NULL);
	void *told;

	ck_fails(shmemq_set_close(NULL), EINVAL);
	ck_fails(shmemq_set_fd(NULL), EINVAL);
	ck_fails(shmemq_set_add(NULL, q, NULL), EINVAL);
	ck_fails(shmemq_set_add(set, NULL, NULL), EINVAL);
	ck_fails(shmemq_set_add(set, observer, NULL), EBADF);
	ck_fails(shmemq_set_remove(NULL, q), EINVAL);
	ck_fails(shmemq_set_remove(set, NULL), EINVAL);
	ck_fails(shmemq_set_remove(set, observer), EBADF);
	ck_fails(shmemq_set_wait(NULL, &told, 1, 0), EINVAL);
	ck_fails(shmemq_set_wait(set, NULL, 1, 0), EINVAL);
	ck_fails(shmemq_set_wait(set, &told, 0, 0), EINVAL);
	ck_fails(shmemq_set_wait(set, &told, -1, 0), EINVAL);
	ck_assert_int_eq(shmemq_close(observer) | shmemq_close(q), 0);
	ck_fails(shmemq_set_wait(set, &told, 1, 0), EAGAIN);
}

const struct suite suite = {
	.name = "api/set",
	.seconds = 120,
	.test_seconds = 60,
	.needs = NEEDS_POLLFD,
	.setup = set_setup,
	.tests = {
		{ ready_until_a_call_fails, 1, 0 },
		{ each_kind_of_handle, 1, 0 },
		{ none_is_passed_over, 1, 0 },
		{ all_at_once, 1, 0 },
		{ tells_of_deaths_and_returns, 2, 0 },
		{ removed_and_added_again, 1, 0 },
		{ handles_of_one_queue, 5, 0 },
		{ each_wrong_call_has_its_errno, 1, 0 },
	},
};
