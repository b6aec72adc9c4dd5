/* SPDX-License-Identifier: MIT */
/*
 * Many who create, open, close and remove one name at once, and some who are killed over it. ETIMEDOUT from an open or
 * a close is no fault of theirs: another one was off its processor for a second while it held the init lock. After such
 * a close the end is free all the same, but a name may be left.
 */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "suite.h"

#define RACERS 5
#define ROUNDS 150

/* What children of one race share. They start together: when the last of them has closed the gate's writing end. */
struct race {
	const char *name;
	unsigned flags;
	int gate[2];
	struct {
		volatile uint64_t capacity[RACERS]; /* of the queue that each of them has found */
		volatile unsigned seen, stop, timeouts;
	} * shared;
	int racer;
};

static struct race race_on(const char *name)
{
	struct race race = { .name = name, .shared = child_shared(sizeof *race.shared) };

	return race;
}

static void wait_for_the_others(const struct race *race)
{
	char byte;

	close(race->gate[1]);
	CHECK(read(race->gate[0], &byte, 1) == 0);
}

/* Runs `body` in `racers` children at once. How many of them returned 0. */
static int run_race(struct race *race, int racers, int (*body)(const void *argument))
{
	pid_t pids[RACERS];
	int won = 0;

	ck_assert_int_eq(pipe(race->gate), 0);
	for (race->racer = 0; race->racer < racers; race->racer++)
		pids[race->racer] = child_start(body, race);
	close(race->gate[1]);
	for (int i = 0; i < racers; i++) {
		int status = test_wait(pids[i]);

		ck_assert(status == 0 || status == EEXIST);
		won += status == 0;
	}
	close(race->gate[0]);
	return won;
}

/* 0, or ETIMEDOUT, which is counted. */
static bool closed(const struct race *race, struct shmemq *q)
{
	if (shmemq_close(q) == 0)
		return true;
	race->shared->timeouts++;
	return errno == ETIMEDOUT;
}

/* Is there time for another round? */
static bool goes_on(int round, int rounds, int64_t start)
{
	return round == 0 || (round < rounds && test_now() - start < TEST_BOX);
}

/* While the others race: the name is free, or bears a whole queue. */
static int look_on(const void *argument)
{
	const struct race *race = argument;

	while (!race->shared->stop) {
		struct smq_identity identity;
		struct shmemq_attr attr;
		struct stat st;
		struct shmemq *q = shmemq_open(race->name, SHMEMQ_OBSERVER, 0, NULL);
		int fd = open(file_path(race->name), O_RDONLY | O_CLOEXEC);

		CHECK(q != NULL || errno == ENOENT);
		if (fd >= 0) {
			CHECK(fstat(fd, &st) == 0);
			CHECK(pread(fd, &identity, sizeof identity, 0) == sizeof identity);
			CHECK(identity.magic[0] == SMQ_MAGIC_0 && identity.magic[1] == SMQ_MAGIC_1);
			CHECK(st.st_size == (off_t)identity.header_bytes + identity.capacity);
			close(fd);
		}
		if (q != NULL) {
			CHECK(shmemq_getattr(q, &attr) == 0 && attr.capacity >= file_page());
			CHECK(shmemq_close(q) == 0);
			race->shared->seen++;
		}
	}
	return 0;
}

/* Each asks for another capacity, so the capacity tells whose queue it is. */
static int create(const void *argument)
{
	const struct race *race = argument;
	struct shmemq_attr attr = { .capacity = file_page() << race->racer };
	struct shmemq *q;

	wait_for_the_others(race);
	q = shmemq_open(race->name, race->flags, 0600, &attr);
	if (q == NULL)
		return errno;
	CHECK(shmemq_getattr(q, &attr) == 0);
	race->shared->capacity[race->racer] = attr.capacity;
	CHECK(shmemq_close(q) == 0);
	return 0;
}

