/* SPDX-License-Identifier: MIT */
/* A broadcast queue: each consumer gets all that is pushed from its open on, and a push waits for the slowest. */
#include "config.h"

#include <unistd.h>

#include "broadcast.h"
#include "file.h"
#include "suite.h"

#define CONSUMERS_MAX 64
#define LOTS          UINT32_MAX

TEST(each_gets_all_from_its_open_on)
{
	const char *name = test_name();
	struct shmemq *producer = broadcast_open(name, SHMEMQ_PRODUCER), *one, *two;

	broadcast_push(producer, 0, 10);
	one = broadcast_open(name, SHMEMQ_CONSUMER);
	broadcast_empty(one);
	broadcast_push(producer, 10, 10);
	two = broadcast_open(name, SHMEMQ_CONSUMER | (_i ? SHMEMQ_PREFAULT : 0));
	broadcast_push(producer, 20, 30);
	broadcast_pop(two, _i, 20, 30);
	broadcast_empty(two);
	broadcast_pop(one, (_i + 1) % BROADCAST_WAYS, 10, 40);
	broadcast_empty(one);
	ck_assert_int_eq(shmemq_close(one) | shmemq_close(two) | shmemq_close(producer), 0);
}

/* Two consumers at different speeds, over many laps of the ring, one of them replaced now and then. */
TEST(laps)
{
	const char *name = test_name();
	struct shmemq *producer = broadcast_open(name, SHMEMQ_PRODUCER);
	struct shmemq *fast = broadcast_open(name, SHMEMQ_CONSUMER), *slow = broadcast_open(name, SHMEMQ_CONSUMER);
	uint32_t pushed = 0, by_fast = 0, by_slow = 0;

	for (int i = 0; i < 2000; i++) {
		uint32_t taken;

		pushed += broadcast_fill(producer, pushed, 90);
		broadcast_pop(fast, i % BROADCAST_WAYS, by_fast, pushed - by_fast);
		by_fast = pushed;
		taken = (pushed - by_slow) / 2;
		broadcast_pop(slow, _i, by_slow, taken);
		by_slow += taken;
		if (i % 100 == 99) {
			ck_assert_int_eq(shmemq_close(slow), 0);
			slow = broadcast_open(name, SHMEMQ_CONSUMER);
			by_slow = pushed;
		}
	}
	ck_assert_uint_gt(pushed, 20000);
	ck_assert_int_eq(shmemq_close(fast) | shmemq_close(slow) | shmemq_close(producer), 0);
}

TEST(without_consumers_no_push_waits)
{
	const char *name = test_name();
	struct shmemq *producer = broadcast_open(name, SHMEMQ_PRODUCER | SHMEMQ_NONBLOCK), *consumer;
	struct shmemq_attr attr;

	ck_assert_int_eq(shmemq_getattr(producer, &attr), 0);
	ck_assert_uint_eq(attr.flags, SHMEMQ_ATTR_BROADCAST);
	for (int i = 0; i < 100; i++) {
		ck_assert_ptr_nonnull(shmemq_push_start(producer, attr.message_max));
		ck_assert_int_eq(shmemq_push_end(producer, attr.message_max, 0), 0);
	}
	broadcast_push(producer, 0, 10000);
	/* Nor when one has been there, with all that it has left. */
	consumer = broadcast_open(name, SHMEMQ_CONSUMER);
	ck_assert_uint_lt(broadcast_fill(producer, 0, LOTS), 10000);
	ck_assert_int_eq(shmemq_close(consumer), 0);
	broadcast_push(producer, 0, 10000);
	ck_assert_int_eq(shmemq_close(producer), 0);
	producer = broadcast_open(name, SHMEMQ_PRODUCER);
	broadcast_push(producer, 0, 10000);
	ck_assert_int_eq(shmemq_close(producer), 0);
}

TEST(a_push_waits_for_the_slowest)
{
	const char *name = test_name();
	struct shmemq *producer = broadcast_open(name, SHMEMQ_PRODUCER);
	struct shmemq *fast = broadcast_open(name, SHMEMQ_CONSUMER), *slow = broadcast_open(name, SHMEMQ_CONSUMER);
	uint32_t first = 0, count;

	for (int i = 0; i < 20; i++) {
		struct shmemq *other = slow;

		count = broadcast_fill(producer, first, LOTS);
		ck_assert_uint_gt(count, 100);
		broadcast_pop(fast, BROADCAST_COPY, first, count);
		ck_fails(shmemq_timedpush(producer, "x", 1, 0, 0), EAGAIN);
		ck_fails(shmemq_timedpush(producer, "x", 1, 0, 2 * MS), ETIMEDOUT);
		broadcast_pop(slow, BROADCAST_COPY, first, 1);
		broadcast_push(producer, first + count, 1);
		ck_fails(shmemq_timedpush(producer, "x", 1, 0, 0), EAGAIN);
		broadcast_pop(slow, BROADCAST_BATCH, first + 1, count);
		broadcast_pop(fast, BROADCAST_IN_PLACE, first + count, 1);
		first += count + 1;
		slow = fast;
		fast = other;
	}
	ck_assert_int_eq(shmemq_close(fast) | shmemq_close(slow) | shmemq_close(producer), 0);
}

