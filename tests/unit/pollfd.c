/* SPDX-License-Identifier: MIT */
/* The pollable descriptor: readable when a call that failed is worth repeating, and then alone. */
#include "config.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "calls.h"
#include "child.h"
#include "filter.h"
#include "handle.h"
#include "one_end.h"
#include "suite.h"

#define SOON_MS 10000 /* a ring that has not come by then is lost */

static void await_ring(int fd)
{
	ck_assert(rings(fd, SOON_MS));
}

/*
 * A queue without a name. Of one with a name any observer reads the file, as `shmemq ls` of another test does, and to a
 * producer that is a ring.
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

/* Tries in vain until there is no doubt any more that the peer lives: for a second the descriptor rings by itself. */
static void settle(const struct call *call, const struct ends *ends)
{
	ck_assert_int_eq(try(call, ends), EAGAIN);
	while (ends->own->pollable->peer.since != 0) {
		await_ring(shmemq_pollfd(ends->own));
		ck_assert_int_eq(try(call, ends), EAGAIN);
	}
	ck_assert(!rings(shmemq_pollfd(ends->own), 0));
}

static int armed_pollfd(const struct call *call, const struct ends *ends)
{
	int fd = shmemq_pollfd(ends->own);

	ck_assert_int_ge(fd, 0);
	await_ring(fd); /* a timer's, so not quite at once */
	settle(call, ends);
	return fd;
}

/* Calls that take a timeout, of both ends: the first and the last of each. */
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

TEST(rings_for_each_message_and_room)
{
	const struct call *call = some_call(_i);
	struct ends ends = nameless(call);
	int fd = armed_pollfd(call, &ends);

	for (int i = 0; i < 100; i++) {
		ends_unblock(call, &ends);
		ck_assert(rings(fd, 0));
		ck_assert_int_eq(try(call, &ends), 0);
		/* Taken without a failure: still readable, as after every success. */
		ck_assert(rings(fd, 0));
		ends_block(call, &ends);
		ck_assert_int_eq(try(call, &ends), EAGAIN);
		ck_assert(!rings(fd, 0));
	}
	ends_close(&ends);
}

/* Nothing is done to a descriptor that is not armed: its word says nothing to the peer. */
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
	ck_assert(!rings(fd, 0));
	ends_unblock(call, &ends);
	ck_assert(rings(fd, 0));
	ck_assert_int_eq(try(call, &ends), 0);
	ends_close(&ends);
}

TEST(rings_for_close_and_return)
{
	const struct call *call = some_call(_i);
	struct ends ends = nameless(call);
	unsigned other = other_end(call->end);
	int fd = armed_pollfd(call, &ends);

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(shmemq_close(ends.peer), 0);
		ck_assert(rings(fd, 0));
		ck_assert_int_eq(try(call, &ends), EPIPE);
		ck_assert(!rings(fd, 0));
		ends.peer = shmemq_fdopen(ends.own->fd, other);
		ck_assert_ptr_nonnull(ends.peer);
		ck_assert(rings(fd, 0));
		settle(call, &ends);
		ends_unblock(call, &ends);
		ck_assert(rings(fd, 0));
		ck_assert_int_eq(try(call, &ends), 0);
		ends_block(call, &ends);
	}
	ends_close(&ends);
}

/* Far fewer tries than those that would notice it anyway, and no wait but for the descriptor. */
TEST(rings_for_death_and_return)
{
	const char *name = test_name();
	unsigned end = both_ends[_i];
	struct shmemq *q = test_open(name, end | SHMEMQ_CREATE, 1);
	int fd = shmemq_pollfd(q), tries;

	ck_assert_int_ge(fd, 0);
	if (end == SHMEMQ_PRODUCER)
		fill(q, CALL_BYTES);
	for (int i = 0; i < 20; i++) {
		pid_t peer = child_hold(name, end == SHMEMQ_PRODUCER ? "consumer" : "producer");

		await_ring(fd);
		ck_assert_int_eq(end_try(q, end), -1);
		ck_assert_int_eq(errno, EAGAIN);
		child_kill(peer);
		for (tries = 0; tries < 20; tries++) {
			await_ring(fd);
			ck_assert_int_eq(end_try(q, end), -1);
			if (errno == EOWNERDEAD)
				break;
			ck_assert_int_eq(errno, EAGAIN);
		}
		ck_assert_int_eq(errno, EOWNERDEAD);
	}
	ck_assert_int_eq(shmemq_close(q), 0);
}

