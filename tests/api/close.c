/* SPDX-License-Identifier: MIT */
/* What a close leaves to the peer, and to the next holder of the end. */
#include "config.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "calls.h"
#include "child.h"
#include "file.h"
#include "filter.h"
#include "one_end.h"
#include "suite.h"

/*
 * Queued messages drain and free space fills. EPIPE comes only where the call would wait, and until the peer is back.
 */
TEST(epipe_only_instead_of_waiting)
{
	const struct call *call = &calls[_i];
	struct ends ends = ends_waiting(call, call->timed ? 0 : SHMEMQ_NONBLOCK);

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < round; i++)
			ends_unblock(call, &ends);
		ck_assert_int_eq(shmemq_close(ends.peer), 0);
		for (int i = 0; i < round; i++)
			ck_assert_int_eq(call->run(ends.own, CALL_BYTES, 0), 0);
		FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.own, CALL_BYTES, 0), EPIPE));
		FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.own, CALL_BYTES, -1), EPIPE));
		FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.own, CALL_BYTES, 0), EPIPE));
		ends.peer = test_open(ends.name, other_end(call->end), 0);
		FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.own, CALL_BYTES, 0), EAGAIN));
	}
	ends_close(&ends);
}

/* A peer that closed before this end was ever opened has gone; one that never came has not. */
TEST(never_opened_is_not_closed)
{
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1);

	fill(q, 1);
	ck_fails(shmemq_timedpush(q, "x", 1, 0, 20 * MS), ETIMEDOUT);
	ck_fails(shmemq_timedpush(q, "x", 1, 0, 0), EAGAIN);
	ck_assert_int_eq(shmemq_close(q), 0);
	q = test_open(name, SHMEMQ_CONSUMER, 0);
	ck_assert_uint_eq(drain(q), (file_page() - 8) / 16);
	ck_fails(shmemq_pop(q, NULL, 0, NULL), EPIPE);
	ck_assert_int_eq(shmemq_close(q), 0);
	ck_assert_int_eq(shmemq_unlink(name), 0);
	q = test_open(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 1);
	ck_fails(shmemq_timedpop(q, NULL, 0, NULL, 20 * MS), ETIMEDOUT);
	ck_fails(shmemq_timedpop(q, NULL, 0, NULL, 0), EAGAIN);
	ck_assert_int_eq(shmemq_close(q), 0);
}

/* A child that blocks in one call. */
struct blocked {
	const char *name;
	const struct call *call;
	unsigned flags;
	struct {
		volatile bool back;
		volatile int err; /* 0: the call succeeded */
	} * result;
};

static int block(const void *argument)
{
	const struct blocked *blocked = argument;
	struct shmemq *q = shmemq_open(blocked->name, blocked->call->end | blocked->flags, 0, NULL);

	CHECK(q != NULL);
	blocked->result->err = blocked->call->run(q, CALL_BYTES, -1) == 0 ? 0 : errno;
	blocked->result->back = true;
	CHECK(shmemq_close(q) == 0);
	return 0;
}

/* Opens the peer's end of a queue on which `blocked` has to wait, starts it, and returns when it sleeps. */
static struct shmemq *await_blocked(struct blocked *blocked, pid_t *child)
{
	struct shmemq *q = test_open(blocked->name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1);
	struct shmemq_stat st;

	if (blocked->call->end == SHMEMQ_PRODUCER) {
		fill(q, CALL_BYTES);
		ck_assert_int_eq(shmemq_close(q), 0);
		q = test_open(blocked->name, SHMEMQ_CONSUMER, 0);
	}
	blocked->result = child_shared(sizeof *blocked->result);
	*child = child_start(block, blocked);
	do {
		test_sleep(1 * MS);
		ck_assert_int_eq(shmemq_stat(q, &st), 0);
	} while (st.waiting == 0);
	return q;
}

/* That this happens at once, not at the end of a slice: unit/wakeup.c. */
TEST(close_wakes_the_peer)
{
	struct blocked blocked = { .name = test_name(), .call = &calls[_i] };
	pid_t child;
	struct shmemq *q = await_blocked(&blocked, &child);

	test_sleep(_i % 7 == 0 ? 2 * 250 * MS : 0); /* for one call of each end, after some slices */
	ck_assert_int_eq(shmemq_close(q), 0);
	ck_assert_int_eq(test_wait(child), 0);
	ck_assert_int_eq(blocked.result->err, EPIPE);
	ck_assert_int_eq(shmemq_unlink(blocked.name), 0);
}

