/* SPDX-License-Identifier: MIT */
/* What a program sees of a pollfd: what it can be polled for, and when there is none. */
#include "config.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "calls.h"
#include "child.h"
#include "filter.h"
#include "one_end.h"
#include "polling.h"
#include "suite.h"

/* With far fewer tries than those that would notice it anyway, and no wait but for the descriptor. */
TEST(raised_for_death_and_return)
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

		await_raised(fd);
		ck_assert_int_eq(end_try(q, end), -1);
		ck_assert_int_eq(errno, EAGAIN);
		child_kill(peer);
		for (tries = 0; tries < 20; tries++) {
			await_raised(fd);
			ck_assert_int_eq(end_try(q, end), -1);
			if (errno == EOWNERDEAD)
				break;
			ck_assert_int_eq(errno, EAGAIN);
		}
		ck_assert_int_eq(errno, EOWNERDEAD);
	}
	ck_assert_int_eq(shmemq_close(q), 0);
}

/* Though nothing happens any more. */
TEST(raised_when_made_after_a_death)
{
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 1);

	child_kill(child_hold(name, "producer"));
	await_raised(shmemq_pollfd(q));
	ck_fails(shmemq_timedpop(q, NULL, 0, NULL, 0), EOWNERDEAD);
	ck_assert_int_eq(shmemq_close(q), 0);
}

static void exchange(struct shmemq *producer, struct shmemq *consumer)
{
	int in = shmemq_pollfd(consumer), out = shmemq_pollfd(producer);

	await_raised(in);
	for (int i = 0; i < 3; i++) {
		ck_fails(shmemq_timedpop(consumer, NULL, 0, NULL, 0), EAGAIN);
		while (shmemq_timedpush(producer, NULL, 0, 0, 0) == 0)
			;
		ck_assert_int_eq(errno, EAGAIN);
		await_raised(in);
		ck_assert_uint_gt(drain(consumer), 1);
		await_raised(out);
	}
	ck_assert_int_eq(shmemq_close(producer), 0);
	await_raised(in);
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

/* A loop that pops one message each time the descriptor is readable gets them all. */
TEST(level_triggered_loops_miss_nothing)
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

static int without_descriptors(const void *argument)
{
	struct shmemq *q = shmemq_open(argument, SHMEMQ_CONSUMER, 0, NULL);
	struct rlimit none = { 0, 0 };

	CHECK(q != NULL && setrlimit(RLIMIT_NOFILE, &none) == 0);
	CHECK(shmemq_pollfd(q) == -1 && errno == EMFILE);
	CHECK(shmemq_close(q) == 0);
	return 0;
}

/* The calls that make a descriptor fail one after the other, and no descriptor is left open. */
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

TEST(each_missing_thing_has_its_errno)
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
	await_raised(fd);
	ck_assert_int_eq(shmemq_close(q), 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}

const struct suite suite = {
	.name = "api/pollfd",
	.seconds = 120,
	.test_seconds = 60,
	.needs = NEEDS_POLLFD,
	.tests = {
		{ raised_for_death_and_return, 2, 0 },
		{ raised_when_made_after_a_death, 1, 0 },
		{ needs_no_name, 1, 0 },
		{ level_triggered_loops_miss_nothing, 1, 0 },
		{ each_missing_thing_has_its_errno, 1, 0 },
		{ one_descriptor_a_handle, 1, NEEDS_FORKS_APART },
	},
};
