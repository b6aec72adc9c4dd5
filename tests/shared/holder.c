/* SPDX-License-Identifier: MIT */
/* SHARED ends: a holder of the owner lock that stops, dies or leaves, and the last handle of an end. */
#include "config.h"

#include <signal.h>

#include "calls.h"
#include "child.h"
#include "acquire.h"
#include "one_end.h"
#include "polling.h"
#include "suite.h"
#include "three.h"

TEST(the_others_wait_for_a_stopped_holder)
{
	struct three three = open_three(both_ends[_i]);
	pid_t pid = end_hold(three.name, -1, three.end);

	ck_fails(end_move(three.one, three.end, 1500 * MS), ETIMEDOUT);
	for (int i = 0; i < 1000; i++)
		ck_fails(end_try(three.two, three.end), EAGAIN);
	kill(pid, SIGCONT);
	ck_assert_int_ge(end_move(three.one, three.end, -1), 0);
	ck_assert_int_eq(test_wait(pid), 0);
	close_three(&three);
}

TEST(a_dead_holder_is_replaced)
{
	struct three three = open_three(both_ends[_i]);
	int64_t start;

	for (int i = 0; i < 3; i++) {
		child_kill(end_hold(three.name, -1, three.end));
		ck_assert_int_ge(end_move(three.one, three.end, LATE_NS), 0);
		if (three.end == SHMEMQ_CONSUMER)
			ck_assert_int_eq(shmemq_redelivered(three.one), 1);
		ck_assert_int_ge(end_move(three.two, three.end, 0), 0);

		child_kill(end_hold(three.name, -1, three.end));
		start = test_now();
		for (int late = 0; end_try(three.two, three.end) < 0; late += test_now() - start >= LATE_NS) {
			ck_assert_int_eq(errno, EAGAIN);
			ck_assert_int_le(late, SMQ_TRIES_A_CLOCK_READING);
		}
	}
	/* The unfinished messages never existed: what is there has been pushed whole. */
	if (three.end == SHMEMQ_PRODUCER) {
		while (end_try(three.peer, SHMEMQ_CONSUMER) == CALL_BYTES)
			;
		ck_assert_int_eq(errno, EAGAIN);
	}
	close_three(&three);
}

static int join_and_die(const void *argument)
{
	const struct three *three = argument;

	CHECK(shmemq_open(three->name, three->end | SHMEMQ_SHARED, 0, NULL) != NULL);
	return 0;
}

static int peer_sees(const struct three *three)
{
	unsigned end = other_end(three->end);

	while (end_try(three->peer, end) >= 0)
		;
	/* As many tries as it takes to report a death. */
	for (int i = 0; i < 256 && errno == EAGAIN; i++)
		ck_assert_int_eq(end_try(three->peer, end), -1);
	return errno;
}

/* How the last of the end's handles goes decides what the peer is told. */
TEST(the_last_handle_decides)
{
	struct three three = open_three(both_ends[_i]);

	ck_assert_int_eq(test_wait(child_start(join_and_die, &three)), 0);
	test_sleep(260 * MS);
	ck_assert_int_eq(peer_sees(&three), EAGAIN);
	ck_assert_int_eq(shmemq_close(three.two), 0);
	test_sleep(260 * MS);
	ck_assert_int_eq(peer_sees(&three), EAGAIN);
	ck_assert_int_eq(shmemq_close(three.one), 0);
	ck_assert_int_eq(peer_sees(&three), EPIPE);

	three.one = end_join(three.name, three.end);
	ck_assert_int_eq(peer_sees(&three), EAGAIN);
	ck_assert_int_eq(shmemq_close(three.one), 0);
	ck_assert_int_eq(test_wait(child_start(join_and_die, &three)), 0);
	test_sleep(260 * MS);
	ck_assert_int_eq(peer_sees(&three), EOWNERDEAD);
	three.one = end_join(three.name, three.end);
	three.two = end_join(three.name, three.end);
	close_three(&three);
}

/* A handle that opens after the holder has died does not get the number that is still in the owner word. */
TEST(a_dead_holders_number_is_not_given_out)
{
	struct three three = open_three(both_ends[_i]);
	struct smq_claim *claim =
		three.end == SHMEMQ_PRODUCER ? &three.one->header->producer_claim : &three.one->header->consumer_claim;
	struct shmemq *late;
	uint32_t dead;

	child_kill(end_hold(three.name, -1, three.end));
	dead = *three.one->ownerlock.word & SMQ_HANDLES_MAX;
	claim->state = (dead - 1) << 2 | SHMEMQ_END_OPEN;
	late = end_join(three.name, three.end);
	ck_assert_uint_ne(late->ownerlock.number, dead);
	ck_assert_int_ge(end_move(late, three.end, LATE_NS), 0);
	ck_assert_int_eq(shmemq_close(late), 0);

	/* And the word does not outlive the end's last handle. */
	child_kill(end_hold(three.name, -1, three.end));
	ck_assert_int_eq(shmemq_close(three.one), 0);
	ck_assert_int_eq(shmemq_close(three.two), 0);
	three.one = end_join(three.name, three.end);
	three.two = end_join(three.name, three.end);
	ck_assert_int_ge(end_try(three.two, three.end), 0);
	close_three(&three);
}

/* Tries with the second handle until no recheck of the holder is left to raise the descriptor. */
static void fail_until_no_recheck(const struct three *three, int fd)
{
	ck_fails(end_try(three->two, three->end), EAGAIN);
	while (three->two->pollable->owner.since != 0) {
		await_raised(fd);
		ck_fails(end_try(three->two, three->end), EAGAIN);
	}
	ck_assert(!raised(fd, 0));
}

TEST(raised_when_the_owner_lock_is_free)
{
	struct three three = open_three(both_ends[_i]);
	pid_t pid;
	int fd;

	/*
	 * A queue with a name might be read by an observer, such as another test's `shmemq ls`, which raises a
	 * producer's descriptor.
	 */
	ck_assert_int_eq(shmemq_unlink(three.name), 0);
	fd = shmemq_pollfd(three.two);

	/* The holder unlocks. */
	ck_assert(end_begin(three.one, three.end));
	fail_until_no_recheck(&three, fd);
	ck_assert_int_eq(end_finish(three.one, three.end), 0);
	ck_assert(raised(fd, 0));
	ck_assert_int_ge(end_try(three.two, three.end), 0);

	/* The holder dies. */
	pid = end_hold(NULL, three.peer->fd, three.end);
	fail_until_no_recheck(&three, fd);
	child_kill(pid);
	for (int tries = 0; end_try(three.two, three.end) < 0; tries++) {
		ck_assert_int_lt(tries, 30);
		await_raised(fd);
	}
	close_three(&three);
}

const struct suite suite = {
	.name = "shared/holder",
	.seconds = 120,
	.test_seconds = 60,
	.tests = {
		{ the_others_wait_for_a_stopped_holder, 2, 0 },
		{ a_dead_holder_is_replaced, 2, 0 },
		{ the_last_handle_decides, 2, 0 },
		{ a_dead_holders_number_is_not_given_out, 2, 0 },
		{ raised_when_the_owner_lock_is_free, 2, NEEDS_POLLFD },
	},
};
