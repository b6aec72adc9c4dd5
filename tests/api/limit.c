/* SPDX-License-Identifier: MIT */
/* messages_max: a push waits while so many are queued, exactly, whatever their sizes and however they are moved. */
#include "config.h"

#include <signal.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "polling.h"
#include "suite.h"
#include "traffic.h"

#define QUEUED_MAX 1024
#define UNIT       8

/* For loop tests. */
static const uint32_t limits[] = { 1, 2, 7, 100, 1000000 };
#define LIMITS ((int)(sizeof limits / sizeof limits[0]))

/* A queue, and what is to be in it. */
static struct {
	const char *name;
	struct shmemq *producers[2], *consumer;
	unsigned shared;
	struct shmemq_attr attr;
	uint32_t sizes[QUEUED_MAX], first, count; /* queued: a ring of sizes */
	uint64_t used;                            /* bytes of the ring */
	uint64_t random;
	unsigned char buffer[1 << 16];
} queue;

static uint64_t record_bytes(uint32_t size)
{
	uint64_t mask = queue.attr.alignment - 1;

	return (UNIT + size + mask) & ~mask;
}

static bool fits(uint32_t size)
{
	return queue.count < queue.attr.messages_max && queue.used + record_bytes(size) + UNIT <= queue.attr.capacity;
}

static void pushed(uint32_t size)
{
	ck_fast(fits(size) && queue.count < QUEUED_MAX);
	queue.sizes[(queue.first + queue.count++) % QUEUED_MAX] = size;
	queue.used += record_bytes(size);
}

static uint32_t popped(void)
{
	uint32_t size = queue.sizes[queue.first++ % QUEUED_MAX];

	ck_fast(queue.count-- > 0);
	queue.used -= record_bytes(size);
	return size;
}

static uint32_t below(uint32_t bound)
{
	return (uint32_t)(traffic_random(&queue.random) % bound);
}

static uint32_t any_size(void)
{
	return below(4) != 0 ? below(64) : below(queue.attr.message_max / 3);
}

static void open_all(void)
{
	queue.producers[0] = shmemq_open(queue.name, SHMEMQ_PRODUCER | SHMEMQ_CREATE | queue.shared, 0600, &queue.attr);
	ck_assert_ptr_nonnull(queue.producers[0]);
	queue.producers[1] =
		queue.shared ? test_open(queue.name, SHMEMQ_PRODUCER | queue.shared, 0) : queue.producers[0];
	queue.consumer = test_open(queue.name, SHMEMQ_CONSUMER, 0);
}

static void begin(uint32_t limit, unsigned shared)
{
	queue.random = test_seed();
	queue.name = test_name();
	queue.shared = shared;
	queue.attr = (struct shmemq_attr){ .capacity = 1, .messages_max = limit, .alignment = 8u << below(4) };
	open_all();
	ck_assert_int_eq(shmemq_getattr(queue.consumer, &queue.attr), 0);
	ck_assert_uint_eq(queue.attr.messages_max, limit);
}

static void close_all(void)
{
	ck_assert_int_eq(shmemq_close(queue.producers[0]) | shmemq_close(queue.consumer), 0);
	if (queue.shared)
		ck_assert_int_eq(shmemq_close(queue.producers[1]), 0);
}

static void push_one(struct shmemq *q, uint32_t size)
{
	bool may = fits(size);

	ck_fast((shmemq_timedpush(q, queue.buffer, size, 0, 0) == 0) == may);
	if (may)
		pushed(size);
	else
		ck_fast(errno == EAGAIN);
}

/* In place: ended with a smaller size, or cancelled. */
static void push_in_place(struct shmemq *q, uint32_t size)
{
	uint32_t end = below(size + 1);
	bool may = fits(size);

	ck_fast((shmemq_timedpush_start(q, size, 0) != NULL) == may);
	if (may && below(4) == 0) {
		ck_fast(shmemq_push_cancel(q) == 0);
	} else if (may) {
		ck_fast(shmemq_push_end(q, end, 0) == 0);
		pushed(end);
	}
}

static void push_many(struct shmemq *q)
{
	struct shmemq_msg msgs[20];
	int count;

	for (int i = 0; i < 20; i++)
		msgs[i] = (struct shmemq_msg){ .data = queue.buffer, .size = any_size() };
	count = shmemq_pushm(q, msgs, 20, 0);
	for (int i = 0; i < count; i++)
		pushed((uint32_t)msgs[i].size);
	ck_fast(count == 20 || !fits((uint32_t)msgs[count > 0 ? count : 0].size));
}

static void push_some(void)
{
	struct shmemq *q = queue.producers[below(2)];

	switch (below(3)) {
	case 0:
		push_one(q, any_size());
		break;
	case 1:
		push_in_place(q, any_size());
		break;
	default:
		push_many(q);
	}
}

