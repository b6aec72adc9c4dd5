/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "race.h"
#include "support.h"

struct race race_on(const char *name)
{
	struct race race = { .name = name, .shared = child_shared(sizeof *race.shared) };

	return race;
}

void race_start(const struct race *race)
{
	char byte;

	close(race->gate[1]);
	CHECK(read(race->gate[0], &byte, 1) == 0);
}

int race_run(struct race *race, int racers, int (*body)(const void *argument))
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

bool race_close(const struct race *race, struct shmemq *q)
{
	if (shmemq_close(q) == 0)
		return true;
	race->shared->timeouts++;
	return errno == ETIMEDOUT;
}

bool race_goes_on(int round, int rounds, int64_t start)
{
	return round == 0 || (round < rounds && test_now() - start < TEST_BOX);
}

int race_watch(const void *argument)
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
			CHECK(st.st_size == (off_t)(identity.header_bytes + identity.capacity));
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
