/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a queue's file, as shmemq(5) gives them: offsets and values are written down by hand, so that a change
 * of lib/format.h does not change them too. A test that fails here says that the format has changed and needs a new
 * version.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "process.h"
#include "suite.h"
#include "eventcount.h"

#define CAPACITY 65536u

/* A queue's header is one page. The format is also tested with other pages, wherever this machine can map them. */
static long page_bytes;
static const long page_sizes[] = { 4096, 16384, 65536 };
#define PAGE_SIZES (int)(sizeof page_sizes / sizeof page_sizes[0])

long __real_sysconf(int name);
long __wrap_sysconf(int name);

long __wrap_sysconf(int name)
{
	return name == _SC_PAGESIZE && page_bytes != 0 ? page_bytes : __real_sysconf(name);
}

/* A word of the header, or of the ring where the table says so. */
struct word {
	uint32_t offset;
	uint32_t value;
};

/* "shmemq\0\1" as it stands in the file of a little-endian machine. */
#define MAGIC_0 0x656d6873u
#define MAGIC_1 0x0100716du

static char path[300];
static const char *name;
static unsigned char *image, *expected;
static size_t header_bytes, file_bytes;

static void set_header_bytes(size_t bytes)
{
	header_bytes = bytes;
	file_bytes = header_bytes + CAPACITY;
	free(image);
	free(expected);
	image = calloc(1, file_bytes);
	expected = calloc(1, file_bytes);
	ck_assert(image != NULL && expected != NULL);
}

static bool setup_pages(int i)
{
	page_bytes = page_sizes[i];
	name = test_name();
	snprintf(path, sizeof path, "/dev/shm%s", name);
	set_header_bytes((size_t)page_bytes);
	return page_bytes % __real_sysconf(_SC_PAGESIZE) == 0;
}

static void read_image(void)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_size, (off_t)file_bytes);
	ck_assert_int_eq(pread(fd, image, file_bytes, 0), (ssize_t)file_bytes);
	close(fd);
}

static void put(size_t offset, const void *bytes, size_t size)
{
	memcpy(expected + offset, bytes, size);
}

static void put_words(size_t start, const struct word *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		put(start + words[i].offset, &words[i].value, sizeof words[i].value);
}
#define PUT_WORDS(start, words) put_words(start, words, sizeof(words) / sizeof(words)[0])

/* The mechanism's number. The bytes of a sem_t are the libc's own, and are copied. */
static uint32_t mechanism(void)
{
#ifdef SMQ_USE_FUTEX
	return 1;
#else
	memcpy(expected + 704, image + 704, 64);
	memcpy(expected + 832, image + 832, 64);
#ifdef __GLIBC__
	return 2 | 1 << 8 | (uint32_t)sizeof(void *) << 16;
#else
	return 2 | 2 << 8 | (uint32_t)sizeof(void *) << 16;
#endif
#endif
}

/* Of the queue that this handle has open: only getattr can tell its id. */
static void put_identity(struct shmemq *q, uint32_t alignment, uint32_t flags)
{
	const struct word identity[] = {
		{ 0, MAGIC_0 },
		{ 4, MAGIC_1 },
		{ 8, 1 },
		{ 12, (uint32_t)header_bytes },
		{ 16, CAPACITY },
		{ 20, 0 },
		{ 24, CAPACITY },
		{ 28, 0 },
		{ 40, 0 },
		{ 44, alignment },
		{ 48, mechanism() },
		{ 52, flags },
	};
	struct shmemq_attr attr;

	ck_assert_int_eq(shmemq_getattr(q, &attr), 0);
	ck_assert_uint_ne(attr.id, 0);
	PUT_WORDS(0, identity);
	put(32, &attr.id, 8);
}

/* The inode of this process's pid namespace. */
static uint32_t pid_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 ? (uint32_t)st.st_ino : 0;
}

static uint32_t word_at(size_t offset)
{
	uint32_t word;

	memcpy(&word, image + offset, sizeof word);
	return word;
}

static void copy_word(size_t offset)
{
	memcpy(expected + offset, image + offset, 4);
}

