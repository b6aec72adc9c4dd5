/* SPDX-License-Identifier: MIT */
/* SHARED ends: a process that is stopped while it holds the owner lock, or waits for it. */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "child.h"
#include "one_end.h"
#include "polling.h"
#include "stopper.h"
#include "suite.h"

/* Pollers for the owner lock wait while its holder is stopped. A call that waits: shared/holder. */
TEST(pollers_wait_for_a_stopped_holder)
{
	unsigned end = both_ends[_i];
	int memfd = test_memfd(1), fd;
	struct shmemq *peer = test_fdopen(memfd, other_end(end)), *own = test_fdopen(memfd, end | SHMEMQ_SHARED);
	pid_t pid;

	for (int i = 0; i < 2; i++)
		ck_assert_int_ge(end_try(end == SHMEMQ_PRODUCER ? own : peer, SHMEMQ_PRODUCER), 0);
	fd = shmemq_pollfd(own);
	pid = end_hold(NULL, memfd, end);
	fail_until_quiet(own, end, fd);
	ck_assert_int_eq(kill(pid, SIGCONT), 0);
	await_raised(fd);
	while (end_try(own, end) < 0) {
		ck_assert_int_eq(errno, EAGAIN);
		await_raised(fd);
	}
	ck_assert_int_eq(test_wait(pid), 0);
	ck_assert_int_eq(shmemq_close(own), 0);
	ck_assert_int_eq(shmemq_close(peer), 0);
	close(memfd);
}

struct waiter {
	const char *name;
	unsigned end;
};

static int move_one(const void *argument)
{
	const struct waiter *waiter = argument;
	struct shmemq *q = shmemq_open(waiter->name, waiter->end | SHMEMQ_SHARED, 0, NULL);

	CHECK(q != NULL && end_move(q, waiter->end, -1) >= 0 && shmemq_close(q) == 0);
	return 0;
}

static void await_sleep(pid_t pid)
{
	char path[64], state = 0;

	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	while (state != 'S') {
		FILE *stat = fopen(path, "re");

		test_sleep(MS);
		ck_assert(stat != NULL && fscanf(stat, "%*d (%*[^)]) %c", &state) == 1);
		fclose(stat);
		ck_assert_int_ne(state, 'Z');
	}
}

/* Of two that sleep for the owner lock, one is stopped. The unlock wakes the other one, whichever came first. */
TEST(a_stopped_waiter_holds_nobody_up)
{
	unsigned end = both_ends[_i % 2], stopped = (unsigned)_i / 2 % 2;
	struct waiter waiter = { test_name(), end };
	struct stopper stoppers[2];
	struct shmemq *peer, *own;

	if (!stopper_can(_i / 4))
		return;
	own = end_join(waiter.name, end);
	peer = test_open(waiter.name, other_end(end), 0);
	for (int i = 0; i < 5; i++)
		ck_assert_int_ge(end_try(end == SHMEMQ_PRODUCER ? own : peer, SHMEMQ_PRODUCER), 0);
	ck_assert(end_begin(own, end));
	for (int i = 0; i < 2; i++) {
		stoppers[i] = stopper_for(_i / 4, child_start(move_one, &waiter));
		await_sleep(stoppers[i].pid);
	}
	stopper_stop(&stoppers[stopped]);
	ck_assert_int_ge(end_finish(own, end), 0);
	ck_assert_int_eq(test_wait(stoppers[1 - stopped].pid), 0);
	stopper_continue(&stoppers[stopped]);
	ck_assert_int_eq(test_wait(stoppers[stopped].pid), 0);
	for (int i = 0; i < 2; i++)
		stopper_end(&stoppers[i]);
	ck_assert_int_eq(shmemq_close(own), 0);
	ck_assert_int_eq(shmemq_close(peer), 0);
}

const struct suite suite = {
	.name = "shared/stopped",
	.seconds = 120,
	.end = stopper_end_all,
	.tests = {
		{ pollers_wait_for_a_stopped_holder, 2, NEEDS_POLLFD },
		{ a_stopped_waiter_holds_nobody_up, 4 * STOP_WAYS, NEEDS_PROC },
	},
};
