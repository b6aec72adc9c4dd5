/* SPDX-License-Identifier: MIT */
/* How a follower waits: woken or looking, for messages and for the producer's end. */
#include "config.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "polling.h"
#include "suite.h"

static char buffer[100];

/* Makes a queue that the follower may write to, or only read; with a producer, which may write in any case, or NULL. */
static const char *give(int may_write, struct shmemq **producer)
{
	const char *name = test_name();

	ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1)), 0);
	if (producer != NULL)
		*producer = test_open(name, SHMEMQ_PRODUCER, 0);
	ck_assert_int_eq(chmod(file_path(name), may_write ? 0666 : 0444), 0);
	return name;
}

static struct shmemq *open_given(const char *name, unsigned flags)
{
	struct shmemq *q;

	child_drop_root();
	q = shmemq_open(name, SHMEMQ_FOLLOWER | flags, 0, NULL);
	CHECK(q != NULL);
	return q;
}

/* Waits for message after message, each pushed when it sleeps or not. */
static int pop_ten(const void *name)
{
	struct shmemq *q = open_given(name, 0);

	CHECK(shmemq_seek(q, SHMEMQ_OLDEST, NULL) == 0);
	for (uint32_t i = 0, type; i < 10; i++)
		CHECK(shmemq_pop(q, buffer, sizeof buffer, &type) == 1 && type == i);
	CHECK(shmemq_pop(q, buffer, sizeof buffer, NULL) == -1 && errno == EPIPE);
	return shmemq_close(q);
}

TEST(waits_for_messages)
{
	struct shmemq *producer;
	const char *name = give(_i, &producer);
	pid_t pid = child_start(pop_ten, name);

	for (uint32_t i = 0; i < 10; i++) {
		test_sleep((int64_t)(i % 3) * 20 * MS);
		ck_assert_int_eq(shmemq_push(producer, "", 1, i), 0);
	}
	test_sleep(20 * MS);
	ck_assert_int_eq(shmemq_close(producer), 0);
	ck_assert_int_eq(test_wait(pid), 0);
}

static int poll_ten(const void *name)
{
	struct shmemq *q = open_given(name, 0);
	int fd = shmemq_pollfd(q);

	CHECK(fd >= 0 && shmemq_seek(q, SHMEMQ_OLDEST, NULL) == 0);
	for (uint32_t i = 0, type; i < 10;) {
		ssize_t size = shmemq_timedpop(q, buffer, sizeof buffer, &type, 0);

		if (size == 1)
			CHECK(type == i++);
		else
			CHECK(errno == EAGAIN && raised(fd, SOON_MS));
	}
	while (shmemq_timedpop(q, buffer, sizeof buffer, NULL, 0) == -1 && errno == EAGAIN)
		CHECK(raised(fd, SOON_MS));
	CHECK(errno == EPIPE);
	return shmemq_close(q);
}

TEST(polls_for_messages)
{
	struct shmemq *producer;
	const char *name = give(_i, &producer);
	pid_t pid = child_start(poll_ten, name);

	for (uint32_t i = 0; i < 10; i++) {
		test_sleep((int64_t)(i % 3) * 20 * MS);
		ck_assert_int_eq(shmemq_push(producer, "", 1, i), 0);
	}
	test_sleep(20 * MS);
	ck_assert_int_eq(shmemq_close(producer), 0);
	ck_assert_int_eq(test_wait(pid), 0);
}

/* Of the producer it tells what a consumer is told, and goes on when there is another one. */
TEST(producer_closes_dies_and_returns)
{
	const char *name = test_name();
	struct shmemq *producer = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1);
	struct shmemq *q = test_open(name, SHMEMQ_FOLLOWER, 0);
	pid_t peer;

	ck_fails(shmemq_timedpop(q, buffer, sizeof buffer, NULL, 5 * MS), ETIMEDOUT);
	ck_assert_int_eq(shmemq_push(producer, "", 1, 0), 0);
	ck_assert_int_eq(shmemq_close(producer), 0);
	ck_assert_int_eq(shmemq_pop(q, buffer, sizeof buffer, NULL), 1);
	ck_fails(shmemq_pop(q, buffer, sizeof buffer, NULL), EPIPE);
	ck_fails(shmemq_timedpop(q, buffer, sizeof buffer, NULL, 0), EPIPE);
	peer = child_hold(name, "producer");
	ck_fails(shmemq_timedpop(q, buffer, sizeof buffer, NULL, 0), EAGAIN);
	child_kill(peer);
	ck_fails(shmemq_pop(q, buffer, sizeof buffer, NULL), EOWNERDEAD);
	producer = test_open(name, SHMEMQ_PRODUCER, 0);
	ck_fails(shmemq_timedpop(q, buffer, sizeof buffer, NULL, 0), EAGAIN);
	ck_assert_int_eq(shmemq_push(producer, "", 1, 0), 0);
	ck_assert_int_eq(shmemq_pop(q, buffer, sizeof buffer, NULL), 1);
	ck_assert_int_eq(shmemq_close(producer), 0);
	ck_assert_int_eq(shmemq_close(q), 0);
}

