/* SPDX-License-Identifier: MIT */
/*
 * Sides that cannot see each other. If each is process 1 of a pid namespace of its own, the other one's pid means
 * nothing, and its own pid is alive whichever side has died.
 */
#include "config.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "child.h"
#include "suite.h"

/* Of its own generation, and with it its pid namespace, a child learns by what madvise(2) keeps from it. */
#define NEEDS (NEEDS_OWN_PIDS | NEEDS_FORKS_APART)

/* Shared by all processes of a test. */
struct shared {
	volatile pid_t pid[2]; /* of the consumer and the producer inside, as processes outside see them */
};

struct side {
	const char *name; /* of the queue */
	bool produces;
	bool dies;
	struct shared *shared;
};

/* The side that dies holds its end. The other one waits for it, and learns of its death. */
static int run_inside(const void *argument)
{
	const struct side *side = argument;
	struct shmemq *q = shmemq_open(side->name, side->produces ? SHMEMQ_PRODUCER : SHMEMQ_CONSUMER, 0, NULL);
	char byte;

	CHECK(getpid() == 1 && q != NULL);
	while (side->dies)
		pause();
	if (side->produces) {
		while (shmemq_push(q, "x", 1, 0) == 0)
			;
	} else {
		CHECK(shmemq_pop(q, &byte, 1, NULL) == -1);
	}
	CHECK(errno == EOWNERDEAD);
	return 0;
}

/* Starts a side in a pid namespace of its own, and ends as it does. */
static int enter(const void *argument)
{
	const struct side *side = argument;
	pid_t pid;

	CHECK(child_own_pids());
	pid = child_start(run_inside, side);
	side->shared->pid[side->produces] = pid;
	return test_wait(pid);
}

static bool both_there_and_one_waits(struct shmemq *q)
{
	struct shmemq_stat st;

	ck_assert_int_eq(shmemq_stat(q, &st), 0);
	if (st.producer != SHMEMQ_END_OPEN || st.consumer != SHMEMQ_END_OPEN || st.waiting == 0)
		return false;
	ck_assert_uint_eq(st.producer_pid, 1);
	ck_assert_uint_eq(st.consumer_pid, 1);
	ck_assert(st.producer_holder_pid == 0 && st.consumer_holder_pid == 0); /* their pids mean nothing here */
	return true;
}

TEST(death_across_namespaces)
{
	bool producer_dies = _i == 1;
	struct shared *shared = child_shared(sizeof *shared);
	struct side consumer = { test_name(), false, !producer_dies, shared };
	struct side producer = { consumer.name, true, producer_dies, shared };
	struct shmemq *q = test_open(consumer.name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1);
	pid_t outer[2] = { child_start(enter, &consumer), child_start(enter, &producer) };

	while (!both_there_and_one_waits(q))
		test_sleep(MS);
	/* Both ends are held, which an open from outside finds too. */
	ck_fails(shmemq_open(consumer.name, SHMEMQ_CONSUMER, 0, NULL), EBUSY);
	ck_fails(shmemq_open(consumer.name, SHMEMQ_PRODUCER, 0, NULL), EBUSY);
	while (shared->pid[producer_dies] == 0)
		test_sleep(MS);
	ck_assert_int_eq(kill(shared->pid[producer_dies], SIGKILL), 0);
	ck_assert_int_eq(test_wait(outer[producer_dies]), 128 + SIGKILL);
	ck_assert_int_eq(test_wait(outer[!producer_dies]), 0);
	ck_assert_int_eq(shmemq_close(q), 0);
}

/* The first process of a pid namespace: it pops what comes from outside, and notices the producer's death. */
static int consume_inside(const void *name)
{
	struct shmemq *q = shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL);
	char byte;

	CHECK(getpid() == 1 && q != NULL);
	CHECK(shmemq_pop(q, &byte, 1, NULL) == 1);
	CHECK(shmemq_pop(q, &byte, 1, NULL) == -1 && errno == EOWNERDEAD);
	return 0;
}

static int enter_namespace(const void *name)
{
	CHECK(child_own_pids());
	child_run(consume_inside, name);
	return 0;
}

static int produce_one(const void *name)
{
	struct shmemq *q = shmemq_open(name, SHMEMQ_PRODUCER, 0, NULL);

	CHECK(q != NULL && shmemq_push(q, "x", 1, 0) == 0);
	return pause();
}

/* Locks decide whether an end is held, not pids, which mean nothing to the other side. */
TEST(locks_reach_into_pid_namespaces)
{
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1);
	pid_t producer = child_start(produce_one, name), consumer = child_start(enter_namespace, name);
	struct shmemq_stat st = { 0 };

	/* The states are read before the rest, so the producer may have come in between. */
	while (st.popped_messages == 0 || st.waiting == 0 || st.producer == SHMEMQ_END_NEVER) {
		ck_assert_int_eq(shmemq_stat(q, &st), 0);
		ck_assert_int_eq(waitpid(consumer, NULL, WNOHANG), 0);
	}
	ck_assert(st.producer == SHMEMQ_END_OPEN && st.consumer == SHMEMQ_END_OPEN && st.consumer_pid == 1);
	ck_fails(shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL), EBUSY);
	child_kill(producer);
	ck_assert_int_eq(test_wait(consumer), 0);
	ck_assert_int_eq(shmemq_stat(q, &st), 0);
	ck_assert(st.producer == SHMEMQ_END_DEAD && st.consumer == SHMEMQ_END_DEAD);
	ck_assert_int_eq(shmemq_close(q), 0);
	q = test_open(name, SHMEMQ_PRODUCER, 0);
	fill(q, 1);
	ck_fails(shmemq_push(q, "x", 1, 0), EOWNERDEAD);
	ck_assert_int_eq(shmemq_close(q), 0);
}

const struct suite suite = {
	.name = "api/namespaces",
	.seconds = 60,
	.test_seconds = 30,
	.tests = {
		{ death_across_namespaces, 2, NEEDS },
		{ locks_reach_into_pid_namespaces, 1, NEEDS },
	},
};
