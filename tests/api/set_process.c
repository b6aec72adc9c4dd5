/* SPDX-License-Identifier: MIT */
/* Sets: forks, the program's descriptors, and a thousand queues. */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "calls.h"
#include "child.h"
#include "suite.h"
#include "told.h"

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
	.name = "api/set_process",
	.seconds = 120,
	.test_seconds = 60,
	.needs = NEEDS_POLLFD,
	.setup = set_setup,
	.tests = {
		{ stays_the_parents, 1, NEEDS_FORKS_APART },
		{ harms_no_file_of_the_program, 1, 0 },
		{ needs_three_descriptors, 1, 0 },
		{ a_thousand_queues, 1, 0 },
	},
};
