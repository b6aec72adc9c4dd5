/* SPDX-License-Identifier: MIT */
/* Sets: what the kernel reports, and what it does not; the descriptor; waits. */
#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "calls.h"
#include "child.h"
#include "suite.h"
#include "told.h"

/* In a larger loop. */
TEST(descriptor)
{
	struct shmemq *producer, *consumer = add_consumer(&producer);
	int fd = shmemq_set_fd(set);
	void *told;

	ck_assert_int_eq(shmemq_set_fd(set), fd);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	await_raised(fd);
	quiet();
	ck_assert(!raised(fd, 0));
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(shmemq_push(producer, NULL, 0, 0), 0);
		await_raised(fd);
		/* It stays so while the handle is ready, however often it has been told. */
		for (int j = 0; j < 3; j++) {
			ck_assert_ptr_eq(wait_for_one(0), consumer);
			await_raised(fd);
		}
		ck_assert_int_eq(shmemq_timedpop(consumer, NULL, 0, NULL, 0), 0);
		ck_fails(shmemq_timedpop(consumer, NULL, 0, NULL, 0), EAGAIN);
		ck_fails(shmemq_set_wait(set, &told, 1, 0), EAGAIN);
		ck_assert(!raised(fd, 0));
	}
	/* A handle that is in the set no more does not raise it. */
	ck_assert_int_eq(shmemq_set_remove(set, consumer), 0);
	ck_fails(shmemq_set_wait(set, &told, 1, 0), EAGAIN); /* the kernel reports the end of the watch */
	ck_assert_int_eq(shmemq_push(producer, NULL, 0, 0), 0);
	ck_assert(!raised(fd, 0));
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumer), 0);
	ck_assert_int_eq(shmemq_set_close(set), 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}

/* A handle is ready at first. */
TEST(descriptor_of_an_empty_set)
{
	int fd = shmemq_set_fd(set);
	struct shmemq *consumer;
	void *told;

	ck_fails(shmemq_set_wait(set, &told, 1, 0), EAGAIN);
	ck_assert(!raised(fd, 0));
	consumer = add_consumer(NULL);
	await_raised(fd);
	ck_assert_int_eq(shmemq_close(consumer), 0);
}

/* The kernel ends a watch when the last name of the file is gone. */
TEST(names_may_be_removed)
{
	const char *name = test_name();
	struct shmemq *consumer = test_open(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 1), *producer;

	add(consumer);
	producer = test_open(name, SHMEMQ_PRODUCER, 0);
	quiet();
	ck_assert_int_eq(shmemq_unlink(name), 0);
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(shmemq_push(producer, NULL, 0, 0), 0);
		await_told(consumer);
		while (shmemq_timedpop(consumer, NULL, 0, NULL, 0) == 0)
			;
		ck_assert_int_eq(errno, EAGAIN);
	}
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumer), 0);
}

/* It may do so while the file is open. Then both handles' watch is added again; one that is removed has none. */
TEST(watches_may_end)
{
	const char *names[2] = { test_name(), test_name() };
	struct shmemq *consumers[2], *producer, *other, *third = add_consumer(&other);
	char second[300];
	int fd;

	if (!kernel_ends_watches())
		return;
	for (int i = 0; i < 2; i++) {
		consumers[i] = test_open(names[0], SHMEMQ_CONSUMER | SHMEMQ_SHARED | SHMEMQ_CREATE, 1);
		add(consumers[i]);
	}
	fd = shmemq_dupfd(consumers[0]);
	snprintf(second, sizeof second, "%s", file_path(names[1]));
	ck_assert_int_eq(link(file_path(names[0]), second), 0);
	producer = test_open(names[1], SHMEMQ_PRODUCER, 0);
	ck_assert_int_eq(shmemq_unlink(names[0]) | shmemq_unlink(names[1]) | shmemq_close(producer), 0);
	quiet();
	producer = shmemq_fdopen(fd, SHMEMQ_PRODUCER);
	quiet();
	ck_assert_int_eq(shmemq_push(producer, NULL, 0, 0), 0);
	await_told(consumers[1]);
	await_told(consumers[0]);
	ck_assert_int_eq(shmemq_timedpop(consumers[_i], NULL, 0, NULL, 0), 0);
	ck_assert_int_eq(shmemq_close(consumers[_i]), 0);
	quiet();
	ck_assert_int_eq(shmemq_push(producer, NULL, 0, 0), 0);
	await_told(consumers[!_i]);
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumers[!_i]) | close(fd), 0);
	ck_assert_int_eq(shmemq_push(other, NULL, 0, 0), 0);
	await_told(third);
	ck_assert_int_eq(shmemq_close(other) | shmemq_close(third), 0);
}

