/* SPDX-License-Identifier: MIT */
/*
 * A peer that ends without a close is noticed by every kind of call, and one that lives though it does nothing is not
 * taken for dead. How soon a call that waits notices: unit/slices.c.
 */
#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "child.h"
#include "file.h"
#include "acquire.h"
#include "one_end.h"
#include "suite.h"

/* One call with a timeout and one without, of each end: for tests that take long, and need not run with every call. */
static const struct call *sample(int i)
{
	static const int indices[] = { 0, 5, 6, 9 };

	return &calls[indices[i % 4]];
}

static uint32_t state_of_other(struct shmemq *q, const struct call *call)
{
	struct shmemq_stat st;

	ck_assert_int_eq(shmemq_stat(q, &st), 0);
	return call->end == SHMEMQ_PRODUCER ? st.consumer : st.producer;
}

static pid_t hold_other(const struct ends *ends, const struct call *call)
{
	return child_hold(ends->name, call->end == SHMEMQ_PRODUCER ? "consumer" : "producer");
}

/* Gives the peer's end to a process of its own. */
static pid_t replace_peer(struct ends *ends, const struct call *call)
{
	ck_assert_int_eq(shmemq_close(ends->peer), 0);
	ends->peer = NULL;
	return hold_other(ends, call);
}

struct kill_later {
	pid_t pid;
	int number;
};

static int kill_later(const void *argument)
{
	const struct kill_later *later = argument;

	test_sleep(60 * MS);
	return kill(later->pid, later->number);
}

/* By a blocked call. */
TEST(blocked_call_notices)
{
	const struct call *call = sample(_i);
	struct ends ends = ends_waiting(call, 0);
	struct kill_later later = { replace_peer(&ends, call), SIGKILL };
	pid_t killer = child_start(kill_later, &later);

	FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.own, CALL_BYTES, -1), EOWNERDEAD));
	ck_assert_int_eq(test_wait(killer), 0);
	ck_assert_int_eq(test_wait(later.pid), 128 + SIGKILL);
	ends_close(&ends);
}

/* By a loop of calls with timeouts far shorter than a slice. */
TEST(short_timeouts_notice)
{
	const struct call *call = sample(1 + 2 * _i);
	struct ends ends = ends_waiting(call, 0);
	struct kill_later later = { replace_peer(&ends, call), SIGKILL };
	pid_t killer = child_start(kill_later, &later);

	while (call->run(ends.own, CALL_BYTES, 3 * MS) != 0 && errno == ETIMEDOUT)
		;
	ck_assert_int_eq(errno, EOWNERDEAD);
	ck_assert_int_eq(test_wait(killer), 0);
	ck_assert_int_eq(test_wait(later.pid), 128 + SIGKILL);
	ends_close(&ends);
}

/* As fast as it can, every 2 ms and every 8 ms: one try in 64 asks, unless that was done in the last 250 ms. */
TEST(tries_notice)
{
	static const int64_t pauses[] = { 0, 2 * MS, 8 * MS };
	const struct call *call = sample(_i);
	struct ends ends = ends_waiting(call, call->timed ? 0 : SHMEMQ_NONBLOCK);
	pid_t pid = replace_peer(&ends, call);
	int64_t died;
	int late = 0, err;

	for (int i = 0; i < 300; i++)
		ck_fails(call->run(ends.own, CALL_BYTES, 0), EAGAIN); /* while it lives */
	child_kill(pid);
	died = test_now();
	do {
		if (pauses[_i / 2] != 0)
			test_sleep(pauses[_i / 2]);
		late += test_now() - died >= SMQ_SLICE_NS;
		ck_assert_int_le(late, SMQ_TRIES_A_CLOCK_READING);
		err = call->run(ends.own, CALL_BYTES, 0) == 0 ? 0 : errno;
	} while (err == EAGAIN);
	ck_assert_int_eq(err, EOWNERDEAD);
	FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.own, CALL_BYTES, 0), EOWNERDEAD));
	ends_close(&ends);
}

/* Tries that fail one after the other ask for little; what a call that waits has learnt, the next try knows. */
TEST(a_try_knows_what_a_wait_has_learnt)
{
	const struct call *call = &calls[_i];
	struct ends ends;
	pid_t pid;

	if (!call->timed)
		return;
	ends = ends_waiting(call, 0);
	pid = replace_peer(&ends, call);
	for (int i = 0; i < 3; i++)
		ck_fails(call->run(ends.own, CALL_BYTES, 0), EAGAIN);
	child_kill(pid);
	ck_fails(call->run(ends.own, CALL_BYTES, 10000 * MS), EOWNERDEAD);
	ck_fails(call->run(ends.own, CALL_BYTES, 0), EOWNERDEAD);
	/* A new peer, and its close, are seen by the next try. */
	ends.peer = test_open(ends.name, call->end == SHMEMQ_PRODUCER ? SHMEMQ_CONSUMER : SHMEMQ_PRODUCER, 0);
	for (int i = 0; i < 3; i++)
		ck_fails(call->run(ends.own, CALL_BYTES, 0), EAGAIN);
	ck_assert_int_eq(shmemq_close(ends.peer), 0);
	ends.peer = NULL;
	ck_fails(call->run(ends.own, CALL_BYTES, 0), EPIPE);
	ends_close(&ends);
}