/* When each end last moved something; what depends on that: what is noted as queued, and the room, before `head`. */
static void put_noted(uint32_t most, bool popped, size_t room, uint32_t head)
{
	const uint32_t now = (uint32_t)time(NULL);

	ck_assert_uint_le(now - word_at(1032), 60);
	copy_word(1032);
	ck_assert_uint_le(word_at(1036), most);
	copy_word(1036);
	/* The count is of the record that was announced last. */
	ck_assert_uint_eq(word_at(228), word_at(236));
	ck_assert_uint_le(word_at(228), word_at(128));
	ck_assert_uint_le(word_at(232), word_at(136));
	for (size_t at = 228; at <= 236; at += 4)
		copy_word(at);
	if (!popped)
		return;
	ck_assert_uint_le(now - word_at(1160), 60);
	copy_word(1160);
	ck_assert_uint_le(head - word_at(room), CAPACITY / 64);
	copy_word(room);
}

static void compare(void)
{
	for (size_t i = 0; i < file_bytes; i++) {
		if (image[i] != expected[i])
			ck_abort_msg("pages of %ld: byte %zu is %#x, expected %#x", page_bytes, i, image[i],
				     expected[i]);
	}
}

static void close_and_remove(struct shmemq *producer, struct shmemq *consumer)
{
	ck_assert_int_eq(shmemq_close(producer), 0);
	ck_assert_int_eq(shmemq_close(consumer), 0);
	ck_assert_int_eq(shmemq_unlink(name), 0);
	free(image);
	free(expected);
}

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

/*
 * Marks: two that came into force, the second drafted in the first slot; one that is held up in the middle; of the
 * consumer, one without a message.
 */
TEST(marked_queue)
{
	struct shmemq *producer, *consumer;
	uint32_t pid = (uint32_t)getpid(), fence;
	struct shmemq_msg msg;

	if (!setup_pages(_i))
		return;
	fence = !smq_process_register();
	producer = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, CAPACITY);
	consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	ck_assert_int_eq(shmemq_mark(producer, 0xfedcba9876543210), 0);
	ck_assert_int_eq(shmemq_push(producer, NULL, 0, 7), 0);
	ck_assert_int_eq(shmemq_mark(producer, 5), 0);
	ck_assert_int_eq(shmemq_push(producer, NULL, 0, 7), 0);
	ck_assert_int_eq(shmemq_mark(producer, 0xfedcba9876543210), 0);
	ck_assert_ptr_nonnull(shmemq_push_start(producer, 8));
	ck_assert_int_eq(shmemq_popm_start(consumer, &msg, 1, 0), 1);
	ck_assert_int_eq(shmemq_mark(consumer, 6), 0);
	ck_assert_int_eq(shmemq_popm_end(consumer, 0), 0);

	const struct word header[] = {
		{ 128, 2 },          { 136, 2 },          { 156, 128 },        /* tail, messages, limit */
		{ 192, 0x1402 },     { 196, 2 },          { 200, 2 },          /* draft 2: 5 */
		{ 204, 0x50c84003 }, { 208, 0xa9876403 }, { 212, 0x3fb72c03 }, /* draft 3 */
		{ 216, 2 << 3 | 1 }, { 220, 3 },          { 224, 4 }, /* 2 is in force, 3 with the position 4 */
		{ 256, 1 << 2 | 1 }, { 260, pid },        { 264, fence },      { 388, 1 },
		{ 460, 0x1801 },     { 464, 1 },          { 468, 1 }, /* lease; draft 1: 6 */
		{ 472, 1 << 3 | 4 }, { 476, 1 },                      /* it is in force */
		{ 512, 1 << 2 | 1 }, { 516, pid },        { 520, fence },
	};
	const struct word ring[] = { { 0, 1 }, { 4, 7 }, { 8, 1 }, { 12, 7 } };

	read_image();
	put_identity(producer, 8, 0);
	PUT_WORDS(0, header);
	PUT_WORDS(header_bytes, ring);
	put_noted(2, false, 0, 0);
	compare();
	ck_assert_int_eq(shmemq_push_cancel(producer), 0);
	close_and_remove(producer, consumer);
}

