/* SPDX-License-Identifier: MIT */
/*
 * What a stopped process does to its peer, and what it finds when it continues. It is stopped for several slices of
 * 250 ms, after each of which a side checks that its peer lives.
 */
#include "config.h"

#include <poll.h>
#include <stdatomic.h>
#include <unistd.h>

#include "calls.h"
#include "child.h"
#include "one_end.h"
#include "polling.h"
#include "stopper.h"
#include "suite.h"

#define LONG_STOP (550 * MS)

struct stream {
	const char *name;
	atomic_bool over;
};

static int produce_numbers(const void *argument)
{
	struct stream *stream = *(struct stream *const *)argument;
	struct shmemq *q = shmemq_open(stream->name, SHMEMQ_PRODUCER, 0, NULL);

	CHECK(q != NULL);
	for (uint64_t i = 0; !stream->over; i++)
		CHECK(shmemq_push(q, &i, sizeof i, 0) == 0);
	CHECK(shmemq_close(q) == 0);
	return 0;
}

static int consume_numbers(const void *argument)
{
	const struct stream *stream = *(struct stream *const *)argument;
	struct shmemq *q = shmemq_open(stream->name, SHMEMQ_CONSUMER, 0, NULL);
	uint64_t next = 0, found;

	CHECK(q != NULL);
	for (; shmemq_pop(q, &found, sizeof found, NULL) == (ssize_t)sizeof found; next++)
		CHECK(found == next);
	CHECK(errno == EPIPE && shmemq_close(q) == 0);
	return 0;
}

static uint64_t popped(struct shmemq *observer)
{
	struct shmemq_stat st;

	ck_assert_int_eq(shmemq_stat(observer, &st), 0);
	return st.popped_messages;
}

static void await_more(struct shmemq *observer, uint64_t than)
{
	while (popped(observer) <= than)
		test_sleep(MS);
}

/*
 * Both sides stop, or the producer, or the consumer: neither takes the other for dead, and each message arrives once.
 * The last run: both, by the freezer.
 */
TEST(a_stream_goes_on)
{
	struct stream *stream = child_shared(sizeof *stream);
	unsigned which = 3 - (unsigned)_i % 3;
	struct stopper sides[2];
	struct shmemq *observer;
	struct shmemq_stat st;
	uint64_t before;

	if (!stopper_can(_i / 3))
		return;
	stream->name = test_name();
	observer = test_open(stream->name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1);
	sides[0] = stopper_for(_i / 3, child_start(produce_numbers, &stream));
	sides[1] = stopper_for(_i / 3, child_start(consume_numbers, &stream));
	await_more(observer, 0);
	for (unsigned i = 0; i < 2; i++) {
		if (which & 1u << i)
			stopper_stop(&sides[i]);
	}
	test_sleep(LONG_STOP);
	before = popped(observer);
	test_sleep(20 * MS);
	ck_assert_int_eq(shmemq_stat(observer, &st), 0);
	ck_assert_uint_eq(st.popped_messages, before);
	ck_assert(st.producer == SHMEMQ_END_OPEN && st.consumer == SHMEMQ_END_OPEN);
	for (unsigned i = 0; i < 2; i++) {
		if (which & 1u << i)
			stopper_continue(&sides[i]);
	}
	await_more(observer, before);
	stream->over = true;
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(test_wait(sides[i].pid), 0);
		stopper_end(&sides[i]);
	}
	ck_assert_int_eq(shmemq_close(observer), 0);
}

struct caller {
	const char *name;
	unsigned end;
	int64_t timeout;
	int err; /* that the call is to fail with; 0: it is to succeed */
	struct shmemq *peer;
};

static int one_call(const void *argument)
{
	const struct caller *caller = argument;
	struct shmemq *q = shmemq_open(caller->name, caller->end, 0, NULL);

	CHECK(q != NULL);
	if (caller->err == 0)
		CHECK(end_move(q, caller->end, caller->timeout) >= 0);
	else
		CHECK(end_move(q, caller->end, caller->timeout) == -1 && errno == caller->err);
	CHECK(shmemq_close(q) == 0);
	return 0;
}

/* A queue with one end claimed, on whose other end a call has to wait. */
static void make_wait(struct caller *caller)
{
	caller->name = test_name();
	caller->peer = test_open(caller->name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1);
	if (caller->end == SHMEMQ_PRODUCER) {
		fill(caller->peer, CALL_BYTES);
		ck_assert_int_eq(shmemq_close(caller->peer), 0);
		caller->peer = test_open(caller->name, SHMEMQ_CONSUMER, 0);
	}
}

static void await_waiting(const struct caller *caller)
{
	uint32_t bit = caller->end == SHMEMQ_PRODUCER ? SHMEMQ_WAIT_PRODUCER : SHMEMQ_WAIT_CONSUMER;
	struct shmemq_stat st;

	do {
		test_sleep(MS);
		ck_assert_int_eq(shmemq_stat(caller->peer, &st), 0);
	} while (!(st.waiting & bit));
}

