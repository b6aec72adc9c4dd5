/* SPDX-License-Identifier: MIT */
/*
 * How the ends of a broadcast queue wait for each other: a consumer that closes or dies is let go, one that is stopped
 * is not; the others lose nothing; `stat` names the slowest.
 */
#include "config.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broadcast.h"
#include "acquire.h"
#include "calls.h"
#include "child.h"
#include "one_end.h"
#include "polling.h"
#include "suite.h"

#define LOTS UINT32_MAX

/* For loop tests: a producer's end, alone or SHARED. */
static const unsigned producers[] = { SHMEMQ_PRODUCER, SHMEMQ_PRODUCER | SHMEMQ_SHARED };

static struct shmemq_stat stat_of(const char *name)
{
	struct shmemq *q = broadcast_open(name, SHMEMQ_OBSERVER);
	struct shmemq_stat st;

	ck_assert_int_eq(shmemq_stat(q, &st) | shmemq_close(q), 0);
	return st;
}

/* A consumer that was waited for closes: the next try finds it. */
TEST(a_close_is_noticed_by_a_try)
{
	const char *name = test_name();
	struct shmemq *producer = broadcast_open(name, producers[_i]), *fast, *slow;

	fast = broadcast_open(name, SHMEMQ_CONSUMER);
	slow = broadcast_open(name, SHMEMQ_CONSUMER);
	for (uint32_t first = 0, i = 0; i < 50; i++) {
		uint32_t count = broadcast_fill(producer, first, LOTS);

		broadcast_pop(fast, BROADCAST_COPY, first, count);
		ck_fails(shmemq_timedpush(producer, "x", 1, 0, 0), EAGAIN);
		ck_assert_int_eq(shmemq_close(slow), 0);
		broadcast_push(producer, first + count, 1);
		broadcast_pop(fast, BROADCAST_COPY, first + count, 1);
		first += count + 1;
		slow = broadcast_open(name, SHMEMQ_CONSUMER);
	}
	ck_assert_int_eq(shmemq_close(fast) | shmemq_close(slow) | shmemq_close(producer), 0);
}

static int push_one(const void *name)
{
	struct shmemq *q = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_SHARED, 0, NULL);

	CHECK(q != NULL && shmemq_push(q, &(uint32_t){ 77 }, 4, 7) == 0 && shmemq_close(q) == 0);
	return 0;
}

static void await_waiting(const char *name)
{
	while (!(stat_of(name).waiting & SHMEMQ_WAIT_PRODUCER))
		test_sleep(MS);
}

/* It wakes a push that sleeps: as many slices as these would take longer than the watchdog allows. */
TEST(a_close_wakes_a_push)
{
	const char *name = test_name();
	struct shmemq *producer = broadcast_open(name, SHMEMQ_PRODUCER | SHMEMQ_SHARED), *slow;
	struct shmemq *fast = broadcast_open(name, SHMEMQ_CONSUMER);

	for (int i = 0; i < 300; i++) {
		pid_t pusher;

		slow = broadcast_open(name, SHMEMQ_CONSUMER);
		drain(fast);
		broadcast_fill(producer, 0, LOTS);
		drain(fast);
		pusher = child_start(push_one, name);
		await_waiting(name);
		ck_assert_int_eq(_i ? shmemq_timedpop(slow, &(uint32_t){ 0 }, 4, NULL, 0) == 4 : 0, _i);
		ck_assert_int_eq(_i ? 0 : shmemq_close(slow), 0);
		ck_assert_int_eq(test_wait(pusher), 0);
		if (_i)
			ck_assert_int_eq(shmemq_close(slow), 0);
	}
	ck_assert_int_eq(shmemq_close(fast) | shmemq_close(producer), 0);
}

#define DEAD 12

