/* SPDX-License-Identifier: MIT */
/* The memory of a queue that may grow: up to capacity_max and not beyond, and back. */
#include "config.h"

#include <unistd.h>

#include "child.h"
#include "file.h"
#include "growing.h"
#include "suite.h"

/* A lap of messages that are popped at once. */
static void go_once_around(void)
{
	for (uint64_t bytes = 0; bytes <= attr.capacity + attr.capacity / 32; bytes += 256) {
		ck_fast(push(240));
		pop_all();
	}
}

/* A push never waits before the queue has about capacity_max bytes, and what it has got never exceeds that. */
TEST(grows_to_capacity_max_and_back)
{
	make_growing(64 * KIB, 4 * MIB);
	ck_assert_uint_eq(used(), 64 * KIB);
	for (int burst = 0; burst < 3; burst++) {
		uint64_t most = 0;

		while (push(1000)) {
			ck_fast(used() <= attr.capacity_max);
			most = state().reserved_bytes;
			ck_fast(used() <= most && most <= attr.capacity_max);
		}
		ck_assert_uint_ge(state().queued_bytes, 4 * MIB - file_page() - 4 * 1008);
		ck_assert_uint_eq(state().queued_messages, pushed - popped);
		ck_assert_uint_ge(used(), 4 * MIB - 2 * file_page());
		pop_all();
		ck_assert_uint_eq(state().queued_messages, 0);
		go_once_around();
		ck_assert_uint_eq(used(), 64 * KIB);
		ck_assert_uint_eq(state().reserved_bytes, 64 * KIB);
		ck_assert_uint_eq(state().reserved_bytes_most, most);
	}
	ck_assert_uint_eq(state().pushed_messages, pushed);
	ck_assert_uint_eq(state().popped_messages, popped);
	ck_assert_uint_eq(state().pushed_bytes, state().popped_bytes);
	leave();
}

/* 64 MiB at once, in a queue that rests at 1 MiB; the same without a name, sealed. */
TEST(large)
{
	static char bytes[1000000];
	struct shmemq_attr asked = { .capacity_max = 64 * MIB };

	name = NULL;
	if (_i == 0) {
		make(asked, 0);
	} else {
		int fd = shmemq_memfd(&asked);

		ck_assert_int_ge(fd, 0);
		producer = test_fdopen(fd, SHMEMQ_PRODUCER);
		consumer = test_fdopen(fd, SHMEMQ_CONSUMER | SHMEMQ_PREFAULT);
		ck_assert_int_eq(shmemq_getattr(consumer, &attr), 0);
		close(fd);
	}
	ck_assert_uint_eq(attr.message_max, 63 * MIB - file_page() - 16);
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 60; i++)
			ck_assert_int_eq(shmemq_timedpush(producer, bytes, sizeof bytes, i, 0), 0);
		ck_assert_uint_ge(state().reserved_bytes, 60000000);
		for (uint32_t i = 0, type; i < 60; i++) {
			ck_assert_int_eq(shmemq_timedpop(consumer, bytes, sizeof bytes, &type, 0), 1000000);
			ck_assert_uint_eq(type, i);
		}
	}
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumer), 0);
	if (name != NULL)
		ck_assert_int_eq(shmemq_unlink(name), 0);
}

/* A new producer, and a closing one, give back what is not needed; what is queued stays. */
TEST(gives_back_at_open_and_close)
{
	make_growing(64 * KIB, 4 * MIB);
	for (int i = 0; i < 2; i++) {
		while (push(4000))
			;
		ck_assert_uint_ge(used(), 4 * MIB - 2 * file_page());
		pop(100);
		ck_assert_int_eq(shmemq_close(producer), 0);
		producer = test_open(name, SHMEMQ_PRODUCER, 0);
		pop_all();
		ck_assert_int_eq(shmemq_close(producer), 0);
		ck_assert_uint_le(used(), 64 * KIB + 2 * file_page());
		ck_fails(shmemq_timedpop(consumer, NULL, 0, NULL, 0), EPIPE);
		producer = test_open(name, SHMEMQ_PRODUCER, 0);
		ck_assert_uint_eq(used(), 64 * KIB);
		ck_assert_uint_eq(state().reserved_bytes, 64 * KIB);
	}
	leave();
}

/* A new producer looks at nothing that was given back: that alone would be memory that nobody knows of. */
TEST(an_open_takes_no_memory)
{
	make_growing(4 * KIB, 4 * MIB);
	for (unsigned i = 0; i < 100; i++) {
		while (pushed % 1000 < 5 + i * 9)
			ck_fast(push(1000));
		while (pushed - popped > 3)
			pop(1);
		ck_assert_int_eq(shmemq_close(producer), 0);
		producer = test_open(name, SHMEMQ_PRODUCER, 0);
		ck_assert_uint_eq(used(), state().reserved_bytes);
		pop_all();
		pushed = popped = (i + 1) * 1000;
	}
	leave();
}

/* Where there are not enough addresses, as for both mappings of 8 GiB on a 32-bit machine. */
static int map_too_much(const void *argument)
{
	child_limit(RLIMIT_AS, 8 * MIB);
	if (child_can_map(32 * MIB))
		return CHILD_SKIP;
	CHECK(shmemq_open(argument, SHMEMQ_PRODUCER, 0, NULL) == NULL && errno == ENOMEM);
	CHECK(shmemq_open(argument, SHMEMQ_OBSERVER, 0, NULL) != NULL);
	return 0;
}

TEST(addresses)
{
	make_growing(64 * KIB, 64 * MIB);
	ck_assert_int_eq(shmemq_close(producer), 0);
	if (!TEST_SANITIZED)
		child_run(map_too_much, name);
	ck_assert_int_eq(shmemq_close(consumer) | shmemq_unlink(name), 0);
}

const struct suite suite = {
	.name = "api/growth",
	.seconds = 120,
	.test_seconds = 60,
	.tests = {
		{ grows_to_capacity_max_and_back, 1, 0 },
		{ large, 2, NEEDS_PROC },
		{ gives_back_at_open_and_close, 1, 0 },
		{ an_open_takes_no_memory, 1, 0 },
		{ addresses, 1, 0 },
	},
};
