/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "told.h"

#include <errno.h>
#include <string.h>

#include "calls.h"
#include "suite.h"

struct shmemq_set *set;

void set_setup(void)
{
	set = shmemq_set_open();
	ck_assert_msg(set != NULL, "shmemq_set_open: %s", strerror(errno));
}

void add(struct shmemq *q)
{
	ck_assert_int_eq(shmemq_set_add(set, q, q), 0);
}

struct shmemq *add_consumer(struct shmemq **producer)
{
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 1);

	add(q);
	if (producer != NULL)
		*producer = test_open(name, SHMEMQ_PRODUCER, 0);
	return q;
}

struct shmemq *wait_for_one(int64_t timeout)
{
	void *told = NULL;

	ck_assert_int_eq(shmemq_set_wait(set, &told, 1, timeout), 1);
	return told;
}

void quiet(void)
{
	void *told[8];
	int count;

	while ((count = shmemq_set_wait(set, told, 8, 600 * MS)) > 0) {
		for (int i = 0; i < count; i++)
			ck_assert_int_eq(shmemq_timedpop(told[i], NULL, 0, NULL, 0), -1);
	}
	ck_assert_int_eq(errno, ETIMEDOUT);
}

void await_told(struct shmemq *q)
{
	while (wait_for_one(SOON) != q)
		;
}
