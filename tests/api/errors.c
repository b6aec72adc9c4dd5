/* SPDX-License-Identifier: MIT */
/* The errno list of every call that moves a message, and that a call which fails changes nothing. */
#include "config.h"

#include <signal.h>
#include <sys/time.h>

#include "calls.h"
#include "child.h"
#include "file.h"
#include "suite.h"

/* A zero timeout or NONBLOCK tries once. */
TEST(eagain)
{
	const struct call *call = &calls[_i];
	struct ends ends = ends_waiting(call, call->timed ? 0 : SHMEMQ_NONBLOCK);

	FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.own, CALL_BYTES, 0), EAGAIN));
	ends_unblock(call, &ends);
	ck_assert_int_eq(call->run(ends.own, CALL_BYTES, 0), 0);
	FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.own, CALL_BYTES, 0), EAGAIN));
	ends_close(&ends);
}

/* A timeout is kept, also by a handle with NONBLOCK. */
TEST(etimedout)
{
	const struct call *call = &calls[_i];
	struct ends ends;

	if (!call->timed)
		return;
	for (unsigned flags = 0; flags <= SHMEMQ_NONBLOCK; flags += SHMEMQ_NONBLOCK) {
		int64_t start;

		ends = ends_waiting(call, flags);
		start = test_now();
		FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.own, CALL_BYTES, 20 * MS), ETIMEDOUT));
		ck_assert_int_ge(test_now() - start, 20 * MS);
		ends_unblock(call, &ends);
		ck_assert_int_eq(call->run(ends.own, CALL_BYTES, 20 * MS), 0);
		ends_close(&ends);
	}
}

/* An interruption ends the next wait, however long its timeout, and only that one. A call without a wait keeps it. */
TEST(ecanceled)
{
	static const int64_t timeouts[] = { -1, INT64_MIN, INT64_MAX };
	const struct call *call = &calls[_i];
	struct ends ends = ends_waiting(call, 0);

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(shmemq_interrupt(ends.own), 0);
		FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.own, CALL_BYTES, timeouts[i]), ECANCELED));
		ends_unblock(call, &ends);
		ck_assert_int_eq(call->run(ends.own, CALL_BYTES, timeouts[i]), 0);
	}
	ends_unblock(call, &ends);
	ck_assert_int_eq(shmemq_interrupt(ends.own), 0);
	ck_assert_int_eq(shmemq_interrupt(ends.own), 0);
	ck_assert_int_eq(call->run(ends.own, CALL_BYTES, -1), 0);
	ck_fails(call->run(ends.own, CALL_BYTES, -1), ECANCELED);
	if (call->timed)
		ck_fails(call->run(ends.own, CALL_BYTES, 1), ETIMEDOUT);
	ends_close(&ends);
}

static void on_alarm(int number)
{
	(void)number;
}

static void alarm_every(int ms)
{
	struct itimerval timer = { { 0, ms * 1000 }, { 0, ms * 1000 } };

	ck_assert_int_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

/* With SA_RESTART too: a wait is not restarted. */
TEST(eintr)
{
	const struct call *call = &calls[_i];
	struct ends ends = ends_waiting(call, 0);

	for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
		struct sigaction action = { .sa_handler = on_alarm, .sa_flags = flags };

		ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
		alarm_every(20);
		FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.own, CALL_BYTES, -1), EINTR));
		alarm_every(0);
	}
	ends_close(&ends);
}

/* Whether or not the call would have to wait. */
TEST(ebadf)
{
	const struct call *call = &calls[_i];
	struct ends ends = ends_waiting(call, 0);
	struct shmemq *observer = test_open(ends.name, SHMEMQ_OBSERVER, 0);

	for (int i = 0; i < 2; i++) {
		FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.peer, CALL_BYTES, -1), EBADF));
		FILE_UNCHANGED(ends.file, ck_fails(call->run(observer, CALL_BYTES, -1), EBADF));
		ends_unblock(call, &ends);
	}
	ck_assert_int_eq(shmemq_close(observer), 0);
	ends_close(&ends);
}

TEST(einval)
{
	const struct call *call = &calls[_i];
	struct ends ends = ends_waiting(call, 0);
	size_t size;

	ck_fails(call->run(NULL, CALL_BYTES, 0), EINVAL);
	ends_unblock(call, &ends);
	/* Between a start and its end nothing else starts, and what was started stays so. */
	if (call->end == SHMEMQ_PRODUCER)
		ck_assert_ptr_nonnull(shmemq_timedpush_start(ends.own, CALL_BYTES, 0));
	else
		ck_assert_ptr_nonnull(shmemq_timedpop_start(ends.own, &size, NULL, 0));
	FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.own, CALL_BYTES, -1), EINVAL));
	if (call->end == SHMEMQ_PRODUCER)
		ck_assert_int_eq(shmemq_push_end(ends.own, CALL_BYTES, 0), 0);
	else
		ck_assert_int_eq(shmemq_pop_end(ends.own), 0);
	ck_fails(call->run(ends.own, CALL_BYTES, call->timed ? 0 : (shmemq_interrupt(ends.own), -1)),
		 call->timed ? EAGAIN : ECANCELED);
	ends_close(&ends);
}

/*
 * A message is too large, which is told at once though the ring is full; or a buffer is too small, and the message
 * stays.
 */
