/* SPDX-License-Identifier: MIT */
/* What has the name but is no queue, or none that this library can use: EPROTO, and it stays as it was. */
#include "config.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "file.h"
#include "suite.h"

static const unsigned ways_to_open[] = {
	SHMEMQ_PRODUCER,
	SHMEMQ_CONSUMER,
	SHMEMQ_OBSERVER,
	SHMEMQ_PRODUCER | SHMEMQ_CREATE,
	SHMEMQ_OBSERVER | SHMEMQ_CREATE,
};

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Every open is refused, and leaves no trace on the object. */
static void refuses_to_open(const char *name)
{
	unsigned descriptors = file_descriptors();
	struct stat before, after;

	ck_assert_int_eq(lstat(file_path(name), &before), 0);
	for (size_t i = 0; i < sizeof ways_to_open / sizeof ways_to_open[0]; i++)
		ck_fails(shmemq_open(name, ways_to_open[i], 0600, NULL), EPROTO);
	ck_fails(shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE | SHMEMQ_EXCL, 0600, NULL), EEXIST);
	ck_assert_int_eq(lstat(file_path(name), &after), 0);
	ck_assert(before.st_ino == after.st_ino && before.st_mode == after.st_mode && before.st_size == after.st_size);
	ck_assert(before.st_nlink == after.st_nlink && before.st_blocks == after.st_blocks);
	ck_assert(same_time(&before.st_mtim, &after.st_mtim) && same_time(&before.st_ctim, &after.st_ctim));
	ck_assert_uint_eq(file_descriptors(), descriptors);
}

static void refuses_to_unlink(const char *name)
{
	struct stat before, after;

	ck_assert_int_eq(lstat(file_path(name), &before), 0);
	ck_fails(shmemq_unlink(name), EPROTO);
	ck_assert_int_eq(lstat(file_path(name), &after), 0);
	ck_assert(before.st_ino == after.st_ino && same_time(&before.st_ctim, &after.st_ctim));
}

static void refuses(const char *name)
{
	refuses_to_open(name);
	refuses_to_unlink(name);
}

TEST(refuses_other_files)
{
	static const char text[8192] = "Dear diary, this is not a queue. ";
	static const size_t sizes[] = { 0, 1, 8, 32, 127, 128, 129, 4096, 8192 };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		const char *name = test_name();
		char content[sizeof text];
		int fd;

		file_write(name, text, sizes[i]);
		refuses(name);
		fd = open(file_path(name), O_RDONLY | O_CLOEXEC);
		ck_assert_int_eq(read(fd, content, sizeof content), (ssize_t)sizes[i]);
		ck_assert_mem_eq(content, text, sizes[i]);
		close(fd);
	}
}

/* An open does not wait for a lock that a process keeps on its own file: or it would end with ETIMEDOUT. */
TEST(refuses_without_trying_a_lock)
{
	const char *name = test_name();

	file_write(name, "not a queue", 11);
	file_lock(name, 0, 0);
	refuses(name);
}

TEST(refuses_a_directory)
{
	const char *name = test_name();

	ck_assert_int_eq(mkdir(file_path(name), 0700), 0);
	refuses(name);
	ck_assert_int_eq(rmdir(file_path(name)), 0);
}

/* Not even one to a good queue is followed: a process that may write in /dev/shm must not send others elsewhere. */
TEST(refuses_symbolic_links)
{
	const char *queue = test_name(), *link = test_name(), *dangling = test_name();

	ck_assert_int_eq(shmemq_close(test_open(queue, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1)), 0);
	ck_assert_int_eq(symlink(queue + 1, file_path(link)), 0);
	ck_assert_int_eq(symlink("nowhere", file_path(dangling)), 0);
	refuses(link);
	refuses(dangling);
	ck_assert(!file_exists("/nowhere"));
	ck_assert(file_exists(queue));
}

/* One without a reader or writer, on which an open could wait for ever. */
TEST(refuses_a_fifo)
{
	const char *name = test_name();

	ck_assert_int_eq(mkfifo(file_path(name), 0600), 0);
	refuses(name);
}

TEST(refuses_a_socket)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *name = test_name();
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, file_path(name));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	refuses(name);
	close(fd);
}

#define ALIGNMENT 64u
#define FIRST     (ALIGNMENT / 8 - 1) /* where its first record stands */

/* A queue of one page with one message, closed. */
static const char *make_queue(void)
{
	const char *name = test_name();
	struct shmemq *q = test_open_aligned(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1, ALIGNMENT);

	ck_assert_int_eq(shmemq_push(q, "still here", 10, 0), 0);
	ck_assert_int_eq(shmemq_close(q), 0);
	return name;
}

