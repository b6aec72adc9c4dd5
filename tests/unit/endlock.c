/* SPDX-License-Identifier: MIT */
/*
 * The search for a handle that lives, among the locks of very many that have died: none is taken for alive, and the one
 * that lives is found and counted, in whatever order they were claimed. The test keeps the locks of the dead process.
 */
#include "config.h"

#include <fcntl.h>
#include <unistd.h>

#include "child.h"
#include "endlock.h"
#include "file.h"
#include "one_end.h"
#include "process.h"
#include "suite.h"

#define MANY 700

struct claims {
	int fds[MANY];
	bool producer;
	uint32_t (*number)(uint32_t i);
};

static uint32_t upwards(uint32_t i)
{
	return i + 1;
}

static uint32_t downwards(uint32_t i)
{
	return MANY - i;
}

/* Every second one first, then those between. */
static uint32_t between(uint32_t i)
{
	return i < MANY / 2 ? 2 * i + 1 : 2 * (i - MANY / 2) + 2;
}

static void claim(int fd, bool producer, uint32_t number)
{
	const smq_word owner = 0;
	uint32_t claimed;

	CHECK(smq_endlock_claim(fd, producer, true, SMQ_HANDLES_MAX, number - 1, &owner, &claimed) == 0);
	CHECK(claimed == number);
}

static int claim_all(const void *argument)
{
	const struct claims *claims = argument;

	CHECK(smq_process_generation() != NULL); /* learns the pid namespace, as an open does */
	for (uint32_t i = 0; i < MANY; i++)
		claim(claims->fds[i], claims->producer, claims->number(i));
	return 0;
}

TEST(the_one_that_lives_among_dead_ones)
{
	static uint32_t (*const orders[])(uint32_t) = { upwards, downwards, between };
	static const uint32_t numbers[] = { 1, 2, MANY / 2, MANY, MANY + 1, SMQ_HANDLES_MAX };
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1);
	struct claims claims = { .producer = _i % 2, .number = orders[_i / 2] };
	int fd = open(file_path(name), O_RDWR | O_CLOEXEC);
	bool alone;

	ck_assert_int_ge(fd, 0);
	for (int i = 0; i < MANY; i++)
		ck_assert_int_ge(claims.fds[i] = open(file_path(name), O_RDWR | O_CLOEXEC), 0);
	child_run(claim_all, &claims);
	ck_assert(!smq_endlock_held(fd, claims.producer));
	ck_assert_int_eq(smq_endlock_look(fd, claims.producer, false, &alone), 0);
	ck_assert(alone);
	ck_assert_uint_eq(smq_endlock_count(fd, claims.producer), 0);
	for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		uint32_t number = numbers[i];
		int own;

		/* The lock of the dead handle with this number goes; this process claims the number. */
		for (uint32_t k = 0; k < MANY; k++)
			if (claims.number(k) == number)
				ck_assert_int_eq(close(claims.fds[k]), 0);
		ck_assert_int_ge(own = open(file_path(name), O_RDWR | O_CLOEXEC), 0);
		claim(own, claims.producer, number);
		ck_assert(smq_endlock_held(fd, claims.producer));
		ck_assert(smq_endlock_number_held(fd, claims.producer, number));
		ck_assert(!smq_endlock_others_held(fd, claims.producer, number));
		ck_assert_uint_eq(smq_endlock_count(fd, claims.producer), 1);
		ck_assert_uint_eq(smq_endlock_holder(fd, claims.producer, number), (unsigned)getpid());
		ck_assert_int_eq(close(own), 0);
	}
	ck_assert(!smq_endlock_held(fd, claims.producer));
	ck_assert_int_eq(close(fd) | shmemq_close(q), 0);
}

const struct suite suite = {
	.name = "unit/endlock",
	.tests = {
		{ the_one_that_lives_among_dead_ones, 6, NEEDS_PROC },
	},
};