/* A producer that comes later waits for those that are there, and goes by no head that its predecessor had not. */
TEST(the_next_producer_waits_too)
{
	const char *name = test_name();
	struct shmemq *producer = broadcast_open(name, SHMEMQ_PRODUCER), *consumer;
	uint32_t first = broadcast_fill(producer, 0, 1000), count = 0;

	consumer = broadcast_open(name, SHMEMQ_CONSUMER);
	for (int i = 0; i < 10; i++) {
		count += broadcast_fill(producer, first + count, 50);
		ck_assert_int_eq(shmemq_close(producer), 0);
		producer = broadcast_open(name, SHMEMQ_PRODUCER);
	}
	count += broadcast_fill(producer, first + count, LOTS);
	broadcast_pop(consumer, _i, first, count);
	broadcast_push(producer, first + count, 10);
	broadcast_pop(consumer, _i, first + count, 10);
	ck_assert_int_eq(shmemq_close(consumer) | shmemq_close(producer), 0);
}

/* What a consumer that closes holds, or has not popped, is gone; the next one starts at the next push. */
TEST(nothing_is_redelivered)
{
	const char *name = test_name();
	struct shmemq *producer = broadcast_open(name, SHMEMQ_PRODUCER), *consumer;
	struct shmemq_msg msgs[5];
	size_t size;

	for (uint32_t i = 0; i < 200; i++) {
		consumer = broadcast_open(name, SHMEMQ_CONSUMER);
		broadcast_push(producer, 10 * i, 10);
		broadcast_pop(consumer, BROADCAST_COPY, 10 * i, 1);
		if (i % 2)
			ck_assert_ptr_nonnull(shmemq_pop_start(consumer, &size, NULL));
		else
			ck_assert_int_eq(shmemq_popm_start(consumer, msgs, 5, 0), 5);
		ck_assert_int_eq(shmemq_redelivered(consumer), 0);
		ck_assert_int_eq(shmemq_close(consumer), 0);
	}
	ck_assert_int_eq(shmemq_close(producer), 0);
}

TEST(at_most_64_consumers)
{
	const char *name = test_name();
	struct shmemq *producer = broadcast_open(name, SHMEMQ_PRODUCER), *consumers[CONSUMERS_MAX];

	for (uint32_t i = 0; i < CONSUMERS_MAX; i++) {
		consumers[i] = broadcast_open(name, SHMEMQ_CONSUMER);
		broadcast_push(producer, i, 1);
	}
	ck_fails(shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL), EBUSY);
	ck_assert_int_eq(shmemq_close(consumers[20]), 0);
	consumers[20] = broadcast_open(name, SHMEMQ_CONSUMER);
	ck_fails(shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL), EBUSY);
	broadcast_push(producer, CONSUMERS_MAX, 1);
	for (uint32_t i = 0; i < CONSUMERS_MAX; i++) {
		uint32_t first = i == 20 ? CONSUMERS_MAX : i;

		broadcast_pop(consumers[i], BROADCAST_COPY, first, CONSUMERS_MAX + 1 - first);
		broadcast_empty(consumers[i]);
		ck_assert_int_eq(shmemq_close(consumers[i]), 0);
	}
	ck_assert_int_eq(shmemq_close(producer), 0);
}

TEST(no_shared_consumers)
{
	static const unsigned shared = SHMEMQ_CONSUMER | SHMEMQ_SHARED;
	struct shmemq_attr attr = { .capacity = 1, .flags = SHMEMQ_ATTR_BROADCAST };
	const char *name = test_name(), *unused = test_name();
	struct shmemq *producer = broadcast_open(name, SHMEMQ_PRODUCER);

	ck_fails(shmemq_open(name, shared, 0, NULL), EINVAL);
	ck_fails(shmemq_open(unused, shared | SHMEMQ_CREATE, 0600, &attr), EINVAL);
	ck_assert(!file_exists(unused));
	ck_fails(shmemq_open(name, SHMEMQ_PRODUCER, 0, NULL), EBUSY);
	ck_assert_int_eq(shmemq_close(producer), 0);
}

