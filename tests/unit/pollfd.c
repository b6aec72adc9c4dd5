/* SPDX-License-Identifier: MIT */
/* The pollable descriptor is readable when a call that failed is worth repeating, and only then. */
#include "config.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "calls.h"
#include "child.h"
#include "filter.h"
#include "acquire.h"
#include "one_end.h"
#include "polling.h"
#include "suite.h"

/*
 * A queue without a name. The file of one with a name is read by any observer, such as another test's `shmemq ls`, and
 * that raises a producer's descriptor.
 */
static struct ends nameless(const struct call *call)
{
	struct ends ends = ends_waiting(call, 0);

	ck_assert_int_eq(shmemq_unlink(ends.name), 0);
	ends.name = NULL;
	return ends;
}

static int try(const struct call *call, const struct ends *ends)
{
	return call->run(ends->own, CALL_BYTES, 0) < 0 ? errno : 0;
}

/* Tries in vain until no recheck of the peer is left: for a second the descriptor is raised for that. */
static void settle(const struct call *call, const struct ends *ends)
{
	ck_assert_int_eq(try(call, ends), EAGAIN);
	while (ends->own->pollable->peer.since != 0) {
		await_raised(shmemq_pollfd(ends->own));
		ck_assert_int_eq(try(call, ends), EAGAIN);
	}
	ck_assert(!raised(shmemq_pollfd(ends->own), 0));
}

static int armed_pollfd(const struct call *call, const struct ends *ends)
{
	int fd = shmemq_pollfd(ends->own);

	ck_assert_int_ge(fd, 0);
	await_raised(fd); /* by a timer, so not quite at once */
	settle(call, ends);
	return fd;
}

/* Calls with a timeout, of both ends: the first and the last of each. */
static const struct call *some_call(int i)
{
	const struct call *some[4] = { NULL };

	for (int j = 0; j < CALLS; j++) {
		bool producer = calls[j].end == SHMEMQ_PRODUCER;

		if (calls[j].timed && some[producer] == NULL)
			some[producer] = &calls[j];
		else if (calls[j].timed)
			some[2 + producer] = &calls[j];
	}
	return some[i];
}

TEST(raised_for_each_message_and_space)
{
	const struct call *call = some_call(_i);
	struct ends ends = nameless(call);
	int fd = armed_pollfd(call, &ends);

	for (int i = 0; i < 100; i++) {
		ends_unblock(call, &ends);
		ck_assert(raised(fd, 0));
		ck_assert_int_eq(try(call, &ends), 0);
		/* A call that has not failed leaves it readable, as every success does. */
		ck_assert(raised(fd, 0));
		ends_block(call, &ends);
		ck_assert_int_eq(try(call, &ends), EAGAIN);
		ck_assert(!raised(fd, 0));
	}
	ends_close(&ends);
}

/* The peer does nothing for a descriptor that is not armed: the word does not ask for it. */
TEST(not_armed_costs_nothing)
{
	const struct call *call = some_call(_i);
	struct ends ends = nameless(call);
	const smq_word *word;

	armed_pollfd(call, &ends);
	word = &ends.own->eventcount.own->word;
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, SMQ_WAIT_POLLER);
	ends_unblock(call, &ends);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, 0);
	ck_assert_int_eq(try(call, &ends), 0);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, 0);
	ends_close(&ends);
}

TEST(a_wait_in_between_leaves_it_armed)
{
	const struct call *call = some_call(_i);
	struct ends ends = nameless(call);
	int fd = armed_pollfd(call, &ends);

	ends.own->spin_misses = SMQ_SPIN_MISSES;
	ck_assert_int_eq(call->run(ends.own, CALL_BYTES, 20 * MS), -1);
	ck_assert_int_eq(errno, ETIMEDOUT);
	ck_assert_int_eq(shmemq_interrupt(ends.own), 0);
	ck_assert_int_eq(call->run(ends.own, CALL_BYTES, -1), -1);
	ck_assert_int_eq(errno, ECANCELED);
	ck_assert(!raised(fd, 0));
	ends_unblock(call, &ends);
	ck_assert(raised(fd, 0));
	ck_assert_int_eq(try(call, &ends), 0);
	ends_close(&ends);
}

