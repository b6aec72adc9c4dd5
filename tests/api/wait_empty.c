/* SPDX-License-Identifier: MIT */
/* Waiting until all messages have been popped: which ones count. The wake: unit/peer.c. */
#include "config.h"

#include <pthread.h>

#include "calls.h"
#include "emptied.h"
#include "file.h"
#include "one_end.h"
#include "suite.h"

/* Copied out, in place, and in a batch: what is held is not popped. */
TEST(until_all_is_popped)
{
	struct shmemq_msg msgs[3];
	size_t size;

	open_ends(_i, 0);
	is_empty();
	for (int i = 0; i < 5; i++)
		push_one();
	is_not_empty();
	pop_one();
	ck_assert_ptr_nonnull(shmemq_pop_start(consumer, &size, NULL));
	is_not_empty();
	ck_assert_int_eq(shmemq_pop_end(consumer), 0);
	is_not_empty();
	ck_assert_int_eq(shmemq_popm_start(consumer, msgs, 3, 0), 3);
	is_not_empty();
	ck_assert_int_eq(shmemq_popm_end(consumer, 2), 0);
	is_not_empty();
	ck_assert_ptr_nonnull(shmemq_pop_start(consumer, &size, NULL));
	is_not_empty();
	ck_assert_int_eq(shmemq_pop_end(consumer), 0);
	is_empty();
	close_ends();
}

/* Wherever in the ring, by the smallest message, by the largest, and by as many as fit. */
TEST(at_every_position)
{
	open_ends(_i, 0);
	for (int i = 0; i < 1100; i++) {
		ck_assert_int_eq(shmemq_push(q, NULL, 0, 0), 0);
		ck_fails(shmemq_wait_empty(q, 0), EAGAIN);
		ck_assert_int_eq(shmemq_timedpop(consumer, NULL, 0, NULL, 0), 0);
		ck_assert_int_eq(shmemq_wait_empty(q, 0), 0);
		if (i % 10 != 0)
			continue;
		ck_assert_ptr_nonnull(shmemq_push_start(q, file_page() - 16));
		ck_assert_int_eq(shmemq_push_end(q, file_page() - 16, 0), 0);
		ck_fails(shmemq_wait_empty(q, 0), EAGAIN);
		ck_assert_uint_eq(drain(consumer), 1);
		ck_assert_int_eq(shmemq_wait_empty(q, 0), 0);
		fill(q, 0);
		ck_fails(shmemq_wait_empty(q, 0), EAGAIN);
		drain(consumer);
		ck_assert_int_eq(shmemq_wait_empty(q, 0), 0);
	}
	close_ends();
}

static void *pop_all(void *unused)
{
	size_t size;

	(void)unused;
	test_sleep(10 * MS);
	while (shmemq_timedpop_start(consumer, &size, NULL, 0) != NULL && shmemq_pop_end(consumer) == 0)
		;
	return NULL;
}

TEST(waits)
{
	pthread_t thread;

	open_ends(_i, 0);
	for (int i = 0; i < 3; i++) {
		fill(q, CALL_BYTES);
		ck_assert_int_eq(pthread_create(&thread, NULL, pop_all, NULL), 0);
		ck_assert_int_eq(shmemq_wait_empty(q, i == 1 ? 60000 * MS : -1), 0);
		pthread_join(thread, NULL);
	}
	close_ends();
}

/*
 * Beside another producer, after whose messages the queue is never empty: what is pushed during the call is not waited
 * for. Nor does it need the owner lock, or keep it from others.
 */
TEST(beside_another_producer)
{
	struct shmemq *other;
	pthread_t thread;
	int err;

	open_ends(true, 0);
	other = end_join(name, SHMEMQ_PRODUCER);
	for (int i = 0; i < 3; i++) {
		push_one();
		ck_assert_int_eq(end_try(other, SHMEMQ_PRODUCER), 0);
		is_not_empty();
		thread = start(&err);
		while (!over) {
			ck_assert_int_eq(end_move(other, SHMEMQ_PRODUCER, -1), 0);
			pop_one();
		}
		pthread_join(thread, NULL);
		ck_assert_int_eq(err, 0);
		drain(consumer);
	}
	ck_assert_int_eq(end_try(other, SHMEMQ_PRODUCER), 0); /* its own was pushed before, too */
	is_not_empty();
	ck_assert(end_begin(other, SHMEMQ_PRODUCER));
	is_not_empty();
	pop_one();
	is_empty();
	ck_assert_int_eq(end_finish(other, SHMEMQ_PRODUCER), 0);
	is_not_empty();
	ck_assert_int_eq(shmemq_close(other), 0);
	close_ends();
}

