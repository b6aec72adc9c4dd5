/* SPDX-License-Identifier: MIT */
/* Sets: which handles are told, and that none is forgotten. */
#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "calls.h"
#include "child.h"
#include "file.h"
#include "one_end.h"
#include "polling.h"
#include "suite.h"

#define SOON (SOON_MS * MS)

static struct shmemq_set *set;

static void setup(void)
{
	set = shmemq_set_open();
	ck_assert_ptr_nonnull(set);
}

/* The handles stand for themselves. */
static void add(struct shmemq *q)
{
	ck_assert_int_eq(shmemq_set_add(set, q, q), 0);
}

/* A consumer of a new queue, in the set; and a producer of that queue, which is not. */
static struct shmemq *add_consumer(struct shmemq **producer)
{
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 1);

	add(q);
	if (producer != NULL)
		*producer = test_open(name, SHMEMQ_PRODUCER, 0);
	return q;
}

/* The next handle that is told. */
static struct shmemq *wait_for_one(int64_t timeout)
{
	void *told = NULL;

	ck_assert_int_eq(shmemq_set_wait(set, &told, 1, timeout), 1);
	return told;
}

/* Tries all consumers that are told, until none is for as long as a peer is rechecked after an event. */
static void quiet(void)
{
	void *told[8];
	int count;

	while ((count = shmemq_set_wait(set, told, 8, 600 * MS)) > 0) {
		for (int i = 0; i < count; i++)
			ck_assert_int_eq(shmemq_timedpop(told[i], NULL, 0, NULL, 0), -1);
	}
	ck_assert_int_eq(errno, ETIMEDOUT);
}

/* Until this one is told, whatever else is. */
static void await_told(struct shmemq *q)
{
	while (wait_for_one(SOON) != q)
		;
}

TEST(ready_until_a_call_fails)
{
	struct shmemq *producer, *consumer = add_consumer(&producer);
	void *told;

	for (int i = 0; i < 3; i++)
		ck_assert_ptr_eq(wait_for_one(0), consumer);
	quiet();
	for (uint32_t i = 0; i < 3; i++)
		ck_assert_int_eq(shmemq_push(producer, NULL, 0, i), 0);
	for (uint32_t i = 0, type; i < 3; i++) {
		ck_assert_ptr_eq(wait_for_one(SOON), consumer);
		ck_assert_int_eq(shmemq_timedpop(consumer, NULL, 0, &type, 0), 0);
		ck_assert_uint_eq(type, i);
	}
	/* No call has failed. */
	ck_assert_ptr_eq(wait_for_one(0), consumer);
	ck_fails(shmemq_timedpop(consumer, NULL, 0, NULL, 0), EAGAIN);
	ck_fails(shmemq_set_wait(set, &told, 1, 0), EAGAIN);
	ck_fails(shmemq_set_wait(set, &told, 1, 1 * MS), ETIMEDOUT);
	ck_assert_int_eq(shmemq_close(producer), 0);
	ck_assert_ptr_eq(wait_for_one(SOON), consumer);
	ck_fails(shmemq_timedpop(consumer, NULL, 0, NULL, 0), EPIPE);
	ck_assert_int_eq(shmemq_close(consumer), 0);
}

/* A producer waits for space, a follower for messages, and a handle of a SHARED end for its turn as well. */
TEST(each_kind_of_handle)
{
	const char *name = test_name();
	struct shmemq *producer = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE | SHMEMQ_SHARED, 1);
	struct shmemq *other = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_SHARED, 0);
	struct shmemq *consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	struct shmemq *follower = test_open(name, SHMEMQ_FOLLOWER, 0);

	add(producer);
	add(other);
	add(follower);
	while (shmemq_timedpush(producer, NULL, 0, 0, 0) == 0)
		;
	ck_fails(shmemq_timedpush(other, NULL, 0, 0, 0), EAGAIN);
	await_told(follower);
	while (shmemq_timedpop(follower, NULL, 0, NULL, 0) == 0)
		;
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(shmemq_pop(consumer, NULL, 0, NULL), 0);
	await_told(producer);
	await_told(other);
	ck_assert_ptr_nonnull(shmemq_timedpush_start(producer, 0, 0));
	ck_fails(shmemq_timedpush(other, NULL, 0, 0, 0), EAGAIN);
	ck_assert_int_eq(shmemq_push_end(producer, 0, 7), 0);
	await_told(other);
	await_told(follower);
	ck_assert_int_eq(shmemq_timedpop(follower, NULL, 0, NULL, 0), 0);
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(other) | shmemq_close(consumer) | shmemq_close(follower),
			 0);
}

