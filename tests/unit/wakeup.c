/* SPDX-License-Identifier: MIT */
/*
 * No notification is lost, however a wait meets what it waits for; and no system call notifies a side that does not
 * wait.
 */
#include "config.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "filter.h"
#include "sleepy.h"
#include "suite.h"

#define PINGS    TEST_PART(15000)
#define MESSAGES TEST_PART(200000)
#define ROUNDS   TEST_PART(4000)

static uint64_t seed;

/* How each side waits, and whether it is without membarrier(2), and since when. */
struct side {
	const char *wait, *deny;
};

static const struct {
	struct side producer, consumer;
} pairs[] = {
	{ { "sleep", "never" }, { "sleep", "never" } },  { { "sleep", "never" }, { "sleep", "before" } },
	{ { "sleep", "before" }, { "sleep", "never" } }, { { "sleep", "before" }, { "sleep", "before" } },
	{ { "sleep", "never" }, { "sleep", "after" } },  { { "sleep", "after" }, { "sleep", "after" } },
	{ { "poll", "never" }, { "poll", "never" } },    { { "poll", "never" }, { "sleep", "never" } },
	{ { "sleep", "never" }, { "poll", "never" } },   { { "both", "never" }, { "both", "never" } },
	{ { "poll", "never" }, { "poll", "before" } },   { { "poll", "after" }, { "poll", "after" } },
};
#define PAIRS (int)(sizeof pairs / sizeof pairs[0])

static bool can_be(const struct side *side)
{
	unsigned needs = (strcmp(side->deny, "never") != 0 ? NEEDS_FILTERS : 0) |
			 (strcmp(side->wait, "sleep") != 0 ? NEEDS_POLLFD : 0);
	const char *missing = needs_missing(needs);

	if (missing != NULL)
		printf("skipped: a pair of sides: %s\n", missing);
	return missing == NULL;
}

static pid_t start(const char *role, const struct side *side, const char *const *names, uint64_t count)
{
	char seed_text[24], count_text[24];

	snprintf(seed_text, sizeof seed_text, "%" PRIu64, seed);
	snprintf(count_text, sizeof count_text, "%" PRIu64, count);
	return test_peer("sleepy", role, side->wait, side->deny, names[0], names[1], seed_text, count_text, NULL);
}

static void create(const char *name)
{
	ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1)), 0);
}

TEST(ping_pong)
{
	const char *names[] = { test_name(), test_name() };
	pid_t ping, pong;

	if (!can_be(&pairs[_i].producer) || !can_be(&pairs[_i].consumer))
		return;
	create(names[0]);
	create(names[1]);
	ping = start("ping", &pairs[_i].producer, names, PINGS);
	pong = start("pong", &pairs[_i].consumer, names, PINGS);
	ck_assert_int_eq(test_wait(ping), 0);
	ck_assert_int_eq(test_wait(pong), 0);
}

TEST(bursts)
{
	const char *names[] = { test_name(), "none" };
	pid_t producer, consumer;

	if (!can_be(&pairs[_i].producer) || !can_be(&pairs[_i].consumer))
		return;
	create(names[0]);
	producer = start("produce", &pairs[_i].producer, names, MESSAGES);
	consumer = start("consume", &pairs[_i].consumer, names, MESSAGES);
	ck_assert_int_eq(test_wait(producer), 0);
	ck_assert_int_eq(test_wait(consumer), 0);
}

/* A thread that waits without a timeout, round after round, until `over`. */
struct waiting {
	struct shmemq *q;
	int expected; /* errno of each wait */
	int64_t box;  /* when the rounds end */
	_Atomic unsigned go, begun, ended;
	_Atomic bool over;
};

static void reach(const _Atomic unsigned *counter, unsigned value)
{
	while (*counter < value)
		sched_yield();
}

static void *wait_for_ever(void *argument)
{
	struct waiting *waiting = argument;

	for (unsigned i = 1;; i++) {
		reach(&waiting->go, i);
		if (waiting->over)
			return NULL;
		waiting->begun = i;
		sleepy_eager(waiting->q);
		if (shmemq_pop(waiting->q, NULL, 0, NULL) != -1 || errno != waiting->expected) {
			perror("pop");
			_exit(1);
		}
		waiting->ended = i;
	}
}

/* A round is several hand-overs, and each of them takes a time slice on a busy machine. */
static bool another(const struct waiting *waiting, unsigned i)
{
	return i == 1 || (i <= ROUNDS && test_now() < waiting->box);
}

