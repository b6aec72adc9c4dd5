/* SPDX-License-Identifier: MIT */
/*
 * How long a call waits, and what ends the wait. Which errno each call can give: api/errors.c. That it sleeps
 * meanwhile: unit/slices.c.
 */
#include "config.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "suite.h"

/* A thread that does something to a waiting call a little later. */
struct later {
	void (*act)(struct later *later);
	const struct call *call;
	struct ends ends;
	int64_t delay;
	pthread_t thread;
};

static void *run_later(void *argument)
{
	struct later *later = argument;

	test_sleep(later->delay);
	later->act(later);
	return NULL;
}

/* As ends_unblock(), but without memory that it would share with the thread that waits. */
static void unblock(struct later *later)
{
	struct shmemq *peer = later->ends.peer;
	size_t size;

	if (later->call->end == SHMEMQ_PRODUCER)
		ck_assert(shmemq_timedpop_start(peer, &size, NULL, 0) != NULL && shmemq_pop_end(peer) == 0);
	else
		ck_assert(shmemq_timedpush_start(peer, CALL_BYTES, 0) != NULL &&
			  shmemq_push_end(peer, CALL_BYTES, 0) == 0);
}

static void interrupt(struct later *later)
{
	ck_assert_int_eq(shmemq_interrupt(later->ends.own), 0);
}

/* Calls with this timeout while the thread gets to work. 0 or errno. */
static int call_and_later(struct later *later, void (*act)(struct later *later), int64_t timeout)
{
	int err;

	later->act = act;
	ck_assert_int_eq(pthread_create(&later->thread, NULL, run_later, later), 0);
	err = later->call->run(later->ends.own, CALL_BYTES, timeout) == 0 ? 0 : errno;
	pthread_join(later->thread, NULL);
	return err;
}

static struct later begin(int call)
{
	return (struct later){ .call = &calls[call], .ends = ends_waiting(&calls[call], 0), .delay = 5 * MS };
}

/* Shorter than a spin, about as long, longer, longer than a slice; and again, with a spin that has adapted. */
TEST(not_before_the_timeout)
{
	static const int64_t timeouts[] = { 1, 1000, 50 * 1000, 75 * 1000, 3 * MS, 300 * MS, 10 * 1000 };
	const struct call *call = &calls[_i];
	struct ends ends;

	if (!call->timed)
		return;
	ends = ends_waiting(call, 0);
	for (size_t i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++) {
		int64_t start = test_now();

		ck_fails(call->run(ends.own, CALL_BYTES, timeouts[i]), ETIMEDOUT);
		ck_assert_int_ge(test_now() - start, timeouts[i]);
	}
	ends_close(&ends);
}

/* A negative timeout, one that the clock cannot hold, or a call without one. */
TEST(waits_for_ever)
{
	static const int64_t timeouts[] = { -1, INT64_MIN, INT64_MAX, INT64_MAX - 1, INT64_MAX / 2, 60000 * MS };
	struct later later = begin(_i);

	for (size_t i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++) {
		ck_assert_int_eq(call_and_later(&later, unblock, timeouts[i]), 0);
		ends_block(later.call, &later.ends);
	}
	ends_close(&later.ends);
}

/* The end of a slice is not the end of a wait. */
TEST(waits_over_slices)
{
	struct later later;

	if (!calls[_i].timed)
		return;
	later = begin(_i);
	later.delay = 300 * MS;
	ck_assert_int_eq(call_and_later(&later, unblock, 60000 * MS), 0);
	ends_close(&later.ends);
}

TEST(interrupted_by_a_thread)
{
	struct later later = begin(_i);

	ck_assert_int_eq(call_and_later(&later, interrupt, -1), ECANCELED);
	ck_assert_int_eq(call_and_later(&later, unblock, -1), 0);
	ends_block(later.call, &later.ends);
	ck_assert_int_eq(call_and_later(&later, interrupt, INT64_MAX), ECANCELED);
	ends_close(&later.ends);
}

static struct shmemq *interrupted;

static void interrupt_from_handler(int number)
{
	int saved = errno;

	(void)number;
	errno = EDOM;
	if (shmemq_interrupt(interrupted) != 0 || errno != EDOM)
		_exit(1);
	errno = saved;
}

static void ignore(int number)
{
	(void)number;
}

