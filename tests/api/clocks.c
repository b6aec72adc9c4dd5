/* SPDX-License-Identifier: MIT */
/* Two sides whose monotonic clocks show different times, in different time namespaces: no time is shared. */
#include "config.h"

#include <signal.h>
#include <unistd.h>

#include "child.h"
#include "one_end.h"
#include "polling.h"
#include "suite.h"

struct side {
	const char *name;
	unsigned end;
	int64_t outside; /* the clock of the other side */
};

/* Moves a message after a wait in vain; another one after a wait on its descriptor; and dies. */
static int live_inside(const void *argument)
{
	const struct side *side = argument;
	struct shmemq *q = shmemq_open(side->name, side->end | SHMEMQ_SHARED, 0, NULL);
	unsigned end = side->end;
	int fd;

	CHECK(q != NULL && test_now() - side->outside > 999999 * 1000 * MS);
	CHECK(end_move(q, end, 10 * MS) == -1 && errno == ETIMEDOUT);
	CHECK(end_move(q, end, -1) >= 0);
	if (needs_missing(NEEDS_POLLFD) == NULL) {
		CHECK((fd = shmemq_pollfd(q)) >= 0);
		while (end_try(q, end) < 0)
			CHECK(errno == EAGAIN && raised(fd, SOON_MS));
	}
	kill(getpid(), SIGKILL);
	return 1;
}

static int enter_namespace(const void *argument)
{
	CHECK(child_own_clock());
	return test_wait(child_start(live_inside, argument)) != 128 + SIGKILL;
}

TEST(different_clocks)
{
	unsigned end = both_ends[_i];
	struct side side = { test_name(), end, test_now() };
	struct shmemq *q = end_join(side.name, SHMEMQ_PRODUCER);
	int moves = needs_missing(NEEDS_POLLFD) == NULL ? 2 : 1;
	pid_t pid;

	if (end == SHMEMQ_PRODUCER) {
		while (end_try(q, SHMEMQ_PRODUCER) == 0)
			;
		ck_assert_int_eq(shmemq_close(q), 0);
		q = test_open(side.name, SHMEMQ_CONSUMER, 0);
	}
	pid = child_start(enter_namespace, &side);
	for (int i = 0; i < moves; i++) {
		test_sleep(600 * MS);
		ck_assert_int_ge(end_move(q, other_end(end), -1), 0);
	}
	ck_assert_int_eq(test_wait(pid), 0);
	while (end_move(q, other_end(end), -1) >= 0)
		;
	ck_assert_int_eq(errno, EOWNERDEAD);
	ck_assert_int_eq(shmemq_close(q), 0);
}

const struct suite suite = {
	.name = "api/clocks",
	.seconds = 60,
	.needs = NEEDS_OWN_CLOCK,
	.tests = {
		{ different_clocks, 2, 0 },
	},
};
