/* SPDX-License-Identifier: MIT */
/* Creators that are killed leave a whole queue or nothing. */
#include "config.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "race.h"
#include "suite.h"

/* Says that it begins, creates, and is killed sooner or later. */
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

/* There is this queue and nothing else; or, if it is not there, no file at all and no page in use. */
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

/* Kills creators after 0 to 300 us, in an order that spreads over that range however few rounds there are. */
static int kill_creators(const void *argument)
{
	struct race race = race_on(argument);
	bool own = child_own_shm("size=8m");
	int64_t start = test_now();
	unsigned made = 0;
	int round;

	if (!own)
		fprintf(stderr, "skipped: no /dev/shm of its own is permitted here, so only the name is looked at\n");
	for (round = 0; race_goes_on(round, 300, start); round++) {
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

TEST(killed_creators_leave_all_or_nothing)
{
	child_run(kill_creators, test_name());
}

const struct suite suite = {
	.name = "api/kill_create",
	.seconds = 120,
	.test_seconds = 30,
	.tests = {
		{ killed_creators_leave_all_or_nothing, 1, 0 },
	},
};
