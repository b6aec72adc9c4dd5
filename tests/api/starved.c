/* SPDX-License-Identifier: MIT */
/* Open handles under limits of setrlimit(2) that are set later, and the calls by descriptor. More: api/limits. */
#include "config.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "calls.h"
#include "child.h"
#include "file.h"
#include "one_end.h"
#include "polling.h"
#include "suite.h"

#define MIB ((uint64_t)1 << 20)

/* Opens both ends, moves messages, sleeps, and closes. No SIGXFSZ, which would end the process. */
static int use_without_file_size(const void *argument)
{
	const char *name = argument;
	struct shmemq *producer, *consumer;
	int fd = -1;

	child_limit(RLIMIT_FSIZE, 0);
	CHECK((producer = shmemq_open(name, SHMEMQ_PRODUCER, 0, NULL)) != NULL);
	CHECK((consumer = shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL)) != NULL);
	CHECK(end_move(consumer, SHMEMQ_CONSUMER, 20 * MS) == -1 && errno == ETIMEDOUT);
	if (needs_missing(NEEDS_POLLFD) == NULL) {
		CHECK((fd = shmemq_pollfd(consumer)) >= 0);
		while (raised(fd, 700))
			CHECK(end_try(consumer, SHMEMQ_CONSUMER) == -1 && errno == EAGAIN);
	}
	CHECK(end_try(producer, SHMEMQ_PRODUCER) == 0);
	CHECK(fd < 0 || raised(fd, 0));
	CHECK(end_try(consumer, SHMEMQ_CONSUMER) == CALL_BYTES);
	CHECK(shmemq_close(producer) == 0 && shmemq_close(consumer) == 0 && shmemq_unlink(name) == 0);
	return 0;
}

TEST(no_file_size_left)
{
	const char *name = test_name();

	ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1)), 0);
	child_run(use_without_file_size, name);
	ck_assert(!file_exists(name));
}

static void use_up_descriptors(void)
{
	child_limit(RLIMIT_NOFILE, 64);
	while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
		;
	CHECK(errno == EMFILE);
}

static int use_without_descriptors(const void *argument)
{
	struct shmemq *producer = shmemq_open(argument, SHMEMQ_PRODUCER | SHMEMQ_CREATE | SHMEMQ_SHARED, 0600, NULL);
	struct shmemq *consumer = shmemq_open(argument, SHMEMQ_CONSUMER, 0, NULL);
	struct shmemq_stat st;

	CHECK(producer != NULL && consumer != NULL);
	use_up_descriptors();
	CHECK(end_move(consumer, SHMEMQ_CONSUMER, 300 * MS) == -1 && errno == ETIMEDOUT);
	CHECK(end_try(producer, SHMEMQ_PRODUCER) == 0 && end_try(consumer, SHMEMQ_CONSUMER) == CALL_BYTES);
	CHECK(shmemq_stat(consumer, &st) == 0 && st.producer == SHMEMQ_END_OPEN && st.consumer == SHMEMQ_END_OPEN);
	CHECK(shmemq_pollfd(consumer) == -1 && errno == EMFILE);
	CHECK(shmemq_memfd(NULL) == -1 && errno == EMFILE);
	CHECK(shmemq_close(producer) == 0);
	CHECK(end_move(consumer, SHMEMQ_CONSUMER, -1) == -1 && errno == EPIPE);
	CHECK(shmemq_close(consumer) == 0);
	return 0;
}

TEST(no_descriptor_left)
{
	child_run(use_without_descriptors, test_name());
}

/* A memfd too large to be mapped, or locked, twice: it can be made, but not opened. Nothing is left of the attempts. */
static int open_without_memory(const void *argument)
{
	int resource = *(const int *)argument, fd;
	struct shmemq_attr attr = { .capacity = 64 * MIB };
	unsigned descriptors;

	child_drop_root();
	CHECK(prctl(PR_SET_DUMPABLE, 1) == 0); /* so that /proc/self is this user's */
	CHECK((fd = shmemq_memfd(&attr)) >= 0);
	CHECK(shmemq_fdopen(fd, SHMEMQ_OBSERVER) != NULL); /* what a first open makes is made */
	descriptors = file_descriptors();
	child_limit(resource, resource == RLIMIT_AS ? 100 * MIB : MIB / 4);
	if (resource == RLIMIT_MEMLOCK)
		CHECK(mlockall(MCL_FUTURE) == 0);
	if (child_can_map(128 * MIB))
		return CHILD_SKIP;
	for (int i = 0; i < 4; i++)
		CHECK(shmemq_fdopen(fd, both_ends[i % 2]) == NULL && errno == ENOMEM);
	CHECK(file_descriptors() == descriptors);
	return 0;
}

TEST(no_memory_left)
{
	static const int resources[] = { RLIMIT_AS, RLIMIT_MEMLOCK };

	child_run(open_without_memory, &resources[_i]);
}

const struct suite suite = {
	.name = "api/starved",
	.seconds = 60,
	.tests = {
		{ no_file_size_left, 1, 0 },
		{ no_descriptor_left, 1, 0 },
		{ no_memory_left, 2, NEEDS_NO_MAPPINGS | NEEDS_PROC },
	},
};