/* A timeout that runs out meanwhile has run out; but what the peer did meanwhile comes first. */
TEST(timeouts_run_out)
{
	struct caller callers[4];
	struct stopper stoppers[4];

	if (!stopper_can(_i))
		return;
	for (int i = 0; i < 4; i++) {
		callers[i] =
			(struct caller){ .end = both_ends[i % 2], .timeout = 1000 * MS, .err = i < 2 ? ETIMEDOUT : 0 };
		make_wait(&callers[i]);
		stoppers[i] = stopper_for(_i, child_start(one_call, &callers[i]));
		await_waiting(&callers[i]);
		stopper_stop(&stoppers[i]);
	}
	test_sleep(1100 * MS);
	for (int i = 2; i < 4; i++)
		ck_assert_int_ge(end_try(callers[i].peer, other_end(callers[i].end)), 0);
	for (int i = 0; i < 4; i++) {
		stopper_continue(&stoppers[i]);
		ck_assert_int_eq(test_wait(stoppers[i].pid), 0);
		stopper_end(&stoppers[i]);
		ck_assert_int_eq(shmemq_close(callers[i].peer), 0);
	}
}

/* A peer that stops raises no descriptor; its death does. */
TEST(a_poller_waits_on)
{
	const struct call *call = &calls[1 + 7 * (_i % 2)];
	struct stopper stopper;
	struct ends ends;
	int fd;

	if (!stopper_can(_i / 2))
		return;
	ends = ends_waiting(call, 0);
	ck_assert_int_eq(shmemq_close(ends.peer), 0);
	ends.peer = NULL;
	stopper = stopper_for(_i / 2, child_hold(ends.name, _i % 2 ? "producer" : "consumer"));
	/* Without a name: another test's `shmemq ls` could read it, which raises a producer's descriptor. */
	ck_assert_int_eq(shmemq_unlink(ends.name), 0);
	ends.name = NULL;
	fd = shmemq_pollfd(ends.own);
	stopper_stop(&stopper);
	fail_until_quiet(ends.own, call->end, fd);
	child_kill(stopper.pid);
	for (int err = EAGAIN; err == EAGAIN; err = errno) {
		await_raised(fd);
		ck_assert_int_eq(end_try(ends.own, call->end), -1);
	}
	ck_assert_int_eq(errno, EOWNERDEAD);
	stopper_end(&stopper);
	ends_close(&ends);
}

#define MESSAGES 10

static int poll_and_count(const void *argument)
{
	struct shmemq *q = shmemq_open(argument, SHMEMQ_CONSUMER, 0, NULL);
	int fd = q != NULL ? shmemq_pollfd(q) : -1, count = 0;

	CHECK(fd >= 0);
	for (;;) {
		struct pollfd one = { .fd = fd, .events = POLLIN };
		int ret;

		while ((ret = end_try(q, SHMEMQ_CONSUMER)) >= 0)
			count++;
		if (errno == EPIPE)
			break;
		CHECK(errno == EAGAIN && poll(&one, 1, SOON_MS) == 1);
	}
	CHECK(count == MESSAGES && shmemq_close(q) == 0);
	return 0;
}

/* What is pushed while a poller is stopped, and then a close, raise its descriptor when it continues. */
TEST(a_stopped_poller_misses_nothing)
{
	struct stopper stopper;
	const char *name;
	struct shmemq *q;

	if (!stopper_can(_i))
		return;
	name = test_name();
	q = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1);
	stopper = stopper_for(_i, child_start(poll_and_count, name));
	ck_assert_int_eq(end_try(q, SHMEMQ_PRODUCER), 0);
	while (popped(q) == 0)
		test_sleep(MS);
	test_sleep(1200 * MS); /* by then it only polls: its rechecks after the open have ended */
	stopper_stop(&stopper);
	for (int i = 1; i < MESSAGES; i++)
		ck_assert_int_eq(end_try(q, SHMEMQ_PRODUCER), 0);
	stopper_continue(&stopper);
	await_more(q, MESSAGES - 1);
	stopper_stop(&stopper);
	ck_assert_int_eq(shmemq_close(q), 0);
	stopper_continue(&stopper);
	ck_assert_int_eq(test_wait(stopper.pid), 0);
	stopper_end(&stopper);
}

const struct suite suite = {
	.name = "api/stopped",
	.seconds = 120,
	.end = stopper_end_all,
	.tests = {
		{ a_stream_goes_on, 4, 0 },
		{ timeouts_run_out, STOP_WAYS, 0 },
		{ a_poller_waits_on, 3, NEEDS_POLLFD },
		{ a_stopped_poller_misses_nothing, STOP_WAYS, NEEDS_POLLFD },
	},
};
