/* SPDX-License-Identifier: MIT */
/* Creating and opening under the limits of setrlimit(2): what does not fit is refused, and nothing is left. */
#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "suite.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)

static int exceed_file_size(const void *argument)
{
	bool own = child_own_shm("size=8m");

	CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	child_limit(RLIMIT_FSIZE, 512 * KIB);
	CHECK(test_create(argument, 1 * MIB) == NULL && errno == EFBIG);
	CHECK(test_create(argument, 2048 * MIB) == NULL && errno == EFBIG);
	CHECK(test_create(argument, 8192 * MIB) == NULL && errno == EFBIG);
	CHECK(!file_exists(argument) && (!own || child_shm_is_empty()));
	CHECK(test_create(argument, 256 * KIB) != NULL);
	return 0;
}

TEST(file_size_limit)
{
	child_run(exceed_file_size, test_name());
}

/* Bytes of address space in use. */
static rlim_t address_space(void)
{
	FILE *statm = fopen("/proc/self/statm", "re");
	unsigned long pages;

	CHECK(statm != NULL && fscanf(statm, "%lu", &pages) == 1 && fclose(statm) == 0);
	return pages * file_page();
}

/* 16 MiB are mapped twice. A create removes what it cannot map; an open leaves what it found. */
static int exceed_address_space(const void *argument)
{
	const char *name = argument;
	struct shmemq *q;

	child_limit(RLIMIT_AS, address_space() + 24 * MIB);
	if (child_can_map(32 * MIB))
		return CHILD_SKIP;
	CHECK(test_create(name, 16 * MIB) == NULL && errno == ENOMEM);
	CHECK(!file_exists(name));
	child_limit(RLIMIT_AS, address_space() + 40 * MIB);
	CHECK((q = test_create(name, 16 * MIB)) != NULL);
	CHECK(shmemq_push(q, "x", 1, 0) == 0 && shmemq_close(q) == 0);
	child_limit(RLIMIT_AS, address_space() + 24 * MIB);
	CHECK(test_create(name, 0) == NULL && errno == ENOMEM);
	CHECK(shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL) == NULL && errno == ENOMEM);
	CHECK((q = shmemq_open(name, SHMEMQ_OBSERVER, 0, NULL)) != NULL && shmemq_close(q) == 0);
	child_limit(RLIMIT_AS, address_space() + 40 * MIB);
	CHECK((q = shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL)) != NULL);
	CHECK(shmemq_timedpop(q, NULL, 0, NULL, 0) == -1 && errno == EMSGSIZE);
	return 0;
}

TEST(address_space_limit)
{
	child_run(exceed_address_space, test_name());
}

/* After mlockall() every mapping has to fit into what may be locked. */
static int exceed_locked_memory(const void *argument)
{
	child_drop_root();
	child_limit(RLIMIT_MEMLOCK, 256 * KIB);
	CHECK(mlockall(MCL_FUTURE) == 0);
	CHECK(test_create(argument, 1 * MIB) == NULL && errno == ENOMEM);
	CHECK(!file_exists(argument));
	return 0;
}

TEST(locked_memory_limit)
{
	child_run(exceed_locked_memory, test_name());
}

/* Opens descriptors until `spare` are left. */
static void use_up_descriptors(int spare)
{
	int fds[64], count = 0;

	child_limit(RLIMIT_NOFILE, 64);
	while ((fds[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		count++;
	CHECK(errno == EMFILE && count > spare);
	while (spare-- > 0)
		close(fds[--count]);
}

struct descriptors {
	const char *name;
	int spare; /* that are left */
	unsigned flags;
};

#define TOO_FEW 2

static int open_with_few(const void *argument)
{
	const struct descriptors *few = argument;
	struct shmemq_attr attr = { .capacity = 1 };

	use_up_descriptors(few->spare);
	if (shmemq_open(few->name, few->flags, 0600, &attr) != NULL)
		return 0;
	CHECK(errno == EMFILE);
	return TOO_FEW;
}

static int unlink_with_few(const void *argument)
{
	const struct descriptors *few = argument;

	use_up_descriptors(few->spare);
	if (shmemq_unlink(few->name) == 0)
		return 0;
	CHECK(errno == EMFILE);
	return TOO_FEW;
}

/* With one descriptor more each time: there are too few at least once, and nothing changes; then it works. */
static void needs_descriptors(int (*body)(const void *argument), const char *name, unsigned flags)
{
	struct descriptors few = { .name = name, .flags = flags };
	bool before = file_exists(name);
	int status;

	for (few.spare = 0; (status = test_wait(child_start(body, &few))) != 0; few.spare++) {
		ck_assert_int_eq(status, TOO_FEW);
		ck_assert(file_exists(name) == before);
	}
	ck_assert_int_gt(few.spare, 0);
}

TEST(descriptor_limit)
{
	const char *name = test_name();

	needs_descriptors(open_with_few, name, SHMEMQ_PRODUCER | SHMEMQ_CREATE);
	needs_descriptors(open_with_few, name, SHMEMQ_CONSUMER);
	needs_descriptors(unlink_with_few, name, 0);
	ck_assert(!file_exists(name));
	needs_descriptors(open_with_few, name, SHMEMQ_OBSERVER | SHMEMQ_CREATE);
	needs_descriptors(open_with_few, name, SHMEMQ_OBSERVER);
}

const struct suite suite = {
	.name = "api/limits",
	.seconds = 60,
	.tests = {
		{ file_size_limit, 1, 0 },
		{ address_space_limit, 1, NEEDS_NO_MAPPINGS | NEEDS_PROC },
		{ locked_memory_limit, 1, NEEDS_NO_MAPPINGS },
		{ descriptor_limit, 1, 0 },
	},
};
