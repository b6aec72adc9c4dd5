/* SPDX-License-Identifier: MIT */
/* The bytes of a queue's file: a new one, one in use, and one that another program has written. */
#include "config.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "image.h"
#include "process.h"
#include "suite.h"

/* Both ends stand so that the first message is aligned: a unit before the first multiple of the alignment. */
TEST(new_queue)
{
	static const uint32_t alignments[] = { 8, 64, 4096 }, starts[] = { 0, 7, 511 };
	const uint32_t start = starts[_i / PAGE_SIZES];
	const struct word header[] = { { 128, start }, { 384, start }, { 388, start }, { 896, start } };
	struct shmemq_attr attr = { .capacity = CAPACITY, .flags = SHMEMQ_ATTR_TEMPORARY };
	struct shmemq *observer;

	if (!setup_pages(_i % PAGE_SIZES))
		return;
	attr.alignment = alignments[_i / PAGE_SIZES];
	for (unsigned i = 0; i < 64; i++)
		attr.user[i] = (unsigned char)(i + 100);
	observer = shmemq_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 0600, &attr);
	ck_assert_ptr_nonnull(observer);
	read_image();
	put_identity(observer, alignments[_i / PAGE_SIZES], 1);
	put(56, attr.user, 64);
	PUT_WORDS(0, header);
	compare();
	ck_assert_int_eq(shmemq_close(observer), 0);
	ck_assert_int_eq(shmemq_unlink(name), 0);
}

/* The inode of this process's pid namespace. */
static uint32_t pid_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 ? (uint32_t)st.st_ino : 0;
}

/* A handle's lock tells its number, whether it shares its end, its pid and its pid namespace. */
TEST(locks)
{
	const int64_t gib = 1 << 30, pid = getpid(), namespace = pid_namespace();
	struct flock lock = { .l_type = F_WRLCK };
	struct shmemq *q;
	int fd;

	if (!setup_pages(0))
		return;
	q = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, CAPACITY);
	ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_CONSUMER | SHMEMQ_SHARED, 0)), 0);
	fd = open(file_path(name), O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(fcntl(fd, F_OFD_GETLK, &lock), 0);
	ck_assert_int_eq(lock.l_type, F_WRLCK);
	ck_assert_int_eq(lock.l_start, 16 * gib + pid); /* number 1 */
	ck_assert_int_eq(lock.l_start + lock.l_len - 1, 16 * gib + 8 * gib + namespace);
	ck_assert_int_eq(shmemq_close(q), 0);

	/* The end's second handle: number 2, after the 65535 of the producer's. */
	q = test_open(name, SHMEMQ_CONSUMER | SHMEMQ_SHARED, 0);
	lock = (struct flock){ .l_type = F_WRLCK };
	ck_assert_int_eq(fcntl(fd, F_OFD_GETLK, &lock), 0);
	ck_assert_int_eq(lock.l_type, F_WRLCK);
	ck_assert_int_eq(lock.l_start, (65535 + 2) * 16 * gib + 4 * gib + pid);
	ck_assert_int_eq(lock.l_start + lock.l_len - 1, (65535 + 2) * 16 * gib + 8 * gib + namespace);
	ck_assert_int_eq(close(fd) | shmemq_close(q) | shmemq_unlink(name), 0);
}

/* Three messages pushed, one popped, the next one held, a third claim of the producer's end. */
TEST(queue_in_use)
{
	struct shmemq *producer, *consumer;
	uint32_t fence, pid = (uint32_t)getpid();
	char buf[8];
	size_t size;

	if (!setup_pages(_i))
		return;
	fence = !smq_process_register();
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, CAPACITY)), 0);
	producer = test_open(name, SHMEMQ_PRODUCER, 0);
	consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	ck_assert_int_eq(shmemq_push(producer, "hello", 5, 0x01020304), 0);
	ck_assert_int_eq(shmemq_push(producer, NULL, 0, 7), 0);
	ck_assert_int_eq(shmemq_push(producer, "abcdefghijklmnopqrstuvwx", 24, 0xffffffff), 0);
	ck_assert_int_eq(shmemq_pop(consumer, buf, sizeof buf, NULL), 5);
	ck_assert_ptr_nonnull(shmemq_pop_start(consumer, &size, NULL));

	const struct word header[] = {
		{ 128, 7 },          { 136, 3 },   { 144, 29 },    { 156, 128 }, /* tail, messages, bytes, limit */
		{ 256, 3 << 2 | 1 }, { 260, pid }, { 264, fence },               /* the third claim, open */
		{ 384, 2 },          { 388, 3 },   { 392, 1 },     { 400, 5 },   /* head, lease, messages, bytes */
		{ 512, 1 << 2 | 1 }, { 516, pid }, { 520, fence },
	};
	const struct word ring[] = {
		{ 0, 6 }, { 4, 0x01020304 }, { 16, 1 }, { 20, 7 }, { 24, 25 }, { 28, 0xffffffff }, { 56, 0 },
	};

	read_image();
	put_identity(producer, 8, 0);
	PUT_WORDS(0, header);
	PUT_WORDS(header_bytes, ring);
	put(header_bytes + 8, "hello", 5);
	put(header_bytes + 32, "abcdefghijklmnopqrstuvwx", 24);
	put_noted(7, true, 896, 2);
	compare();
	close_and_remove(producer, consumer);
}