/* With STAY a call waits on, through a close and further slices, for the next peer. */
TEST(stay_waits_on)
{
	struct blocked blocked = { .name = test_name(), .call = &calls[_i], .flags = SHMEMQ_STAY };
	pid_t child;
	struct shmemq *q = await_blocked(&blocked, &child);

	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(shmemq_close(q), 0);
		test_sleep(_i % 7 == 0 ? 300 * MS : 5 * MS);
		ck_assert(!blocked.result->back);
		q = test_open(blocked.name, other_end(blocked.call->end), 0);
		test_sleep(5 * MS);
		ck_assert(!blocked.result->back);
	}
	if (blocked.call->end == SHMEMQ_PRODUCER)
		ck_assert_uint_gt(drain(q), 0);
	else
		ck_assert_int_eq(shmemq_push(q, "x", 1, 0), 0);
	ck_assert_int_eq(test_wait(child), 0);
	ck_assert_int_eq(blocked.result->err, 0);
	ck_assert_int_eq(shmemq_close(q), 0);
}

/* With STAY a call that does not wait gets EAGAIN or ETIMEDOUT, as if the peer were there. */
TEST(stay_tries)
{
	const struct call *call = &calls[_i];
	struct ends ends = ends_waiting(call, SHMEMQ_STAY | (call->timed ? 0 : SHMEMQ_NONBLOCK));

	ck_assert_int_eq(shmemq_close(ends.peer), 0);
	ends.peer = NULL;
	FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.own, CALL_BYTES, 0), EAGAIN));
	if (call->timed)
		FILE_UNCHANGED(ends.file, ck_fails(call->run(ends.own, CALL_BYTES, 20 * MS), ETIMEDOUT));
	ends_close(&ends);
}

/* Queued messages outlive both ends, wherever the ring's positions are, and the totals go on. */
TEST(queue_outlives_its_ends)
{
	const uint32_t messages = 1000;
	const char *name = test_name();
	static const char text[50];
	struct shmemq_stat st;
	uint64_t bytes = 0;
	struct shmemq *q;

	for (uint32_t i = 0; i <= messages; i++) {
		uint32_t type, size;
		char buffer[50];

		q = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1);
		size = i % sizeof text;
		ck_assert_int_eq(shmemq_push(q, text, size, i), 0);
		ck_assert_int_eq(shmemq_close(q), 0);
		bytes += size;
		q = test_open(name, SHMEMQ_CONSUMER, 0);
		if (i > 0) { /* one is left */
			ck_assert_int_eq(shmemq_timedpop(q, buffer, sizeof buffer, &type, 0), (i - 1) % sizeof text);
			ck_assert_uint_eq(type, i - 1);
			ck_assert_int_eq(shmemq_redelivered(q), 0);
		}
		ck_assert_int_eq(shmemq_stat(q, &st), 0);
		ck_assert(st.pushed_messages == i + 1 && st.popped_messages == i && st.queued_messages == 1);
		ck_assert(st.pushed_bytes == bytes && st.popped_bytes == bytes - size);
		ck_assert_int_eq(shmemq_close(q), 0);
	}
}

static int close_without_files(const void *name)
{
	struct shmemq *q = shmemq_open(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 0600, NULL);
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	CHECK(q != NULL && filter_deny(SYS_openat, EPERM));
#ifdef SYS_open
	CHECK(filter_deny(SYS_open, EPERM));
#endif
	CHECK(shmemq_close(q) == 0);
	return 0;
}

/* A process that may open no file any more closes all the same. */
TEST(closes_where_no_file_can_be_opened)
{
	const char *name = test_name();

	child_run(close_without_files, name);
	ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_CONSUMER, 0)), 0);
}

const struct suite suite = {
	.name = "api/close",
	.seconds = 120,
	.tests = {
		{ epipe_only_instead_of_waiting, CALLS, 0 },
		{ never_opened_is_not_closed, 1, 0 },
		{ close_wakes_the_peer, CALLS, 0 },
		{ stay_waits_on, CALLS, NEEDS_FORKS_APART },
		{ stay_tries, CALLS, 0 },
		{ queue_outlives_its_ends, 1, 0 },
		{ closes_where_no_file_can_be_opened, 1, NEEDS_FILTERS },
	},
};