TEST(emsgsize)
{
	const struct call *call = &calls[_i];
	struct ends ends = ends_waiting(call, 0);
	size_t max = ends.file->identity.capacity - 16;

	if (call->end == SHMEMQ_PRODUCER) {
		FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.own, max + 1, -1), EMSGSIZE));
		drain(ends.peer);
		FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.own, max + 1, -1), EMSGSIZE));
		ck_assert_int_eq(call->run(ends.own, max, -1), 0);
	} else if (call->copies) {
		ends_unblock(call, &ends);
		FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.own, CALL_BYTES - 1, -1), EMSGSIZE));
		FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.own, 0, -1), EMSGSIZE));
		ck_assert_int_eq(call->run(ends.own, CALL_BYTES, -1), 0);
	}
	ends_close(&ends);
}

/* Garbage where the call reads before it would wait: refused, and from then on, though it goes away. */
TEST(ebadmsg)
{
	const struct call *call = &calls[_i];

	for (int i = 0; i < 4; i++) {
		struct ends ends = ends_waiting_aligned(call, 0, 64);
		uint32_t capacity = (uint32_t)ends.file->identity.capacity;
		uint32_t first = 64 / 8 - 1, tail = ends.file->producer_progress.moved.position_units;
		/*
		 * Heads that no producer can believe: misaligned, after the tail, before the last one, a ring before.
		 */
		const uint32_t heads[] = { first + 1, tail + 8, first - 8, tail - capacity / 8 };
		const uint32_t sizes[] = { capacity - 64 - 8 + 2, capacity + 1, 0x80000000u, UINT32_MAX };
		smq_word *word = call->end == SHMEMQ_PRODUCER ? &ends.file->consumer_progress.moved.position_units
							      : &file_record(ends.file, first)->size_plus_1;
		uint32_t good = *word;
		struct shmemq_stat st;

		*word = call->end == SHMEMQ_PRODUCER ? heads[i] : sizes[i];
		FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.own, CALL_BYTES, call->timed ? i - 1 : -1), EBADMSG));
		*word = good;
		ends_unblock(call, &ends);
		FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.own, CALL_BYTES, -1), EBADMSG));
		ck_assert_int_eq(shmemq_stat(ends.own, &st), 0);
		ck_assert_int_eq(shmemq_close(ends.own), 0);
		ends.own = test_open(ends.name, call->end, 0); /* of the handle, not of the queue */
		ck_assert_int_eq(call->run(ends.own, CALL_BYTES, -1), 0);
		ends_close(&ends);
	}
}

static int consumer_dies(const void *argument)
{
	return shmemq_open(argument, SHMEMQ_CONSUMER, 0, NULL) == NULL;
}

static int producer_dies(const void *argument)
{
	return shmemq_open(argument, SHMEMQ_PRODUCER, 0, NULL) == NULL;
}

/* Where the call would have to wait for a peer that has gone. Sooner or later: api/close.c and api/death.c. */
TEST(epipe_eownerdead)
{
	const struct call *call = &calls[_i];
	struct ends ends = ends_waiting(call, 0);
	bool producer = call->end == SHMEMQ_PRODUCER;

	ck_assert_int_eq(shmemq_close(ends.peer), 0);
	FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.own, CALL_BYTES, -1), EPIPE));
	FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.own, CALL_BYTES, 1000 * MS), EPIPE));
	child_run(producer ? consumer_dies : producer_dies, ends.name);
	FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.own, CALL_BYTES, -1), EOWNERDEAD));
	FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.own, CALL_BYTES, 1000 * MS), EOWNERDEAD));
	ends.peer = test_open(ends.name, producer ? SHMEMQ_CONSUMER : SHMEMQ_PRODUCER, 0);
	ends_unblock(call, &ends);
	ck_assert_int_eq(call->run(ends.own, CALL_BYTES, -1), 0);
	ends_close(&ends);
}

struct fork_case {
	const struct call *call;
	struct shmemq *own;
};

static int call_as_child(const void *argument)
{
	const struct fork_case *fork_case = argument;

	CHECK(fork_case->call->run(fork_case->own, CALL_BYTES, -1) == -1 && errno == EPERM);
	return 0;
}

TEST(eperm)
{
	const struct call *call = &calls[_i];
	struct ends ends = ends_waiting(call, 0);
	struct fork_case fork_case = { call, ends.own };

	FILE_UNCHANGED(ends.file, child_run(call_as_child, &fork_case));
	ends_unblock(call, &ends);
	FILE_UNCHANGED(ends.file, child_run(call_as_child, &fork_case));
	ck_assert_int_eq(call->run(ends.own, CALL_BYTES, -1), 0);
	ends_close(&ends);
}

const struct suite suite = {
	.name = "api/errors",
	.seconds = 60,
	.tests = {
		{ eagain, CALLS, 0 },
		{ etimedout, CALLS, 0 },
		{ ecanceled, CALLS, 0 },
		{ eintr, CALLS, 0 },
		{ ebadf, CALLS, 0 },
		{ einval, CALLS, 0 },
		{ emsgsize, CALLS, 0 },
		{ ebadmsg, CALLS, 0 },
		{ epipe_eownerdead, CALLS, 0 },
		{ eperm, CALLS, NEEDS_FORKS_APART },
	},
};
