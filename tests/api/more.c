/* SPDX-License-Identifier: MIT */
/* popm_more: a batch that is held is extended. */
#include "config.h"

#include "child.h"
#include "file.h"
#include "pair.h"
#include "suite.h"

#define RECORD 512 /* bytes: seven fit into the ring */

static struct shmemq_msg msgs[16];

static void setup(void)
{
	name = test_name();
	producer = test_open_aligned(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 4096, RECORD);
	consumer = test_open(name, SHMEMQ_CONSUMER, 0);
}

static void teardown(void)
{
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumer) | shmemq_unlink(name), 0);
}

/* Instead of what setup() has made. */
static void open_with(const struct shmemq_attr *attr, unsigned flags)
{
	teardown();
	producer = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, attr);
	consumer = test_open(name, SHMEMQ_CONSUMER | flags, 0);
}

static void push(uint32_t from, uint32_t count)
{
	for (uint32_t type = from; type < from + count; type++)
		ck_assert_int_eq(shmemq_timedpush(producer, &type, sizeof type, type, 0), 0);
}

static void check_types(int count, uint32_t flags)
{
	for (int i = 0; i < count; i++) {
		ck_assert_uint_eq(msgs[i].type, (uint32_t)i);
		ck_assert_uint_eq(msgs[i].flags, flags);
		ck_assert(msgs[i].size == 4 && memcmp(msgs[i].data, &msgs[i].type, 4) == 0);
	}
}

/* An end that is SHARED, too, and a broadcast queue's. */
TEST(extends_what_is_held)
{
	struct shmemq_attr attr = { .capacity = 4096,
				    .alignment = RECORD,
				    .flags = _i == 2 ? SHMEMQ_ATTR_BROADCAST : 0 };

	open_with(&attr, _i == 1 ? SHMEMQ_SHARED : 0);
	push(0, 3);
	ck_assert_int_eq(shmemq_popm_start(consumer, msgs, 1, 0), 1);
	ck_assert_int_eq(shmemq_popm_more(consumer, msgs + 1, 1, 0), 1);
	ck_assert_int_eq(shmemq_popm_more(consumer, msgs + 2, 9, 0), 1);
	ck_fails(shmemq_popm_more(consumer, msgs + 3, 9, 0), EAGAIN);
	ck_fails(shmemq_popm_more(consumer, msgs + 3, 9, MS), ETIMEDOUT);
	push(3, 2);
	ck_assert_int_eq(shmemq_popm_more(consumer, msgs + 3, 9, -1), 2);
	check_types(5, 0);
	ck_fails(shmemq_popm_end(consumer, 6), EINVAL);
	ck_assert_int_eq(shmemq_popm_end(consumer, 4), 0);
	ck_assert_int_eq(shmemq_popm_start(consumer, msgs, 9, 0), 1);
	ck_assert_uint_eq(msgs[0].type, 4);
	ck_assert_int_eq(shmemq_popm_end(consumer, 1), 0);
}

/* All of them come again, those of popm_more too, and no others are marked. */
TEST(held_comes_again)
{
	struct shmemq_stat st;

	push(0, 3);
	ck_assert_int_eq(shmemq_popm_start(consumer, msgs, 1, 0), 1);
	ck_assert_int_eq(shmemq_popm_more(consumer, msgs, 1, 0), 1);
	ck_assert_int_eq(shmemq_close(consumer), 0);
	consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	ck_assert_int_eq(shmemq_popm_start(consumer, msgs, 1, 0), 1);
	ck_assert_int_eq(shmemq_popm_more(consumer, msgs + 1, 9, 0), 2);
	ck_assert_uint_eq(msgs[2].flags, 0);
	check_types(2, SHMEMQ_MSG_REDELIVERED);
	ck_assert_int_eq(shmemq_popm_end(consumer, 3), 0);
	ck_assert_int_eq(shmemq_stat(consumer, &st), 0);
	ck_assert(st.popped_messages == 3 && st.popped_bytes == 12);
}

static int pushes_one(const void *argument)
{
	struct shmemq *q = shmemq_open(argument, SHMEMQ_PRODUCER, 0, NULL);

	nanosleep(&(struct timespec){ .tv_nsec = 50 * MS }, NULL);
	CHECK(q != NULL && shmemq_push(q, "x", 1, 1) == 0);
	return 0;
}

TEST(waits_for_one)
{
	pid_t child;

	push(0, 1);
	ck_assert_int_eq(shmemq_popm_start(consumer, msgs, 9, 0), 1);
	ck_assert_int_eq(shmemq_close(producer), 0);
	ck_fails(shmemq_popm_more(consumer, msgs, 9, -1), EPIPE);
	child = child_start(pushes_one, name);
	while (shmemq_wait_peer(consumer, -1) != 0)
		;
	ck_assert_int_eq(shmemq_popm_more(consumer, msgs, 9, -1), 1);
	ck_assert_int_eq(test_wait(child), 0);
	ck_fails(shmemq_popm_more(consumer, msgs, 9, -1), EOWNERDEAD);
	ck_assert_int_eq(shmemq_popm_end(consumer, 2), 0);
	producer = test_open(name, SHMEMQ_PRODUCER, 0);
}

