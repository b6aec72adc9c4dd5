/* SPDX-License-Identifier: MIT */
/* Two processes and millions of messages, or as many as a busy machine has time for. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>

#include "suite.h"

#define MESSAGES TEST_PART(350000)

static uint64_t seed;

static const struct {
	uint64_t capacity;
	uint32_t alignment;
} queues[] = { { 1, 8 }, { 1 << 16, 8 }, { 1 << 20, 8 }, { 1, 64 }, { 1 << 17, 4096 } };
static const char *const roles[] = { "produce", "consume" };

static pid_t start(const char *role, const char *name)
{
	char seed_text[24], count_text[24];

	snprintf(seed_text, sizeof seed_text, "%" PRIu64, seed);
	snprintf(count_text, sizeof count_text, "%u", (unsigned)MESSAGES);
	return test_peer(role, name, seed_text, strcmp(role, "produce") == 0 ? count_text : NULL, NULL);
}

/* Waits until the side that came first can do nothing without the other one. */
static void await_standstill(struct shmemq *observer)
{
	struct shmemq_stat st;

	do {
		test_sleep(MS);
		ck_assert_int_eq(shmemq_stat(observer, &st), 0);
	} while (st.waiting == 0);
}

/* With each queue, and each side first. */
TEST(stream)
{
	const char *name = test_name();
	struct shmemq *observer = test_open_aligned(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, queues[_i / 2].capacity,
						    queues[_i / 2].alignment);
	struct shmemq_stat st;
	pid_t first, second;

	first = start(roles[_i % 2], name);
	await_standstill(observer);
	second = start(roles[1 - _i % 2], name);
	ck_assert_int_eq(test_wait(first), 0);
	ck_assert_int_eq(test_wait(second), 0);
	ck_assert_int_eq(shmemq_stat(observer, &st), 0);
	ck_assert_uint_ge(st.pushed_messages, 1);
	ck_assert_uint_le(st.pushed_messages, MESSAGES);
	ck_assert_uint_eq(st.popped_messages, st.pushed_messages);
	ck_assert_uint_eq(st.pushed_bytes, st.popped_bytes);
	ck_assert_uint_eq(st.queued_messages, 0);
	ck_assert_uint_eq(st.producer, SHMEMQ_END_CLOSED);
	ck_assert_uint_eq(st.consumer, SHMEMQ_END_CLOSED);
	ck_assert_int_eq(shmemq_close(observer), 0);
}

static void begin(void)
{
	seed = test_seed();
}

const struct suite suite = {
	.name = "api/stream",
	.seconds = 300,
	.test_seconds = 60,
	.begin = begin,
	.tests = {
		{ stream, 2 * sizeof queues / sizeof queues[0], 0 },
	},
};