static pthread_t begin(struct waiting *waiting, const char *name)
{
	pthread_t thread;

	sleepy_arm();
	waiting->box = test_now() + TEST_BOX;
	waiting->q = test_open(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 1);
	ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_ever, waiting), 0);
	return thread;
}

static void end(struct waiting *waiting, pthread_t thread)
{
	waiting->over = true;
	waiting->go++;
	pthread_join(thread, NULL);
	ck_assert_int_eq(shmemq_close(waiting->q), 0);
}

/*
 * Lets round `i` begin, and returns at some moment of its wait, or just before it. What comes before the sleep takes a
 * microsecond, or a time slice on a busy machine: so every eighth round this waits for the sleep itself.
 */
static void begin_round(struct waiting *waiting, unsigned i)
{
	static uint64_t random;
	unsigned sleeps = sleepy_sleeps();

	waiting->go = i;
	reach(&waiting->begun, i);
	while (i % 8 == 0 && sleepy_sleeps() == sleeps)
		sched_yield();
	sleepy_delay(&random, i % 2 ? 5000 : 50000);
}

TEST(no_interruption_is_lost)
{
	struct waiting waiting = { .expected = ECANCELED };
	pthread_t thread = begin(&waiting, test_name());

	for (unsigned i = 1; another(&waiting, i); i++) {
		begin_round(&waiting, i);
		ck_fast(shmemq_interrupt(waiting.q) == 0);
		reach(&waiting.ended, i);
	}
	end(&waiting, thread);
}

TEST(no_close_is_lost)
{
	struct waiting waiting = { .expected = EPIPE };
	const char *name = test_name();
	pthread_t thread = begin(&waiting, name);

	for (unsigned i = 1; another(&waiting, i); i++) {
		struct shmemq *producer = shmemq_open(name, SHMEMQ_PRODUCER, 0, NULL);

		ck_fast(producer != NULL);
		begin_round(&waiting, i);
		ck_fast(shmemq_close(producer) == 0);
		reach(&waiting.ended, i);
	}
	end(&waiting, thread);
}

static bool waits_at_the_end;

/* Both ends of a queue in one process that may make no system call. Returns 0, or what went wrong first. */
static int without_system_calls(const char *name)
{
	struct shmemq *producer = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE | SHMEMQ_STAY, 0600, NULL);
	struct shmemq *consumer = shmemq_open(name, SHMEMQ_CONSUMER | SHMEMQ_STAY, 0, NULL);
	char message[100];
	size_t size;

	if (producer == NULL || consumer == NULL || !filter_forbid_all())
		return 1;
	memset(message, 0, sizeof message); /* no lazy binding, page fault or stack growth is a system call */
	for (int lap = 0; lap < 3; lap++) {
		while (shmemq_timedpush(producer, message, sizeof message, 0, 0) == 0)
			;
		if (errno != EAGAIN)
			return 2;
		while (shmemq_timedpop_start(consumer, &size, NULL, -1) != NULL && shmemq_pop_end(consumer) == 0) {
			if (shmemq_push_start(producer, size) == NULL || shmemq_push_end(producer, 0, 0) != 0)
				return 3;
			if (size == 0)
				break;
		}
		while (shmemq_timedpop(consumer, message, sizeof message, NULL, 0) >= 0)
			;
		if (errno != EAGAIN)
			return 4;
	}
	for (int i = 0; i < 100000; i++) {
		if (shmemq_timedpop(consumer, message, sizeof message, NULL, 0) != -1)
			return 5;
	}
	if (waits_at_the_end)
		shmemq_pop(consumer, message, sizeof message, NULL);
	return 0;
}

/* Also tests the test: a wait is noticed. */
TEST(no_system_call_while_nobody_sleeps)
{
	waits_at_the_end = _i;
	ck_assert_int_eq(filter_run(without_system_calls, test_name()), _i ? 128 + SIGSYS : 0);
}

static void make_seed(void)
{
	seed = test_seed();
}

const struct suite suite = {
	.name = "unit/wakeup",
	.seconds = 200,
	.test_seconds = 30,
	.begin = make_seed,
	.tests = {
		{ ping_pong, PAIRS, 0 },
		{ bursts, PAIRS, 0 },
		{ no_interruption_is_lost, 1, 0 },
		{ no_close_is_lost, 1, 0 },
		{ no_system_call_while_nobody_sleeps, 2, NEEDS_FILTERS | NEEDS_NO_CALLS },
	},
};