static void is_intact(const char *name)
{
	struct shmemq *q = test_open(name, SHMEMQ_CONSUMER, 0);
	char text[10];

	ck_assert_int_eq(shmemq_pop(q, text, sizeof text, NULL), 10);
	ck_assert_mem_eq(text, "still here", 10);
	ck_assert_int_eq(shmemq_close(q), 0);
}

/* The halves of a 64-bit number. */
#define UPPER (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 0 : 4)
#define LOWER (4 - UPPER)

/* Another format, or a wrong size: each word of the identity in turn. With the magic it may be removed. */
TEST(refuses_a_wrong_identity)
{
	const uint32_t page = (uint32_t)file_page();
	const struct {
		size_t offset;
		uint32_t value;
		bool magic;
	} cases[] = {
		{ offsetof(struct smq_identity, magic[0]), 0, true },
		{ offsetof(struct smq_identity, magic[0]), 0x73686d65, true }, /* the other byte order */
		{ offsetof(struct smq_identity, magic[1]), 0x0200716d, true },
		{ offsetof(struct smq_identity, version), 0, false },
		{ offsetof(struct smq_identity, version), 2, false },
		{ offsetof(struct smq_identity, version), UINT32_MAX, false },
		{ offsetof(struct smq_identity, header_bytes), 0, false },
		{ offsetof(struct smq_identity, header_bytes), page / 2, false },
		{ offsetof(struct smq_identity, header_bytes), page * 2, false },
		{ offsetof(struct smq_identity, header_bytes), page * 16, false },
		{ offsetof(struct smq_identity, capacity) + LOWER, 0, false },
		{ offsetof(struct smq_identity, capacity) + LOWER, 8, false },
		{ offsetof(struct smq_identity, capacity) + LOWER, page / 2, false },
		{ offsetof(struct smq_identity, capacity) + LOWER, page - 8, false },
		{ offsetof(struct smq_identity, capacity) + LOWER, page + 8, false },
		{ offsetof(struct smq_identity, capacity) + LOWER, 2 * page, false }, /* less than capacity_max */
		{ offsetof(struct smq_identity, capacity) + LOWER, UINT32_MAX, false },
		{ offsetof(struct smq_identity, capacity) + UPPER, 1, false },
		{ offsetof(struct smq_identity, capacity) + UPPER, UINT32_MAX, false },
		{ offsetof(struct smq_identity, capacity_max) + LOWER, 0, false },
		{ offsetof(struct smq_identity, capacity_max) + LOWER, page / 2, false },
		{ offsetof(struct smq_identity, capacity_max) + LOWER, 3 * page, false },
		{ offsetof(struct smq_identity, capacity_max) + UPPER, 1, false },
		{ offsetof(struct smq_identity, alignment), 0, false },
		{ offsetof(struct smq_identity, alignment), 1, false },
		{ offsetof(struct smq_identity, alignment), 4, false },
		{ offsetof(struct smq_identity, alignment), 12, false },
		{ offsetof(struct smq_identity, alignment), 72, false },
		{ offsetof(struct smq_identity, alignment), page < 8192 ? 4096 : 8192, false }, /* half the ring */
		{ offsetof(struct smq_identity, alignment), 8192, false },
		{ offsetof(struct smq_identity, alignment), 1u << 31, false },
		{ offsetof(struct smq_identity, alignment), UINT32_MAX, false },
		{ offsetof(struct smq_identity, flags), SHMEMQ_ATTR_TEMPORARY << 1, false },
		{ offsetof(struct smq_identity, flags), 1u << 31, false },
		{ offsetof(struct smq_identity, mechanism), 0, false },
		{ offsetof(struct smq_identity, mechanism), 3, false },
		{ offsetof(struct smq_identity, mechanism), 2 | 9 << 8 | 8 << 16,
		  false }, /* a libc that does not exist */
		{ offsetof(struct smq_identity, mechanism), 1u << 31, false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *name = make_queue();
		int fd = open(file_path(name), O_RDWR | O_CLOEXEC);
		uint32_t good;

		ck_assert_int_eq(pread(fd, &good, 4, (off_t)cases[i].offset), 4);
		ck_assert_uint_ne(good, cases[i].value);
		ck_assert_int_eq(pwrite(fd, &cases[i].value, 4, (off_t)cases[i].offset), 4);
		/* Sparse, and longer than any of these capacities needs: so it is not the length that is refused. */
		ck_assert_int_eq(ftruncate(fd, (off_t)6 << 30), 0);
		refuses_to_open(name);
		if (cases[i].magic)
			refuses_to_unlink(name);
		ck_assert_int_eq(pwrite(fd, &good, 4, (off_t)cases[i].offset), 4);
		is_intact(name);
		ck_assert_int_eq(pwrite(fd, &cases[i].value, 4, (off_t)cases[i].offset), 4);
		if (!cases[i].magic)
			ck_assert_int_eq(shmemq_unlink(name), 0);
		close(fd);
	}
}

/* A capacity is refused for itself, though the queue is not to grow: both fields have it. */
TEST(refuses_a_wrong_capacity)
{
	const uint64_t page = file_page();
	const uint64_t wrong[] = { 0,
				   8,
				   page / 2,
				   page - 8,
				   page + 8,
				   3 * page,
				   (uint64_t)16 << 30,
				   ((uint64_t)1 << 32) + page,
				   (uint64_t)1 << 63,
				   UINT64_MAX };

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		const char *name = make_queue();
		struct smq_header *file = file_map(name);

		file->identity.capacity = file->identity.capacity_max = wrong[i];
		ck_assert_int_eq(truncate(file_path(name), (off_t)20 << 30), 0);
		refuses_to_open(name);
		file->identity.capacity = file->identity.capacity_max = page;
		file_unmap(file);
		is_intact(name);
	}
}

