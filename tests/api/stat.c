/* SPDX-License-Identifier: MIT */
/* shmemq_stat(): each end's state, what is queued, which end waits; and that an observer changes nothing. */
#include "config.h"

#include <sys/stat.h>

#include "calls.h"
#include "child.h"
#include "file.h"
#include "suite.h"

static struct shmemq_stat stat_of(struct shmemq *q)
{
	struct shmemq_stat st;

	memset(&st, 0xff, sizeof st);
	ck_assert_int_eq(shmemq_stat(q, &st), 0);
	for (size_t i = 0; i < sizeof st.reserved / sizeof st.reserved[0]; i++)
		ck_assert_uint_eq(st.reserved[i], 0);
	return st;
}

static int claim_producer(const void *name)
{
	return shmemq_open(name, SHMEMQ_PRODUCER, 0, NULL) == NULL;
}

/* The state of each end, and the process that holds it, are told alike to both ends and to an observer. */
TEST(stat_ends)
{
	const char *name = test_name();
	struct shmemq *observer = test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1), *producer, *consumer;
	struct shmemq_stat st = stat_of(observer);
	pid_t child;

	ck_assert_uint_eq(st.capacity, file_page());
	ck_assert(st.producer == SHMEMQ_END_NEVER && st.consumer == SHMEMQ_END_NEVER);
	ck_assert(st.producer_pid == 0 && st.consumer_pid == 0);
	consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	producer = test_open(name, SHMEMQ_PRODUCER, 0);
	for (int i = 0; i < 3; i++) {
		st = stat_of(i == 0 ? observer : i == 1 ? producer : consumer);
		ck_assert(st.producer == SHMEMQ_END_OPEN && st.consumer == SHMEMQ_END_OPEN);
		ck_assert(st.producer_pid == (uint32_t)getpid() && st.consumer_pid == (uint32_t)getpid());
		ck_assert_uint_eq(st.waiting, 0);
	}
	ck_assert_int_eq(shmemq_close(producer), 0);
	ck_assert_uint_eq(stat_of(observer).producer, SHMEMQ_END_CLOSED);
	ck_assert_uint_eq(stat_of(consumer).producer, SHMEMQ_END_CLOSED);
	ck_assert_int_eq(test_wait(child = child_start(claim_producer, name)), 0);
	for (int i = 0; i < 2; i++) {
		st = stat_of(i == 0 ? observer : consumer);
		ck_assert(st.producer == SHMEMQ_END_DEAD && st.consumer == SHMEMQ_END_OPEN);
		ck_assert_uint_eq(st.producer_pid, (uint32_t)child);
	}
	producer = test_open(name, SHMEMQ_PRODUCER, 0);
	ck_assert_uint_eq(stat_of(observer).producer, SHMEMQ_END_OPEN);
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumer), 0);
	st = stat_of(observer);
	ck_assert(st.producer == SHMEMQ_END_CLOSED && st.consumer == SHMEMQ_END_CLOSED);
	ck_fails(shmemq_stat(observer, NULL), EINVAL);
	ck_fails(shmemq_stat(NULL, &st), EINVAL);
	ck_assert_int_eq(shmemq_close(observer), 0);
}

/* Exact when the ring is empty, when it is full and after each message between, whatever its size. */
TEST(stat_counts)
{
	const char *name = test_name();
	struct shmemq *producer = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1);
	struct shmemq *consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	static const char text[100];
	uint64_t messages = 0, bytes = 0;
	struct shmemq_stat st;

	for (size_t size = 0; size < sizeof text; size++) {
		unsigned full = fill(producer, size);
		uint64_t record = (8 + size + 7) / 8 * 8;

		ck_assert_uint_eq(full, (file_page() - 8) / record);
		messages += full;
		bytes += full * size;
		for (unsigned queued = full;; queued--) {
			st = stat_of(queued % 2 != 0 ? producer : consumer);
			ck_fast(st.queued_messages == queued);
			ck_fast(st.queued_bytes == queued * record);
			ck_fast(st.pushed_messages == messages);
			ck_fast(st.pushed_bytes == bytes);
			ck_fast(st.popped_messages == messages - queued);
			ck_fast(st.popped_bytes == bytes - queued * size);
			if (queued == 0)
				break;
			ck_assert_int_eq(calls[7 + queued % 5].run(consumer, size, -1), 0);
		}
	}
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumer), 0);
}

