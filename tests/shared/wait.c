/* SPDX-License-Identifier: MIT */
/* SHARED ends: handles that wait for the owner lock, or with it for the peer, sleeping or polling, are notified. */
#include "config.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "calls.h"
#include "acquire.h"
#include "one_end.h"
#include "polling.h"
#include "sleepy.h"
#include "suite.h"

struct waiter {
	struct shmemq *q;
	unsigned end;
	int result;
};

static void *wait_in_thread(void *argument)
{
	struct waiter *waiter = argument;

	waiter->result = end_move(waiter->q, waiter->end, -1) < 0 ? errno : 0;
	return NULL;
}

TEST(an_interruption_ends_the_wait_for_the_owner_lock)
{
	const char *name = test_name();
	unsigned end = both_ends[_i];
	struct shmemq *holder = end_join(name, end), *q = end_join(name, end);
	struct shmemq *peer = test_open(name, other_end(end), 0);

	if (end == SHMEMQ_CONSUMER)
		ck_assert_int_eq(end_try(peer, SHMEMQ_PRODUCER), 0);
	ck_assert(end_begin(holder, end));
	for (int i = 0; i < 200; i++) {
		struct waiter waiter = { .q = q, .end = end };
		pthread_t thread;

		ck_assert_int_eq(pthread_create(&thread, NULL, wait_in_thread, &waiter), 0);
		test_sleep(i % 4 * MS / 10);
		ck_assert_int_eq(shmemq_interrupt(q), 0);
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
		ck_assert_int_eq(waiter.result, ECANCELED);
	}
	ck_assert_int_eq(end_finish(holder, end), 0);
	ck_assert_int_eq(shmemq_close(holder), 0);
	ck_assert_int_eq(shmemq_close(q), 0);
	ck_assert_int_eq(shmemq_close(peer), 0);
}

#define SLEEPERS 5

/* An end on which SLEEPERS threads, and this one, have a handle each, and on which each call waits. */
struct sleepers {
	const char *name;
	unsigned end, other;
	struct shmemq *own, *peer;
	struct waiter waiters[SLEEPERS];
	pthread_t threads[SLEEPERS];
};

static void open_sleepers(struct sleepers *s, unsigned end)
{
	*s = (struct sleepers){ .name = test_name(), .end = end, .other = other_end(end) };
	s->own = end_join(s->name, end);
	s->peer = test_open(s->name, s->other, 0);
	for (int i = 0; i < SLEEPERS; i++)
		s->waiters[i] = (struct waiter){ .q = end_join(s->name, end), .end = end };
	if (end == SHMEMQ_PRODUCER)
		fill(s->own, CALL_BYTES);
	sleepy_arm();
}

static void start_sleepers(struct sleepers *s, bool until_they_sleep)
{
	unsigned before = sleepy_sleeps();

	for (int i = 0; i < SLEEPERS; i++) {
		sleepy_eager(s->waiters[i].q);
		ck_assert_int_eq(pthread_create(&s->threads[i], NULL, wait_in_thread, &s->waiters[i]), 0);
	}
	while (until_they_sleep && sleepy_sleeps() < before + SLEEPERS)
		test_sleep(MS / 10);
}

static void join_sleepers(struct sleepers *s)
{
	for (int i = 0; i < SLEEPERS; i++) {
		ck_assert_int_eq(pthread_join(s->threads[i], NULL), 0);
		ck_assert_int_eq(s->waiters[i].result, 0);
	}
}

static void close_sleepers(struct sleepers *s)
{
	for (int i = 0; i < SLEEPERS; i++)
		ck_assert_int_eq(shmemq_close(s->waiters[i].q), 0);
	ck_assert_int_eq(shmemq_close(s->own), 0);
	ck_assert_int_eq(shmemq_close(s->peer), 0);
}

/* Each of the handles that wait for a message gets one, though others come, go and give up meanwhile. */
TEST(all_waiters_are_notified)
{
	struct sleepers s;

	open_sleepers(&s, both_ends[_i]);
	for (int round = 0; round < 40; round++) {
		start_sleepers(&s, round % 4 != 0);
		if (round % 4 == 1)
			ck_assert_int_eq(shmemq_close(end_join(s.name, s.end)), 0);
		if (round % 4 == 2) {
			sleepy_disarm();
			ck_fails(end_move(s.own, s.end, MS), ETIMEDOUT);
			sleepy_arm();
		}
		for (int i = 0; i < SLEEPERS; i++)
			ck_assert_int_ge(end_move(s.peer, s.other, -1), 0);
		join_sleepers(&s);
	}
	close_sleepers(&s);
}

/* There is a message for each of them, and the owner lock is taken: as soon as it is free they all get theirs. */
TEST(all_waiters_for_the_owner_lock_are_notified)
{
	struct sleepers s;

	open_sleepers(&s, both_ends[_i]);
	for (int round = 0; round < 40; round++) {
		for (int i = 0; i <= SLEEPERS; i++)
			ck_assert_int_ge(end_move(s.peer, s.other, -1), 0);
		ck_assert(end_begin(s.own, s.end));
		start_sleepers(&s, round % 4 != 0);
		ck_assert_int_eq(end_finish(s.own, s.end), 0);
		join_sleepers(&s);
	}
	close_sleepers(&s);
}

/* A page that cannot be used yet. At the first access the peer prepares to sleep, and `owner` gets these bits. */
static struct {
	void *page;
	size_t bytes;
	smq_word *owner, *peer;
	uint32_t bits;
} fault;

