/* SPDX-License-Identifier: MIT */
/* A queue grows until /dev/shm is full: that is a full queue and no more, and the memory comes back. */
#include "config.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "suite.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)

static struct shmemq *producer, *consumer;
static unsigned char message[4 * MIB];
static uint32_t pushed, popped;

static void make(void)
{
	struct shmemq_attr attr = { .capacity = MIB, .capacity_max = 128 * MIB };

	CHECK(child_own_shm("size=64m"));
	CHECK((producer = shmemq_open("/q", SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr)) != NULL);
	CHECK((consumer = shmemq_open("/q", SHMEMQ_CONSUMER, 0, NULL)) != NULL);
}

static uint64_t memory(void)
{
	struct stat st;

	CHECK(stat("/dev/shm/q", &st) == 0);
	return (uint64_t)st.st_blocks * 512 - file_page();
}

static uint64_t free_memory(void)
{
	struct statvfs fs;

	CHECK(statvfs("/dev/shm", &fs) == 0);
	return (uint64_t)fs.f_bfree * fs.f_frsize;
}

static size_t size_of(uint32_t number)
{
	return number % 50 == 49 ? 2 * MIB + number : number * 7919 % 60000;
}

static bool push(int64_t timeout)
{
	size_t size = size_of(pushed);

	memset(message, (int)pushed, size);
	if (shmemq_timedpush(producer, message, size, pushed, timeout) != 0)
		return false;
	pushed++;
	return true;
}

static void pop(void)
{
	size_t size;
	uint32_t type;
	const unsigned char *at = shmemq_timedpop_start(consumer, &size, &type, 0);

	CHECK(at != NULL && type == popped && size == size_of(type));
	for (size_t i = 0; i < size; i++)
		CHECK(at[i] == (unsigned char)popped);
	CHECK(shmemq_pop_end(consumer) == 0);
	popped++;
}

/* To the last page. */
static void fill_with_junk(void)
{
	static const char junk[4096];
	int fd = open("/dev/shm/junk", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	while (write(fd, junk, sizeof junk) > 0)
		;
	CHECK(errno == ENOSPC && close(fd) == 0 && free_memory() == 0);
}

static int grow_until_full(const void *argument)
{
	const struct shmemq_attr second = { .capacity = MIB };
	struct shmemq_stat st;

	(void)argument;
	make();
	for (int round = 0; round < 2; round++) {
		while (push(0))
			;
		CHECK(errno == EAGAIN && memory() > 60 * MIB && memory() < 64 * MIB);
		CHECK(!push(10 * MS) && errno == ETIMEDOUT);
		while (shmemq_timedpush(producer, message, 100, 0, 300 * MS) == 0) /* to the last page */
			CHECK(shmemq_stat(producer, &st) == 0 && st.reserved_bytes <= 64 * MIB);
		CHECK(errno == ETIMEDOUT && free_memory() == 0);
		CHECK(shmemq_open("/r", SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &second) == NULL && errno == ENOSPC);
		CHECK(!file_exists("/r"));
		while (popped != pushed)
			pop();
		while (shmemq_timedpop(consumer, message, sizeof message, NULL, 0) == 100)
			;
		CHECK(errno == EAGAIN);
		for (uint64_t bytes = 0; bytes < MIB; bytes += 1008) /* a lap */
			CHECK(shmemq_timedpush(producer, message, 1000, 0, 0) == 0 &&
			      shmemq_timedpop(consumer, message, 1000, NULL, 0) == 1000);
		CHECK(memory() == MIB && free_memory() == 63 * MIB - file_page());
		CHECK(shmemq_stat(consumer, &st) == 0 && st.reserved_bytes == MIB);
	}
	CHECK(shmemq_close(producer) == 0 && shmemq_close(consumer) == 0 && shmemq_unlink("/q") == 0);
	CHECK(child_shm_is_empty());
	return 0;
}

TEST(grows_until_full)
{
	child_run(grow_until_full, NULL);
}

/*
 * What the queue has given back is another file's, and not a page is left: a new producer needs none. The messages are
 * larger than the ring, so that the producer does not go back to it; and the last one needs nearly all that is given
 * back, so that nothing is reserved in advance.
 */
static int open_when_full(const void *argument)
{
	struct shmemq_stat st;
	uint64_t before;

	(void)argument;
	make();
	for (uint32_t i = 0; i < 4; i++)
		CHECK(shmemq_timedpush(producer, message, 2 * MIB, i, 0) == 0);
	CHECK(shmemq_timedpop(consumer, message, 2 * MIB, NULL, 0) == 2 * MIB);
	CHECK(shmemq_timedpop(consumer, message, 2 * MIB, NULL, 0) == 2 * MIB);
	fill_with_junk();
	before = memory();
	CHECK(shmemq_timedpush(producer, message, 4 * MIB - 32768, 4, 0) == 0);
	CHECK(memory() <= before && before - memory() < MIB);
	CHECK(shmemq_close(producer) == 0);
	fill_with_junk();
	CHECK((producer = shmemq_open("/q", SHMEMQ_PRODUCER, 0, NULL)) != NULL);
	CHECK(shmemq_stat(producer, &st) == 0 && memory() == st.reserved_bytes);
	CHECK(shmemq_timedpop(consumer, message, 2 * MIB, NULL, 0) == 2 * MIB);
	CHECK(shmemq_timedpop(consumer, message, 2 * MIB, NULL, 0) == 2 * MIB);
	CHECK(shmemq_timedpop(consumer, message, 4 * MIB, NULL, 0) == 4 * MIB - 32768);
	CHECK(shmemq_close(producer) == 0 && shmemq_close(consumer) == 0 && shmemq_unlink("/q") == 0);
	return 0;
}

TEST(opens_when_full)
{
	child_run(open_when_full, NULL);
}

/*
 * A SHARED producer that waits until all is popped looks at no memory of the extension that is given back just now: it
 * would take a page again, or be ended by SIGBUS in a full file system. Here the memory has gone, and the words have
 * not told of it yet.
 */
TEST(waits_beside_what_is_given_back)
{
	const struct shmemq_attr attr = { .capacity = 1, .capacity_max = 16 * file_page() };
	const char *name = test_name();
	struct shmemq *other = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_SHARED | SHMEMQ_CREATE, 0600, &attr);
	struct smq_header *header = file_map(name);
	off_t extension = (off_t)(header->identity.header_bytes + header->identity.capacity);
	int file = open(file_path(name), O_RDWR | O_CLOEXEC);
	struct stat before, after;

	producer = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_SHARED, 0);
	consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	ck_assert(other != NULL && file >= 0);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(shmemq_push(other, message, file_page(), 0), 0);
	ck_assert_int_eq(shmemq_pop(consumer, message, sizeof message, NULL), (ssize_t)file_page());
	ck_fails(shmemq_wait_empty(producer, 0), EAGAIN);
	ck_assert_int_eq(
		fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, extension, (off_t)attr.capacity_max), 0);
	ck_assert_int_eq(fstat(file, &before), 0);
	ck_fails(shmemq_wait_empty(producer, 0), EAGAIN);
	ck_fails(shmemq_wait_empty(producer, 10 * MS), ETIMEDOUT);
	ck_assert_int_eq(fstat(file, &after), 0);
	ck_assert_int_eq(after.st_blocks, before.st_blocks);
	file_unmap(header);
	ck_assert_int_eq(close(file) | shmemq_close(other) | shmemq_close(producer) | shmemq_close(consumer), 0);
}

