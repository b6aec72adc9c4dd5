/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "emptied.h"
#include "file.h"
#include "one_end.h"
#include "support.h"

const char *name;
struct shmemq *q, *consumer;
struct smq_header *file;
atomic_bool over;

void open_ends(int shared, unsigned flags)
{
	name = test_name();
	q = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE | (shared ? SHMEMQ_SHARED : 0) | flags, 1);
	consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	file = file_map(name);
}

void close_ends(void)
{
	ck_assert_int_eq(shmemq_close(q), 0);
	if (consumer != NULL)
		ck_assert_int_eq(shmemq_close(consumer), 0);
}

void push_one(void)
{
	ck_assert_int_eq(end_try(q, SHMEMQ_PRODUCER), 0);
}

void pop_one(void)
{
	ck_assert_int_ge(end_try(consumer, SHMEMQ_CONSUMER), 0);
}

void is_empty(void)
{
	static const int64_t timeouts[] = { 0, 1, -1, INT64_MIN, INT64_MAX };

	for (size_t i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++)
		FILE_UNCHANGED(file, ck_assert_int_eq(shmemq_wait_empty(q, timeouts[i]), 0));
}

void is_not_empty(void)
{
	int64_t start = test_now();

	FILE_UNCHANGED(file, ck_fails(shmemq_wait_empty(q, 0), EAGAIN));
	FILE_UNCHANGED(file, ck_fails(shmemq_wait_empty(q, 2 * MS), ETIMEDOUT));
	ck_assert_int_ge(test_now() - start, 2 * MS);
}

static void *wait_on(void *argument)
{
	int *err = argument;

	*err = shmemq_wait_empty(q, -1) == 0 ? 0 : errno;
	over = true;
	return NULL;
}

pthread_t start(int *err)
{
	pthread_t thread;

	over = false;
	ck_assert_int_eq(pthread_create(&thread, NULL, wait_on, err), 0);
	test_sleep(10 * MS); /* so that it sleeps, most often */
	return thread;
}
