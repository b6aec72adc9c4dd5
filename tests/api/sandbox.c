/* SPDX-License-Identifier: MIT */
/*
 * The library in a Docker container, as far as its seccomp profile goes: with every other system call refused, all of
 * the library works. Once with the profile of 2022, once with an old one, which refuses membarrier() and pidfd_open(),
 * too.
 */
#include "config.h"

#include <signal.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "calls.h"
#include "child.h"
#include "file.h"
#include "filter.h"
#include "one_end.h"
#include "polling.h"
#include "suite.h"

static void confine(bool old)
{
	ck_assert(filter_as_container(old));
	ck_fails(unshare(0), EPERM);
}

static void in_a_container(void)
{
	confine(false);
}

static void in_an_old_container(void)
{
	confine(true);
}

/* Each call at once, after a wait in vain, and to the end of what is there. */
TEST(calls_work)
{
	const struct call *call = &calls[_i];
	struct ends ends = ends_waiting(call, call->timed ? 0 : SHMEMQ_NONBLOCK);

	if (call->timed)
		ck_fails(call->run(ends.own, CALL_BYTES, 5 * MS), ETIMEDOUT);
	ck_fails(call->run(ends.own, CALL_BYTES, 0), EAGAIN);
	ends_unblock(call, &ends);
	ck_assert_int_eq(call->run(ends.own, CALL_BYTES, 0), 0);
	ck_assert_int_eq(shmemq_close(ends.peer), 0);
	ends.peer = NULL;
	ck_fails(call->run(ends.own, CALL_BYTES, 0), EPIPE);
	ends_close(&ends);
}

/* Processes that sleep and wake each other. */
TEST(processes_share_a_queue)
{
	const char *name = test_name();
	pid_t pids[2];

	ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1)), 0);
	pids[0] = test_peer("produce", name, "1", "20000", (char *)NULL);
	pids[1] = test_peer("consume", name, "1", (char *)NULL);
	ck_assert_int_eq(test_wait(pids[0]), 0);
	ck_assert_int_eq(test_wait(pids[1]), 0);
	ck_assert_int_eq(shmemq_unlink(name), 0);
	ck_assert(!file_exists(name));
}

/* A child that opens a memfd by its number, wakes this process, and dies. */
static int push_and_die(const void *argument)
{
	struct shmemq *q = shmemq_fdopen(*(const int *)argument, SHMEMQ_PRODUCER);

	test_sleep(20 * MS);
	CHECK(q != NULL && shmemq_push(q, "x", 1, 0) == 0);
	test_sleep(20 * MS);
	kill(getpid(), SIGKILL);
	return 1;
}

TEST(a_death_is_noticed)
{
	int fd = test_memfd(1);
	struct shmemq *q = test_fdopen(fd, SHMEMQ_CONSUMER);
	pid_t pid = child_start(push_and_die, &fd);
	char byte;

	ck_assert_int_eq(shmemq_pop(q, &byte, 1, NULL), 1);
	ck_fails(shmemq_pop(q, &byte, 1, NULL), EOWNERDEAD);
	ck_assert_int_eq(test_wait(pid), 128 + SIGKILL);
	ck_assert_int_eq(shmemq_close(test_fdopen(fd, SHMEMQ_PRODUCER)), 0);
	ck_fails(shmemq_pop(q, &byte, 1, NULL), EPIPE);
	ck_assert_int_eq(shmemq_close(q), 0);
}

TEST(a_dead_holder_is_replaced)
{
	unsigned end = both_ends[_i];
	const char *name = test_name();
	struct shmemq *own = end_join(name, end), *peer = test_open(name, other_end(end), 0);

	for (int i = 0; i < 3; i++)
		ck_assert_int_ge(end_try(end == SHMEMQ_PRODUCER ? own : peer, SHMEMQ_PRODUCER), 0);
	child_kill(end_hold(name, -1, end));
	ck_assert_int_ge(end_move(own, end, -1), 0);
	ck_assert_int_eq(shmemq_close(own), 0);
	ck_assert_int_eq(shmemq_close(peer), 0);
}

/* By what the peer does, and by its death. */
TEST(descriptors_are_raised)
{
	const struct call *call = &calls[1 + 7 * _i];
	struct ends ends = ends_waiting(call, 0);
	int fd = shmemq_pollfd(ends.own);
	pid_t pid;

	ck_assert_int_ge(fd, 0);
	fail_until_quiet(ends.own, call->end, fd);
	ends_unblock(call, &ends);
	ck_assert(raised(fd, 0));
	ck_assert_int_eq(call->run(ends.own, CALL_BYTES, 0), 0);
	ck_assert_int_eq(shmemq_close(ends.peer), 0);
	ends.peer = NULL;
	pid = child_hold(ends.name, _i ? "producer" : "consumer");
	child_kill(pid);
	for (int err = EAGAIN; err == EAGAIN; err = errno) {
		await_raised(fd);
		ck_assert_int_eq(end_try(ends.own, call->end), -1);
	}
	ck_assert_int_eq(errno, EOWNERDEAD);
	ends_close(&ends);
}

TEST(the_state_is_shown)
{
	const char *name = test_name();
	struct shmemq_attr attr = { .capacity = 1, .flags = SHMEMQ_ATTR_TEMPORARY };
	struct shmemq *q =
		shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE | SHMEMQ_EXCL | SHMEMQ_PREFAULT, 0600, &attr);
	struct shmemq *observer = test_open(name, SHMEMQ_OBSERVER, 0);
	struct shmemq_stat st;

	ck_assert(q != NULL && shmemq_push(q, "x", 1, 0) == 0);
	ck_assert(shmemq_stat(observer, &st) == 0 && st.queued_messages == 1 && st.producer == SHMEMQ_END_OPEN);
	ck_assert(shmemq_getattr(observer, &attr) == 0 && attr.id != 0);
	ck_assert_int_eq(shmemq_interrupt(q), 0);
	ck_assert_int_eq(shmemq_close(q), 0);
	ck_assert(shmemq_stat(observer, &st) == 0 && st.producer == SHMEMQ_END_CLOSED);
	ck_assert_int_eq(shmemq_close(observer), 0);
	ck_assert(!file_exists(name));
}

const struct suite suite = {
	.name = "api/sandbox",
	.seconds = 120,
	.needs = NEEDS_FILTERS,
	.setups = { in_a_container, in_an_old_container },
	.tests = {
		{ calls_work, CALLS, 0 },
		{ processes_share_a_queue, 1, 0 },
		{ a_death_is_noticed, 1, NEEDS_PROC },
		{ a_dead_holder_is_replaced, 2, 0 },
		{ descriptors_are_raised, 2, NEEDS_POLLFD },
		{ the_state_is_shown, 1, 0 },
	},
};