/* Messages of 64 bytes' alignment: two pushed, one popped. */
TEST(aligned_queue)
{
	const char *message = "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz";
	struct shmemq *producer, *consumer;
	uint32_t pid = (uint32_t)getpid();
	char buf[8];

	if (!setup_pages(_i))
		return;
	producer = test_open_aligned(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, CAPACITY, 64);
	consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	ck_assert_int_eq(shmemq_push(producer, "hello", 5, 0x01020304), 0);
	ck_assert_int_eq(shmemq_push(producer, message, 57, 7), 0);
	ck_assert_int_eq(shmemq_pop(consumer, buf, sizeof buf, NULL), 5);

	const uint32_t fence = !smq_process_register();
	const struct word header[] = {
		{ 128, 31 },         { 136, 2 },   { 144, 62 },         { 156, 128 }, { 1280, 7 },
		{ 256, 1 << 2 | 1 }, { 260, pid }, { 264, fence },      { 384, 15 },  { 388, 7 },
		{ 392, 1 },          { 400, 5 },   { 512, 1 << 2 | 1 }, { 516, pid }, { 520, fence },
	};
	const struct word ring[] = { { 56, 6 }, { 60, 0x01020304 }, { 120, 58 }, { 124, 7 }, { 248, 0 } };

	read_image();
	put_identity(producer, 64, 0);
	PUT_WORDS(0, header);
	PUT_WORDS(header_bytes, ring);
	put(header_bytes + 64, "hello", 5);
	put(header_bytes + 128, message, 57);
	put_noted(24, true, 896, 15);
	compare();
	close_and_remove(producer, consumer);
}

/* A broadcast queue: three messages before a consumer, two for it, of which it holds the last; and one that closed. */
TEST(broadcast_queue)
{
	struct shmemq_attr attr = { .capacity = CAPACITY, .messages_max = 9, .flags = SHMEMQ_ATTR_BROADCAST };
	struct shmemq *producer, *consumer;
	uint32_t pid = (uint32_t)getpid();
	char buf[8];

	if (!setup_pages(_i))
		return;
	set_header_bytes(page_bytes == 4096 ? 12288 : (size_t)page_bytes);
	producer = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr);
	ck_assert_ptr_nonnull(producer);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(shmemq_push(producer, "abcd", 4, 0), 0);
	ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_CONSUMER, 0)), 0);
	consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	ck_assert_int_eq(shmemq_push(producer, "hello", 5, 1), 0);
	ck_assert_int_eq(shmemq_push(producer, "worlds", 6, 2), 0);
	ck_assert_int_eq(shmemq_pop(consumer, buf, sizeof buf, NULL), 5);
	ck_assert_ptr_nonnull(shmemq_pop_start(consumer, &(size_t){ 0 }, NULL));

	const uint32_t fence = !smq_process_register();
	const struct word header[] = {
		{ 128, 10 },         { 136, 5 },   { 144, 23 },    { 156, 128 }, /* tail, messages, bytes, limit */
		{ 256, 1 << 2 | 1 }, { 260, pid }, { 264, fence },               /* the producer's claim */
		{ 512, 2 << 2 | 1 }, { 516, pid }, { 520, 1 }, /* the consumers', of which two have come */
	};
	const struct word readers[] = {
		{ 0, 1 << 2 | 2 },   { 4, pid },   { 32, 6 },  { 64, 6 },   { 68, 6 },  { 72, 3 },   { 80, 12 },
		{ 128, 1 << 2 | 1 }, { 132, pid }, { 192, 8 }, { 196, 10 }, { 200, 4 }, { 208, 17 },
	};
	const struct word ring[] = {
		{ 0, 5 }, { 16, 5 }, { 32, 5 }, { 48, 6 }, { 52, 1 }, { 64, 7 }, { 68, 2 }, { 80, 0 },
	};

	read_image();
	put_identity(producer, 8, 2);
	put(40, &attr.messages_max, 4);
	PUT_WORDS(0, header);
	PUT_WORDS(4096, readers);
	PUT_WORDS(header_bytes, ring);
	for (size_t i = 0; i < 3; i++)
		put(header_bytes + 8 + 16 * i, "abcd", 4);
	put(header_bytes + 56, "hello", 5);
	put(header_bytes + 72, "worlds", 6);
	put_noted(10, true, 4096 + 160, 8);
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