static int wait_as_both(const void *name)
{
	struct shmemq *q = shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL);

	CHECK(q != NULL && shmemq_pop(q, NULL, 0, NULL) == 0 && shmemq_close(q) == 0);
	while ((q = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_STAY, 0, NULL)) == NULL)
		CHECK(errno == EBUSY); /* the other one has pushed, but not yet closed */
	for (uint64_t space = file_page() - 8; space >= 8; space -= 8)
		CHECK(shmemq_timedpush(q, NULL, 0, 0, 0) == 0);
	CHECK(shmemq_push(q, NULL, 0, 0) == 0 && shmemq_close(q) == 0);
	return 0;
}

TEST(stat_waiting)
{
	const char *name = test_name();
	struct shmemq *observer = test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1), *q;
	pid_t child = child_start(wait_as_both, name);

	while (stat_of(observer).waiting != SHMEMQ_WAIT_CONSUMER)
		test_sleep(1 * MS);
	q = test_open(name, SHMEMQ_PRODUCER, 0);
	ck_assert_int_eq(shmemq_push(q, NULL, 0, 0), 0);
	ck_assert_int_eq(shmemq_close(q), 0);
	while (stat_of(observer).waiting != SHMEMQ_WAIT_PRODUCER)
		test_sleep(1 * MS);
	q = test_open(name, SHMEMQ_CONSUMER, 0);
	ck_assert_int_eq(shmemq_pop(q, NULL, 0, NULL), 0);
	ck_assert_int_eq(test_wait(child), 0);
	ck_assert_uint_eq(stat_of(observer).waiting, 0);
	ck_assert_int_eq(shmemq_close(q) | shmemq_close(observer), 0);
}

/* To be allowed to read is enough, and gives no right to more. */
static int observe(const void *name)
{
	struct shmemq_attr attr;
	struct shmemq_stat st;
	struct shmemq *q;

	child_drop_root();
	CHECK(shmemq_open(name, SHMEMQ_PRODUCER, 0, NULL) == NULL && errno == EACCES);
	CHECK(shmemq_open(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 0, NULL) == NULL && errno == EACCES);
	CHECK((q = shmemq_open(name, SHMEMQ_OBSERVER, 0, NULL)) != NULL);
	CHECK(shmemq_getattr(q, &attr) == 0 && attr.capacity == file_page());
	CHECK(shmemq_stat(q, &st) == 0 && st.producer == SHMEMQ_END_OPEN && st.consumer == SHMEMQ_END_NEVER);
	CHECK(st.queued_messages == 1 && st.pushed_bytes == 5);
	CHECK(shmemq_close(q) == 0);
	return 0;
}

TEST(observer_needs_only_to_read)
{
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1);

	ck_assert_int_eq(shmemq_push(q, "hello", 5, 0), 0);
	ck_assert_int_eq(chmod(file_path(name), 0444), 0);
	child_run(observe, name);
	ck_assert_int_eq(shmemq_close(q), 0);
}

/* It claims no end and writes nothing: ends come and go beside it, and do not learn of it. */
TEST(observer_leaves_no_trace)
{
	const char *name = test_name();
	struct shmemq *first = test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1), *second, *q;
	struct smq_header *file = file_map(name);

	FILE_UNCHANGED(file, {
		second = test_open(name, SHMEMQ_OBSERVER, 0);
		stat_of(second);
		ck_assert_int_eq(shmemq_close(first), 0);
	});
	q = test_open(name, SHMEMQ_CONSUMER, 0);
	ck_assert_int_eq(shmemq_close(second), 0);
	ck_fails(shmemq_timedpop(q, NULL, 0, NULL, 1 * MS), ETIMEDOUT);
	ck_assert_int_eq(shmemq_close(q), 0);
	file_unmap(file);
}

const struct suite suite = {
	.name = "api/stat",
	.seconds = 60,
	.tests = {
		{ stat_ends, 1, 0 },
		{ stat_counts, 1, 0 },
		{ stat_waiting, 1, 0 },
		{ observer_needs_only_to_read, 1, 0 },
		{ observer_leaves_no_trace, 1, 0 },
	},
};