/* More reports than the kernel keeps: then any handle may be ready. */
TEST(reports_may_be_lost)
{
	const char *name = test_name();
	struct shmemq *producers[3], *consumers[3], *widowed = test_open(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 1);
	pid_t peer = child_hold(name, "producer");
	int fds[2];

	add(widowed);

	for (int i = 0; i < 3; i++)
		consumers[i] = add_consumer(&producers[i]);
	fds[0] = shmemq_dupfd(producers[0]);
	fds[1] = shmemq_dupfd(producers[1]);
	quiet();
	/* Equal ones in a row would be one. */
	for (int i = 0; i < 40000; i++)
		ck_fast(fallocate(fds[i % 2], 0, 0, 1) == 0);
	child_kill(peer);
	ck_assert_int_eq(shmemq_push(producers[2], NULL, 0, 0), 0);
	await_told(consumers[2]);
	ck_assert_int_eq(shmemq_pop(consumers[2], NULL, 0, NULL), 0);
	/* A death may be among them. */
	do
		await_told(widowed);
	while (shmemq_timedpop(widowed, NULL, 0, NULL, 0) == -1 && errno == EAGAIN);
	ck_assert_int_eq(errno, EOWNERDEAD);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(shmemq_close(producers[i]) | shmemq_close(consumers[i]), 0);
	ck_assert_int_eq(shmemq_close(widowed), 0);
}

static int push_after_a_while(const void *name)
{
	struct shmemq *q = shmemq_open(name, SHMEMQ_PRODUCER, 0, NULL);

	CHECK(q != NULL);
	for (int i = 0; i < 3; i++) {
		test_sleep(20 * MS);
		CHECK(shmemq_push(q, NULL, 0, 0) == 0);
	}
	return shmemq_close(q);
}

TEST(waits)
{
	const char *name = test_name();
	struct shmemq *consumer = test_open(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE | SHMEMQ_STAY, 1);
	int popped = 0;
	pid_t pid;

	add(consumer);
	ck_fails(shmemq_timedpop(consumer, NULL, 0, NULL, 0), EAGAIN);
	pid = child_start(push_after_a_while, name);
	while (popped < 3) {
		ck_assert_ptr_eq(wait_for_one(-1), consumer);
		while (shmemq_timedpop(consumer, NULL, 0, NULL, 0) == 0)
			popped++;
	}
	ck_assert_int_eq(test_wait(pid), 0);
	ck_assert_int_eq(shmemq_close(consumer), 0);
}

static void on_signal(int number)
{
	(void)number;
}

TEST(signals_interrupt_a_wait)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct shmemq *consumer = add_consumer(NULL);
	pid_t parent = getpid(), pid;
	void *told;

	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	quiet();
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 100; i++) {
			test_sleep(20 * MS);
			kill(parent, SIGUSR1);
		}
		_exit(0);
	}
	ck_fails(shmemq_set_wait(set, &told, 1, SOON), EINTR);
	kill(pid, SIGKILL);
	test_wait(pid);
	ck_assert_int_eq(shmemq_close(consumer), 0);
}

const struct suite suite = {
	.name = "api/set_reports",
	.seconds = 120,
	.test_seconds = 60,
	.needs = NEEDS_POLLFD,
	.setup = set_setup,
	.tests = {
		{ descriptor, 1, 0 },
		{ descriptor_of_an_empty_set, 1, 0 },
		{ names_may_be_removed, 1, 0 },
		{ watches_may_end, 2, 0 },
		{ reports_may_be_lost, 1, 0 },
		{ waits, 1, 0 },
		{ signals_interrupt_a_wait, 1, 0 },
	},
};
