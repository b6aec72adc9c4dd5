/* SPDX-License-Identifier: MIT */
/* Waiting until all messages have been popped: what else ends the wait. */
#include "config.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "calls.h"
#include "child.h"
#include "emptied.h"
#include "file.h"
#include "one_end.h"
#include "polling.h"
#include "suite.h"

static int hold(const void *held)
{
	struct shmemq *dies = shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL);
	size_t size;

	CHECK(dies != NULL);
	CHECK(held == NULL || shmemq_pop_start(dies, &size, NULL) != NULL);
	return 0;
}

/* If there is something to wait for. An empty queue is empty, whatever has become of the consumer. */
TEST(epipe_eownerdead)
{
	open_ends(_i, 0);
	push_one();
	ck_assert_int_eq(shmemq_close(consumer), 0);
	FILE_UNCHANGED(file, ck_fails(shmemq_wait_empty(q, 0), EPIPE));
	FILE_UNCHANGED(file, ck_fails(shmemq_wait_empty(q, -1), EPIPE));
	child_run(hold, "held");
	FILE_UNCHANGED(file, ck_fails(shmemq_wait_empty(q, -1), EOWNERDEAD));
	FILE_UNCHANGED(file, ck_fails(shmemq_wait_empty(q, 0), EOWNERDEAD));
	consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	is_not_empty();
	pop_one();
	is_empty();
	ck_assert_int_eq(shmemq_close(consumer), 0);
	is_empty();
	child_run(hold, NULL);
	is_empty();
	consumer = NULL;
	close_ends();
}

/* A death is noticed by tries, too, as by those of a push. */
TEST(tries_notice_a_death)
{
	pid_t pid;
	int64_t died, late = 0;

	open_ends(_i, 0);
	push_one();
	ck_assert_int_eq(shmemq_close(consumer), 0);
	consumer = NULL;
	pid = child_hold(name, "consumer");
	ck_fails(shmemq_wait_empty(q, 0), EAGAIN);
	child_kill(pid);
	died = test_now();
	while (shmemq_wait_empty(q, 0) != 0 && errno == EAGAIN) {
		late += test_now() - died >= 1000 * MS;
		ck_assert_int_le(late, 256);
	}
	ck_assert_int_eq(errno, EOWNERDEAD);
	close_ends();
}

TEST(stay_waits_on)
{
	pthread_t thread;
	int err;

	open_ends(_i, SHMEMQ_STAY);
	push_one();
	ck_assert_int_eq(shmemq_close(consumer), 0);
	is_not_empty();
	child_run(hold, NULL);
	ck_fails(shmemq_wait_empty(q, 300 * MS), ETIMEDOUT);
	thread = start(&err);
	consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	pop_one();
	pthread_join(thread, NULL);
	ck_assert_int_eq(err, 0);
	close_ends();
}

TEST(interrupted)
{
	pthread_t thread;
	int err;

	open_ends(_i, 0);
	push_one();
	thread = start(&err);
	ck_assert_int_eq(shmemq_interrupt(q), 0);
	pthread_join(thread, NULL);
	ck_assert_int_eq(err, ECANCELED);
	ck_assert_int_eq(shmemq_interrupt(q), 0);
	ck_fails(shmemq_wait_empty(q, 0), EAGAIN);
	pop_one();
	is_empty();
	push_one();
	FILE_UNCHANGED(file, ck_fails(shmemq_wait_empty(q, -1), ECANCELED));
	is_not_empty();
	close_ends();
}

static void on_alarm(int number)
{
	(void)number;
}

TEST(eintr)
{
	struct itimerval timer = { { 0, 10000 }, { 0, 10000 } };
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };

	open_ends(_i, 0);
	push_one();
	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL) | setitimer(ITIMER_REAL, &timer, NULL), 0);
	FILE_UNCHANGED(file, ck_fails(shmemq_wait_empty(q, -1), EINTR));
	timer = (struct itimerval){ { 0, 0 }, { 0, 0 } };
	ck_assert_int_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
	close_ends();
}

static int call_inherited(const void *unused)
{
	(void)unused;
	CHECK(shmemq_wait_empty(q, -1) == -1 && errno == EPERM);
	CHECK(shmemq_wait_empty(consumer, 0) == -1 && errno == EPERM);
	return 0;
}

TEST(eperm)
{
	open_ends(_i, 0);
	child_run(call_inherited, NULL);
	close_ends();
}

/* Whether or not the queue is empty. */
TEST(einval_ebadf)
{
	struct shmemq *observer;

	open_ends(_i, 0);
	observer = test_open(name, SHMEMQ_OBSERVER, 0);
	for (int i = 0; i < 2; i++) {
		ck_fails(shmemq_wait_empty(NULL, -1), EINVAL);
		ck_fails(shmemq_wait_empty(consumer, -1), EBADF);
		ck_fails(shmemq_wait_empty(observer, -1), EBADF);
		ck_assert_ptr_nonnull(shmemq_push_start(q, 1));
		ck_fails(shmemq_wait_empty(q, 0), EINVAL);
		ck_fails(shmemq_wait_empty(q, -1), EINVAL);
		ck_assert_int_eq(shmemq_push_cancel(q), 0);
		push_one();
	}
	ck_assert_int_eq(shmemq_close(observer), 0);
	close_ends();
}

/* And from then on. On a SHARED end the next push finds it. */
TEST(ebadmsg)
{
	static const uint32_t wrong[] = { 8, UINT32_MAX - 7, 1u << 31 };

	for (int i = 0; i < 3; i++) {
		uint32_t good;

		open_ends(false, 0);
		push_one();
		good = file->consumer_progress.moved.position_units;
		file->consumer_progress.moved.position_units += wrong[i];
		FILE_UNCHANGED(file, ck_fails(shmemq_wait_empty(q, i - 1), EBADMSG));
		file->consumer_progress.moved.position_units = good;
		ck_fails(shmemq_wait_empty(q, 0), EBADMSG);
		ck_fails(end_try(q, SHMEMQ_PRODUCER), EBADMSG);
		close_ends();
	}
}

/* It reports space until a push has failed. */
TEST(the_descriptor_is_left_alone)
{
	int fd;

	open_ends(_i, 0);
	fd = shmemq_pollfd(q);
	ck_assert_int_ge(fd, 0);
	fill(q, CALL_BYTES);
	fail_until_quiet(q, SHMEMQ_PRODUCER, fd);
	pop_one();
	await_raised(fd);
	is_not_empty();
	ck_assert(raised(fd, 0));
	push_one();
	ck_assert_int_eq(shmemq_close(consumer), 0);
	consumer = NULL;
	ck_fails(shmemq_wait_empty(q, 0), EPIPE);
	ck_assert(raised(fd, 0));
	close_ends();
}

const struct suite suite = {
	.name = "api/wait_empty_ends",
	.seconds = 120,
	.tests = {
		{ epipe_eownerdead, 2, 0 },
		{ tries_notice_a_death, 2, 0 },
		{ stay_waits_on, 2, 0 },
		{ interrupted, 2, 0 },
		{ eintr, 2, 0 },
		{ eperm, 2, NEEDS_FORKS_APART },
		{ einval_ebadf, 2, 0 },
		{ ebadmsg, 1, 0 },
		{ the_descriptor_is_left_alone, 2, NEEDS_POLLFD },
	},
};