/* Consumers that hold the ring up at different places, and die. */
static void start_and_kill(const char *name, struct shmemq *producer, struct shmemq *fast, uint32_t *pushed)
{
	pid_t pids[DEAD];

	for (int i = 0; i < DEAD; i++) {
		pids[i] = child_hold(name, "consumer");
		broadcast_push(producer, *pushed, 3);
		*pushed += 3;
	}
	*pushed += broadcast_fill(producer, *pushed, LOTS);
	broadcast_pop(fast, BROADCAST_COPY, 0, *pushed);
	for (int i = 0; i < 300; i++)
		ck_fails(shmemq_timedpush(producer, "x", 1, 0, 0), EAGAIN); /* while they live */
	for (int i = 0; i < DEAD; i++)
		child_kill(pids[i]);
}

/* All of them at once: so the producer waits for one slice, and not for one each. */
TEST(a_push_lets_all_dead_go)
{
	const char *name = test_name();
	struct shmemq *producer = broadcast_open(name, producers[_i]), *fast = broadcast_open(name, SHMEMQ_CONSUMER);
	uint32_t pushed = 0;

	start_and_kill(name, producer, fast, &pushed);
	ck_assert_int_eq(shmemq_timedpush(producer, &pushed, sizeof pushed, 7, -1), 0);
	broadcast_pop(fast, BROADCAST_COPY, pushed++, 1);
	for (int i = 0; i < 1000; i++, pushed++) {
		broadcast_push(producer, pushed, 1);
		broadcast_pop(fast, BROADCAST_COPY, pushed, 1);
	}
	ck_assert_int_eq(shmemq_close(fast) | shmemq_close(producer), 0);
}

/* As in api/death: so many tries after a slice at most. */
TEST(tries_let_the_dead_go)
{
	static const int64_t pauses[] = { 0, 2 * MS };
	const char *name = test_name();
	struct shmemq *producer = broadcast_open(name, producers[_i % 2]),
		      *fast = broadcast_open(name, SHMEMQ_CONSUMER);
	uint32_t pushed = 0;
	int64_t died;
	int late = 0;

	start_and_kill(name, producer, fast, &pushed);
	died = test_now();
	while (shmemq_timedpush(producer, &pushed, sizeof pushed, 7, 0) != 0) {
		ck_assert_int_eq(errno, EAGAIN);
		if (pauses[_i / 2] != 0)
			test_sleep(pauses[_i / 2]);
		late += test_now() - died >= SMQ_SLICE_NS;
		ck_assert_int_le(late, SMQ_TRIES_A_CLOCK_READING);
	}
	broadcast_pop(fast, BROADCAST_COPY, pushed, 1);
	ck_assert_int_eq(shmemq_close(fast) | shmemq_close(producer), 0);
}

/* The last consumer closes, while one that died is waited for: a push does not say that the consumers are gone. */
TEST(no_push_says_epipe)
{
	const char *name = test_name();
	struct shmemq *producer = broadcast_open(name, producers[_i]), *last = broadcast_open(name, SHMEMQ_CONSUMER);
	pid_t pid = child_hold(name, "consumer");

	drain(last);
	broadcast_fill(producer, 0, LOTS);
	ck_fails(shmemq_timedpush(producer, "x", 1, 0, 300 * MS), ETIMEDOUT); /* so that it has just asked */
	child_kill(pid);
	ck_assert_int_eq(shmemq_close(last), 0);
	ck_assert_uint_eq(stat_of(name).consumer, SHMEMQ_END_CLOSED);
	ck_fails(shmemq_timedpush(producer, "x", 1, 0, 0), EAGAIN);
	ck_assert_int_eq(shmemq_timedpush(producer, "x", 1, 0, -1), 0);
	ck_assert_int_eq(shmemq_close(producer), 0);
}

TEST(a_stopped_consumer_is_waited_for)
{
	const char *name = test_name();
	struct shmemq *producer = broadcast_open(name, producers[_i]);
	pid_t pid = child_hold(name, "consumer");
	int status;

	broadcast_fill(producer, 0, LOTS);
	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
	ck_fails(shmemq_timedpush(producer, "x", 1, 0, 550 * MS), ETIMEDOUT);
	ck_assert_uint_eq(stat_of(name).slowest_pid, (uint32_t)pid);
	child_kill(pid);
	ck_assert_int_eq(shmemq_timedpush(producer, "x", 1, 0, -1), 0);
	ck_assert_int_eq(shmemq_close(producer), 0);
}

