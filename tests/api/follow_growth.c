/* SPDX-License-Identifier: MIT */
/* A follower of a queue that grows: it goes through both rings, and memory that was given back is lost, not garbage. */
#include "config.h"

#include <unistd.h>

#include "file.h"
#include "suite.h"
#include "traffic.h"

#define SIZE 1000

static struct shmemq *producer, *consumer, *follower;
static uint64_t pushed, popped, seen, lost, random_state;
static char buffer[1 << 16];

static void open_all(uint64_t capacity_max)
{
	const struct shmemq_attr attr = { .capacity = 1, .capacity_max = capacity_max };
	const char *name = test_name();

	producer = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr);
	consumer = shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL);
	follower = shmemq_open(name, SHMEMQ_FOLLOWER, 0, NULL);
	ck_assert(producer != NULL && consumer != NULL && follower != NULL);
	pushed = popped = seen = lost = 0;
}

static void close_all(void)
{
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumer) | shmemq_close(follower), 0);
}

static uint64_t dice(uint64_t sides)
{
	return traffic_random(&random_state) % sides;
}

/* false: full. */
static bool push(size_t size)
{
	memset(buffer, (int)pushed, size);
	if (shmemq_timedpush(producer, buffer, size, (uint32_t)pushed, 0) != 0) {
		ck_assert_int_eq(errno, EAGAIN);
		return false;
	}
	pushed++;
	return true;
}

static void pop(uint64_t count)
{
	uint32_t type;

	for (; count > 0 && popped < pushed; count--) {
		ck_assert_int_ge(shmemq_timedpop(consumer, buffer, sizeof buffer, &type, 0), 0);
		ck_assert_uint_eq(type, (uint32_t)popped++);
	}
}

/* Follows up to `count` messages. Each is the next one, or the next after those that are lost. */
static void follow(uint64_t count)
{
	uint64_t over;
	uint32_t type;
	ssize_t size;

	while (count-- > 0 && (size = shmemq_timedpop(follower, buffer, sizeof buffer, &type, 0)) != -1) {
		ck_assert_uint_eq(type, (uint32_t)(seen + lost));
		for (ssize_t i = 0; i < size; i++)
			ck_fast(buffer[i] == (char)type);
		seen++;
	}
	if (count + 1 == 0)
		return;
	if (errno == EAGAIN) {
		ck_assert_uint_eq(seen + lost, pushed);
		return;
	}
	ck_assert_int_eq(errno, EOVERFLOW);
	ck_assert_int_eq(shmemq_seek(follower, SHMEMQ_OLDEST, &over), 0);
	ck_assert_uint_gt(over, 0);
	lost += over;
}

/* A follower that reads along loses nothing. */
TEST(through_both_rings)
{
	random_state = (uint64_t)_i + 1;
	open_all(1 << 20);
	for (int round = 0; round < 300; round++) {
		for (uint64_t count = dice(4) == 0 ? dice(400) : dice(8); count > 0 && push(dice(2 * SIZE)); count--)
			;
		follow(UINT64_MAX);
		pop(dice(4) == 0 ? UINT64_MAX : dice(100));
	}
	ck_assert_uint_eq(seen, pushed);
	ck_assert_uint_gt(pushed, 1000);
	close_all();
}

/* The producer gives back what lies before the consumer, and does not write there again for long. */
TEST(memory_that_was_given_back)
{
	open_all(1 << 20);
	while (push(SIZE))
		;
	follow(10);
	ck_assert_uint_eq(seen, 10);
	pop(pushed / 2);
	for (int i = 0; i < 200; i++)
		push(SIZE);
	while (seen + lost < pushed)
		follow(UINT64_MAX);
	ck_assert_uint_gt(lost, 0);
	close_all();
}

/* Messages of all sizes, growth and rest, and a follower that is now and then too slow: it counts what it loses. */
TEST(seen_or_counted)
{
	random_state = (uint64_t)_i + 100;
	open_all(_i % 2 ? 1 << 16 : 1 << 19);
	for (int round = 0; round < 3000; round++) {
		for (uint64_t count = dice(8) == 0 ? dice(600) : dice(8); count > 0 && push(dice(3 * SIZE)); count--)
			;
		pop(dice(4) == 0 ? UINT64_MAX : dice(60));
		if (dice(3) == 0)
			follow(dice(3) == 0 ? UINT64_MAX : dice(100));
	}
	while (seen + lost < pushed)
		follow(UINT64_MAX);
	ck_assert_uint_gt(seen, 0);
	ck_assert_uint_gt(lost, 0);
	close_all();
}

/* Wherever the consumer is, at a jump too, SHMEMQ_QUEUED leads there. */
TEST(queued)
{
	uint32_t type;

	open_all(1 << 16);
	random_state = (uint64_t)_i + 1;
	for (int i = 0; i < 1000; i++) {
		uint64_t count = dice(20), size = dice(3) == 0 ? 3000 : 100;

		while (count-- > 0 && push(dice(size)))
			continue;
		pop(dice(20));
		ck_assert_int_eq(shmemq_seek(follower, SHMEMQ_QUEUED, NULL), 0);
		if (popped == pushed)
			continue;
		ck_assert_int_ge(shmemq_timedpop(follower, buffer, sizeof buffer, &type, 0), 0);
		ck_assert_uint_eq(type, (uint32_t)popped);
	}
	close_all();
}

const struct suite suite = {
	.name = "api/follow_growth",
	.seconds = 120,
	.tests = {
		{ queued, 4, 0 },
		{ through_both_rings, 4, 0 },
		{ memory_that_was_given_back, 1, 0 },
		{ seen_or_counted, 8, 0 },
	},
};