/* With room for one, each is told in its turn. */
TEST(none_is_passed_over)
{
	enum { COUNT = 5 };
	struct shmemq *consumers[COUNT], *first[COUNT];

	for (int i = 0; i < COUNT; i++)
		consumers[i] = add_consumer(NULL);
	for (int i = 0; i < COUNT; i++) {
		first[i] = wait_for_one(0);
		for (int j = 0; j < i; j++)
			ck_assert_ptr_ne(first[i], first[j]);
	}
	for (int i = 0; i < 3 * COUNT; i++)
		ck_assert_ptr_eq(wait_for_one(0), first[i % COUNT]);
	for (int i = 0; i < COUNT; i++)
		ck_assert_int_eq(shmemq_close(consumers[i]), 0);
}

/* Each is told once in a call, however many there is room for. */
TEST(all_at_once)
{
	struct shmemq *consumers[3];
	void *told[10];

	for (int i = 0; i < 3; i++)
		consumers[i] = add_consumer(NULL);
	ck_assert_int_eq(shmemq_set_wait(set, told, 10, 0), 3);
	ck_assert(told[0] != told[1] && told[1] != told[2] && told[0] != told[2]);
	ck_assert_int_eq(shmemq_set_wait(set, told, 2, 0), 2);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(shmemq_close(consumers[i]), 0);
}

TEST(tells_of_deaths_and_returns)
{
	const char *name = test_name();
	unsigned end = both_ends[_i];
	struct shmemq *q = test_open(name, end | SHMEMQ_CREATE, 1);

	add(q);
	while (end == SHMEMQ_PRODUCER && end_try(q, end) == 0)
		;
	for (int i = 0; i < 5; i++) {
		pid_t peer = child_hold(name, end == SHMEMQ_PRODUCER ? "consumer" : "producer");

		await_told(q);
		ck_fails(end_try(q, end), EAGAIN);
		child_kill(peer);
		do
			await_told(q);
		while (end_try(q, end) == -1 && errno == EAGAIN);
		ck_assert_int_eq(errno, EOWNERDEAD);
	}
	ck_assert_int_eq(shmemq_close(q), 0);
}

TEST(removed_and_added_again)
{
	struct shmemq *producer, *consumer = add_consumer(&producer), *twin;
	struct shmemq_set *other = shmemq_set_open();
	void *told;

	ck_fails(shmemq_set_add(set, consumer, NULL), EBUSY);
	ck_fails(shmemq_set_add(other, consumer, NULL), EBUSY);
	ck_fails(shmemq_pollfd(consumer), EBUSY);
	ck_fails(shmemq_set_remove(other, consumer), ENOENT);
	ck_assert_int_eq(shmemq_set_remove(set, consumer), 0);
	ck_fails(shmemq_set_remove(set, consumer), ENOENT);
	ck_fails(shmemq_set_wait(set, &told, 1, 0), EAGAIN);
	ck_assert_int_eq(shmemq_set_add(other, consumer, &twin), 0);
	ck_assert_int_eq(shmemq_set_wait(other, &told, 1, 0), 1);
	ck_assert_ptr_eq(told, &twin);
	/* A set that is closed leaves its handles alone. */
	ck_assert_int_eq(shmemq_set_close(other), 0);
	ck_fails(shmemq_timedpop(consumer, NULL, 0, NULL, 0), EAGAIN);
	ck_assert_int_eq(shmemq_push(producer, NULL, 0, 0), 0);
	ck_assert_int_eq(shmemq_timedpop(consumer, NULL, 0, NULL, 0), 0);
	add(consumer);
	ck_assert_ptr_eq(wait_for_one(0), consumer);
	ck_assert_int_eq(shmemq_set_remove(set, consumer), 0);
	await_raised(shmemq_pollfd(consumer));
	ck_fails(shmemq_set_add(set, consumer, NULL), EBUSY);
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumer), 0);
}