static void prepare_at_fault(int signal)
{
	(void)signal;
	if (mprotect(fault.page, fault.bytes, PROT_READ | PROT_WRITE) != 0)
		_exit(1);
	*fault.peer |= SMQ_WAIT_SLEEPER;
	*fault.owner |= fault.bits;
}

/*
 * A call of the frequent case is over at once, and others can prepare to wait only while it copies. It notifies them,
 * the peer also if other handles wait for the owner lock.
 */
TEST(those_that_prepare_during_a_call_are_notified)
{
	const char *name = test_name();
	unsigned end = both_ends[_i / 2];
	struct shmemq *q = end_join(name, end), *peer = end_join(name, other_end(end));

	for (int i = 0; i < 3; i++)
		ck_assert_int_ge(end_try(end == SHMEMQ_PRODUCER ? q : peer, SHMEMQ_PRODUCER), 0);
	ck_assert_int_ge(end_try(q, end), 0);
	fault.bytes = (size_t)sysconf(_SC_PAGESIZE);
	fault.page = mmap(NULL, fault.bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(fault.page, MAP_FAILED);
	fault.owner = q->ownerlock.word;
	fault.peer = &q->eventcount.peer->word;
	fault.bits = _i % 2 ? SMQ_OWNER_SLEEPER : 0;
	signal(SIGSEGV, prepare_at_fault);
	if (end == SHMEMQ_PRODUCER)
		ck_assert_int_eq(shmemq_push(q, fault.page, CALL_BYTES, 0), 0);
	else
		ck_assert_int_eq(shmemq_pop(q, fault.page, CALL_BYTES, NULL), CALL_BYTES);
	signal(SIGSEGV, SIG_DFL);
	ck_assert_uint_eq(*fault.peer, SMQ_WAIT_COUNT_ONE);
	ck_assert_uint_eq(*fault.owner, 0);

	/* A handle that has slept for the lock passes its bit on: more may sleep. */
	q->ownerlock.slept = true;
	ck_assert_int_ge(end_try(q, end), 0);
	ck_assert(!q->ownerlock.slept);
	ck_assert_int_eq(munmap(fault.page, fault.bytes), 0);
	ck_assert_int_eq(shmemq_close(q) | shmemq_close(peer), 0);
}

/* One message of so many is pushed only when both of them wait, which on a busy machine is rare otherwise. */
#define MIXED_ONE_OF 16
#define MIXED        TEST_PART(200000)

/* Two handles of one end, of which one sleeps and one polls: neither cancels what the other one prepared. */
struct mixed {
	struct shmemq *sleeps, *polls;
	_Atomic bool over;
};

static void *sleep_on(void *argument)
{
	struct mixed *mixed = argument;

	while (!mixed->over) {
		sleepy_eager(mixed->sleeps);
		if (shmemq_timedpop(mixed->sleeps, NULL, 0, NULL, -1) != 0)
			break;
	}
	return NULL;
}

/*
 * Waits until the descriptor is raised. If it is not twice in a row, with a message there after the first time, the
 * raise was lost.
 */
static void await_pollfd(struct shmemq *q)
{
	struct shmemq_stat st;

	for (int late = 0; !raised(shmemq_pollfd(q), 5000);) {
		late = shmemq_stat(q, &st) == 0 && st.queued_messages > 0 ? late + 1 : 0;
		if (late == 2) {
			fprintf(stderr, "a raise was lost\n");
			_exit(1);
		}
	}
}

static void *poll_on(void *argument)
{
	struct mixed *mixed = argument;

	while (!mixed->over) {
		if (shmemq_timedpop(mixed->polls, NULL, 0, NULL, 0) == 0)
			continue;
		if (errno != EAGAIN)
			break;
		await_pollfd(mixed->polls);
	}
	return NULL;
}

static void await_both(const struct shmemq *producer)
{
	const uint32_t both = SMQ_WAIT_SLEEPER | SMQ_WAIT_POLLER;

	while ((producer->eventcount.peer->word & both) != both)
		sched_yield();
}

TEST(sleepers_and_pollers_mix)
{
	const char *name = test_name();
	struct mixed mixed = { .sleeps = end_join(name, SHMEMQ_CONSUMER), .polls = end_join(name, SHMEMQ_CONSUMER) };
	struct shmemq *producer = test_open(name, SHMEMQ_PRODUCER, 0);
	int64_t start = test_now();
	uint64_t random = 0;
	pthread_t threads[2];

	sleepy_arm();
	ck_assert_int_eq(pthread_create(&threads[0], NULL, sleep_on, &mixed), 0);
	ck_assert_int_eq(pthread_create(&threads[1], NULL, poll_on, &mixed), 0);
	for (int i = 0; i < MIXED && (i == 0 || test_now() - start < TEST_BOX); i++) {
		if (i % MIXED_ONE_OF == 0)
			await_both(producer);
		sleepy_delay(&random, 3000);
		ck_fast(shmemq_push(producer, NULL, 0, 0) == 0);
	}
	mixed.over = true;
	ck_assert_int_eq(shmemq_close(producer), 0);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	ck_assert_int_eq(shmemq_close(mixed.sleeps), 0);
	ck_assert_int_eq(shmemq_close(mixed.polls), 0);
}

const struct suite suite = {
	.name = "shared/wait",
	.seconds = 120,
	.test_seconds = 60,
	.tests = {
		{ an_interruption_ends_the_wait_for_the_owner_lock, 2, 0 },
		{ all_waiters_are_notified, 2, 0 },
		{ all_waiters_for_the_owner_lock_are_notified, 2, 0 },
		{ those_that_prepare_during_a_call_are_notified, 4, 0 },
		{ sleepers_and_pollers_mix, 1, NEEDS_POLLFD },
	},
};