/* A descriptor made when all is over tells of it, though nothing happens any more. */
TEST(made_after_the_death)
{
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 1);

	child_kill(child_hold(name, "producer"));
	await_ring(shmemq_pollfd(q));
	ck_fails(shmemq_timedpop(q, NULL, 0, NULL, 0), EOWNERDEAD);
	ck_assert_int_eq(shmemq_close(q), 0);
}

static void exchange(struct shmemq *producer, struct shmemq *consumer)
{
	int in = shmemq_pollfd(consumer), out = shmemq_pollfd(producer);

	for (int i = 0; i < 3; i++) {
		await_ring(in);
		ck_fails(shmemq_timedpop(consumer, NULL, 0, NULL, 0), EAGAIN);
		while (shmemq_timedpush(producer, NULL, 0, 0, 0) == 0)
			;
		ck_assert_int_eq(errno, EAGAIN);
		await_ring(in);
		ck_assert_uint_gt(drain(consumer), 1);
		await_ring(out);
	}
	ck_assert_int_eq(shmemq_close(producer), 0);
	await_ring(in);
	ck_fails(shmemq_timedpop(consumer, NULL, 0, NULL, 0), EPIPE);
	ck_assert_int_eq(shmemq_close(consumer), 0);
}

TEST(needs_no_name)
{
	struct shmemq_attr attr = { .capacity = 1 };
	const char *name = test_name();
	struct shmemq *producer, *consumer;
	int fd;

	producer = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1);
	consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	ck_assert_int_eq(shmemq_unlink(name), 0);
	exchange(producer, consumer);

	fd = shmemq_memfd(&attr);
	producer = shmemq_fdopen(fd, SHMEMQ_PRODUCER);
	consumer = shmemq_fdopen(fd, SHMEMQ_CONSUMER);
	ck_assert(producer != NULL && consumer != NULL);
	close(fd);
	exchange(producer, consumer);
}

/* One message at each wake-up, as loops do that wait for a descriptor to be readable: none stays behind. */
TEST(level_triggered)
{
	const char *name = test_name();
	struct shmemq *producer = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0);
	struct shmemq *consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN };
	unsigned popped = 0, pushed = 0;

	ck_assert_int_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, shmemq_pollfd(consumer), &event), 0);
	while (popped < 2000) {
		for (unsigned i = 0; pushed < 2000 && i <= popped % 4; i++, pushed++)
			ck_assert_int_eq(shmemq_push(producer, &pushed, sizeof pushed, 0), 0);
		ck_assert_int_eq(epoll_wait(epoll, &event, 1, SOON_MS), 1);
		popped += shmemq_timedpop(consumer, &(unsigned){ 0 }, sizeof popped, NULL, 0) == sizeof popped;
	}
	close(epoll);
	ck_assert_int_eq(shmemq_close(producer), 0);
	ck_assert_int_eq(shmemq_close(consumer), 0);
}

/* Both ends of a queue, each with a descriptor, in a process that may make no system call. 0, or what went wrong. */
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
	pid_t pid = filter_start(stream_silently, test_name());

	ck_assert_int_ge(pid, 0);
	ck_assert_int_eq(test_wait(pid), 0);
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
	CHECK(rings(fd, 0));
	CHECK(try(call, &ends) == 0);
	return 0;
}

/* Who has given up the user that opened the queue still rings. */
TEST(rings_after_a_drop_of_privileges)
{
	child_run(as_another_user, some_call(_i));
}