/* All end up with one queue. With EXCL, one of them has made it and the others are told so. */
TEST(creators)
{
	struct race race = race_on(test_name());
	pid_t onlooker = child_start(look_on, &race);
	int64_t start = test_now();

	race.flags = SHMEMQ_OBSERVER | SHMEMQ_CREATE | (_i ? SHMEMQ_EXCL : 0);
	for (int round = 0; goes_on(round, ROUNDS, start); round++) {
		struct shmemq_attr attr;
		struct shmemq *q;

		memset(race.shared, 0, sizeof race.shared->capacity);
		ck_assert_int_eq(run_race(&race, RACERS, create), _i ? 1 : RACERS);
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

	wait_for_the_others(race);
	while ((q = shmemq_open(race->name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr)) == NULL) {
		CHECK(errno == EBUSY || errno == ETIMEDOUT);
		sched_yield();
	}
	CHECK(shmemq_push(q, &race->racer, sizeof race->racer, 0) == 0 && closed(race, q));
	return 0;
}

/* Whoever creates it and whoever is told that it is busy: what one of them has pushed stays. */
TEST(nothing_is_lost)
{
	struct race race = race_on(test_name());
	int64_t start = test_now();

	for (int round = 0; goes_on(round, 2 * ROUNDS, start); round++) {
		struct shmemq *q;
		int racer, sum = 0;

		run_race(&race, RACERS, deliver);
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

/* One half claims one end and the other half the other, all leave at once; some come too late and begin a new queue. */
static int use_temporary(const void *argument)
{
	const struct race *race = argument;
	struct shmemq_attr attr = { .capacity = 1, .flags = SHMEMQ_ATTR_TEMPORARY };
	struct shmemq *q;

	wait_for_the_others(race);
	for (int i = 0; i < 10; i++) {
		q = shmemq_open(race->name, (race->racer % 2 ? SHMEMQ_CONSUMER : SHMEMQ_PRODUCER) | SHMEMQ_CREATE, 0600,
				&attr);
		CHECK(q != NULL || errno == EBUSY || errno == ETIMEDOUT);
		if (q == NULL && errno == ETIMEDOUT)
			race->shared->timeouts++; /* it may have made it, and could not take it back */
		CHECK(q == NULL || closed(race, q));
	}
	return 0;
}

/* The name went with the last close; or it may be there, and is removed. */
static void expect_gone(struct race *race)
{
	if (race->shared->timeouts == 0)
		ck_assert(!file_exists(race->name));
	else
		ck_assert(shmemq_unlink(race->name) == 0 || errno == ENOENT);
	race->shared->timeouts = 0;
}

TEST(temporary)
{
	struct race race = race_on(test_name());
	int64_t start = test_now();

	for (int round = 0; goes_on(round, ROUNDS, start); round++) {
		ck_assert_int_eq(run_race(&race, 2 + round % (RACERS - 1), use_temporary), 2 + round % (RACERS - 1));
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
	wait_for_the_others(race);
	CHECK(closed(race, q));
	return 0;
}

TEST(two_closers)
{
	struct shmemq_attr attr = { .capacity = 1, .flags = SHMEMQ_ATTR_TEMPORARY };
	struct race race = race_on(test_name());
	int64_t start = test_now();

	for (int round = 0; goes_on(round, ROUNDS, start); round++) {
		struct shmemq *q = shmemq_open(race.name, SHMEMQ_OBSERVER | SHMEMQ_CREATE | SHMEMQ_EXCL, 0600, &attr);

		ck_assert_ptr_nonnull(q);
		ck_assert_int_eq(shmemq_close(q), 0);
		ck_assert_int_eq(run_race(&race, 2, close_at_once), 2);
		expect_gone(&race);
	}
}

/* Opens and uses whatever bears the name. A handle whose claim and whose probes were on two objects would not see
 * its own end held. */
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
		CHECK(closed(race, q));
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
	onlooker = child_start(look_on, &race);
	while (test_now() < end || race.shared->seen <= 10) {
		struct shmemq_attr attr = { .capacity = 1 };
		struct shmemq *q = shmemq_open(race.name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 0600, &attr);

		ck_assert(q != NULL || errno == ETIMEDOUT);
		ck_assert(shmemq_unlink(race.name) == 0 || errno == ENOENT || errno == ETIMEDOUT);
		ck_assert(q == NULL || closed(&race, q));
	}
	race.shared->stop = 1;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(test_wait(users[i]), 0);
	ck_assert_int_eq(test_wait(onlooker), 0);
}

/* Tells that it begins, and is killed sooner or later. */
static int create_for_ever(const void *argument)
{
	const struct race *race = argument;
	struct shmemq_attr attr = { .capacity = 64 * file_page() };
	struct shmemq *q;

	race->shared->seen = 1;
	q = shmemq_open(race->name, race->flags | SHMEMQ_CREATE, 0600, &attr);
	race->shared->seen = 2;
	CHECK(q != NULL);
	return pause();
}

/* Nothing but this queue; nothing at all, no page either, if it is not there. */
static void only_a_whole_queue(const char *name, bool own, unsigned *made)
{
	struct shmemq *q = shmemq_open(name, SHMEMQ_PRODUCER, 0, NULL);
	struct shmemq_attr attr;
	struct dirent *entry;
	struct statvfs fs;
	DIR *dir;

	CHECK(q != NULL || errno == ENOENT);
	if (q != NULL) {
		++*made;
		CHECK(shmemq_getattr(q, &attr) == 0 && attr.capacity == 64 * file_page());
		CHECK(shmemq_timedpush(q, "x", 1, 0, 0) == 0 && shmemq_close(q) == 0);
	}
	if (!own)
		return;
	CHECK((dir = opendir("/dev/shm")) != NULL);
	while ((entry = readdir(dir)) != NULL)
		CHECK(entry->d_name[0] == '.' || (q != NULL && strcmp(entry->d_name, name + 1) == 0));
	closedir(dir);
	CHECK(statvfs("/dev/shm", &fs) == 0 && (q != NULL || fs.f_bfree == fs.f_blocks));
}

/* Kills creators after 0 to 300 us, in an order that spreads over them however few rounds there are. */
static int kill_creators(const void *argument)
{
	struct race race = race_on(argument);
	bool own = child_own_shm("size=8m");
	int64_t start = test_now();
	unsigned made = 0;
	int round;

	if (!own)
		fprintf(stderr, "skipped: no /dev/shm of its own is permitted here, so only the name is looked at\n");
	for (round = 0; goes_on(round, 300, start); round++) {
		pid_t pid;
		int64_t end;

		race.shared->seen = 0;
		race.flags = round % 2 ? SHMEMQ_PRODUCER : SHMEMQ_OBSERVER;
		pid = child_start(create_for_ever, &race);
		while (race.shared->seen == 0)
			sched_yield();
		end = test_now() + (int64_t)round * 107 % 300 * 1000;
		while (test_now() < end && race.shared->seen != 2)
			;
		kill(pid, SIGKILL);
		CHECK(test_wait(pid) == 128 + SIGKILL);
		only_a_whole_queue(race.name, own, &made);
		CHECK(shmemq_unlink(race.name) == 0 || errno == ENOENT);
	}
	printf("%u of %d creators came as far as giving the name\n", made, round);
	return fflush(stdout);
}

TEST(killed_creators)
{
	child_run(kill_creators, test_name());
}

const struct suite suite = {
	.name = "api/race",
	.seconds = 120,
	.test_seconds = 30,
	.tests = {
		{ creators, 2, 0 },
		{ nothing_is_lost, 1, 0 },
		{ temporary, 1, 0 },
		{ two_closers, 1, 0 },
		{ removed_and_made_again, 1, 0 },
		{ killed_creators, 1, 0 },
	},
};