/* Several handles of one queue have one watch: it stays until the last of them has left. */
TEST(handles_of_one_queue)
{
	const char *name = test_name();
	struct shmemq *producer = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1), *consumers[3];

	for (int i = 0; i < 3; i++) {
		consumers[i] = test_open(name, SHMEMQ_CONSUMER | SHMEMQ_SHARED, 0);
		add(consumers[i]);
	}
	add(producer);
	for (int left = 3; left > 0; left--) {
		int leaver = _i < 3 ? (_i + left) % left : left - 1;

		for (int i = 0; i < left; i++)
			ck_fails(shmemq_timedpop(consumers[i], NULL, 0, NULL, 0), EAGAIN);
		ck_assert_int_eq(shmemq_push(producer, NULL, 0, 0), 0);
		for (int i = 0; i < left; i++)
			await_told(consumers[i]);
		ck_assert_int_eq(shmemq_timedpop(consumers[0], NULL, 0, NULL, 0), 0);
		if (_i % 2)
			ck_assert_int_eq(shmemq_set_remove(set, consumers[leaver]), 0);
		ck_assert_int_eq(shmemq_close(consumers[leaver]), 0);
		consumers[leaver] = consumers[left - 1];
	}
	while (shmemq_timedpush(producer, NULL, 0, 0, 0) == 0)
		;
	ck_assert_int_eq(errno, EPIPE);
	consumers[0] = test_open(name, SHMEMQ_CONSUMER, 0);
	ck_assert_int_eq(shmemq_pop(consumers[0], NULL, 0, NULL), 0);
	await_told(producer);
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumers[0]), 0);
}

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
		/* It stays so while the handle is ready, though it has been told. */
		ck_assert_ptr_eq(wait_for_one(0), consumer);
		ck_assert(raised(fd, 0));
		ck_assert_int_eq(shmemq_timedpop(consumer, NULL, 0, NULL, 0), 0);
		ck_fails(shmemq_timedpop(consumer, NULL, 0, NULL, 0), EAGAIN);
		ck_fails(shmemq_set_wait(set, &told, 1, 0), EAGAIN);
		ck_assert(!raised(fd, 0));
	}
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumer), 0);
	ck_assert_int_eq(shmemq_set_close(set), 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
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

/* More reports than the kernel keeps: then any handle may be ready. */
TEST(reports_may_be_lost)
{
	struct shmemq *producers[3], *consumers[3];
	int fds[2];

	for (int i = 0; i < 3; i++)
		consumers[i] = add_consumer(&producers[i]);
	fds[0] = shmemq_dupfd(producers[0]);
	fds[1] = shmemq_dupfd(producers[1]);
	quiet();
	/* Equal ones in a row would be one. */
	for (int i = 0; i < 40000; i++)
		ck_fast(fallocate(fds[i % 2], 0, 0, 1) == 0);
	ck_assert_int_eq(shmemq_push(producers[2], NULL, 0, 0), 0);
	await_told(consumers[2]);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(shmemq_close(producers[i]) | shmemq_close(consumers[i]), 0);
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

TEST(each_wrong_call_has_its_errno)
{
	struct shmemq *observer = test_open(test_name(), SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1), *q = add_consumer(NULL);
	void *told;

	ck_fails(shmemq_set_close(NULL), EINVAL);
	ck_fails(shmemq_set_fd(NULL), EINVAL);
	ck_fails(shmemq_set_add(NULL, q, NULL), EINVAL);
	ck_fails(shmemq_set_add(set, NULL, NULL), EINVAL);
	ck_fails(shmemq_set_add(set, observer, NULL), EBADF);
	ck_fails(shmemq_set_remove(NULL, q), EINVAL);
	ck_fails(shmemq_set_remove(set, NULL), EINVAL);
	ck_fails(shmemq_set_remove(set, observer), EBADF);
	ck_fails(shmemq_set_wait(NULL, &told, 1, 0), EINVAL);
	ck_fails(shmemq_set_wait(set, NULL, 1, 0), EINVAL);
	ck_fails(shmemq_set_wait(set, &told, 0, 0), EINVAL);
	ck_fails(shmemq_set_wait(set, &told, -1, 0), EINVAL);
	ck_assert_int_eq(shmemq_close(observer) | shmemq_close(q), 0);
	ck_fails(shmemq_set_wait(set, &told, 1, 0), EAGAIN);
}

static int forked(const void *argument)
{
	struct shmemq *const *q = argument;
	void *told;

	CHECK(shmemq_set_add(set, *q, NULL) == -1 && errno == EPERM);
	CHECK(shmemq_set_remove(set, *q) == -1 && errno == EPERM);
	CHECK(shmemq_set_wait(set, &told, 1, -1) == -1 && errno == EPERM);
	CHECK(shmemq_set_fd(set) == -1 && errno == EPERM);
	CHECK(shmemq_close(*q) == 0);
	CHECK(shmemq_set_close(set) == 0);
	return 0;
}

/* What a child does with its copy leaves the parent's alone. */
TEST(stays_the_parents)
{
	struct shmemq *producer, *consumer = add_consumer(&producer);

	child_run(forked, &consumer);
	quiet();
	ck_assert_int_eq(shmemq_push(producer, NULL, 0, 0), 0);
	ck_assert_ptr_eq(wait_for_one(SOON), consumer);
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumer), 0);
}