static int without_descriptors(const void *argument)
{
	struct shmemq *q = shmemq_open(argument, SHMEMQ_CONSUMER, 0, NULL);
	struct rlimit none = { 0, 0 };

	CHECK(q != NULL && setrlimit(RLIMIT_NOFILE, &none) == 0);
	CHECK(shmemq_pollfd(q) == -1 && errno == EMFILE);
	CHECK(shmemq_close(q) == 0);
	return 0;
}

/* The calls that make a descriptor fail one after the other, and leave no other open. */
static int without_calls(const void *argument)
{
	static const struct {
		int number, err, expected;
	} refusals[] = {
		{ SYS_inotify_add_watch, ENOSPC, ENOSPC }, { SYS_inotify_add_watch, EACCES, EACCES },
		{ SYS_timerfd_create, ENOMEM, ENOMEM },    { SYS_inotify_init1, ENFILE, ENFILE },
		{ SYS_inotify_init1, EMFILE, EMFILE },     { SYS_inotify_init1, EPERM, EOPNOTSUPP },
		{ SYS_epoll_create1, ENOSYS, EOPNOTSUPP },
	};
	struct shmemq *q = shmemq_open(argument, SHMEMQ_CONSUMER, 0, NULL);
	int next = dup(0);

	close(next);
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		CHECK(filter_deny(refusals[i].number, refusals[i].err));
		CHECK(shmemq_pollfd(q) == -1 && errno == refusals[i].expected);
		CHECK(dup(0) == next && close(next) == 0);
	}
	CHECK(shmemq_close(q) == 0);
	return 0;
}

TEST(errors)
{
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1);

	ck_fails(shmemq_pollfd(NULL), EINVAL);
	ck_fails(shmemq_pollfd(q), EBADF);
	child_run(without_descriptors, name);
	if (needs_missing(NEEDS_FILTERS) == NULL)
		child_run(without_calls, name);
	ck_assert_int_eq(shmemq_close(q), 0);
}

static int forked(const void *argument)
{
	struct shmemq *const *q = argument;

	CHECK(shmemq_pollfd(*q) == -1 && errno == EPERM);
	CHECK(shmemq_close(*q) == 0);
	return 0;
}

TEST(one_descriptor_a_handle)
{
	struct shmemq *q = test_open(test_name(), SHMEMQ_CONSUMER | SHMEMQ_CREATE, 1);
	int fd = shmemq_pollfd(q);

	ck_assert_int_eq(shmemq_pollfd(q), fd);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	child_run(forked, &q);
	await_ring(fd);
	ck_assert_int_eq(shmemq_close(q), 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}

/* A peer that floods the watch costs a try a bounded time, and ends it. */
TEST(a_flood)
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
	for (int tries = 0; rings(fd, 0) || ends.own->pollable->peer.since != 0; tries++) {
		ck_assert_int_lt(tries, 100);
		await_ring(fd);
		ck_assert_int_eq(try(call, &ends), EAGAIN);
	}
	ends_unblock(call, &ends);
	ck_assert(rings(fd, 0));
	ends_close(&ends);
}

const struct suite suite = {
	.name = "unit/pollfd",
	.seconds = 120,
	.test_seconds = 60,
	.needs = NEEDS_POLLFD,
	.tests = {
		{ rings_for_each_message_and_room, 4, 0 },
		{ not_armed_costs_nothing, 2, 0 },
		{ a_wait_in_between_leaves_it_armed, 2, 0 },
		{ rings_for_close_and_return, 2, 0 },
		{ rings_for_death_and_return, 2, 0 },
		{ made_after_the_death, 1, 0 },
		{ needs_no_name, 1, 0 },
		{ level_triggered, 1, 0 },
		{ rings_after_a_drop_of_privileges, 2, 0 },
		{ errors, 1, 0 },
		{ one_descriptor_a_handle, 1, NEEDS_FORKS_APART },
		{ a_flood, 2, 0 },
		{ no_system_call_while_not_armed, 1, NEEDS_FILTERS | NEEDS_NO_CALLS },
	},
};
