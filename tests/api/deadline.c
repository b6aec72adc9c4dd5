/* SPDX-License-Identifier: MIT */
/* A timeout that several calls share. */
#include "config.h"

#include <signal.h>
#include <sys/time.h>

#include "calls.h"
#include "suite.h"

TEST(never_comes)
{
	static const int64_t timeouts[] = { -1, INT64_MIN, INT64_MAX, INT64_MAX - 1 };

	for (size_t i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++)
		ck_assert_int_eq(shmemq_deadline(timeouts[i]), INT64_MAX);
	ck_assert_int_eq(shmemq_left(INT64_MAX), INT64_MAX);
}

TEST(is_past)
{
	int64_t now = test_now();
	const int64_t deadlines[] = { INT64_MIN, -1, 0, 1, now - 1, now, shmemq_deadline(0) };

	for (size_t i = 0; i < sizeof deadlines / sizeof deadlines[0]; i++)
		ck_assert_int_eq(shmemq_left(deadlines[i]), 0);
}

/* On the clock that it is documented to be on. The largest that the clock can hold is one, too. */
TEST(is_to_come)
{
	const int64_t hour = 3600 * 1000 * MS, most = INT64_MAX - hour;
	int64_t before = test_now(), deadline = shmemq_deadline(hour), left = shmemq_left(deadline), after = test_now();

	ck_assert(deadline >= before + hour && deadline <= after + hour);
	ck_assert(left <= hour && left >= deadline - after);
	ck_assert_int_gt(shmemq_left(most), 0);
	ck_assert_int_le(shmemq_left(most), most - before);
	before = test_now();
	deadline = shmemq_deadline(INT64_MAX - before - hour);
	ck_assert(deadline >= most && deadline < INT64_MAX);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int number)
{
	(void)number;
	alarms++;
}

/* Each wait gets shorter by what the ones before it took: else, interrupted faster than it ends, it never would. */
TEST(is_kept_across_eintr)
{
	const struct call *call = &calls[_i];
	struct itimerval timer = { { 0, 5000 }, { 0, 5000 } };
	struct sigaction action = { .sa_handler = on_alarm };
	struct ends ends;
	int64_t start, deadline;
	int err;

	if (!call->timed)
		return;
	ends = ends_waiting(call, 0);
	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL) | setitimer(ITIMER_REAL, &timer, NULL), 0);
	start = test_now();
	deadline = shmemq_deadline(50 * MS);
	do
		err = call->run(ends.own, CALL_BYTES, shmemq_left(deadline)) == 0 ? 0 : errno;
	while (err == EINTR);
	ck_assert(err == ETIMEDOUT || err == EAGAIN);
	ck_assert_int_ge(test_now() - start, 50 * MS);
	ck_assert_int_gt(alarms, 0);
	ends_close(&ends);
}

const struct suite suite = {
	.name = "api/deadline",
	.seconds = 60,
	.tests = {
		{ never_comes, 1, 0 },
		{ is_past, 1, 0 },
		{ is_to_come, 1, 0 },
		{ is_kept_across_eintr, CALLS, 0 },
	},
};