static void pop_some(void)
{
	struct shmemq_msg msgs[20];
	unsigned count;

	if (queue.count == 0) {
		ck_fails(shmemq_timedpop(queue.consumer, queue.buffer, sizeof queue.buffer, NULL, 0), EAGAIN);
	} else if (below(2)) {
		ck_fast(shmemq_timedpop(queue.consumer, queue.buffer, sizeof queue.buffer, NULL, 0) ==
			(ssize_t)popped());
	} else {
		count = (unsigned)shmemq_popm_start(queue.consumer, msgs, 20, 0);
		count = below(count + 1);
		for (unsigned i = 0; i < count; i++)
			ck_fast(msgs[i].size == popped());
		ck_fast(shmemq_popm_end(queue.consumer, count) == 0);
	}
}

/* One end after the other moves some, and now and then the ends are closed and opened. */
static void run(uint32_t limit, unsigned shared)
{
	begin(limit, shared);
	for (int i = 0; i < 3000; i++) {
		for (uint32_t n = below(10); n > 0; n--)
			push_some();
		for (uint32_t n = below(10); n > 0; n--)
			pop_some();
		if (below(50) == 0) {
			close_all();
			open_all();
		}
	}
	close_all();
}

TEST(exact)
{
	run(limits[_i % LIMITS], _i < LIMITS ? 0 : SHMEMQ_SHARED);
}

/* A producer dies with messages in the queue, again and again: the next one counts what is there. */
static int push_and_die(const void *argument)
{
	struct shmemq *q = shmemq_open(argument, SHMEMQ_PRODUCER, 0, NULL);

	for (int i = 0; q != NULL && i < 3; i++)
		CHECK(shmemq_timedpush(q, "x", 1, 0, 0) == 0);
	CHECK(q != NULL && shmemq_timedpush_start(q, 10, 0) != NULL);
	return raise(SIGKILL);
}

TEST(exact_after_deaths)
{
	char byte;

	begin(10, 0);
	for (int i = 0; i < 50; i++) {
		ck_assert_int_eq(shmemq_close(queue.producers[0]), 0);
		ck_assert_int_eq(test_wait(child_start(push_and_die, queue.name)), 128 + SIGKILL);
		queue.producers[0] = test_open(queue.name, SHMEMQ_PRODUCER, 0);
		for (int n = 3; n < 10; n++)
			ck_assert_int_eq(shmemq_timedpush(queue.producers[0], "x", 1, 0, 0), 0);
		ck_fails(shmemq_timedpush(queue.producers[0], "x", 1, 0, 0), EAGAIN);
		if (i % 2) {
			ck_assert_int_eq(shmemq_close(queue.consumer), 0);
			queue.consumer = test_open(queue.name, SHMEMQ_CONSUMER, 0);
		}
		for (int n = 0; n < 10; n++)
			ck_assert_int_eq(shmemq_timedpop(queue.consumer, &byte, 1, NULL, 0), 1);
	}
	close_all();
}

static int pop_later(const void *name)
{
	struct shmemq *q = shmemq_open(name, SHMEMQ_CONSUMER | SHMEMQ_SHARED, 0, NULL);
	char byte;

	test_sleep(20 * MS);
	CHECK(q != NULL && shmemq_timedpop(q, &byte, 1, NULL, 0) == 1 && shmemq_close(q) == 0);
	return 0;
}

/* A push that waits for the limit is woken by one pop; and what the peer's end has become is said as ever. */
TEST(waits)
{
	struct shmemq_attr attr = { .capacity = 1, .messages_max = 3 };
	const char *name = test_name();
	struct shmemq *producer, *consumer;
	pid_t child;

	producer = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE | (_i ? SHMEMQ_SHARED : 0), 0600, &attr);
	consumer = test_open(name, SHMEMQ_CONSUMER | SHMEMQ_SHARED, 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(shmemq_push(producer, "x", 1, 0), 0);
	ck_fails(shmemq_timedpush(producer, "x", 1, 0, 5 * MS), ETIMEDOUT);
	child = child_start(pop_later, name);
	ck_assert_int_eq(shmemq_push(producer, "x", 1, 0), 0);
	ck_assert_int_eq(test_wait(child), 0);
	ck_assert_int_eq(shmemq_interrupt(producer), 0);
	ck_fails(shmemq_push(producer, "x", 1, 0), ECANCELED);
	ck_assert_int_eq(shmemq_close(consumer), 0);
	ck_fails(shmemq_push(producer, "x", 1, 0), EPIPE);
	ck_assert_int_eq(shmemq_close(producer), 0);
}

TEST(descriptor_is_raised)
{
	char byte;

	begin(2, _i ? SHMEMQ_SHARED : 0);
	ck_assert_int_ge(shmemq_pollfd(queue.producers[0]), 0);
	for (int i = 0; i < 10; i++) {
		while (shmemq_timedpush(queue.producers[0], "x", 1, 0, 0) == 0)
			;
		ck_assert_int_eq(errno, EAGAIN);
		ck_assert_int_eq(shmemq_timedpop(queue.consumer, &byte, 1, NULL, 0), 1);
		await_raised(shmemq_pollfd(queue.producers[0]));
	}
	close_all();
}

const struct suite suite = {
	.name = "api/limit",
	.seconds = 120,
	.tests = {
		{ exact, 2 * LIMITS, 0 },
		{ exact_after_deaths, 1, 0 },
		{ waits, 2, 0 },
		{ descriptor_is_raised, 2, NEEDS_POLLFD },
	},
};