TEST(shared_producers)
{
	const char *name = test_name();
	struct shmemq *one = broadcast_open(name, SHMEMQ_PRODUCER | SHMEMQ_SHARED);
	struct shmemq *two = broadcast_open(name, SHMEMQ_PRODUCER | SHMEMQ_SHARED);
	struct shmemq *fast = broadcast_open(name, SHMEMQ_CONSUMER), *slow = broadcast_open(name, SHMEMQ_CONSUMER);
	uint32_t first = 0;

	for (int i = 0; i < 50; i++) {
		uint32_t count = broadcast_fill(one, first, 33);

		count += broadcast_fill(two, first + count, 44);
		count += broadcast_fill(one, first + count, LOTS);
		broadcast_pop(fast, _i, first, count);
		ck_fails(shmemq_timedpush(two, "x", 1, 0, 0), EAGAIN);
		ck_fails(shmemq_timedpush(one, "x", 1, 0, 2 * MS), ETIMEDOUT);
		broadcast_pop(slow, _i, first, count);
		first += count;
	}
	/* Nor do they wait without consumers. */
	ck_assert_int_eq(shmemq_close(slow) | shmemq_close(fast), 0);
	broadcast_push(one, 0, 1000);
	broadcast_push(two, 0, 1000);
	ck_assert_int_eq(shmemq_close(one) | shmemq_close(two), 0);
}

TEST(without_a_name)
{
	struct shmemq_attr attr = { .capacity = 1, .flags = SHMEMQ_ATTR_BROADCAST };
	int fd = shmemq_memfd(&attr);
	struct shmemq *producer = test_fdopen(fd, SHMEMQ_PRODUCER), *one = test_fdopen(fd, SHMEMQ_CONSUMER);
	struct shmemq *two = test_fdopen(fd, SHMEMQ_CONSUMER);

	ck_fails(shmemq_fdopen(fd, SHMEMQ_CONSUMER | SHMEMQ_SHARED), EINVAL);
	close(fd);
	broadcast_push(producer, 0, 10);
	broadcast_pop(one, BROADCAST_COPY, 0, 10);
	broadcast_pop(two, BROADCAST_BATCH, 0, 10);
	ck_assert_int_eq(shmemq_close(one) | shmemq_close(two) | shmemq_close(producer), 0);
}

TEST(temporary)
{
	struct shmemq_attr attr = { .capacity = 1, .flags = SHMEMQ_ATTR_BROADCAST | SHMEMQ_ATTR_TEMPORARY };
	const char *name = test_name();
	struct shmemq *one = shmemq_open(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 0600, &attr);
	struct shmemq *two = broadcast_open(name, SHMEMQ_CONSUMER);

	ck_assert_ptr_nonnull(one);
	ck_assert_int_eq(shmemq_close(one), 0);
	ck_assert(file_exists(name));
	ck_assert_int_eq(shmemq_close(two), 0);
	ck_assert(!file_exists(name));
}

TEST(messages_max)
{
	struct shmemq_attr attr = { .capacity = 1, .messages_max = 5, .flags = SHMEMQ_ATTR_BROADCAST };
	const char *name = test_name();
	struct shmemq *producer = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr), *one, *two;

	broadcast_push(producer, 0, 1000);
	one = broadcast_open(name, SHMEMQ_CONSUMER);
	ck_assert_uint_eq(broadcast_fill(producer, 0, LOTS), 5);
	broadcast_pop(one, BROADCAST_COPY, 0, 2);
	two = broadcast_open(name, SHMEMQ_CONSUMER);
	ck_assert_uint_eq(broadcast_fill(producer, 5, LOTS), 2);
	broadcast_pop(one, BROADCAST_COPY, 2, 5);
	ck_assert_uint_eq(broadcast_fill(producer, 7, LOTS), 3);
	broadcast_pop(one, BROADCAST_COPY, 7, 3);
	ck_assert_uint_eq(broadcast_fill(producer, 10, LOTS), 0);
	broadcast_pop(two, BROADCAST_COPY, 5, 5);
	ck_assert_uint_eq(broadcast_fill(producer, 10, LOTS), 5);
	ck_assert_int_eq(shmemq_close(producer), 0);
	producer = broadcast_open(name, SHMEMQ_PRODUCER);
	ck_assert_uint_eq(broadcast_fill(producer, 15, LOTS), 0);
	ck_assert_int_eq(shmemq_close(one) | shmemq_close(two), 0);
	broadcast_push(producer, 0, 1000);
	ck_assert_int_eq(shmemq_close(producer), 0);
}

const struct suite suite = {
	.name = "api/broadcast",
	.seconds = 120,
	.tests = {
		{ each_gets_all_from_its_open_on, BROADCAST_WAYS, 0 },
		{ laps, BROADCAST_WAYS, 0 },
		{ without_consumers_no_push_waits, 1, 0 },
		{ a_push_waits_for_the_slowest, 1, 0 },
		{ the_next_producer_waits_too, BROADCAST_WAYS, 0 },
		{ nothing_is_redelivered, 1, 0 },
		{ at_most_64_consumers, 1, 0 },
		{ no_shared_consumers, 1, 0 },
		{ shared_producers, BROADCAST_WAYS, 0 },
		{ without_a_name, 1, NEEDS_PROC },
		{ temporary, 1, 0 },
		{ messages_max, 1, 0 },
	},
};
