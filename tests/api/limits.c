/* SPDX-License-Identifier: MIT */
/* Creating and opening where something is missing: memory, space, descriptors, a file system that can do it. */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "suite.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)

static struct shmemq *create(const char *name, uint64_t capacity)
{
	struct shmemq_attr attr = { .capacity = capacity };

	return shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr);
}

/* In a /dev/shm of one's own: no file under whatever name, and no page. */
static bool shm_is_empty(void)
{
	DIR *dir = opendir("/dev/shm");
	unsigned entries = 0;
	struct statvfs fs;

	CHECK(dir != NULL && statvfs("/dev/shm", &fs) == 0);
	while (readdir(dir) != NULL)
		entries++;
	closedir(dir);
	return entries == 2 && fs.f_bfree == fs.f_blocks;
}

static void limit(int resource, rlim_t value)
{
	struct rlimit both;

	CHECK(getrlimit(resource, &both) == 0);
	both.rlim_cur = value;
	CHECK(setrlimit(resource, &both) == 0);
}

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
	uint64_t room = 64 * KIB - 8;
	struct shmemq *q;

	(void)argument;
	CHECK(child_own_shm("size=1m"));
	CHECK(create("/q", 4 * MIB) == NULL && errno == ENOSPC);
	CHECK(shm_is_empty());
	/* Its pages are its own from the start: it works to the brim though the file system has none left. */
	CHECK((q = create("/q", 64 * KIB)) != NULL);
	use_up_space();
	CHECK(create("/r", 64 * KIB) == NULL && errno == ENOSPC && !file_exists("/r"));
	for (; room >= 1008; room -= 1008)
		CHECK(shmemq_timedpush(q, text, sizeof text, 0, 0) == 0);
	for (; room >= 8; room -= 8)
		CHECK(shmemq_timedpush(q, NULL, 0, 0, 0) == 0);
	CHECK(shmemq_timedpush(q, NULL, 0, 0, 0) == -1 && errno == EAGAIN);
	CHECK(shmemq_close(q) == 0 && shmemq_unlink("/q") == 0 && unlink("/dev/shm/junk") == 0);
	CHECK(shm_is_empty());
	return 0;
}

TEST(no_space)
{
	child_run(fill_small_shm, NULL);
}

static int run_out_of_inodes(const void *argument)
{
	(void)argument;
	CHECK(child_own_shm("nr_inodes=2")); /* one is the root's */
	CHECK(close(open("/dev/shm/junk", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) == 0);
	CHECK(create("/q", 4 * KIB) == NULL && errno == ENOSPC && !file_exists("/q"));
	return 0;
}

TEST(no_inode)
{
	child_run(run_out_of_inodes, NULL);
}

static int exceed_file_size(const void *argument)
{
	bool own = child_own_shm("size=8m");

	CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	limit(RLIMIT_FSIZE, 512 * KIB);
	CHECK(create(argument, 1 * MIB) == NULL && errno == EFBIG);
	CHECK(!file_exists(argument) && (!own || shm_is_empty()));
	CHECK(create(argument, 256 * KIB) != NULL);
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

/* 16 MiB are mapped twice. A create takes back what it cannot map; an open leaves alone what it found. */
static int exceed_address_space(const void *argument)
{
	const char *name = argument;
	struct shmemq *q;

	limit(RLIMIT_AS, address_space() + 24 * MIB);
	/* An emulator may not pass the limit on. */
	if (mmap(NULL, 32 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
		return CHILD_SKIP;
	CHECK(create(name, 16 * MIB) == NULL && errno == ENOMEM);
	CHECK(!file_exists(name));
	limit(RLIMIT_AS, address_space() + 40 * MIB);
	CHECK((q = create(name, 16 * MIB)) != NULL);
	CHECK(shmemq_push(q, "x", 1, 0) == 0 && shmemq_close(q) == 0);
	limit(RLIMIT_AS, address_space() + 24 * MIB);
	CHECK(create(name, 0) == NULL && errno == ENOMEM);
	CHECK(shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL) == NULL && errno == ENOMEM);
	CHECK((q = shmemq_open(name, SHMEMQ_OBSERVER, 0, NULL)) != NULL && shmemq_close(q) == 0);
	limit(RLIMIT_AS, address_space() + 40 * MIB);
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
	limit(RLIMIT_MEMLOCK, 256 * KIB);
	CHECK(mlockall(MCL_FUTURE) == 0);
	CHECK(create(argument, 1 * MIB) == NULL && errno == ENOMEM);
	CHECK(!file_exists(argument));
	return 0;
}

TEST(locked_memory_limit)
{
	child_run(exceed_locked_memory, test_name());
}

/* Leaves `spare` descriptors to be had. */
static void use_up_descriptors(int spare)
{
	int fds[64], count = 0;

	limit(RLIMIT_NOFILE, 64);
	while ((fds[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		count++;
	CHECK(errno == EMFILE && count > spare);
	while (spare-- > 0)
		close(fds[--count]);
}

struct descriptors {
	const char *name;
	int spare; /* to be had */
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

/* With one descriptor more each time: too few, and all as before, at least once; then it works. */
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

/* No file without a name to be had there, hence no queue that is never seen half-made. */
static int use_other_file_system(const void *name)
{
	if (!child_bind_shm("/proc")) /* where others may not write, and hear of that first */
		return CHILD_SKIP;
	CHECK(create(name, 4 * KIB) == NULL && errno == EOPNOTSUPP);
	CHECK(shmemq_open(name, SHMEMQ_PRODUCER, 0, NULL) == NULL && errno == ENOENT);
	CHECK(shmemq_open("/version", SHMEMQ_OBSERVER, 0, NULL) == NULL && errno == EPROTO);
	return 0;
}

TEST(other_file_system)
{
	child_run(use_other_file_system, test_name());
}

/* The name is not free then: there is no place for it. */
static int use_no_directory(const void *name)
{
	CHECK(child_own_shm(NULL) && mount("tmpfs", "/dev", "tmpfs", 0, NULL) == 0);
	CHECK(create(name, 4 * KIB) == NULL && errno == EOPNOTSUPP);
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
	CHECK((q = create("/q", 4 * KIB)) != NULL && shmemq_close(q) == 0);
	CHECK(mount("none", "/dev/shm", NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
	CHECK(create("/r", 4 * KIB) == NULL && errno == EACCES);
	CHECK(create("/q", 4 * KIB) == NULL && errno == EACCES);
	CHECK(shmemq_unlink("/q") == -1 && errno == EACCES);
	CHECK((q = shmemq_open("/q", SHMEMQ_OBSERVER, 0, NULL)) != NULL && shmemq_close(q) == 0);
	return 0;
}

TEST(read_only_file_system)
{
	child_run(use_read_only, NULL);
}

const struct suite suite = {
	.name = "api/limits",
	.seconds = 60,
	.tests = {
		{ no_space, 1, NEEDS_OWN_SHM },
		{ no_inode, 1, NEEDS_OWN_SHM },
		{ file_size_limit, 1, 0 },
		{ address_space_limit, 1, NEEDS_NO_MAPPINGS | NEEDS_PROC },
		{ locked_memory_limit, 1, NEEDS_NO_MAPPINGS },
		{ descriptor_limit, 1, 0 },
		{ other_file_system, 1, NEEDS_ROOT | NEEDS_PROC | NEEDS_OWN_SHM },
		{ no_directory, 1, NEEDS_OWN_SHM },
		{ read_only_file_system, 1, NEEDS_OWN_SHM },
	},
};