/* A number is given out again, although its last consumer died and nobody has let it go. */
TEST(the_place_of_the_dead)
{
	const char *name = test_name();
	struct shmemq *producer = broadcast_open(name, SHMEMQ_PRODUCER), *consumers[64];
	pid_t pids[64];

	for (int i = 0; i < 64; i++)
		pids[i] = child_hold(name, "consumer");
	ck_fails(shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL), EBUSY);
	broadcast_fill(producer, 0, LOTS);
	for (int i = 0; i < 64; i++)
		child_kill(pids[i]);
	for (int i = 0; i < 64; i++)
		consumers[i] = broadcast_open(name, SHMEMQ_CONSUMER);
	broadcast_push(producer, 0, 10);
	for (int i = 0; i < 64; i++) {
		broadcast_pop(consumers[i], BROADCAST_COPY, 0, 10);
		ck_assert_int_eq(shmemq_close(consumers[i]), 0);
	}
	ck_assert_int_eq(shmemq_close(producer), 0);
}

/* Of the producer a consumer is told as ever. */
TEST(consumers_learn_that_the_producer_is_gone)
{
	const char *name = test_name();
	struct shmemq *one = broadcast_open(name, SHMEMQ_CONSUMER), *two = broadcast_open(name, SHMEMQ_CONSUMER),
		      *producer;
	char byte;

	child_kill(child_hold(name, "producer"));
	ck_fails(shmemq_pop(one, &byte, 1, NULL), EOWNERDEAD);
	producer = broadcast_open(name, SHMEMQ_PRODUCER);
	broadcast_push(producer, 0, 3);
	ck_assert_int_eq(shmemq_close(producer), 0);
	broadcast_pop(one, BROADCAST_COPY, 0, 3);
	broadcast_pop(two, BROADCAST_COPY, 0, 3);
	ck_fails(shmemq_pop(one, &byte, 1, NULL), EPIPE);
	ck_fails(shmemq_pop(two, &byte, 1, NULL), EPIPE);
	ck_assert_int_eq(shmemq_close(one) | shmemq_close(two), 0);
}

TEST(interrupts)
{
	const char *name = test_name();
	struct shmemq *producer = broadcast_open(name, producers[_i]), *one = broadcast_open(name, SHMEMQ_CONSUMER);
	struct shmemq *two = broadcast_open(name, SHMEMQ_CONSUMER);

	ck_assert_int_eq(shmemq_interrupt(one), 0);
	ck_fails(shmemq_timedpop(two, NULL, 0, NULL, 5 * MS), ETIMEDOUT);
	ck_fails(shmemq_timedpop(one, NULL, 0, NULL, -1), ECANCELED);
	broadcast_fill(producer, 0, LOTS);
	ck_assert_int_eq(shmemq_interrupt(producer), 0);
	ck_fails(shmemq_timedpush(producer, "x", 1, 0, -1), ECANCELED);
	ck_assert_int_eq(shmemq_close(one) | shmemq_close(two) | shmemq_close(producer), 0);
}

/* With far fewer tries than those that would notice a death anyway. */
TEST(descriptors_are_raised)
{
	const char *name = test_name();
	struct shmemq *producer = broadcast_open(name, producers[_i]), *fast = broadcast_open(name, SHMEMQ_CONSUMER);
	struct shmemq *slow = broadcast_open(name, SHMEMQ_CONSUMER);
	int out = shmemq_pollfd(producer), in = shmemq_pollfd(fast), in_two = shmemq_pollfd(slow), tries = 0;
	uint32_t pushed;

	fail_until_quiet(fast, SHMEMQ_CONSUMER, in);
	fail_until_quiet(slow, SHMEMQ_CONSUMER, in_two);
	broadcast_push(producer, 0, 1);
	await_raised(in);
	await_raised(in_two);
	pushed = 1 + broadcast_fill(producer, 1, LOTS);
	broadcast_pop(fast, BROADCAST_COPY, 0, pushed);
	fail_until_quiet(producer, SHMEMQ_PRODUCER, out);
	broadcast_pop(slow, BROADCAST_COPY, 0, 100);
	await_raised(out);
	pushed += broadcast_fill(producer, pushed, LOTS);
	fail_until_quiet(producer, SHMEMQ_PRODUCER, out);
	ck_assert_int_eq(shmemq_close(slow), 0);
	await_raised(out);
	for (int i = 0; i < 3; i++, tries = 0) {
		pid_t pid = child_hold(name, "consumer");

		drain(fast);
		broadcast_fill(producer, 0, LOTS);
		drain(fast);
		fail_until_quiet(producer, SHMEMQ_PRODUCER, out);
		child_kill(pid);
		do {
			await_raised(out);
			ck_assert_int_le(tries++, 20);
		} while (end_try(producer, SHMEMQ_PRODUCER) != 0);
	}
	ck_assert_int_eq(shmemq_close(fast) | shmemq_close(producer), 0);
}