/* By one byte or more, or by a header that says more than there is: reading it would be SIGBUS. */
TEST(refuses_a_truncated_queue)
{
	const off_t page = (off_t)file_page(), sizes[] = { 2 * page - 1, page + 1, page, page - 1, 896, 128 };

	for (int i = 0; i < 8; i++) {
		const char *name = make_queue();
		struct smq_header *file = file_map(name);

		if (i < 6)
			ck_assert_int_eq(truncate(file_path(name), sizes[i]), 0);
		else
			file->identity.capacity *= i == 6 ? 2 : ((uint64_t)8 << 30) / (uint64_t)page;
		if (i >= 6)
			file->identity.capacity_max = file->identity.capacity;
		munmap(file, 2 * (size_t)page);
		refuses_to_open(name);
		ck_assert_int_eq(shmemq_unlink(name), 0);
	}
}

/* A ring to which no end can attach is still a queue, so it has an errno of its own. It keeps its bytes. */
TEST(refuses_a_damaged_ring)
{
	const char *name = make_queue();
	struct smq_header *file = file_map(name);
	struct shmemq *q;

	file->producer_progress.moved.position_units = 2 * FIRST; /* where no record can stand */
	FILE_UNCHANGED(file, ck_fails(shmemq_open(name, SHMEMQ_PRODUCER, 0, NULL), EBADMSG));
	FILE_UNCHANGED(file, ck_fails(shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0, NULL), EBADMSG));
	file->producer_progress.moved.position_units = FIRST;
	for (uint32_t at = 0; at < file_page() / 8; at++)
		file_record(file, at)->size_plus_1 = 1; /* committed records without end */
	FILE_UNCHANGED(file, ck_fails(shmemq_open(name, SHMEMQ_PRODUCER, 0, NULL), EBADMSG));
	file->consumer_progress.moved.position_units = FIRST + 1;
	FILE_UNCHANGED(file, ck_fails(shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL), EBADMSG));
	file->consumer_progress.moved.position_units = FIRST + (1u << 31);
	FILE_UNCHANGED(file, ck_fails(shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL), EBADMSG));
	q = test_open(name, SHMEMQ_OBSERVER, 0);
	ck_assert_int_eq(shmemq_close(q), 0);
	file_unmap(file);
	ck_assert_int_eq(shmemq_unlink(name), 0);
}

const struct suite suite = {
	.name = "api/alien",
	.seconds = 60,
	.tests = {
		{ refuses_other_files, 1, 0 },
		{ refuses_without_trying_a_lock, 1, 0 },
		{ refuses_a_directory, 1, 0 },
		{ refuses_symbolic_links, 1, 0 },
		{ refuses_a_fifo, 1, 0 },
		{ refuses_a_socket, 1, 0 },
		{ refuses_a_wrong_identity, 1, 0 },
		{ refuses_a_wrong_capacity, 1, 0 },
		{ refuses_a_truncated_queue, 1, 0 },
		{ refuses_a_damaged_ring, 1, 0 },
	},
};
