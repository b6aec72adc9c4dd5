/* SPDX-License-Identifier: MIT */
/* The bits by which followers wait in the consumer's word, beside the consumer's own. */
#include "config.h"

#include <stdio.h>

#include "file.h"
#include "follow.h"
#include "suite.h"

bool __wrap_smq_process_membarrier(void);
bool __real_smq_process_membarrier(void);

static unsigned membarriers;
static const char *name;
static struct smq_header *file;
static char buffer[8];

bool __wrap_smq_process_membarrier(void)
{
	membarriers++;
	return __real_smq_process_membarrier();
}

static void begin(void)
{
	name = test_name();
	ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1)), 0);
	file = file_map(name);
}

static uint32_t bits(void)
{
	return file->consumer_wait.word & SMQ_WAIT_BITS;
}

/* A new consumer resets what a dead one has left, but no follower's bits. */
TEST(a_claim_keeps_them)
{
	const uint32_t all = SMQ_WAIT_SLEEPER | SMQ_WAIT_FENCE | SMQ_WAIT_POLLER, count = 5 * SMQ_WAIT_COUNT_ONE;

	begin();
	file->consumer_wait.word = all | count;
	ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_CONSUMER, 0)), 0);
	ck_assert_uint_eq(bits(), 0);
	file->consumer_wait.word = all | SMQ_WAIT_FOLLOWER | count;
	ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_CONSUMER, 0)), 0);
	ck_assert_uint_eq(file->consumer_wait.word, SMQ_WAIT_POLLER | SMQ_WAIT_FOLLOWER | count);
	file_unmap(file);
}

/* A push takes them for a waiter's: it clears them, and counts a wake. So does a close. */
TEST(a_push_looks_for_them)
{
	struct shmemq *producer;
	uint32_t before;

	begin();
	producer = test_open(name, SHMEMQ_PRODUCER, 0);
	for (int i = 0; i < 2; i++) {
		before = file->consumer_wait.word;
		file->consumer_wait.word |= SMQ_WAIT_FOLLOWER;
		ck_assert_int_eq(i == 0 ? shmemq_push(producer, "", 1, 0) : shmemq_close(producer), 0);
		ck_assert_uint_eq(file->consumer_wait.word, before + SMQ_WAIT_COUNT_ONE);
	}
	file_unmap(file);
}

#ifdef SMQ_USE_FUTEX
#include "os_futex.h"

/* An emulator may do it in its own byte order. */
static bool has_futex_ops(void)
{
	smq_word word = 0;

	return smq_futex_set(&word, SMQ_WAIT_FOLLOWER) && word == SMQ_WAIT_FOLLOWER;
}

/* A follower that waits sets its bit, and one that polls both; a hundred times at once, and then it looks. */
TEST(a_follower_sets_them)
{
	struct shmemq *q;
	unsigned before;

	if (!has_futex_ops()) {
		printf("skipped: FUTEX_WAKE_OP does not change a word as this machine would\n");
		return;
	}
	begin();
	q = test_open(name, SHMEMQ_FOLLOWER, 0);
	ck_fails(shmemq_timedpop(q, buffer, sizeof buffer, NULL, 0), EAGAIN);
	ck_assert_uint_eq(bits(), 0);
	ck_fails(shmemq_timedpop(q, buffer, sizeof buffer, NULL, 1 * MS), ETIMEDOUT);
	ck_assert_uint_eq(bits(), SMQ_WAIT_FOLLOWER);
	ck_assert_uint_gt(membarriers, 0);
	ck_assert_int_ge(shmemq_pollfd(q), 0);
	ck_fails(shmemq_timedpop(q, buffer, sizeof buffer, NULL, 0), EAGAIN);
	ck_assert_uint_eq(bits(), SMQ_WAIT_FOLLOWER | SMQ_WAIT_POLLER);
	/* However long they take, no slice begins, with which there would be more. */
	q->peer.probed_at = INT64_MAX - SMQ_SLICE_NS;
	before = q->more->follow->alarm.used;
	membarriers = 0;
	for (int i = 0; i < 1000; i++)
		ck_fails(shmemq_timedpop(q, buffer, sizeof buffer, NULL, 1), ETIMEDOUT);
	ck_assert_uint_eq(membarriers, SMQ_MEMBARRIERS_MAX - before);
	ck_assert_int_eq(shmemq_close(q), 0);
	file_unmap(file);
}
#endif

/* A consumer that polls does not rely on a bit that a follower has set, whose barrier may be still to come. */
TEST(a_consumer_that_polls_does_not_rely_on_them)
{
	struct shmemq *q;

	begin();
	q = test_open(name, SHMEMQ_CONSUMER, 0);
	ck_assert_int_ge(shmemq_pollfd(q), 0);
	file->consumer_wait.word = SMQ_WAIT_FOLLOWER | SMQ_WAIT_POLLER;
	membarriers = 0;
	ck_fails(shmemq_timedpop(q, buffer, sizeof buffer, NULL, 0), EAGAIN);
	ck_assert_uint_eq(membarriers, 1);
	ck_assert_int_eq(shmemq_close(q), 0);
	file_unmap(file);
}

const struct suite suite = {
	.name = "unit/follow_word",
	.seconds = 60,
	.tests = {
		{ a_claim_keeps_them, 1, 0 },
		{ a_push_looks_for_them, 1, 0 },
		{ a_consumer_that_polls_does_not_rely_on_them, 1, NEEDS_POLLFD | NEEDS_MEMBARRIER },
#ifdef SMQ_USE_FUTEX
		{ a_follower_sets_them, 1, NEEDS_POLLFD | NEEDS_MEMBARRIER },
#endif
	},
};
