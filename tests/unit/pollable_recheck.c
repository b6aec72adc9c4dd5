/* SPDX-License-Identifier: MIT */
/* A death can reach a pollfd before the locks of the dead process are gone: the handle rechecks. */
#include "config.h"

#include <unistd.h>

#include "armed_end.h"
#include "child.h"
#include "endlock.h"
#include "file.h"
#include "one_end.h"
#include "polling.h"
#include "suite.h"

/* However often the descriptor is raised for other reasons, a lock that goes late is checked until it is gone. */
TEST(rechecks_go_on_until_the_lock_is_gone)
{
	pid_t pid;

	open_ends(both_ends[_i], 0);
	close_peer();
	pid = child_hold(name, end == SHMEMQ_PRODUCER ? "consumer" : "producer");
	ck_assert_int_eq(try(), EAGAIN);
	child_kill(pid);
	locks_go_late();
	for (int i = 0; i < 50; i++) {
		int err = try();

		if (!locks_are_late())
			break; /* a slow machine: the death may have been told */
		ck_assert_int_eq(err, EAGAIN);
		smq_pollable_raise_at(own->pollable, SMQ_AT_ONCE);
		await_raised(fd);
	}
	await_death();
	close_ends();
}

/*
 * The peer and the holder of the owner lock die: the call hears of both at once, and asks for the peer only when it has
 * the lock.
 */
TEST(peer_and_holder_die_together)
{
	pid_t peer_pid, holder;

	open_ends(SHMEMQ_CONSUMER, SHMEMQ_SHARED);
	unblock();
	close_peer();
	peer_pid = child_hold(name, "producer");
	holder = end_hold(name, -1, end);
	ck_assert_int_eq(try(), EAGAIN);
	own->pollable->owner.since = 0;
	child_kill(peer_pid);
	child_kill(holder);
	ck_assert_int_eq(try(), 0); /* the message that was held */
	locks_go_late();
	await_death();
	close_ends();
}

static bool peer_closes;

static void die_with_the_owner_lock(void)
{
	unblock();
	child_kill(end_hold(name, -1, end));
	if (peer_closes)
		close_peer();
	locks_go_late();
}

/* The call that hears of the holder's death waits for its peer, which needs no recheck: so the next call asks. */
TEST(a_holders_death_heard_while_waiting_for_the_peer)
{
	peer_closes = _i % 2;
	open_ends(both_ends[_i / 2], SHMEMQ_SHARED | (peer_closes ? 0 : SHMEMQ_STAY));
	next_clear.before = die_with_the_owner_lock;
	while (try() != 0)
		await_raised(fd);
	close_ends();
}

/* While another handle is recovering, and stopped, nothing can be said: that does not count as an answer. */
TEST(a_recheck_outlasts_another_recovery)
{
	int64_t start = test_now();
	uint32_t number;
	pid_t holder;
	int lock;

	open_ends(SHMEMQ_CONSUMER, SHMEMQ_SHARED);
	unblock();
	holder = end_hold(name, -1, end);
	number = *own->ownerlock.word & SMQ_HANDLES_MAX;
	lock = file_lock(name, smq_lock_slot(end == SHMEMQ_PRODUCER, number + 1) - 1, 1);
	child_kill(holder);
	while (test_now() - start < 2000 * MS) {
		ck_assert_int_eq(try(), EAGAIN);
		await_raised(fd);
	}
	close(lock);
	while (try() != 0)
		await_raised(fd);
	close_ends();
}

const struct suite suite = {
	.name = "unit/pollable_recheck",
	.seconds = 120,
	.test_seconds = 60,
	.needs = NEEDS_POLLFD,
	.tests = {
		{ rechecks_go_on_until_the_lock_is_gone, 2, 0 },
		{ peer_and_holder_die_together, 1, 0 },
		{ a_holders_death_heard_while_waiting_for_the_peer, 4, 0 },
		{ a_recheck_outlasts_another_recovery, 1, 0 },
	},
};