TEST(raised_for_close_and_return)
{
	const struct call *call = some_call(_i);
	struct ends ends = nameless(call);
	unsigned other = other_end(call->end);
	int fd = armed_pollfd(call, &ends);

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(shmemq_close(ends.peer), 0);
		ck_assert(raised(fd, 0));
		ck_assert_int_eq(try(call, &ends), EPIPE);
		ck_assert(!raised(fd, 0));
		ends.peer = shmemq_fdopen(ends.own->fd, other);
		ck_assert_ptr_nonnull(ends.peer);
		ck_assert(raised(fd, 0));
		settle(call, &ends);
		ends_unblock(call, &ends);
		ck_assert(raised(fd, 0));
		ck_assert_int_eq(try(call, &ends), 0);
		ends_block(call, &ends);
	}
	ends_close(&ends);
}

/*
 * Both ends of a queue, each with a descriptor, in a process that may make no system call. Returns 0, or what went
 * wrong.
 */
static int stream_silently(const char *name)
{
	struct shmemq *producer = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, NULL);
	struct shmemq *consumer = shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL);
	char message[100];

	if (producer == NULL || shmemq_pollfd(producer) < 0 || consumer == NULL || shmemq_pollfd(consumer) < 0)
		return 1;
	memset(message, 0, sizeof message);
	if (!filter_forbid_all())
		return 1;
	for (int i = 0; i < 100000; i++) {
		if (shmemq_push(producer, message, sizeof message, 0) != 0 ||
		    shmemq_pop(consumer, message, sizeof message, NULL) != sizeof message)
			return 2;
	}
	return 0;
}

TEST(no_system_call_while_not_armed)
{
	ck_assert_int_eq(filter_run(stream_silently, test_name()), 0);
}

static int as_another_user(const void *argument)
{
	struct ends ends = ends_waiting(argument, 0);
	const struct call *call = argument;
	int fd = shmemq_pollfd(ends.own);

	CHECK(fd >= 0);
	CHECK(try(call, &ends) == EAGAIN);
	child_drop_root();
	ends_unblock(call, &ends);
	CHECK(raised(fd, 0));
	CHECK(try(call, &ends) == 0);
	return 0;
}

/* A process that has given up the user which opened the queue still raises its peer's descriptor. */
TEST(raised_after_a_drop_of_privileges)
{
	child_run(as_another_user, some_call(_i));
}

/* If a peer floods the watch, a try takes a bounded time and ends the flood. */
TEST(a_flood_costs_bounded_time)
{
	const struct call *call = some_call(_i);
	struct ends ends = nameless(call);
	int fd = armed_pollfd(call, &ends);

	for (int i = 0; i < 2000; i++) {
		char path[32];
		int again;

		snprintf(path, sizeof path, "/proc/self/fd/%d", ends.peer->fd);
		smq_pollable_raise(ends.peer->fd, call->end == SHMEMQ_CONSUMER);
		again = open(path, O_RDWR | O_CLOEXEC);
		ck_assert_int_ge(again, 0);
		close(again);
	}
	for (int tries = 0; raised(fd, 0) || ends.own->pollable->peer.since != 0; tries++) {
		ck_assert_int_lt(tries, 100);
		await_raised(fd);
		ck_assert_int_eq(try(call, &ends), EAGAIN);
	}
	ends_unblock(call, &ends);
	ck_assert(raised(fd, 0));
	ends_close(&ends);
}

const struct suite suite = {
	.name = "unit/pollfd",
	.seconds = 120,
	.test_seconds = 60,
	.needs = NEEDS_POLLFD,
	.tests = {
		{ raised_for_each_message_and_space, 4, 0 },
		{ not_armed_costs_nothing, 2, 0 },
		{ a_wait_in_between_leaves_it_armed, 2, 0 },
		{ raised_for_close_and_return, 2, 0 },
		{ raised_after_a_drop_of_privileges, 2, 0 },
		{ a_flood_costs_bounded_time, 2, 0 },
		{ no_system_call_while_not_armed, 1, NEEDS_FILTERS | NEEDS_NO_CALLS },
	},
};
