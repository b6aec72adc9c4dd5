/* SPDX-License-Identifier: MIT */
/* A queue that may grow: all calls, while the ends go from one ring to the other. */
#include "config.h"

#include "child.h"
#include "growing.h"
#include "suite.h"

/* Random bursts and pops, with each alignment and in the smallest queues: order, bytes, memory. */
TEST(bursts)
{
	static const struct shmemq_attr shapes[] = {
		{ .capacity = 4096, .capacity_max = 8192 },
		{ .capacity = 4096, .capacity_max = 16384, .alignment = 1024 },
		{ .capacity = 16384, .capacity_max = 32768, .alignment = 4096 },
		{ .capacity = 4096, .capacity_max = 65536, .alignment = 64, .messages_max = 100 },
		{ .capacity = 65536, .capacity_max = 1 << 20 },
	};
	uint64_t random = test_seed();
	int64_t end = test_now() + TEST_BOX / 5;

	make(shapes[_i % 5], _i / 5 ? SHMEMQ_SHARED : 0);
	for (int round = 0; round < TEST_PART(1000) && test_now() < end; round++) {
		uint64_t most = attr.message_max < 60000 ? attr.message_max : 60000;

		random = random * 6364136223846793005u + 1442695040888963407u;
		for (uint64_t i = random >> 33 & 255; i != 0; i--) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			if (!push((random >> 33) % (random >> 60 ? 300 : most + 1)))
				break;
			ck_fast(used() <= attr.capacity_max);
			ck_fast(attr.messages_max == 0 || pushed - popped <= attr.messages_max);
		}
		ck_assert_uint_eq(state().queued_messages, pushed - popped);
		pop(round % 4 == 0 ? UINT32_MAX : (unsigned)(random >> 40 & 255));
	}
	pop_all();
	leave();
}

/* Any message up to message_max fits an empty queue, wherever its ends stand, whether or not the consumer looks. */
TEST(largest_message)
{
	unsigned char *bytes;

	make_growing(4096, _i == 0 ? 8192 : 65536);
	bytes = calloc(1, attr.message_max + 1);
	ck_fails(shmemq_timedpush(producer, bytes, attr.message_max + 1, 0, 0), EMSGSIZE);
	for (uint32_t i = 0; i < 3000; i++) {
		size_t small = i * 7 % 1000;

		ck_fast(shmemq_timedpush(producer, bytes, small, 0, 0) == 0);
		ck_fast(shmemq_timedpop(consumer, bytes, small, NULL, 0) == (ssize_t)small);
		ck_fast(shmemq_timedpush(producer, bytes, attr.message_max, i, 0) == 0);
		ck_fast(shmemq_timedpop(consumer, bytes, attr.message_max, NULL, 0) == (ssize_t)attr.message_max);
	}
	free(bytes);
	leave();
}

/* A batch ends where the producer went to the other ring; a push of many goes on there. */
TEST(batches)
{
	struct shmemq_msg in[200], out[200];
	static char bytes[100];
	int first, second;

	for (uint32_t i = 0; i < 200; i++)
		in[i] = (struct shmemq_msg){ bytes, sizeof bytes, i, 0 };
	make_growing(4096, 65536);
	for (uint32_t i = 0; i < 200; i++)
		in[i].data = bytes;
	ck_assert_int_eq(shmemq_pushm(producer, in, 200, 0), 200);
	first = shmemq_popm_start(consumer, out, 200, 0);
	ck_assert(first >= 30 && first < 40);
	for (int i = 0; i < first; i++)
		ck_assert_uint_eq(out[i].type, (unsigned)i);
	ck_assert_int_eq(shmemq_popm_end(consumer, (unsigned)first), 0);
	second = shmemq_popm_start(consumer, out, 200, 0);
	ck_assert_int_eq(first + second, 200);
	for (int i = 0; i < second; i++)
		ck_assert_uint_eq(out[i].type, (unsigned)(first + i));
	ck_assert_int_eq(shmemq_popm_end(consumer, (unsigned)second), 0);
	leave();
}

