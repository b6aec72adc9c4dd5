/* SPDX-License-Identifier: MIT */
/* One name in a race: every process sees one whole queue or none, nothing is lost, and no name is left. */
#include "config.h"

#include <sched.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "race.h"
#include "suite.h"

/* Each racer asks for another capacity, so the capacity tells which of them created the queue. */
static int create(const void *argument)
{
	const struct race *race = argument;
	struct shmemq_attr attr = { .capacity = file_page() << race->racer };
	struct shmemq *q;

	race_start(race);
	q = shmemq_open(race->name, race->flags, 0600, &attr);
	if (q == NULL)
		return errno;
	CHECK(shmemq_getattr(q, &attr) == 0);
	race->shared->capacity[race->racer] = attr.capacity;
	CHECK(shmemq_close(q) == 0);
	return 0;
}

/* All end up with one queue. With EXCL one of them has created it, and the others are told so. */
TEST(creators_get_one_queue)
{
	struct race race = race_on(test_name());
	pid_t onlooker = child_start(race_watch, &race);
	int64_t start = test_now();

	race.flags = SHMEMQ_OBSERVER | SHMEMQ_CREATE | (_i ? SHMEMQ_EXCL : 0);
	for (int round = 0; race_goes_on(round, ROUNDS, start); round++) {
		struct shmemq_attr attr;
		struct shmemq *q;

		memset(race.shared, 0, sizeof race.shared->capacity);
		ck_assert_int_eq(race_run(&race, RACERS, create), _i ? 1 : RACERS);
		q = test_open(race.name, SHMEMQ_OBSERVER, 0);
		ck_assert_int_eq(shmemq_getattr(q, &attr), 0);
		for (int i = 0; i < RACERS; i++)
			ck_assert(race.shared->capacity[i] == attr.capacity || (_i && race.shared->capacity[i] == 0));
		ck_assert_int_eq(shmemq_close(q), 0);
		while (race.shared->seen == 0) /* it has begun */
			test_sleep(MS / 10);
		ck_assert_int_eq(shmemq_unlink(race.name), 0);
	}
	race.shared->stop = 1;
	ck_assert_int_eq(test_wait(onlooker), 0);
}

static int deliver(const void *argument)
{
	const struct race *race = argument;
	struct shmemq_attr attr = { .capacity = 1 };
	struct shmemq *q;

	race_start(race);
	while ((q = shmemq_open(race->name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr)) == NULL) {
		CHECK(errno == EBUSY || errno == ETIMEDOUT);
		sched_yield();
	}
	CHECK(shmemq_push(q, &race->racer, sizeof race->racer, 0) == 0 && race_close(race, q));
	return 0;
}

/* What one racer has pushed stays, whether it created the queue or found it busy at first. */
TEST(nothing_is_lost)
{
	struct race race = race_on(test_name());
	int64_t start = test_now();

	for (int round = 0; race_goes_on(round, 2 * ROUNDS, start); round++) {
		struct shmemq *q;
		int racer, sum = 0;

		race_run(&race, RACERS, deliver);
		q = test_open(race.name, SHMEMQ_CONSUMER, 0);
		for (int i = 0; i < RACERS; i++) {
			ck_assert_int_eq(shmemq_timedpop(q, &racer, sizeof racer, NULL, 0), (ssize_t)sizeof racer);
			sum += racer;
		}
		ck_assert_int_eq(sum, RACERS * (RACERS - 1) / 2);
		ck_assert_int_eq(shmemq_close(q), 0);
		ck_assert_int_eq(shmemq_unlink(race.name), 0);
	}
}

/*
 * One half of the racers claims one end and the other half the other, and all close at once. Some come too late and
 * begin a new queue.
 */
static int use_temporary(const void *argument)
{
	const struct race *race = argument;
	struct shmemq_attr attr = { .capacity = 1, .flags = SHMEMQ_ATTR_TEMPORARY };
	struct shmemq *q;

	race_start(race);
	for (int i = 0; i < 10; i++) {
		q = shmemq_open(race->name, (race->racer % 2 ? SHMEMQ_CONSUMER : SHMEMQ_PRODUCER) | SHMEMQ_CREATE, 0600,
				&attr);
		CHECK(q != NULL || errno == EBUSY || errno == ETIMEDOUT);
		if (q == NULL && errno == ETIMEDOUT)
			race->shared->timeouts++; /* it may have created it, and could not remove it again */
		CHECK(q == NULL || race_close(race, q));
	}
	return 0;
}