/* By tries alone within 1 s or 256 of them. */
TEST(tries_notice_a_death)
{
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_FOLLOWER | SHMEMQ_CREATE | SHMEMQ_NONBLOCK, 1);
	int64_t start;
	int tries = 0;

	child_kill(child_hold(name, "producer"));
	start = test_now();
	do
		ck_assert_int_eq(shmemq_pop(q, buffer, sizeof buffer, NULL), -1);
	while (errno == EAGAIN && (++tries < 256 || test_now() - start < 1000 * MS));
	ck_assert_int_eq(errno, EOWNERDEAD);
	ck_assert_int_eq(shmemq_close(q), 0);
}

TEST(stays)
{
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_FOLLOWER | SHMEMQ_CREATE | SHMEMQ_STAY, 1);

	child_kill(child_hold(name, "producer"));
	ck_fails(shmemq_timedpop(q, buffer, sizeof buffer, NULL, 300 * MS), ETIMEDOUT);
	ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_PRODUCER, 0)), 0);
	ck_fails(shmemq_timedpop(q, buffer, sizeof buffer, NULL, 5 * MS), ETIMEDOUT);
	ck_assert_int_eq(shmemq_close(q), 0);
}

static void on_signal(int signal)
{
	(void)signal;
}

static int sleep_on(const void *name)
{
	struct shmemq *q = open_given(name, 0);
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGALRM, &action, NULL);
	ualarm(20000, 20000);
	CHECK(shmemq_pop(q, buffer, sizeof buffer, NULL) == -1 && errno == EINTR);
	ualarm(0, 0);
	return shmemq_close(q);
}

TEST(interrupted_by_a_signal)
{
	const char *name = give(_i, NULL);

	child_run(sleep_on, name);
}

static void *interrupt(void *q)
{
	test_sleep(20 * MS);
	CHECK(shmemq_interrupt(q) == 0);
	return NULL;
}

static int be_interrupted(const void *name)
{
	struct shmemq *q = open_given(name, 0);
	pthread_t thread;

	CHECK(shmemq_interrupt(q) == 0);
	CHECK(shmemq_pop(q, buffer, sizeof buffer, NULL) == -1 && errno == ECANCELED);
	CHECK(pthread_create(&thread, NULL, interrupt, q) == 0);
	CHECK(shmemq_pop(q, buffer, sizeof buffer, NULL) == -1 && errno == ECANCELED);
	pthread_join(thread, NULL);
	return shmemq_close(q);
}

TEST(interrupted)
{
	const char *name = give(_i, NULL);

	child_run(be_interrupted, name);
}

static int use_inherited(const void *q)
{
	struct shmemq *mine = *(struct shmemq *const *)q;

	CHECK(shmemq_pop(mine, buffer, sizeof buffer, NULL) == -1 && errno == EPERM);
	CHECK(shmemq_timedpop(mine, NULL, 1, NULL, 0) == -1 && errno == EPERM);
	CHECK(shmemq_seek(mine, SHMEMQ_OLDEST, NULL) == -1 && errno == EPERM);
	CHECK(shmemq_pollfd(mine) == -1 && errno == EPERM);
	CHECK(shmemq_interrupt(mine) == -1 && errno == EPERM);
	return shmemq_close(mine);
}

TEST(forked)
{
	const char *name = test_name();
	struct shmemq *producer = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1);
	struct shmemq *q = test_open(name, SHMEMQ_FOLLOWER, 0);

	child_run(use_inherited, &q);
	ck_assert_int_eq(shmemq_push(producer, "", 1, 0), 0);
	ck_assert_int_eq(shmemq_pop(q, buffer, sizeof buffer, NULL), 1);
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(q), 0);
}

/* A follower that has been asleep since before the consumer came is woken after that too. */
static int wait_for_one(const void *name)
{
	struct shmemq *q = open_given(name, 0);

	CHECK(shmemq_timedpop(q, buffer, sizeof buffer, NULL, -1) == 1);
	return shmemq_close(q);
}

TEST(beside_a_consumer)
{
	struct shmemq *producer, *consumer;
	const char *name = give(1, &producer);
	pid_t pid = child_start(wait_for_one, name);

	test_sleep(50 * MS);
	consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	ck_fails(shmemq_timedpop(consumer, buffer, sizeof buffer, NULL, 5 * MS), ETIMEDOUT);
	ck_assert_int_eq(shmemq_push(producer, "", 1, 0), 0);
	ck_assert_int_eq(test_wait(pid), 0);
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumer), 0);
}

const struct suite suite = {
	.name = "api/follow_wait",
	.seconds = 120,
	.tests = {
		{ waits_for_messages, 2, 0 },
		{ polls_for_messages, 2, NEEDS_POLLFD },
		{ producer_closes_dies_and_returns, 1, 0 },
		{ tries_notice_a_death, 1, 0 },
		{ stays, 1, 0 },
		{ interrupted_by_a_signal, 2, 0 },
		{ interrupted, 2, 0 },
		{ forked, 1, NEEDS_FORKS_APART },
		{ beside_a_consumer, 1, 0 },
	},
};
