/* SPDX-License-Identifier: MIT */
/*
 * Sides that cannot see each other: each is process 1 of a pid namespace of its own, so no pid of the other's means
 * anything, and its own number is alive whoever died. And a /dev/shm with no page left.
 */
#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "child.h"
#include "suite.h"

/* Shared by all processes of a test. */
struct shared {
	volatile pid_t pid[2]; /* of the side inside, as everybody outside sees it: of the consumer, of the producer */
};

struct side {
	const char *name; /* of the queue */
	bool produces;
	bool dies;
	struct shared *shared;
};

/* The side that dies holds its end; the other one waits for it, and learns of its death. */
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
	/* Both ends are held, whoever asks. */
	ck_fails(shmemq_open(consumer.name, SHMEMQ_CONSUMER, 0, NULL), EBUSY);
	ck_fails(shmemq_open(consumer.name, SHMEMQ_PRODUCER, 0, NULL), EBUSY);
	while (shared->pid[producer_dies] == 0)
		test_sleep(MS);
	ck_assert_int_eq(kill(shared->pid[producer_dies], SIGKILL), 0);
	ck_assert_int_eq(test_wait(outer[producer_dies]), 128 + SIGKILL);
	ck_assert_int_eq(test_wait(outer[!producer_dies]), 0);
	ck_assert_int_eq(shmemq_close(q), 0);
}

/* Messages as large as can be, lap after lap through both mappings of the ring, in another process than its maker's. */
static int consume_laps(const void *laps)
{
	struct shmemq *q = shmemq_open("/q", SHMEMQ_CONSUMER, 0, NULL);
	const unsigned char *at;
	size_t size;

	CHECK(q != NULL);
	for (int i = 0; i < *(const int *)laps; i++) {
		CHECK((at = shmemq_pop_start(q, &size, NULL)) != NULL);
		for (size_t j = 0; j < size; j++)
			CHECK(at[j] == (unsigned char)i);
		CHECK(shmemq_pop_end(q) == 0);
	}
	CHECK(shmemq_close(q) == 0);
	return 0;
}

static int use_full_file_system(const void *laps)
{
	struct shmemq_attr attr = { .capacity = 64 * 1024 };
	struct shmemq *q;
	pid_t consumer;
	void *at;
	int fd;

	CHECK(child_own_shm("size=1m"));
	CHECK((q = shmemq_open("/q", SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr)) != NULL);
	CHECK(shmemq_getattr(q, &attr) == 0);
	CHECK((fd = open("/dev/shm/junk", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) >= 0);
	while (write(fd, &attr, 1) == 1)
		CHECK(lseek(fd, 4095, SEEK_CUR) > 0);
	CHECK(errno == ENOSPC);
	consumer = child_start(consume_laps, laps);
	for (int i = 0; i < *(const int *)laps; i++) {
		/* Not always the largest, so that the ring's end is met at many places. */
		size_t size = attr.message_max - (size_t)i % 8 * 8;

		CHECK((at = shmemq_push_start(q, size)) != NULL);
		memset(at, i, size);
		CHECK(shmemq_push_end(q, size, 0) == 0);
	}
	CHECK(test_wait(consumer) == 0 && shmemq_close(q) == 0);
	return 0;
}

TEST(no_page_left)
{
	const int laps = 100;

	child_run(use_full_file_system, &laps);
}

const struct suite suite = {
	.name = "api/namespaces",
	.seconds = 60,
	.test_seconds = 30,
	.tests = {
		{ death_across_namespaces, 2, NEEDS_OWN_PIDS },
		{ no_page_left, 1, NEEDS_OWN_SHM },
	},
};
