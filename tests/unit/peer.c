/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a peer, or until it has popped all: its claim, and its pops, wake the sleeper; the kernel is asked once a
 * slice, and other waits learn nothing. The linker lets this program see the sleeps, and the questions.
 */
#include "config.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "one_end.h"
#include "suite.h"
#include "wait.h"

#define LOST (5000 * MS) /* asleep for so long though the peer is there: the wake was lost */

static bool long_sleeps; /* those of a whole slice last until they are woken */
static unsigned sleeps;
static _Atomic unsigned questions;

int __real_smq_eventcount_wait(struct smq_eventcount *eventcount, int64_t ns);
int __wrap_smq_eventcount_wait(struct smq_eventcount *eventcount, int64_t ns);
bool __real_smq_endlock_held(int fd, bool producer);
bool __wrap_smq_endlock_held(int fd, bool producer);

int __wrap_smq_eventcount_wait(struct smq_eventcount *eventcount, int64_t ns)
{
	int64_t start = test_now();
	int err;

	sleeps++;
	if (!long_sleeps || ns <= SMQ_SLICE_UNFENCED_NS)
		return __real_smq_eventcount_wait(eventcount, ns);
	err = __real_smq_eventcount_wait(eventcount, LOST);
	if (test_now() - start >= LOST) {
		fprintf(stderr, "a wake was lost\n");
		_Exit(1);
	}
	return err;
}

bool __wrap_smq_endlock_held(int fd, bool producer)
{
	questions++;
	return __real_smq_endlock_held(fd, producer);
}

struct later {
	const char *name;
	unsigned end;
	int64_t delay;
	struct shmemq *q;
};

static void *open_later(void *argument)
{
	struct later *later = argument;

	test_sleep(later->delay);
	later->q = test_open(later->name, later->end, 0);
	return NULL;
}

/* However the claim and the sleep fall together. */
TEST(a_claim_wakes)
{
	unsigned end = both_ends[_i % 2];
	struct later later = { .name = test_name(), .end = other_end(end) };
	struct shmemq *q = test_open(later.name, end | (_i & 2 ? SHMEMQ_SHARED : 0) | SHMEMQ_CREATE, 1);
	pthread_t thread;

	long_sleeps = true;
	for (int i = 0; i < TEST_PART(200); i++) {
		later.delay = i % 5 * MS / 20;
		ck_assert_int_eq(pthread_create(&thread, NULL, open_later, &later), 0);
		ck_assert_int_eq(shmemq_wait_peer(q, -1), 0);
		pthread_join(thread, NULL);
		ck_assert_int_eq(shmemq_close(later.q), 0);
		smq_eventcount_new_slice(&q->eventcount); /* as time would */
	}
	ck_assert_uint_ge(sleeps, 1);
	ck_assert_int_eq(shmemq_close(q), 0);
}

static void *pop_later(void *argument)
{
	struct later *later = argument;
	size_t size;

	test_sleep(later->delay);
	while (shmemq_timedpop_start(later->q, &size, NULL, 0) != NULL)
		ck_assert_int_eq(shmemq_pop_end(later->q), 0);
	return NULL;
}

TEST(a_pop_wakes)
{
	struct later later = { .name = test_name() };
	struct shmemq *q = test_open(later.name, SHMEMQ_PRODUCER | (_i ? SHMEMQ_SHARED : 0) | SHMEMQ_CREATE, 1);
	pthread_t thread;

	later.q = test_open(later.name, SHMEMQ_CONSUMER, 0);
	long_sleeps = true;
	for (int i = 0; i < TEST_PART(200); i++) {
		q->spin_misses = SMQ_SPIN_MISSES; /* sleeps at once */
		ck_assert_int_eq(shmemq_push(q, NULL, 0, 0) | shmemq_push(q, NULL, 0, 0), 0);
		later.delay = i % 5 * MS / 20;
		ck_assert_int_eq(pthread_create(&thread, NULL, pop_later, &later), 0);
		ck_assert_int_eq(shmemq_wait_empty(q, -1), 0);
		pthread_join(thread, NULL);
		smq_eventcount_new_slice(&q->eventcount);
	}
	ck_assert_uint_ge(sleeps, 1);
	ck_assert_int_eq(shmemq_close(q) | shmemq_close(later.q), 0);
}

/* Of a peer that is there; with STAY in each call, since no other call asks. Of one that is not there, never. */
TEST(asks_once_a_slice)
{
	unsigned end = both_ends[_i % 2];
	const char *name = test_name();
	bool stay = _i & 2;
	struct shmemq *q = test_open(name, end | (stay ? SHMEMQ_STAY : 0) | SHMEMQ_CREATE, 1), *peer;
	int64_t start;

	for (int i = 0; i < 100; i++)
		ck_fails(shmemq_wait_peer(q, 0), EAGAIN);
	ck_fails(shmemq_wait_peer(q, 300 * MS), ETIMEDOUT);
	ck_assert_uint_eq(questions, 0);
	peer = test_open(name, other_end(end), 0);
	questions = 0;
	start = test_now();
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(shmemq_wait_peer(q, 0), 0);
	if (stay)
		ck_assert_uint_eq(questions, 1000);
	else
		ck_assert_uint_le(questions, 1 + (unsigned)((test_now() - start) / SMQ_SLICE_NS));
	ck_assert_int_eq(shmemq_close(peer) | shmemq_close(q), 0);
}

/* Waits over some slices leave what other waits have learnt, and sleep all the time. */
TEST(nothing_is_learnt)
{
	struct shmemq *q = test_open(test_name(), both_ends[_i] | SHMEMQ_CREATE, 1);

	q->spin_ns = 12345;
	q->spin_misses = 3;
	q->peer.messages_at_wait = 7;
	ck_fails(shmemq_wait_peer(q, 600 * MS), ETIMEDOUT);
	ck_fails(shmemq_wait_peer(q, 1), ETIMEDOUT);
	ck_fails(shmemq_wait_peer(q, 0), EAGAIN);
	ck_assert(q->spin_ns == 12345 && q->spin_misses == 3 && q->peer.messages_at_wait == 7);
	ck_assert_uint_eq(q->peer.quiet_claim, SMQ_NOT_QUIET);
	if (!q->eventcount.no_membarrier)
		ck_assert_uint_le(sleeps, 600 * MS / SMQ_SLICE_NS + 3);
	ck_assert_int_eq(shmemq_close(q), 0);
}

const struct suite suite = {
	.name = "unit/peer",
	.seconds = 120,
	.test_seconds = 60,
	.tests = {
		{ a_claim_wakes, 4, 0 },
		{ a_pop_wakes, 2, 0 },
		{ asks_once_a_slice, 4, 0 },
		{ nothing_is_learnt, 2, 0 },
	},
};