/* A record across the ring's end, and the words of closed ends. */
TEST(record_across_the_end)
{
	struct shmemq *producer, *consumer;
	const char *message = "0123456789abcdefghijklmnopqrstuv";
	struct shmemq_stat st;

	if (!setup_pages(_i))
		return;
	producer = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, CAPACITY);
	consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	ck_assert_ptr_nonnull(shmemq_push_start(producer, CAPACITY - 32));
	ck_assert_int_eq(shmemq_push_end(producer, CAPACITY - 32, 5), 0);
	ck_assert_ptr_nonnull(shmemq_pop_start(consumer, &(size_t){ 0 }, NULL));
	ck_assert_int_eq(shmemq_pop_end(consumer), 0);
	ck_assert_int_eq(shmemq_push(producer, message, 32, 9), 0);
	ck_assert_int_eq(shmemq_stat(producer, &st), 0);
	ck_assert_uint_eq(st.queued_bytes, 40);
	ck_assert_int_eq(shmemq_close(consumer), 0);

	const struct word header[] = {
		{ 128, 8192 + 2 },
		{ 136, 2 },
		{ 144, CAPACITY },
		{ 156, 8192 + 128 }, /* limit; the second record, with the number 1, */
		{ 1280, 8192 - 3 },
		{ 1284, 1 }, /* is the first that reaches into the first 64th */
		{ 228, 8192 - 3 },
		{ 232, 1 }, /* and the one that was counted last */
		{ 236, 8192 - 3 },
		{ 256, 1 << 2 | 1 },
		{ 260, st.producer_pid },
		{ 264, !smq_process_register() },
		{ 384, 8192 - 3 },
		{ 388, 8192 - 3 },
		{ 392, 1 },
		{ 400, CAPACITY - 32 },
		{ 512, 1 << 2 | 2 },
		{ 516, st.consumer_pid },
		{ 520, !smq_process_register() },
	};
	/* The message's second half stands where the first record's header was. */
	const struct word ring[] = { { 16, 0 }, { CAPACITY - 24, 33 }, { CAPACITY - 20, 9 } };

	read_image();
	put_identity(producer, 8, 0);
	PUT_WORDS(0, header);
	PUT_WORDS(header_bytes, ring);
	put(header_bytes + CAPACITY - 16, message, 16);
	put(header_bytes, message + 16, 16);
	put_noted(8192, true, 896, 8192 - 3);
	compare();
	consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	close_and_remove(producer, consumer);
}

/*
 * The other way round: a file that another program has written, with a tail that is one record before the end of what
 * is committed.
 */
TEST(foreign_queue)
{
	const struct word header[] = {
		{ 128, 2 },          { 136, 1 },           { 140, 4 },     { 144, 5 },
		{ 256, 9 << 2 | 2 }, { 260, 12345 },       { 1024, 11 }, /* what the producer has noted, */
		{ 1028, 12 },        { 1032, 3000000000 }, { 1036, 1000 }, { 1152, 21 }, /* and the consumer */
		{ 1156, 22 },        { 1160, 2000000000 },
	};
	const struct word ring[] = { { 0, 6 }, { 4, 42 }, { 16, 4 }, { 20, 43 }, { 32, 0 } };
	struct shmemq *producer, *consumer;
	struct shmemq_stat st;
	uint32_t type;
	char buf[8];
	int fd;

	if (!setup_pages(_i))
		return;
	/* A sem_t cannot be written by hand: a new queue has one. */
	producer = test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, CAPACITY);
	read_image();
	put_identity(producer, 8, 0);
	ck_assert_int_eq(shmemq_close(producer), 0);
	PUT_WORDS(0, header);
	PUT_WORDS(header_bytes, ring);
	put(header_bytes + 8, "hello", 5);
	put(header_bytes + 24, "abc", 3);
	ck_assert_int_eq(shmemq_unlink(name), 0);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ck_assert_int_eq(write(fd, expected, file_bytes), (ssize_t)file_bytes);
	close(fd);

	consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	ck_assert_int_eq(shmemq_stat(consumer, &st), 0);
	ck_assert_uint_eq(st.pushed_messages, ((uint64_t)2 << 32) + 1);
	ck_assert_uint_eq(st.producer, SHMEMQ_END_CLOSED);
	ck_assert_uint_eq(st.producer_pid, 12345);
	ck_assert(st.producer_blocked == 11 && st.producer_slept == 12 && st.pushed_at == 3000000000);
	ck_assert_uint_eq(st.queued_bytes_most, 8000);
	ck_assert(st.consumer_blocked == 21 && st.consumer_slept == 22 && st.popped_at == 2000000000);
	producer = test_open(name, SHMEMQ_PRODUCER, 0);
	ck_assert_int_eq(shmemq_pop(consumer, buf, sizeof buf, &type), 5);
	ck_assert_mem_eq(buf, "hello", 5);
	ck_assert_uint_eq(type, 42);
	ck_assert_int_eq(shmemq_pop(consumer, buf, sizeof buf, &type), 3);
	ck_assert_mem_eq(buf, "abc", 3);
	ck_assert_uint_eq(type, 43);
	ck_fails(shmemq_timedpop(consumer, buf, sizeof buf, &type, 0), EAGAIN);
	close_and_remove(producer, consumer);
}

const struct suite suite = {
	.name = "unit/format",
	.seconds = 60,
	.tests = {
		{ new_queue, 3 * PAGE_SIZES, 0 },
		{ locks, 1, NEEDS_PROC },
		{ queue_in_use, PAGE_SIZES, 0 },
		{ record_across_the_end, PAGE_SIZES, 0 },
		{ foreign_queue, PAGE_SIZES, 0 },
	},
};
