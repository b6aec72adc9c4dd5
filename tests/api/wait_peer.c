/* SPDX-License-Identifier: MIT */
/* Waiting for a peer: which one counts, and what ends the wait. When the kernel is asked, and the wake: unit/peer.c. */
#include "config.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "calls.h"
#include "child.h"
#include "file.h"
#include "one_end.h"
#include "polling.h"
#include "suite.h"

#define SLICE (250 * MS) /* a peer that has been dead for so long does not count */

/* Each end, SHARED and not, without STAY and with it. */
#define ENDS 8

static const char *name;
static unsigned end;
static struct shmemq *q;

static void open_own(int i)
{
	end = both_ends[i % 2];
	name = test_name();
	q = test_open(name, end | (i & 2 ? SHMEMQ_SHARED : 0) | (i & 4 ? SHMEMQ_STAY : 0) | SHMEMQ_CREATE, 1);
}

static struct shmemq *open_other(unsigned flags)
{
	return test_open(name, other_end(end) | flags, 0);
}

static pid_t hold_other(void)
{
	return child_hold(name, end == SHMEMQ_PRODUCER ? "consumer" : "producer");
}

static void is_there(void)
{
	static const int64_t timeouts[] = { 0, 1, -1, INT64_MIN, INT64_MAX };

	for (size_t i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++)
		ck_assert_int_eq(shmemq_wait_peer(q, timeouts[i]), 0);
}

static void is_not_there(void)
{
	int64_t start = test_now();

	ck_fails(shmemq_wait_peer(q, 0), EAGAIN);
	ck_fails(shmemq_wait_peer(q, 5 * MS), ETIMEDOUT);
	ck_assert_int_ge(test_now() - start, 5 * MS);
	ck_fails(shmemq_wait_peer(q, 0), EAGAIN);
}

TEST(claimed_and_closed)
{
	struct smq_header *file;

	open_own(_i);
	file = file_map(name);
	FILE_UNCHANGED(file, is_not_there());
	for (int i = 0; i < 3; i++) {
		struct shmemq *peer = open_other(0);

		FILE_UNCHANGED(file, is_there());
		ck_assert_int_eq(shmemq_close(peer), 0);
		FILE_UNCHANGED(file, is_not_there());
	}
	ck_assert_int_eq(shmemq_close(q), 0);
}

/* Sooner or later, whatever was asked before. */
TEST(dead)
{
	int64_t died, now;
	pid_t pid;

	open_own(_i);
	for (int i = 0; i < 2; i++) {
		pid = hold_other();
		if (i == 1)
			is_there();
		child_kill(pid);
		died = test_now();
		do
			now = test_now();
		while (shmemq_wait_peer(q, 0) == 0 && now - died < SLICE);
		is_not_there();
	}
	ck_assert_int_eq(shmemq_close(open_other(0)), 0);
	ck_assert_int_eq(shmemq_close(q), 0);
}

static int come_and_hold(const void *argument)
{
	(void)argument;
	test_sleep(20 * MS);
	CHECK(shmemq_open(name, other_end(end), 0, NULL) != NULL);
	pause();
	return 0;
}

/* Whatever has become of the last one. */
TEST(waits_for_the_next_one)
{
	pid_t pid;

	open_own(_i);
	for (int i = 0; i < 3; i++) {
		if (i == 1)
			ck_assert_int_eq(shmemq_close(open_other(0)), 0);
		if (i == 2) {
			child_kill(hold_other());
			while (shmemq_wait_peer(q, 0) == 0)
				test_sleep(MS);
		}
		pid = child_start(come_and_hold, NULL);
		ck_assert_int_eq(shmemq_wait_peer(q, i == 1 ? 60000 * MS : -1), 0);
		is_there();
		child_kill(pid);
	}
	ck_assert_int_eq(shmemq_close(q), 0);
}

static int join_and_die(const void *unused)
{
	(void)unused;
	return shmemq_open(name, other_end(end) | SHMEMQ_SHARED, 0, NULL) == NULL;
}

/* Of a SHARED end one that lives is enough. */
TEST(one_of_many)
{
	struct shmemq *one, *two;

	open_own(_i);
	one = open_other(SHMEMQ_SHARED);
	two = open_other(SHMEMQ_SHARED);
	child_run(join_and_die, NULL);
	ck_assert_int_eq(shmemq_close(one), 0);
	test_sleep(SLICE);
	is_there();
	ck_assert_int_eq(shmemq_close(two), 0);
	is_not_there();
	child_run(join_and_die, NULL);
	child_run(join_and_die, NULL);
	test_sleep(SLICE);
	is_not_there();
	ck_assert_int_eq(shmemq_close(q), 0);
}

/* Neither for that call nor for the others. */
TEST(the_owner_lock_is_not_needed)
{
	struct shmemq *holder, *peer;

	open_own(_i + 2);
	holder = end_join(name, end);
	peer = open_other(0);
	if (end == SHMEMQ_CONSUMER)
		ck_assert_int_ge(end_try(peer, SHMEMQ_PRODUCER), 0);
	ck_assert(end_begin(holder, end));
	is_there();
	ck_assert_int_eq(shmemq_close(peer), 0);
	is_not_there();
	ck_assert_int_ge(end_finish(holder, end), 0);
	ck_assert_int_eq(shmemq_close(holder) | shmemq_close(q), 0);
}

