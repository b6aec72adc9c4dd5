/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "one_end.h"
#include "three.h"

struct three open_three(unsigned end)
{
	struct three three = { .name = test_name(), .end = end };

	/* Aligned, so that a position may be one where no record can stand. */
	ck_assert_int_eq(shmemq_close(test_open_aligned(three.name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1, 64)), 0);
	three.one = end_join(three.name, end);
	three.two = end_join(three.name, end);
	three.peer = test_open(three.name, other_end(end), 0);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(end_try(end == SHMEMQ_PRODUCER ? three.one : three.peer, SHMEMQ_PRODUCER), 0);
	return three;
}

void close_three(const struct three *three)
{
	ck_assert_int_eq(shmemq_close(three->one), 0);
	ck_assert_int_eq(shmemq_close(three->two), 0);
	ck_assert_int_eq(shmemq_close(three->peer), 0);
}