/* What needs no wait still works; then EOWNERDEAD, until a new peer has come. */
TEST(eownerdead_only_instead_of_waiting)
{
	const struct call *call = sample(_i);
	struct ends ends = ends_waiting(call, 0);

	ends_unblock(call, &ends);
	ends_unblock(call, &ends);
	child_kill(replace_peer(&ends, call));
	ck_assert_int_eq(call->run(ends.own, CALL_BYTES, -1), 0);
	ck_assert_int_eq(call->run(ends.own, CALL_BYTES, -1), 0);
	FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.own, CALL_BYTES, -1), EOWNERDEAD));
	child_kill(hold_other(&ends, call)); /* once more: another death */
	FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.own, CALL_BYTES, -1), EOWNERDEAD));
	ends.peer = test_open(ends.name, other_end(call->end), 0);
	if (call->timed) {
		ck_fails(call->run(ends.own, CALL_BYTES, 0), EAGAIN);
		ck_fails(call->run(ends.own, CALL_BYTES, 5 * MS), ETIMEDOUT);
	}
	ends_unblock(call, &ends);
	ck_assert_int_eq(call->run(ends.own, CALL_BYTES, -1), 0);
	ends_close(&ends);
}

/* With STAY no call asks: tries and waits go on over the end of some slices, and a peer that comes is served. */
TEST(stay_reports_no_death)
{
	const struct call *call = sample(_i);
	struct ends ends = ends_waiting(call, SHMEMQ_STAY | (call->timed ? 0 : SHMEMQ_NONBLOCK));
	int64_t end;

	child_kill(replace_peer(&ends, call));
	end = test_now() + 300 * MS;
	for (int i = 0; i < 300 || test_now() < end; i++)
		ck_fails(call->run(ends.own, CALL_BYTES, 0), EAGAIN);
	if (call->timed)
		FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.own, CALL_BYTES, 300 * MS), ETIMEDOUT));
	ends.peer = test_open(ends.name, other_end(call->end), 0);
	ends_unblock(call, &ends);
	ck_assert_int_eq(call->run(ends.own, CALL_BYTES, -1), 0);
	ends_close(&ends);
}

/* If the peer is stopped, the call waits, and the peer's end cannot be claimed. */
TEST(a_stopped_peer_is_not_dead)
{
	const struct call *call = &calls[1 + 7 * _i];
	struct ends ends = ends_waiting(call, 0);
	pid_t pid = replace_peer(&ends, call);
	int status;

	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
	ck_fails(call->run(ends.own, CALL_BYTES, 550 * MS), ETIMEDOUT);
	ck_fails(shmemq_open(ends.name, _i ? SHMEMQ_PRODUCER : SHMEMQ_CONSUMER, 0, NULL), EBUSY);
	ck_assert_uint_eq(state_of_other(ends.own, call), SHMEMQ_END_OPEN);
	child_kill(pid);
	ck_fails(call->run(ends.own, CALL_BYTES, -1), EOWNERDEAD);
	ends_close(&ends);
}

struct leaver {
	const char *name;
	int pipe[2];
};

static int claim_and_exit(const void *argument)
{
	const struct leaver *leaver = argument;

	CHECK(shmemq_open(leaver->name, SHMEMQ_PRODUCER, 0, NULL) != NULL);
	return 0;
}

static int claim_and_exec(const void *argument)
{
	const struct leaver *leaver = argument;

	CHECK(shmemq_open(leaver->name, SHMEMQ_PRODUCER, 0, NULL) != NULL);
	close(leaver->pipe[0]);
	/* Close-on-exec: the other end of the pipe learns when the exec has happened. */
	CHECK(fcntl(leaver->pipe[1], F_SETFD, FD_CLOEXEC) == 0);
	execlp("sleep", "sleep", "100", (char *)NULL);
	return 1;
}

/* An exit without a close is a death. So is an exec, though the process lives on. */
TEST(exit_and_exec_are_deaths)
{
	struct leaver leaver = { .name = test_name() };
	struct shmemq *q = test_open(leaver.name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 1);
	struct shmemq_stat st;
	pid_t pid;
	char byte;

	child_run(claim_and_exit, &leaver);
	ck_fails(shmemq_pop(q, &byte, 1, NULL), EOWNERDEAD);
	ck_assert_int_eq(pipe(leaver.pipe), 0);
	pid = child_start(claim_and_exec, &leaver);
	close(leaver.pipe[1]);
	ck_assert_int_eq(read(leaver.pipe[0], &byte, 1), 0);
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
	/* The kernel drops the mapping and closes the pipe one right after the other, in no promised order. */
	do
		ck_assert_int_eq(shmemq_stat(q, &st), 0);
	while (st.producer == SHMEMQ_END_OPEN);
	ck_assert(st.producer == SHMEMQ_END_DEAD && st.producer_pid == (uint32_t)pid);
	ck_fails(shmemq_pop(q, &byte, 1, NULL), EOWNERDEAD);
	ck_assert_int_eq(shmemq_close(test_open(leaver.name, SHMEMQ_PRODUCER, 0)), 0);
	child_kill(pid);
	ck_assert_int_eq(shmemq_close(q), 0);
}

const struct suite suite = {
	.name = "api/death",
	.seconds = 120,
	.tests = {
		{ blocked_call_notices, 4, 0 },
		{ short_timeouts_notice, 2, 0 },
		{ tries_notice, 3 * 2, 0 },
		{ a_try_knows_what_a_wait_has_learnt, CALLS, 0 },
		{ eownerdead_only_instead_of_waiting, 4, 0 },
		{ stay_reports_no_death, 4, 0 },
		{ a_stopped_peer_is_not_dead, 2, 0 },
		{ exit_and_exec_are_deaths, 1, 0 },
	},
};