/* A queue that grows: a jump that nothing comes after is no message. The consumer makes no call meanwhile. */
TEST(a_jump_is_no_message)
{
	const struct shmemq_attr attr = { .capacity = 1, .capacity_max = 65536 };
	const unsigned end = SHMEMQ_PRODUCER | (_i % 2 ? SHMEMQ_SHARED : 0);
	const char *queue = test_name();
	struct shmemq *in = shmemq_open(queue, end | SHMEMQ_CREATE, 0600, &attr), *out;
	char message[200] = { 0 };

	ck_assert_ptr_nonnull(in);
	out = test_open(queue, SHMEMQ_CONSUMER, 0);
	for (int i = 0; i < 40; i++)
		ck_assert_int_eq(shmemq_timedpush(in, message, sizeof message, 0, 0), 0);
	ck_fails(shmemq_wait_empty(in, 0), EAGAIN);
	for (int i = 0; i < 40; i++)
		ck_assert_int_eq(shmemq_timedpop(out, message, sizeof message, NULL, 0), sizeof message);
	ck_assert_int_eq(shmemq_wait_empty(in, 0), 0);
	if (_i / 2 == 0) {
		ck_assert_ptr_nonnull(shmemq_timedpush_start(in, 200, 0));
		ck_assert_int_eq(shmemq_push_cancel(in), 0);
		ck_assert_ptr_nonnull(shmemq_timedpush_start(in, 3000, 0));
		ck_assert_int_eq(shmemq_push_cancel(in), 0);
	} else {
		ck_assert_int_eq(shmemq_close(in), 0);
		in = test_open(queue, end, 0);
	}
	ck_assert_int_eq(shmemq_wait_empty(in, 0), 0);
	ck_assert_int_eq(shmemq_timedpush(in, message, sizeof message, 0, 0), 0);
	ck_fails(shmemq_wait_empty(in, 0), EAGAIN);
	ck_assert_int_eq(shmemq_timedpop(out, message, sizeof message, NULL, 0), sizeof message);
	ck_assert_int_eq(shmemq_wait_empty(in, 0), 0);
	ck_assert_int_eq(shmemq_close(in) | shmemq_close(out), 0);
}

/* A SHARED producer has gone to the extension, whose words know of no message yet; what is in the ring counts. */
TEST(what_comes_before_the_extension)
{
	const struct shmemq_attr attr = { .capacity = 1, .capacity_max = 65536 };
	const char *queue = test_name();
	struct shmemq *in = shmemq_open(queue, SHMEMQ_PRODUCER | SHMEMQ_SHARED | SHMEMQ_CREATE, 0600, &attr);
	struct shmemq *other = test_open(queue, SHMEMQ_PRODUCER | SHMEMQ_SHARED, 0);
	struct shmemq *out = test_open(queue, SHMEMQ_CONSUMER, 0);
	char message[8];

	ck_assert_ptr_nonnull(in);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(shmemq_push(in, "1", 1, 0), 0);
		ck_assert_ptr_nonnull(shmemq_push_start(in, file_page()));
		for (int j = 0; j < 2; j++) {
			ck_fails(shmemq_wait_empty(other, 0), EAGAIN);
			ck_assert_int_eq(j == 0 ? shmemq_push_cancel(in) : 0, 0);
		}
		ck_assert_int_eq(shmemq_pop(out, message, sizeof message, NULL), 1);
		ck_assert_int_eq(shmemq_wait_empty(other, 0), 0);
	}
	ck_assert_int_eq(shmemq_close(in) | shmemq_close(other) | shmemq_close(out), 0);
}

/* A consumer that is after the tail which a waiting SHARED producer of a broadcast queue has loaded hides no other. */
TEST(a_fast_consumer_hides_no_slow_one)
{
	const struct shmemq_attr attr = { .flags = SHMEMQ_ATTR_BROADCAST };
	const char *queue = test_name();
	struct shmemq *in = shmemq_open(queue, SHMEMQ_PRODUCER | SHMEMQ_SHARED | SHMEMQ_CREATE, 0600, &attr);
	struct shmemq *fast = test_open(queue, SHMEMQ_CONSUMER, 0), *slow = test_open(queue, SHMEMQ_CONSUMER, 0);
	struct smq_header *header = file_map(queue);
	uint32_t number, tail;
	char message[8];

	ck_assert_ptr_nonnull(in);
	ck_assert_int_eq(shmemq_push(in, "1", 1, 0), 0);
	tail = header->producer_progress.moved.position_units;
	ck_assert_int_eq(shmemq_pop(fast, message, sizeof message, NULL), 1);
	ck_fails(shmemq_wait_empty(in, 0), EAGAIN);
	/* As if another producer had pushed, and the fast one had popped that. */
	for (number = 1; smq_reader_of(header, number)->moved[0].position_units != tail; number++)
		ck_assert_uint_lt(number, SMQ_READERS_MAX);
	smq_reader_of(header, number)->moved[0].position_units += 2;
	ck_fails(shmemq_wait_empty(in, 0), EAGAIN);
	smq_reader_of(header, number)->moved[0].position_units -= 2;
	ck_assert_int_eq(shmemq_pop(slow, message, sizeof message, NULL), 1);
	ck_assert_int_eq(shmemq_wait_empty(in, 0), 0);
	file_unmap(header);
	ck_assert_int_eq(shmemq_close(in) | shmemq_close(fast) | shmemq_close(slow), 0);
}

const struct suite suite = {
	.name = "api/wait_empty",
	.seconds = 120,
	.tests = {
		{ until_all_is_popped, 2, 0 },
		{ at_every_position, 2, 0 },
		{ waits, 2, 0 },
		{ beside_another_producer, 1, 0 },
		{ a_jump_is_no_message, 4, 0 },
		{ what_comes_before_the_extension, 1, 0 },
		{ a_fast_consumer_hides_no_slow_one, 1, 0 },
	},
};
