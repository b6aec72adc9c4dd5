/* SPDX-License-Identifier: MIT */
/* shmemq_mark(): when a mark comes into force, and what the call refuses. After kills: tests/step/mark.c. */
#include "config.h"

#include <stdatomic.h>

#include "child.h"
#include "pair.h"
#include "suite.h"

#define MARK 0xfedcba9876543210

static char text[] = "one";
static struct shmemq_msg msgs[4];

static void setup(void)
{
	pair_open_page();
	for (int i = 0; i < 4; i++)
		msgs[i] = (struct shmemq_msg){ .data = text, .size = 3 };
}

static uint64_t mark_of(struct shmemq *q, bool produces)
{
	struct shmemq_stat st;

	ck_assert_int_eq(shmemq_stat(q, &st), 0);
	return produces ? st.producer_mark : st.consumer_mark;
}

/* With the next operation, not before; and it stays. */
TEST(in_force_with_the_next_push)
{
	struct iovec part = { text, 3 };

	ck_assert_uint_eq(mark_of(consumer, true), 0);
	ck_assert_int_eq(shmemq_mark(producer, MARK), 0);
	ck_assert_uint_eq(mark_of(consumer, true), 0);
	if (_i == 0)
		ck_assert_int_eq(shmemq_push(producer, text, 3, 0), 0);
	else if (_i == 1)
		ck_assert_int_eq(shmemq_pushv(producer, &part, 1, 0), 0);
	else if (_i == 2)
		ck_assert_int_eq(shmemq_pushm(producer, msgs, 4, 0), 1);
	else
		ck_assert(shmemq_push_start(producer, 99) != NULL && shmemq_push_end(producer, 3, 0) == 0);
	ck_assert_uint_eq(mark_of(consumer, true), MARK);
	ck_assert_int_eq(shmemq_push(producer, text, 3, 0), 0);
	ck_assert_int_eq(shmemq_pushm(producer, msgs, 4, 0), 4);
	ck_assert_uint_eq(mark_of(producer, true), MARK);
	ck_assert_uint_eq(mark_of(producer, false), 0);
}

TEST(in_force_with_the_next_release)
{
	char buffer[3];
	size_t size;

	ck_assert_int_eq(shmemq_pushm(producer, msgs, 4, 0), 4);
	if (_i == 2)
		ck_assert_int_eq(shmemq_popm_start(consumer, msgs, 4, 0), 4);
	ck_assert_int_eq(shmemq_mark(consumer, MARK), 0);
	if (_i == 0)
		ck_assert_int_eq(shmemq_pop(consumer, buffer, 3, NULL), 3);
	else if (_i == 1)
		ck_assert(shmemq_pop_start(consumer, &size, NULL) != NULL);
	ck_assert_uint_eq(mark_of(producer, false), _i == 0 ? MARK : 0);
	if (_i == 1)
		ck_assert_int_eq(shmemq_pop_end(consumer), 0);
	else if (_i == 2)
		ck_assert_int_eq(shmemq_popm_end(consumer, 2), 0);
	else if (_i == 3)
		ck_assert(shmemq_popm_start(consumer, msgs, 4, 0) == 4 && shmemq_popm_end(consumer, 0) == 0);
	ck_assert_uint_eq(mark_of(producer, false), MARK);
	ck_assert_int_eq(shmemq_pop(consumer, buffer, 3, NULL), 3);
	ck_assert_uint_eq(mark_of(producer, false), MARK);
}

/* Calls that fail, or push nothing, leave it for the next one. */
TEST(waits_for_a_success)
{
	char buffer[3];

	ck_assert_int_eq(shmemq_mark(producer, 1), 0);
	ck_assert_int_eq(shmemq_mark(consumer, 2), 0);
	ck_fails(shmemq_timedpop(consumer, buffer, 3, NULL, 0), EAGAIN);
	ck_fails(shmemq_push(producer, text, message_max + 1, 0), EMSGSIZE);
	ck_assert_int_eq(shmemq_pushm(producer, msgs, 0, 0), 0);
	ck_assert(shmemq_push_start(producer, 3) != NULL && shmemq_push_cancel(producer) == 0);
	ck_assert_uint_eq(mark_of(producer, true), 0);
	ck_assert_int_eq(shmemq_push(producer, text, 3, 0), 0);
	ck_assert_uint_eq(mark_of(producer, true), 1);
	ck_fails(shmemq_pop(consumer, buffer, 2, NULL), EMSGSIZE);
	ck_assert_uint_eq(mark_of(producer, false), 0);
	ck_assert_int_eq(shmemq_pop(consumer, buffer, 3, NULL), 3);
	ck_assert_uint_eq(mark_of(producer, false), 2);
}

TEST(the_later_one_counts)
{
	for (uint64_t i = 1; i <= 3000; i++)
		ck_assert_int_eq(shmemq_mark(producer, i), 0);
	ck_assert_uint_eq(mark_of(producer, true), 0);
	ck_assert_int_eq(shmemq_push(producer, text, 3, 0), 0);
	ck_assert_uint_eq(mark_of(consumer, true), 3000);
}

