/* SPDX-License-Identifier: MIT */
/* Queues that grow, used as unbounded ones: many producers with a queue each, one consumer, and no push waits. */
#include "config.h"

#include <string.h>

#include "suite.h"

#define QUEUES       8
#define CAPACITY_MAX (4u << 20)

static struct shmemq *in[QUEUES], *out[QUEUES];
static uint32_t pushed[QUEUES], popped[QUEUES];

static void open_all(void)
{
	const struct shmemq_attr attr = { .capacity = 65536, .capacity_max = CAPACITY_MAX };

	for (int i = 0; i < QUEUES; i++) {
		const char *name = test_name();

		in[i] = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr);
		out[i] = shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL);
		ck_assert(in[i] != NULL && out[i] != NULL);
	}
}

static bool enqueue(int i, size_t size)
{
	char message[1000] = { 0 };

	memcpy(message, &pushed[i], sizeof pushed[i]);
	if (shmemq_timedpush(in[i], message, size, 0, 0) != 0)
		return false;
	pushed[i]++;
	return true;
}

/* Takes a message of each queue in turn, until all are empty. */
static void drain(void)
{
	uint32_t number;
	char message[1000];

	for (int i = 0, empty = 0; empty < QUEUES; i = (i + 1) % QUEUES) {
		if (shmemq_timedpop(out[i], message, sizeof message, NULL, 0) < 0) {
			ck_assert_int_eq(errno, EAGAIN);
			empty++;
			continue;
		}
		empty = 0;
		memcpy(&number, message, sizeof number);
		ck_assert_uint_eq(number, popped[i]++);
	}
	ck_assert_mem_eq(pushed, popped, sizeof pushed);
}

/* Each queue takes nearly capacity_max before a push would have to wait; again and again, wherever the ends stand. */
TEST(no_push_waits_below_capacity_max)
{
	const uint64_t record = 1008, most = CAPACITY_MAX - 4 * 65536;
	struct shmemq_stat st;

	open_all();
	for (int round = 0; round < 5; round++) {
		for (uint64_t bytes = 0; bytes < most; bytes += record) {
			for (int i = 0; i < QUEUES; i++)
				ck_assert(enqueue(i, 1000));
		}
		ck_assert_int_eq(shmemq_stat(in[0], &st), 0);
		ck_assert_uint_ge(st.queued_bytes, most);
		ck_assert_uint_le(st.reserved_bytes, CAPACITY_MAX);
		while (enqueue(0, 1000))
			;
		ck_assert_int_eq(errno, EAGAIN);
		drain();
		/* Somewhere else the next time. */
		for (int i = 0; i < 37 * round; i++) {
			ck_assert(enqueue(i % QUEUES, 100 + (size_t)round));
			drain();
		}
	}
	for (int i = 0; i < QUEUES; i++)
		ck_assert_int_eq(shmemq_close(in[i]) | shmemq_close(out[i]), 0);
}

const struct suite suite = {
	.name = "api/unbounded",
	.seconds = 120,
	.tests = {
		{ no_push_waits_below_capacity_max, 1, 0 },
	},
};
