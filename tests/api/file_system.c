/* SPDX-License-Identifier: MIT */
/* A /dev/shm that is full, read-only, no tmpfs, or not there. */
#include "config.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "suite.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)

/* Writes one file full of junk until the file system has no page left. */
static void use_up_space(void)
{
	static const char junk[4096];
	int fd = open("/dev/shm/junk", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	while (write(fd, junk, sizeof junk) > 0)
		;
	CHECK(errno == ENOSPC);
	close(fd);
}

static int fill_small_shm(const void *argument)
{
	static const char text[1000] = "x";
	uint64_t space = 64 * KIB - 8;
	struct shmemq *q;

	(void)argument;
	CHECK(child_own_shm("size=1m"));
	CHECK(test_create("/q", 4 * MIB) == NULL && errno == ENOSPC);
	CHECK(test_create("/q", 2048 * MIB) == NULL && errno == ENOSPC);
	CHECK(test_create("/q", 8192 * MIB) == NULL && errno == ENOSPC);
	CHECK(child_shm_is_empty());
	/* Its pages are reserved from the start: the ring can be filled though the file system has no page left. */
	CHECK((q = test_create("/q", 64 * KIB)) != NULL);
	use_up_space();
	CHECK(test_create("/r", 64 * KIB) == NULL && errno == ENOSPC && !file_exists("/r"));
	for (; space >= 1008; space -= 1008)
		CHECK(shmemq_timedpush(q, text, sizeof text, 0, 0) == 0);
	for (; space >= 8; space -= 8)
		CHECK(shmemq_timedpush(q, NULL, 0, 0, 0) == 0);
	CHECK(shmemq_timedpush(q, NULL, 0, 0, 0) == -1 && errno == EAGAIN);
	CHECK(shmemq_close(q) == 0 && shmemq_unlink("/q") == 0 && unlink("/dev/shm/junk") == 0);
	CHECK(child_shm_is_empty());
	return 0;
}

TEST(no_space)
{
	child_run(fill_small_shm, NULL);
}

static int run_out_of_inodes(const void *argument)
{
	(void)argument;
	CHECK(child_own_shm("nr_inodes=2")); /* one is the root directory's */
	CHECK(close(open("/dev/shm/junk", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) == 0);
	CHECK(test_create("/q", 4 * KIB) == NULL && errno == ENOSPC && !file_exists("/q"));
	return 0;
}

TEST(no_inode)
{
	child_run(run_out_of_inodes, NULL);
}

/* Messages as large as can be, lap after lap through both mappings of the ring, in another process than the creator. */
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
		/* Not always the largest, so that records cross the ring's end at many offsets. */
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

/* It has no files without a name, so a queue could be seen half-made there: none is created. */
static int use_other_file_system(const void *name)
{
	if (!child_bind_shm("/proc")) /* where an ordinary user may not write, which would be reported first */
		return CHILD_SKIP;
	CHECK(test_create(name, 4 * KIB) == NULL && errno == EOPNOTSUPP);
	CHECK(shmemq_open(name, SHMEMQ_PRODUCER, 0, NULL) == NULL && errno == ENOENT);
	CHECK(shmemq_open("/version", SHMEMQ_OBSERVER, 0, NULL) == NULL && errno == EPROTO);
	return 0;
}

TEST(other_file_system)
{
	child_run(use_other_file_system, test_name());
}

/* The name is not free then: there is no directory for it. */
static int use_no_directory(const void *name)
{
	CHECK(child_own_shm(NULL) && mount("tmpfs", "/dev", "tmpfs", 0, NULL) == 0);
	CHECK(test_create(name, 4 * KIB) == NULL && errno == EOPNOTSUPP);
	CHECK(shmemq_open(name, SHMEMQ_PRODUCER, 0, NULL) == NULL && errno == ENOENT);
	CHECK(shmemq_unlink(name) == -1 && errno == ENOENT);
	return 0;
}

TEST(no_directory)
{
	child_run(use_no_directory, test_name());
}

static int use_read_only(const void *argument)
{
	struct shmemq *q;

	(void)argument;
	CHECK(child_own_shm(NULL));
	CHECK((q = test_create("/q", 4 * KIB)) != NULL && shmemq_close(q) == 0);
	CHECK(mount("none", "/dev/shm", NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
	CHECK(test_create("/r", 4 * KIB) == NULL && errno == EACCES);
	CHECK(test_create("/q", 4 * KIB) == NULL && errno == EACCES);
	CHECK(shmemq_unlink("/q") == -1 && errno == EACCES);
	CHECK((q = shmemq_open("/q", SHMEMQ_OBSERVER, 0, NULL)) != NULL && shmemq_close(q) == 0);
	return 0;
}

TEST(read_only_file_system)
{
	child_run(use_read_only, NULL);
}

/* The process has moved its root to where there is no /dev/shm; the last end to close removes the name all the same. */
static int close_in_another_root(const void *argument)
{
	const struct shmemq_attr attr = { .capacity = 1, .flags = SHMEMQ_ATTR_TEMPORARY };
	struct shmemq *producer, *consumer;
	struct stat st;
	int directory;

	(void)argument;
	CHECK(child_own_shm(NULL) && mkdir("/dev/shm/root", 0700) == 0);
	directory = open("/dev/shm", O_PATH | O_DIRECTORY | O_CLOEXEC);
	producer = shmemq_open("/q", SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr);
	consumer = shmemq_open("/q", SHMEMQ_CONSUMER, 0, NULL);
	CHECK(directory >= 0 && producer != NULL && consumer != NULL);
	CHECK(chroot("/dev/shm/root") == 0 && chdir("/") == 0);
	CHECK(shmemq_push(producer, NULL, 0, 0) == 0 && shmemq_pop(consumer, NULL, 0, NULL) == 0);
	CHECK(shmemq_close(producer) == 0 && fstatat(directory, "q", &st, 0) == 0);
	CHECK(shmemq_close(consumer) == 0 && fstatat(directory, "q", &st, 0) != 0 && errno == ENOENT);
	return 0;
}

TEST(another_root)
{
	child_run(close_in_another_root, NULL);
}

const struct suite suite = {
	.name = "api/file_system",
	.seconds = 60,
	.test_seconds = 30,
	.tests = {
		{ no_space, 1, NEEDS_OWN_SHM },
		{ no_inode, 1, NEEDS_OWN_SHM },
		{ no_page_left, 1, NEEDS_OWN_SHM },
		{ other_file_system, 1, NEEDS_ROOT | NEEDS_PROC | NEEDS_OWN_SHM },
		{ no_directory, 1, NEEDS_OWN_SHM },
		{ read_only_file_system, 1, NEEDS_OWN_SHM },
		{ another_root, 1, NEEDS_OWN_SHM },
	},
};