/* The name went with the last close. After a timeout it may be there, and is removed. */
static void expect_gone(struct race *race)
{
	if (race->shared->timeouts == 0)
		ck_assert(!file_exists(race->name));
	else
		ck_assert(shmemq_unlink(race->name) == 0 || errno == ENOENT);
	race->shared->timeouts = 0;
}

TEST(temporary_leaves_no_name)
{
	struct race race = race_on(test_name());
	int64_t start = test_now();

	for (int round = 0; race_goes_on(round, ROUNDS, start); round++) {
		ck_assert_int_eq(race_run(&race, 2 + round % (RACERS - 1), use_temporary), 2 + round % (RACERS - 1));
		expect_gone(&race);
	}
}

static int close_at_once(const void *argument)
{
	const struct race *race = argument;
	struct shmemq *q;

	do
		q = shmemq_open(race->name, race->racer ? SHMEMQ_CONSUMER : SHMEMQ_PRODUCER, 0, NULL);
	while (q == NULL && errno == ETIMEDOUT);
	CHECK(q != NULL);
	race_start(race);
	CHECK(race_close(race, q));
	return 0;
}

TEST(two_closers_leave_no_name)
{
	struct shmemq_attr attr = { .capacity = 1, .flags = SHMEMQ_ATTR_TEMPORARY };
	struct race race = race_on(test_name());
	int64_t start = test_now();

	for (int round = 0; race_goes_on(round, ROUNDS, start); round++) {
		struct shmemq *q = shmemq_open(race.name, SHMEMQ_OBSERVER | SHMEMQ_CREATE | SHMEMQ_EXCL, 0600, &attr);

		ck_assert_ptr_nonnull(q);
		ck_assert_int_eq(shmemq_close(q), 0);
		ck_assert_int_eq(race_run(&race, 2, close_at_once), 2);
		expect_gone(&race);
	}
}

/*
 * Opens and uses whatever has the name. A handle with its claim on one object and its probes on another would not see
 * its own end held.
 */
static int use_what_is_there(const void *argument)
{
	const struct race *race = argument;
	unsigned create = race->racer % 2 ? SHMEMQ_CREATE : 0;
	struct shmemq_attr attr = { .capacity = 1 };
	struct shmemq_stat st;
	struct shmemq *q;

	while (!race->shared->stop) {
		q = shmemq_open(race->name, SHMEMQ_PRODUCER | create, 0600, &attr);
		if (q == NULL) {
			CHECK(errno == EBUSY || errno == ETIMEDOUT || (errno == ENOENT && !create));
			continue;
		}
		CHECK(shmemq_stat(q, &st) == 0);
		CHECK(st.producer == SHMEMQ_END_OPEN && st.producer_pid == (uint32_t)getpid());
		CHECK(shmemq_timedpush(q, "x", 1, 0, 0) == 0 || errno == EAGAIN || errno == EPIPE);
		CHECK(race_close(race, q));
		race->shared->seen++;
	}
	return 0;
}

TEST(removed_and_made_again)
{
	struct race race = race_on(test_name());
	int64_t end = test_now() + 1000 * MS;
	pid_t users[3], onlooker;

	for (race.racer = 0; race.racer < 3; race.racer++)
		users[race.racer] = child_start(use_what_is_there, &race);
	onlooker = child_start(race_watch, &race);
	while (test_now() < end || race.shared->seen <= 10) {
		struct shmemq_attr attr = { .capacity = 1 };
		struct shmemq *q = shmemq_open(race.name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 0600, &attr);

		ck_assert(q != NULL || errno == ETIMEDOUT);
		ck_assert(shmemq_unlink(race.name) == 0 || errno == ENOENT || errno == ETIMEDOUT);
		ck_assert(q == NULL || race_close(&race, q));
	}
	race.shared->stop = 1;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(test_wait(users[i]), 0);
	ck_assert_int_eq(test_wait(onlooker), 0);
}

const struct suite suite = {
	.name = "api/race",
	.seconds = 120,
	.test_seconds = 30,
	.tests = {
		{ creators_get_one_queue, 2, 0 },
		{ nothing_is_lost, 1, 0 },
		{ temporary_leaves_no_name, 1, 0 },
		{ two_closers_leave_no_name, 1, 0 },
		{ removed_and_made_again, 1, 0 },
	},
};