/* A consumer that leaves with messages gets them again in either ring, marked up to the last that was handed out. */
TEST(redelivery)
{
	uint32_t type, first = 0;
	size_t size;

	make_growing(4096, 65536);
	while (state().queued_bytes < 20000)
		ck_assert(push(100));
	while (popped < pushed) {
		struct shmemq_msg msgs[7];
		int held = shmemq_popm_start(consumer, msgs, 7, 0);

		ck_assert_int_gt(held, 0);
		first = popped;
		ck_assert_uint_eq(msgs[0].type, first);
		ck_assert_int_eq(shmemq_close(consumer), 0);
		consumer = test_open(name, SHMEMQ_CONSUMER, 0);
		for (int i = 0; i < held; i++) {
			ck_assert_ptr_nonnull(shmemq_timedpop_start(consumer, &size, &type, 0));
			ck_assert_uint_eq(type, first + (unsigned)i);
			ck_assert_int_eq(shmemq_redelivered(consumer), 1);
			ck_assert_int_eq(shmemq_pop_end(consumer), 0);
			popped++;
		}
		if (popped < pushed) {
			ck_assert_ptr_nonnull(shmemq_timedpop_start(consumer, &size, &type, 0));
			ck_assert_int_eq(shmemq_redelivered(consumer), 0);
			ck_assert_int_eq(shmemq_pop_end(consumer), 0);
			popped++;
		}
	}
	leave();
}

/* Many ends by turns: each finds the ring that the others have gone to. */
TEST(shared_ends)
{
	struct shmemq *producers[3], *consumers[3];

	make((struct shmemq_attr){ .capacity = 4096, .capacity_max = 65536 }, SHMEMQ_SHARED);
	for (int i = 0; i < 3; i++) {
		producers[i] = i == 0 ? producer : test_open(name, SHMEMQ_PRODUCER | SHMEMQ_SHARED, 0);
		consumers[i] = i == 0 ? consumer : test_open(name, SHMEMQ_CONSUMER | SHMEMQ_SHARED, 0);
	}
	for (unsigned i = 0; i < 300; i++) {
		for (unsigned j = 0; j < i; j++) {
			producer = producers[(i + j * j) % 3];
			ck_assert(push(j % 700) || j > 100);
		}
		for (unsigned j = 0; j < 40 && popped != pushed; j++) {
			consumer = consumers[(i * j) % 3];
			pop(i % 20 + 1);
		}
		ck_assert_uint_eq(state().queued_messages, pushed - popped);
	}
	pop_all();
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(shmemq_close(producers[i]) | shmemq_close(consumers[i]), 0);
	ck_assert_int_eq(shmemq_unlink(name), 0);
}

/* A producer that waits for the extension, which a consumer leaves without popping anything, is woken by that. */
static int push_largest(const void *argument)
{
	struct shmemq *q = shmemq_open(argument, SHMEMQ_PRODUCER, 0, NULL);
	struct shmemq_attr of;
	void *at;

	CHECK(q != NULL && shmemq_getattr(q, &of) == 0);
	for (int i = 0; i < 2000; i++) {
		size_t size = i % 3 == 0 ? 500 : of.message_max - (size_t)(i % 3);

		CHECK((at = shmemq_push_start(q, size)) != NULL);
		memset(at, i, size);
		CHECK(shmemq_push_end(q, size, (uint32_t)i) == 0);
	}
	CHECK(shmemq_close(q) == 0);
	return 0;
}

TEST(waits_and_is_woken)
{
	pid_t pid;

	make_growing(4096, 32768);
	ck_assert_int_eq(shmemq_close(producer), 0);
	pid = child_start(push_largest, name);
	for (uint32_t i = 0, type; i < 2000; i++) {
		size_t size;
		const unsigned char *at;

		do
			at = shmemq_pop_start(consumer, &size, &type);
		while (at == NULL && errno == EPIPE && i == 0);
		ck_fast(at != NULL && type == i && at[0] == (unsigned char)i && at[size - 1] == (unsigned char)i);
		ck_assert_int_eq(shmemq_pop_end(consumer), 0);
	}
	ck_assert_int_eq(test_wait(pid), 0);
	ck_assert_int_eq(shmemq_close(consumer) | shmemq_unlink(name), 0);
}

/* messages_max, in a ring that does not grow: many laps go by before so many have been pushed. */
TEST(messages_max_of_large_messages)
{
	make((struct shmemq_attr){ .capacity = 4096, .messages_max = 100 }, _i == 0 ? 0 : SHMEMQ_SHARED);
	for (int i = 0; i < 1000; i++) {
		ck_fast(push(1000 - (size_t)i % 7 * 100));
		if (i % 3 != 0)
			pop(1);
		if (i % 3 == 2)
			pop_all();
	}
	pop_all();
	while (push(0))
		;
	ck_assert_uint_eq(pushed - popped, 100);
	leave();
}

const struct suite suite = {
	.name = "api/growth_calls",
	.seconds = 300,
	.test_seconds = 60,
	.tests = {
		{ bursts, 10, 0 },
		{ largest_message, 2, 0 },
		{ batches, 1, 0 },
		{ redelivery, 1, 0 },
		{ shared_ends, 1, 0 },
		{ waits_and_is_woken, 1, 0 },
		{ messages_max_of_large_messages, 2, 0 },
	},
};