TEST(stat_names_the_slowest)
{
	const char *name = test_name();
	struct shmemq *producer = broadcast_open(name, SHMEMQ_PRODUCER), *one;
	struct shmemq_stat st, seen;
	pid_t two, three;

	broadcast_push(producer, 0, 5);
	st = stat_of(name);
	ck_assert(st.producers == 1 && st.consumers == 0 && st.slowest_pid == 0 && st.queued_messages == 0);
	ck_assert(st.pushed_messages == 5 && st.popped_messages == 5 && st.consumer == SHMEMQ_END_NEVER);
	one = broadcast_open(name, SHMEMQ_CONSUMER);
	broadcast_push(producer, 0, 10);
	two = child_hold(name, "consumer");
	broadcast_push(producer, 10, 20);
	three = child_hold(name, "consumer");
	st = stat_of(name);
	ck_assert(st.consumers == 3 && st.slowest_pid == (uint32_t)getpid() && st.slowest_messages == 30);
	ck_assert(st.slowest_bytes == 480 && st.queued_bytes == 480 && st.queued_messages == 30);
	ck_assert(st.pushed_messages == 35 && st.popped_messages == 5 && st.popped_bytes == 20);
	broadcast_pop(one, BROADCAST_COPY, 0, 25);
	st = stat_of(name);
	ck_assert(st.slowest_pid == (uint32_t)two && st.slowest_messages == 20 && st.popped_messages == 15);
	ck_assert_int_eq(shmemq_stat(producer, &seen), 0);
	ck_assert_mem_eq(&seen, &st, sizeof st);
	ck_assert_int_eq(shmemq_stat(one, &seen), 0);
	ck_assert_mem_eq(&seen, &st, sizeof st);
	child_kill(two);
	st = stat_of(name);
	ck_assert(st.consumers == 2 && st.slowest_pid == (uint32_t)getpid() && st.slowest_messages == 5);
	ck_assert_int_eq(shmemq_close(one), 0);
	st = stat_of(name);
	ck_assert(st.consumers == 1 && st.slowest_pid == (uint32_t)three && st.slowest_messages == 0);
	child_kill(three);
	st = stat_of(name);
	ck_assert(st.consumers == 0 && st.slowest_pid == 0 && st.consumer == SHMEMQ_END_DEAD);
	ck_assert_int_eq(shmemq_close(producer), 0);
}

const struct suite suite = {
	.name = "api/broadcast_wait",
	.seconds = 120,
	.test_seconds = 60,
	.tests = {
		{ a_close_is_noticed_by_a_try, 2, 0 },
		{ a_close_wakes_a_push, 2, 0 },
		{ a_push_lets_all_dead_go, 2, 0 },
		{ tries_let_the_dead_go, 4, 0 },
		{ no_push_says_epipe, 2, 0 },
		{ a_stopped_consumer_is_waited_for, 2, 0 },
		{ the_place_of_the_dead, 1, 0 },
		{ consumers_learn_that_the_producer_is_gone, 1, 0 },
		{ interrupts, 2, 0 },
		{ descriptors_are_raised, 2, NEEDS_POLLFD },
		{ stat_names_the_slowest, 1, 0 },
	},
};