/* Three messages pushed into a queue that may grow, the last of them to its extension. */
TEST(grown_queue)
{
	static const char zeros[65000];
	const struct shmemq_attr attr = { .capacity = CAPACITY, .capacity_max = 2 * CAPACITY };
	const uint64_t capacity_max = attr.capacity_max;
	uint32_t fence, pid = (uint32_t)getpid(), start, reserved;
	struct shmemq *producer;

	if (!setup_pages(_i))
		return;
	fence = !smq_process_register();
	file_bytes += 2 * CAPACITY;
	free(image);
	free(expected);
	image = calloc(1, file_bytes);
	expected = calloc(1, file_bytes);
	producer = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr);
	ck_assert_ptr_nonnull(producer);
	ck_assert_int_eq(shmemq_push(producer, "hello", 5, 0x01020304), 0);
	ck_assert_int_eq(shmemq_push(producer, zeros, 65000, 7), 0);
	ck_assert_int_eq(shmemq_push(producer, zeros, 600, 9), 0);
	start = 16384 + (uint32_t)page_bytes / 8; /* a ring further on, at a page */
	reserved = _i == 0 ? 2560 : _i == 1 ? 4096 : 8192;

	const struct word header[] = {
		{ 128, 8128 },       { 136, 2 },   { 144, 65005 }, { 156, 8192 },      { 160, 1 },
		{ 256, 1 << 2 | 1 }, { 260, pid }, { 264, fence }, { 1040, reserved }, { 1044, reserved },
		{ 228, 2 },          { 232, 1 },   { 236, 2 },
	};
	const struct word extension[] = {
		{ 128, start + 76 },  { 136, 1 },     { 144, 600 },
		{ 156, start + 256 }, { 176, start }, { 180, start + reserved },
		{ 188, start },       { 384, start }, { 388, start },
		{ 896, start },       { 228, start }, { 232, 2 },
		{ 236, start },
	};
	const struct word ring[] = {
		{ 0, 6 }, { 4, 0x01020304 }, { 16, 65001 }, { 20, 7 }, { 65024, UINT32_MAX }, { 65028, start },
	};
	const struct word second[] = { { 0, 601 }, { 4, 9 } };

	read_image();
	put_identity(producer, 8, 0);
	put(24, &capacity_max, 8);
	PUT_WORDS(0, header);
	PUT_WORDS(2048, extension);
	for (uint32_t i = 0; i < 64; i++) {
		const struct word index[] = { { 1280 + 8 * i, i == 0 ? 0 : 2 }, { 1284 + 8 * i, i == 0 ? 0 : 1 } };
		const struct word more[] = { { 1280 + 8 * i, start }, { 1284 + 8 * i, 2 } };

		PUT_WORDS(0, index);
		PUT_WORDS(2048, more);
	}
	PUT_WORDS(header_bytes, ring);
	put(header_bytes + 8, "hello", 5);
	PUT_WORDS(header_bytes + CAPACITY + (size_t)page_bytes, second);
	put_noted(8128 + 76, false, 0, 0);
	compare();
	ck_assert_int_eq(shmemq_close(producer) | shmemq_unlink(name), 0);
}

const struct suite suite = {
	.name = "unit/format",
	.seconds = 60,
	.tests = {
		{ new_queue, 3 * PAGE_SIZES, 0 },
		{ locks, 1, NEEDS_PROC },
		{ queue_in_use, PAGE_SIZES, 0 },
		{ marked_queue, PAGE_SIZES, 0 },
		{ aligned_queue, PAGE_SIZES, 0 },
		{ broadcast_queue, PAGE_SIZES, 0 },
		{ grown_queue, PAGE_SIZES, 0 },
		{ record_across_the_end, PAGE_SIZES, 0 },
		{ foreign_queue, PAGE_SIZES, 0 },
	},
};