/* A close drops a mark that is not in force, and leaves one that is. */
TEST(close_drops_it)
{
	ck_assert_int_eq(shmemq_mark(producer, 1), 0);
	ck_assert_int_eq(shmemq_push(producer, text, 3, 0), 0);
	ck_assert_int_eq(shmemq_mark(producer, 2), 0);
	ck_assert_int_eq(shmemq_close(producer), 0);
	ck_assert_uint_eq(mark_of(consumer, true), 1);
	producer = test_open(name, SHMEMQ_PRODUCER, 0);
	ck_assert_int_eq(shmemq_push(producer, text, 3, 0), 0);
	ck_assert_uint_eq(mark_of(consumer, true), 1);
}

static int child_fails(const void *argument)
{
	(void)argument;
	CHECK(shmemq_mark(producer, 1) == -1 && errno == EPERM);
	return 0;
}

TEST(refusals)
{
	struct shmemq_attr attr = { .flags = SHMEMQ_ATTR_BROADCAST };
	struct shmemq *other = test_open(name, SHMEMQ_OBSERVER, 0), *sender;
	const char *broadcast = test_name();

	ck_fails(shmemq_mark(NULL, 1), EINVAL);
	ck_fails(shmemq_mark(other, 1), EBADF);
	shmemq_close(other);
	other = test_open(name, SHMEMQ_FOLLOWER, 0);
	ck_fails(shmemq_mark(other, 1), EBADF);
	shmemq_close(other);
	shmemq_close(producer);
	producer = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_SHARED, 0);
	ck_fails(shmemq_mark(producer, 1), EINVAL);
	sender = shmemq_open(broadcast, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr);
	other = test_open(broadcast, SHMEMQ_CONSUMER, 0);
	ck_fails(shmemq_mark(other, 1), EINVAL);
	ck_assert_int_eq(shmemq_mark(sender, 1), 0);
	ck_assert_int_eq(shmemq_close(other) | shmemq_close(sender) | shmemq_unlink(broadcast), 0);
}

TEST(refused_in_a_child)
{
	child_run(child_fails, NULL);
}

TEST(refused_after_garbage)
{
	char buffer[3];

	ck_assert_int_eq(shmemq_push(producer, text, 3, 0), 0);
	*(uint32_t *)(void *)((char *)file + file->identity.header_bytes) = 60000;
	ck_fails(shmemq_timedpop(consumer, buffer, 3, NULL, 0), EBADMSG);
	ck_fails(shmemq_mark(consumer, 1), EBADMSG);
}

/* What a hostile process stores there makes no mark, if it does not hold together; and stat shows all the rest. */
TEST(garbage_marks)
{
	file->producer_progress.marks.slot[0].part[_i % 3] = 1;
	if (_i >= 3)
		file->producer_progress.marks.now = UINT32_MAX;
	ck_assert_uint_eq(mark_of(consumer, true), 0);
	ck_assert_int_eq(shmemq_mark(producer, MARK), 0);
	ck_assert_int_eq(shmemq_push(producer, text, 3, 0), 0);
	ck_assert_uint_eq(mark_of(consumer, true), MARK);
}

static const char *sent;

static int marks_all_the_time(const void *stop)
{
	struct shmemq *q = shmemq_open(sent, SHMEMQ_PRODUCER, 0, NULL);

	CHECK(q != NULL);
	for (uint64_t i = 1; atomic_load((const atomic_uint *)stop) == 0; i++) {
		CHECK(shmemq_mark(q, i * 0x100000001) == 0);
		CHECK(shmemq_push(q, "", 0, 0) == 0);
	}
	return 0;
}

/* A mark is never seen mixed of two, and marks never go back. */
TEST(read_while_it_changes)
{
	atomic_uint *stop = child_shared(sizeof *stop);
	const int64_t until = test_now() + TEST_BOX;
	struct shmemq *observer;
	uint64_t last = 0;
	pid_t child;

	/* Of a broadcast queue without consumers, so that it never waits. */
	sent = test_name();
	observer = shmemq_open(sent, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 0600,
			       &(struct shmemq_attr){ .flags = SHMEMQ_ATTR_BROADCAST });
	ck_assert_ptr_nonnull(observer);
	child = child_start(marks_all_the_time, stop);
	for (int i = 0; last == 0 || (i < TEST_PART(20000) && test_now() < until); i++) {
		uint64_t mark = mark_of(observer, true);

		ck_assert_uint_eq(mark >> 32, mark & UINT32_MAX);
		ck_assert_uint_ge(mark, last);
		last = mark;
	}
	*stop = 1;
	ck_assert_int_eq(test_wait(child), 0);
	ck_assert_uint_ne(last, 0);
	ck_assert_int_eq(shmemq_close(observer) | shmemq_unlink(sent), 0);
}

const struct suite suite = {
	.name = "api/mark",
	.seconds = 60,
	.setup = setup,
	.teardown = pair_close,
	.tests = {
		{ in_force_with_the_next_push, 4, 0 },
		{ in_force_with_the_next_release, 4, 0 },
		{ waits_for_a_success, 1, 0 },
		{ the_later_one_counts, 1, 0 },
		{ close_drops_it, 1, 0 },
		{ refusals, 1, 0 },
		{ refused_in_a_child, 1, NEEDS_FORKS_APART },
		{ refused_after_garbage, 1, 0 },
		{ garbage_marks, 6, 0 },
		{ read_while_it_changes, 1, 0 },
	},
};