static void on_alarm(void (*handler)(int), int flags, int ms, int every_ms)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };
	struct itimerval timer = { { 0, every_ms * 1000 }, { 0, ms * 1000 } };

	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

/* Though a handler ran, it is an interruption. It leaves errno as it was. */
TEST(interrupted_by_a_handler)
{
	struct ends ends = ends_waiting(&calls[_i], 0);

	interrupted = ends.own;
	for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
		on_alarm(interrupt_from_handler, flags, 5, 0);
		ck_fails(calls[_i].run(ends.own, CALL_BYTES, -1), ECANCELED);
	}
	ends_close(&ends);
}

/* A try waits for nothing, so there is nothing to interrupt: the next wait is interrupted. */
TEST(tries_keep_an_interruption)
{
	struct ends ends;

	if (!calls[_i].timed)
		return;
	ends = ends_waiting(&calls[_i], 0);
	ck_assert_int_eq(shmemq_interrupt(ends.own), 0);
	for (int i = 0; i < 300; i++)
		ck_fails(calls[_i].run(ends.own, CALL_BYTES, 0), EAGAIN);
	ck_fails(calls[_i].run(ends.own, CALL_BYTES, -1), ECANCELED);
	ends_close(&ends);
}

TEST(interruption_is_for_one_handle)
{
	struct later later = begin(_i);

	ck_assert_int_eq(shmemq_interrupt(later.ends.peer), 0);
	ck_assert_int_eq(call_and_later(&later, unblock, -1), 0);
	ends_close(&later.ends);
}

/* Ignored, blocked, or without an effect by default. */
TEST(signals_without_a_handler)
{
	const struct call *call = &calls[_i];
	sigset_t alarm_set;
	struct ends ends;
	pid_t pid;

	if (!call->timed)
		return;
	ends = ends_waiting(call, 0);
	on_alarm(SIG_IGN, 0, 2, 2);
	ck_fails(call->run(ends.own, CALL_BYTES, 20 * MS), ETIMEDOUT);
	sigemptyset(&alarm_set);
	sigaddset(&alarm_set, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm_set, NULL);
	on_alarm(ignore, 0, 2, 2);
	ck_fails(call->run(ends.own, CALL_BYTES, 20 * MS), ETIMEDOUT);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		test_sleep(5 * MS);
		_exit(0);
	}
	ck_fails(call->run(ends.own, CALL_BYTES, 20 * MS), ETIMEDOUT);
	ck_assert_int_eq(test_wait(pid), 0);
	ends_close(&ends);
}

static void await_waiting(const struct call *call, struct shmemq *q)
{
	uint32_t bit = call->end == SHMEMQ_PRODUCER ? SHMEMQ_WAIT_PRODUCER : SHMEMQ_WAIT_CONSUMER;
	struct shmemq_stat st;

	do {
		test_sleep(MS);
		ck_assert_int_eq(shmemq_stat(q, &st), 0);
	} while (!(st.waiting & bit));
}

/* Job control does not end a wait. */
TEST(stopped_and_continued)
{
	const struct call *call = &calls[_i];
	struct ends ends = ends_waiting(call, 0);
	int status;
	pid_t pid;

	ck_assert_int_eq(shmemq_close(ends.own), 0);
	ends.own = NULL;
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct shmemq *q = shmemq_open(ends.name, call->end, 0, NULL);

		_exit(q == NULL || call->run(q, CALL_BYTES, -1) != 0);
	}
	await_waiting(call, ends.peer);
	kill(pid, SIGSTOP);
	ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
	ck_assert(WIFSTOPPED(status));
	kill(pid, SIGCONT);
	test_sleep(5 * MS);
	ends_unblock(call, &ends);
	ck_assert_int_eq(test_wait(pid), 0);
	ends_close(&ends);
}

const struct suite suite = {
	.name = "api/wait",
	.seconds = 120,
	.tests = {
		{ not_before_the_timeout, CALLS, 0 },
		{ waits_for_ever, CALLS, 0 },
		{ waits_over_slices, CALLS, 0 },
		{ interrupted_by_a_thread, CALLS, 0 },
		{ interrupted_by_a_handler, CALLS, 0 },
		{ tries_keep_an_interruption, CALLS, 0 },
		{ interruption_is_for_one_handle, CALLS, 0 },
		{ signals_without_a_handler, CALLS, 0 },
		{ stopped_and_continued, CALLS, 0 },
	},
};