/* No message can come while these are held: the ring is full, or as many as may be are queued. */
TEST(full_batch)
{
	struct shmemq_attr attr = { .capacity = 4096, .alignment = RECORD, .messages_max = _i == 0 ? 0 : 3 };
	int all = _i == 0 ? 7 : 3;

	open_with(&attr, 0);
	push(0, (uint32_t)all);
	ck_assert_int_eq(shmemq_popm_start(consumer, msgs, 1, 0), 1);
	ck_assert_int_eq(shmemq_popm_more(consumer, msgs + 1, 15, 0), all - 1);
	check_types(all, 0);
	ck_assert_int_eq(shmemq_popm_more(consumer, msgs, 15, -1), 0);
	ck_fails(shmemq_timedpush(producer, "x", 1, 0, 0), EAGAIN);
	ck_assert_int_eq(shmemq_popm_end(consumer, 1), 0);
	push((uint32_t)all, 1);
	ck_assert_int_eq(shmemq_popm_start(consumer, msgs, 15, 0), all);
	ck_assert_int_eq(shmemq_popm_end(consumer, (unsigned)all), 0);
}

/* Where the queue has grown the batch ends; the next one goes on there. */
TEST(ends_where_the_queue_has_grown)
{
	struct shmemq_attr attr = { .capacity = 4096, .capacity_max = 16384, .alignment = RECORD };
	char buffer[8];
	int held;

	open_with(&attr, 0);
	push(0, 9);
	for (int i = 0; i < 4; i++) /* so that the ring has space again */
		ck_assert_int_eq(shmemq_pop(consumer, buffer, sizeof buffer, NULL), 4);
	held = shmemq_popm_start(consumer, msgs + 4, 1, 0);
	held += shmemq_popm_more(consumer, msgs + 5, 15, 0);
	ck_assert_int_lt(held, 5);
	ck_assert_int_eq(shmemq_popm_more(consumer, msgs, 15, -1), 0);
	ck_assert_int_eq(shmemq_popm_end(consumer, (unsigned)held), 0);
	ck_assert_int_eq(shmemq_popm_start(consumer, msgs + 4 + held, 15, 0), 5 - held);
	for (uint32_t i = 4; i < 9; i++)
		ck_assert_uint_eq(msgs[i].type, i);
	ck_assert_int_eq(shmemq_popm_end(consumer, (unsigned)(5 - held)), 0);
}

static int child_fails(const void *argument)
{
	(void)argument;
	CHECK(shmemq_popm_more(consumer, msgs, 1, 0) == -1 && errno == EPERM);
	return 0;
}

TEST(refusals)
{
	struct shmemq *observer = test_open(name, SHMEMQ_OBSERVER, 0);

	push(0, 1);
	ck_fails(shmemq_popm_more(NULL, msgs, 1, 0), EINVAL);
	ck_fails(shmemq_popm_more(producer, msgs, 1, 0), EBADF);
	ck_fails(shmemq_popm_more(observer, msgs, 1, 0), EBADF);
	ck_fails(shmemq_popm_more(consumer, msgs, 1, 0), EINVAL);
	ck_assert_int_eq(shmemq_popm_start(consumer, msgs, 9, 0), 1);
	ck_fails(shmemq_popm_more(consumer, msgs, 0, 0), EINVAL);
	ck_fails(shmemq_popm_more(consumer, NULL, 1, 0), EINVAL);
	ck_assert_int_eq(shmemq_interrupt(consumer), 0);
	ck_fails(shmemq_popm_more(consumer, msgs, 1, -1), ECANCELED);
	ck_assert_int_eq(shmemq_popm_end(consumer, 1), 0);
	shmemq_close(observer);
}

TEST(refused_in_a_child)
{
	push(0, 1);
	ck_assert_int_eq(shmemq_popm_start(consumer, msgs, 9, 0), 1);
	child_run(child_fails, NULL);
	ck_assert_int_eq(shmemq_popm_end(consumer, 1), 0);
}

/* A jump in a queue that does not grow, and a size that is too large. */
TEST(garbage)
{
	struct smq_header *mapped = file_map(name);

	push(0, 2);
	ck_assert_int_eq(shmemq_popm_start(consumer, msgs, 1, 0), 1);
	*((uint32_t *)(void *)((char *)mapped + mapped->identity.header_bytes) + (2 * RECORD - 8) / 4) =
		_i == 0 ? UINT32_MAX : 60001;
	ck_fails(shmemq_popm_more(consumer, msgs, 1, 0), EBADMSG);
	ck_fails(shmemq_popm_end(consumer, 1), EBADMSG);
	file_unmap(mapped);
}

const struct suite suite = {
	.name = "api/more",
	.seconds = 60,
	.setup = setup,
	.teardown = teardown,
	.tests = {
		{ extends_what_is_held, 3, 0 },
		{ held_comes_again, 1, 0 },
		{ waits_for_one, 1, 0 },
		{ full_batch, 2, 0 },
		{ ends_where_the_queue_has_grown, 1, 0 },
		{ refusals, 1, 0 },
		{ refused_in_a_child, 1, NEEDS_FORKS_APART },
		{ garbage, 2, 0 },
	},
};
