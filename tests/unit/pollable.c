/* SPDX-License-Identifier: MIT */
/* What happens to a pollfd in the middle of a failing call. */
#include "config.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "armed_end.h"
#include "child.h"
#include "file.h"
#include "filter.h"
#include "one_end.h"
#include "polling.h"
#include "suite.h"

/* Before Linux 6.11 a signal makes the system call that raises the descriptor fail. */
TEST(a_signal_loses_no_raise)
{
	open_ends(SHMEMQ_CONSUMER, 0);
	signals = 3;
	unblock();
	ck_assert_uint_eq(signals, 0);
	ck_assert(raised(fd, 0));

	/* In a sandbox where it always fails, the library gives up the raise, and does not go on for ever. */
	ck_assert_int_eq(try(), 0);
	ck_assert_int_eq(try(), EAGAIN);
	signals = UINT_MAX;
	unblock();
	ck_assert(!raised(fd, 0));
	signals = 0;
	close_ends();
}

/* As at a first failure: no wait is prepared yet, so the peer raises nothing. */
static void unblock_twice(void)
{
	own->eventcount.own->word = 0;
	unblock();
	unblock();
}

/* A call that cleared the descriptor and then found a message or space leaves it readable: there may be more. */
TEST(readable_after_a_success)
{
	open_ends(both_ends[_i / 2], _i % 2 ? SHMEMQ_SHARED : 0);
	next_clear.after = unblock_twice;
	ck_assert_int_eq(try(), 0);
	await_raised(fd);
	ck_assert_int_eq(try(), 0);
	ck_assert_int_eq(try(), EAGAIN);
	close_ends();
}

static struct shmemq *beside;

static void unblock_twice_and_unlock(void)
{
	unblock_twice();
	smq_unlock_owner(beside);
}

/* The same where it was the owner lock that the call found free. */
TEST(readable_after_a_success_with_the_owner_lock)
{
	open_ends(both_ends[_i], SHMEMQ_SHARED);
	beside = test_open(name, end | SHMEMQ_SHARED, 0);
	ck_assert(smq_ownerlock_trylock(&beside->ownerlock));
	next_clear.after = unblock_twice_and_unlock;
	ck_assert_int_eq(try(), 0);
	await_raised(fd);
	ck_assert_int_eq(try(), 0);
	ck_assert_int_eq(shmemq_close(beside), 0);
	close_ends();
}

/* The word may say POLLER for another handle whose membarrier has not run yet: so each handle calls its own. */
TEST(each_handle_calls_its_own_membarrier)
{
	open_ends(SHMEMQ_CONSUMER, SHMEMQ_SHARED);
	beside = test_open(name, end | SHMEMQ_SHARED, 0);
	ck_assert_int_ge(shmemq_pollfd(beside), 0);
	ck_assert(own->eventcount.own->word & SMQ_WAIT_POLLER);
	membarriers = 0;
	ck_fails(end_try(beside, end), EAGAIN);
	ck_assert_uint_gt(membarriers, 0);
	ck_assert_int_eq(shmemq_close(beside), 0);
	close_ends();
}

/* A peer comes back while a call is about to report that it has gone: the descriptor is raised. */
TEST(a_return_during_a_call_is_not_missed)
{
	open_ends(both_ends[_i], 0);
	close_peer();
	ck_assert_int_eq(try(), EPIPE);
	while (raised(fd, 10))
		ck_assert_int_eq(try(), EPIPE);
	/* As at a first failure: so the peer that comes has no poller to raise. */
	own->eventcount.own->word = 0;
	next_clear.before = open_peer;
	ck_assert_int_eq(try(), EPIPE);
	await_raised(fd);
	ck_assert_int_eq(try(), EAGAIN);
	close_ends();
}

/* The queue loses both its names, and the dentry that the peer opened is the last to go: the kernel ends the watch. */
static void lose_the_watch(void)
{
	const char *second = test_name();
	char path[300];

	close_peer();
	snprintf(path, sizeof path, "%s", file_path(second));
	ck_assert_int_eq(link(file_path(name), path), 0);
	peer = test_open(second, other_end(end), 0);
	ck_assert_int_eq(shmemq_unlink(name), 0);
	ck_assert_int_eq(shmemq_unlink(second), 0);
	close_peer();
}

static struct shmemq *reopen(void)
{
	struct shmemq *q = shmemq_fdopen(own->fd, other_end(end));

	ck_assert_ptr_nonnull(q);
	return q;
}

TEST(a_lost_watch_is_added_again)
{
	int watch;

	if (!kernel_ends_watches())
		return;
	open_ends(both_ends[_i], 0);
	watch = own->pollable->watch;
	lose_the_watch();
	await_raised(fd);
	ck_assert_int_eq(try(), EPIPE);
	ck_assert_int_ne(own->pollable->watch, watch);
	ck_assert_int_ge(own->pollable->watch, 0);
	while (raised(fd, 10))
		ck_assert_int_eq(try(), EPIPE);
	peer = reopen();
	ck_assert(raised(fd, 0));
	ck_assert_int_eq(try(), EAGAIN);
	unblock();
	ck_assert(raised(fd, 0));
	ck_assert_int_eq(try(), 0);
	close_ends();
}

static int without_watches(const void *expected)
{
	int err = *(const int *)expected;

	open_ends(SHMEMQ_CONSUMER, err == EAGAIN ? SHMEMQ_STAY : 0);
	CHECK(filter_deny(SYS_inotify_add_watch, ENOSPC));
	lose_the_watch();
	for (int i = 0; i < 5; i++) {
		CHECK(raised(fd, SOON_MS));
		CHECK(try() == err);
	}
	CHECK(own->pollable->watch == -1);
	peer = shmemq_fdopen(own->fd, SHMEMQ_PRODUCER);
	CHECK(peer != NULL && shmemq_push(peer, "", 1, 0) == 0);
	CHECK(raised(fd, SOON_MS) && try() == 0);
	return 0;
}

/* A handle that cannot add the watch again tries by itself, whatever it waits for. */
TEST(a_watch_lost_for_good)
{
	if (kernel_ends_watches())
		child_run(without_watches, _i ? &(int){ EPIPE } : &(int){ EAGAIN });
}

const struct suite suite = {
	.name = "unit/pollable",
	.seconds = 120,
	.test_seconds = 60,
	.needs = NEEDS_POLLFD,
	.tests = {
		{ a_signal_loses_no_raise, 1, 0 },
		{ readable_after_a_success, 4, 0 },
		{ readable_after_a_success_with_the_owner_lock, 2, 0 },
		{ each_handle_calls_its_own_membarrier, 1, 0 },
		{ a_return_during_a_call_is_not_missed, 2, 0 },
		{ a_lost_watch_is_added_again, 2, 0 },
		{ a_watch_lost_for_good, 2, NEEDS_FILTERS },
	},
};