/* The program may close what it did not open. */
static int closes_all(const void *argument)
{
	struct shmemq_set *s = shmemq_set_open();
	struct shmemq *q = shmemq_open(argument, SHMEMQ_CONSUMER, 0, NULL);
	int pipes[2];
	void *told;

	CHECK(s != NULL && q != NULL && shmemq_set_add(s, q, q) == 0);
	for (int fd = 3; fd < 100; fd++)
		close(fd);
	for (int i = 0; i < 10; i++)
		CHECK(pipe(pipes) == 0);
	CHECK(shmemq_timedpop(q, NULL, 0, NULL, 0) == -1 && errno == EAGAIN);
	CHECK(shmemq_set_wait(s, &told, 1, -1) == -1 && errno == EBADF);
	CHECK(shmemq_set_fd(s) == -1 && errno == EBADF);
	CHECK(shmemq_set_remove(s, q) == 0);
	CHECK(shmemq_set_add(s, q, q) == -1 && errno == EBADF);
	CHECK(shmemq_set_close(s) == 0 && shmemq_close(q) == 0);
	for (int fd = 3; fd < 20; fd++)
		CHECK(fcntl(fd, F_GETFD) >= 0);
	return 0;
}

TEST(harms_no_file_of_the_program)
{
	const char *name = test_name();

	ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1)), 0);
	child_run(closes_all, name);
}

static int with_few_descriptors(const void *argument)
{
	(void)argument;
	child_limit(RLIMIT_NOFILE, 4);
	CHECK(shmemq_set_open() == NULL && errno == EMFILE);
	return 0;
}

TEST(needs_three_descriptors)
{
	child_run(with_few_descriptors, NULL);
}

/* Under the limits that a distribution sets: 1024 descriptors, and 128 inotify instances of a user. */
static int serve_many(const void *argument)
{
	enum { COUNT = 1000 };
	static struct shmemq *consumers[COUNT];
	static char names[COUNT][64];
	struct shmemq_set *s = shmemq_set_open();
	struct shmemq_attr attr = { .capacity = 1, .flags = SHMEMQ_ATTR_TEMPORARY };
	void *told[16];
	int popped = 0, count;

	child_limit(RLIMIT_NOFILE, 1024 + COUNT); /* a TEMPORARY queue has a descriptor more */
	CHECK(s != NULL);
	for (int i = 0; i < COUNT; i++) {
		snprintf(names[i], sizeof names[i], "%s-%d", (const char *)argument, i);
		consumers[i] = shmemq_open(names[i], SHMEMQ_CONSUMER | SHMEMQ_CREATE, 0600, &attr);
		CHECK(consumers[i] != NULL && shmemq_set_add(s, consumers[i], names[i]) == 0);
	}
	for (int round = 0; round < TEST_PART(1000); round++) {
		int at = round * 7919 % COUNT;
		struct shmemq *q = shmemq_open(names[at], SHMEMQ_PRODUCER, 0, NULL);

		CHECK(q != NULL && shmemq_push(q, NULL, 0, 0) == 0 && shmemq_close(q) == 0);
		for (popped = 0; popped == 0;) {
			count = shmemq_set_wait(s, told, 16, SOON);
			CHECK(count > 0);
			for (int i = 0; i < count; i++) {
				size_t which = (size_t)((char(*)[64])told[i] - names);

				while (shmemq_timedpop(consumers[which], NULL, 0, NULL, 0) == 0)
					popped += (int)which == at;
			}
		}
	}
	for (int i = 0; i < COUNT; i++)
		CHECK(shmemq_close(consumers[i]) == 0);
	return shmemq_set_close(s);
}

TEST(a_thousand_queues)
{
	child_run(serve_many, test_name());
}

const struct suite suite = {
	.name = "api/set",
	.seconds = 120,
	.test_seconds = 60,
	.needs = NEEDS_POLLFD,
	.setup = setup,
	.tests = {
		{ ready_until_a_call_fails, 1, 0 },
		{ each_kind_of_handle, 1, 0 },
		{ none_is_passed_over, 1, 0 },
		{ all_at_once, 1, 0 },
		{ tells_of_deaths_and_returns, 2, 0 },
		{ removed_and_added_again, 1, 0 },
		{ handles_of_one_queue, 5, 0 },
		{ descriptor, 1, 0 },
		{ names_may_be_removed, 1, 0 },
		{ reports_may_be_lost, 1, 0 },
		{ waits, 1, 0 },
		{ signals_interrupt_a_wait, 1, 0 },
		{ each_wrong_call_has_its_errno, 1, 0 },
		{ stays_the_parents, 1, NEEDS_FORKS_APART },
		{ harms_no_file_of_the_program, 1, 0 },
		{ needs_three_descriptors, 1, 0 },
		{ a_thousand_queues, 1, 0 },
	},
};