static int fill_small_shm(const void *argument)
{
	struct shmemq_attr small = { .capacity = 64 * KIB, .capacity_max = 64 * MIB };
	static char text[10000];
	int junk;
	char c = 0;

	(void)argument;
	CHECK(child_own_shm("size=1m"));
	CHECK((producer = shmemq_open("/q", SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &small)) != NULL);
	CHECK((consumer = shmemq_open("/q", SHMEMQ_CONSUMER, 0, NULL)) != NULL);
	for (int round = 0; round < 3; round++) {
		unsigned in = 0, more = 0, out = 0;

		/* No memory is as good as full; and as soon as there is some, the queue goes on. */
		CHECK((junk = open("/dev/shm/junk", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) >= 0);
		for (int i = 0; i < 60 + 20 * round; i++)
			CHECK(pwrite(junk, &c, 1, i * 4096) == 1 || errno == ENOSPC);
		while (shmemq_timedpush(producer, text, sizeof text, in, 0) == 0)
			in++;
		CHECK(errno == EAGAIN && in >= 10 && in < 100);
		CHECK(shmemq_timedpush(producer, text, sizeof text, 0, 20 * MS) == -1 && errno == ETIMEDOUT);
		CHECK(unlink("/dev/shm/junk") == 0 && close(junk) == 0);
		for (int i = 0; i < 100; i++) {
			if (shmemq_timedpush(producer, text, sizeof text, in + more, 300 * MS) != 0)
				break;
			more++;
		}
		CHECK(errno == ETIMEDOUT && more >= 20);
		while (out < in + more) {
			uint32_t type;

			CHECK(shmemq_timedpop(consumer, text, sizeof text, &type, 0) == (ssize_t)sizeof text);
			CHECK(type == out++);
		}
		CHECK(shmemq_timedpop(consumer, text, sizeof text, NULL, 0) == -1 && errno == EAGAIN);
		for (int i = 0; i < 20; i++) { /* more than a lap of the ring: the memory is given back */
			CHECK(shmemq_timedpush(producer, text, sizeof text, 0, 0) == 0);
			CHECK(shmemq_timedpop(consumer, text, sizeof text, NULL, 0) == (ssize_t)sizeof text);
		}
	}
	CHECK(shmemq_close(producer) == 0 && shmemq_close(consumer) == 0 && shmemq_unlink("/q") == 0);
	CHECK(child_shm_is_empty());
	return 0;
}

TEST(no_memory)
{
	child_run(fill_small_shm, NULL);
}

const struct suite suite = {
	.name = "api/growth_full",
	.seconds = 60,
	.test_seconds = 30,
	.tests = {
		{ grows_until_full, 1, NEEDS_OWN_SHM },
		{ no_memory, 1, NEEDS_OWN_SHM },
		{ opens_when_full, 1, NEEDS_OWN_SHM },
		{ waits_beside_what_is_given_back, 1, 0 },
	},
};