/* Between a start and its end, and after garbage was seen. */
TEST(in_every_state)
{
	struct smq_header *file;
	struct shmemq *peer;

	open_own(_i);
	file = file_map(name);
	peer = open_other(0);
	ck_assert_int_ge(end_try(end == SHMEMQ_PRODUCER ? q : peer, SHMEMQ_PRODUCER), 0);
	ck_assert(end_begin(q, end));
	FILE_UNCHANGED(file, is_there());
	ck_assert_int_ge(end_finish(q, end), 0);
	if (end == SHMEMQ_PRODUCER) {
		fill(q, CALL_BYTES);
		file->consumer_progress.moved.position_units -= 8;
	} else {
		file_record(file, file->consumer_progress.moved.position_units)->size_plus_1 = UINT32_MAX;
	}
	ck_fails(end_try(q, end), EBADMSG);
	is_there();
	ck_assert_int_eq(shmemq_close(peer), 0);
	is_not_there();
	ck_assert_int_eq(shmemq_close(q), 0);
}

/* What it has found out: nothing is forgotten, or pretended. A try that has failed so is no try that found no peer. */
TEST(other_calls_fail_as_before)
{
	struct shmemq *peer;

	open_own(_i);
	if (end == SHMEMQ_PRODUCER)
		fill(q, CALL_BYTES);
	ck_fails(end_try(q, end), EAGAIN);
	is_not_there();
	ck_fails(end_try(q, end), EAGAIN); /* it has never come */
	peer = open_other(0);
	ck_fails(end_try(q, end), EAGAIN);
	ck_assert_int_eq(shmemq_close(peer), 0);
	is_not_there();
	for (int i = 0; i < 3; i++)
		ck_fails(end_try(q, end), EPIPE);
	child_kill(hold_other());
	while (shmemq_wait_peer(q, 0) == 0)
		test_sleep(MS);
	is_not_there();
	for (int i = 0; i < 3; i++)
		ck_fails(end_try(q, end), EOWNERDEAD);
	ck_assert_int_eq(shmemq_close(q), 0);
}

static void *interrupt_later(void *argument)
{
	test_sleep(10 * MS);
	ck_assert_int_eq(shmemq_interrupt(argument), 0);
	return NULL;
}

TEST(interrupted)
{
	struct shmemq *peer;
	pthread_t thread;

	open_own(_i);
	ck_assert_int_eq(pthread_create(&thread, NULL, interrupt_later, q), 0);
	ck_fails(shmemq_wait_peer(q, -1), ECANCELED);
	pthread_join(thread, NULL);
	/* It is for the next call that has to wait. */
	ck_assert_int_eq(shmemq_interrupt(q), 0);
	ck_fails(shmemq_wait_peer(q, 0), EAGAIN);
	peer = open_other(0);
	is_there();
	ck_assert_int_eq(shmemq_close(peer), 0);
	ck_fails(shmemq_wait_peer(q, 60000 * MS), ECANCELED);
	is_not_there();
	ck_assert_int_eq(shmemq_close(q), 0);
}

static void on_alarm(int number)
{
	(void)number;
}

TEST(eintr)
{
	struct itimerval timer = { { 0, 10000 }, { 0, 10000 } };

	open_own(_i);
	for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
		struct sigaction action = { .sa_handler = on_alarm, .sa_flags = flags };

		ck_assert_int_eq(sigaction(SIGALRM, &action, NULL) | setitimer(ITIMER_REAL, &timer, NULL), 0);
		ck_fails(shmemq_wait_peer(q, -1), EINTR);
	}
	timer = (struct itimerval){ { 0, 0 }, { 0, 0 } };
	ck_assert_int_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
	ck_assert_int_eq(shmemq_close(q), 0);
}

static int call_inherited(const void *unused)
{
	(void)unused;
	CHECK(shmemq_wait_peer(q, -1) == -1 && errno == EPERM);
	CHECK(shmemq_wait_peer(q, 0) == -1 && errno == EPERM);
	return 0;
}

TEST(einval_ebadf)
{
	struct shmemq *observer;

	open_own(_i);
	observer = test_open(name, SHMEMQ_OBSERVER, 0);
	ck_fails(shmemq_wait_peer(NULL, -1), EINVAL);
	ck_fails(shmemq_wait_peer(observer, -1), EBADF);
	ck_fails(shmemq_wait_peer(observer, 0), EBADF);
	ck_assert_int_eq(shmemq_close(q) | shmemq_close(observer), 0);
}

TEST(eperm)
{
	open_own(_i);
	child_run(call_inherited, NULL);
	ck_assert_int_eq(shmemq_close(q), 0);
}

/* It reports a message, or space, until a call that moves one has failed. */
TEST(the_descriptor_is_left_alone)
{
	struct shmemq *peer;
	int fd;

	open_own(_i);
	peer = open_other(0);
	fd = shmemq_pollfd(q);
	ck_assert_int_ge(fd, 0);
	if (end == SHMEMQ_PRODUCER)
		fill(q, CALL_BYTES);
	fail_until_quiet(q, end, fd);
	is_there();
	ck_assert_int_ge(end_try(peer, other_end(end)), 0);
	await_raised(fd);
	ck_assert_int_eq(shmemq_close(peer), 0);
	is_not_there();
	ck_assert(raised(fd, 0));
	ck_assert_int_ge(end_try(q, end), 0);
	ck_assert_int_eq(shmemq_close(q), 0);
}

const struct suite suite = {
	.name = "api/wait_peer",
	.seconds = 120,
	.tests = {
		{ claimed_and_closed, ENDS, 0 },
		{ dead, ENDS, 0 },
		{ waits_for_the_next_one, ENDS, 0 },
		{ one_of_many, ENDS, 0 },
		{ the_owner_lock_is_not_needed, 2, 0 },
		{ in_every_state, 4, 0 },
		{ other_calls_fail_as_before, 4, 0 },
		{ interrupted, ENDS, 0 },
		{ eintr, 4, 0 },
		{ einval_ebadf, 4, 0 },
		{ eperm, 4, NEEDS_FORKS_APART },
		{ the_descriptor_is_left_alone, 4, NEEDS_POLLFD },
	},
};
