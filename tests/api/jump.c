/* SPDX-License-Identifier: MIT */
/* siglongjmp() out of a call that moves a message: the handle can then be closed, and the others continue. */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "calls.h"
#include "child.h"
#include "one_end.h"
#include "suite.h"

/* A process that leaves its calls by siglongjmp() at any time, closes the handle, and opens it again. */
struct jumper {
	const char *name;
	unsigned end;
	unsigned rounds;
	uint64_t moved; /* by calls that returned */
};

static sigjmp_buf out;

static void jump(int number)
{
	(void)number;
	siglongjmp(out, 1);
}

static void set_alarm(long us)
{
	struct itimerval timer = { .it_value.tv_usec = us };

	CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

static void open_and_jump(struct jumper *jumper, long us)
{
	struct shmemq *volatile q = shmemq_open(jumper->name, jumper->end, 0, NULL);

	CHECK(q != NULL);
	if (sigsetjmp(out, 1) == 0) {
		set_alarm(us);
		for (;;) {
			CHECK(end_move(q, jumper->end & ~SHMEMQ_SHARED, -1) >= 0);
			(*(volatile uint64_t *)&jumper->moved)++;
		}
	}
	CHECK(shmemq_close(q) == 0);
}

static int jump_out(const void *argument)
{
	struct jumper *jumper = *(struct jumper *const *)argument;

	CHECK(signal(SIGALRM, jump) != SIG_ERR);
	for (unsigned i = 0; i < jumper->rounds; i++)
		open_and_jump(jumper, 20 + (long)i * 7 % 600);
	return 0;
}

/* No message is lost but the one in the call: so many have been moved, or one more for each jump. */
TEST(a_jump_out_of_a_call_harms_no_other)
{
	unsigned end = both_ends[_i % 2];
	struct jumper *jumper = child_shared(sizeof *jumper);
	struct shmemq *other = NULL, *peer;
	uint64_t moved = 0;
	int status;
	pid_t pid;

	jumper->name = test_name();
	jumper->end = end | (_i / 2 ? SHMEMQ_SHARED : 0);
	jumper->rounds = TEST_PART(500);
	peer = test_open(jumper->name, other_end(end) | SHMEMQ_CREATE | SHMEMQ_STAY, 1);
	if (_i / 2)
		other = end_join(jumper->name, end);
	pid = child_start(jump_out, &jumper);
	while (waitpid(pid, &status, WNOHANG) == 0)
		moved += end_move(peer, other_end(end), 2 * MS) >= 0;
	ck_assert_int_eq(status, 0);
	if (other == NULL)
		other = test_open(jumper->name, end, 0);
	if (end == SHMEMQ_PRODUCER)
		moved += drain(peer);
	else
		moved -= drain(other);
	ck_assert(moved >= jumper->moved && moved <= jumper->moved + jumper->rounds);
	ck_assert_int_ge(end_move(end == SHMEMQ_PRODUCER ? other : peer, SHMEMQ_PRODUCER, -1), 0);
	ck_assert_int_eq(end_move(end == SHMEMQ_PRODUCER ? peer : other, SHMEMQ_CONSUMER, -1), CALL_BYTES);
	ck_assert_int_eq(shmemq_close(other), 0);
	ck_assert_int_eq(shmemq_close(peer), 0);
}

const struct suite suite = {
	.name = "api/jump",
	.seconds = 120,
	.test_seconds = 60,
	.tests = {
		{ a_jump_out_of_a_call_harms_no_other, 4, 0 },
	},
};
