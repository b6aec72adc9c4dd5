/* SPDX-License-Identifier: MIT */
/* What a follower reads: where it starts, what it loses, and what it does not disturb. */
#include "config.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "suite.h"

static struct shmemq *producer, *consumer, *follower;
static const char *name;
static char buffer[1 << 17];

static void open_all(uint64_t capacity, uint32_t alignment)
{
	name = test_name();
	producer = test_open_aligned(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, capacity, alignment);
	consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	follower = test_open(name, SHMEMQ_FOLLOWER, 0);
}

static void close_all(void)
{
	ck_assert_int_eq(shmemq_close(producer), 0);
	ck_assert_int_eq(shmemq_close(consumer), 0);
	ck_assert_int_eq(shmemq_close(follower), 0);
}

/* Message `number`: its bytes and type are that. */
static void push(uint32_t number, size_t size)
{
	memset(buffer, (int)number, size);
	ck_assert_int_eq(shmemq_timedpush(producer, buffer, size, number, 0), 0);
}

static void push_popped(uint32_t number, size_t size)
{
	push(number, size);
	ck_assert_int_eq(shmemq_timedpop(consumer, buffer, sizeof buffer, NULL, 0), (ssize_t)size);
}

static void expect(struct shmemq *q, uint32_t number, size_t size)
{
	uint32_t type;

	memset(buffer, ~(int)number, size + 1);
	ck_assert_int_eq(shmemq_timedpop(q, buffer, sizeof buffer, &type, 0), (ssize_t)size);
	ck_assert_uint_eq(type, number);
	for (size_t i = 0; i < size; i++)
		ck_fast(buffer[i] == (char)number);
	ck_assert_int_eq(buffer[size], (char)~number);
}

/* Where a seek leads to, and what it says was lost. */
static void expect_at(int whence, uint64_t expected, uint32_t number, size_t size)
{
	uint64_t lost = 12345;

	ck_assert_int_eq(shmemq_seek(follower, whence, &lost), 0);
	ck_assert_uint_eq(lost, expected);
	expect(follower, number, size);
}

/* Of all alignments and sizes, and over the ring's end. */
TEST(reads_what_is_pushed)
{
	const size_t sizes[] = { 0, 1, 7, 8, 9, 64, 65, 200, 1000, 1500 };
	uint32_t number = 0;

	open_all(1, 8u << _i);
	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++, number++) {
			push_popped(number, sizes[i]);
			expect(follower, number, sizes[i]);
			ck_fails(shmemq_timedpop(follower, buffer, sizeof buffer, NULL, 0), EAGAIN);
		}
	}
	close_all();
}

/* The largest message there is, wherever it begins. */
TEST(reads_the_largest)
{
	struct shmemq_attr attr;

	open_all(_i == 0 ? 1 : 1 << 17, 0);
	ck_assert_int_eq(shmemq_getattr(follower, &attr), 0);
	for (uint32_t i = 0; i < 100; i++) {
		push_popped(i, attr.message_max);
		expect(follower, i, attr.message_max);
		push_popped(i, i);
		expect(follower, i, i);
	}
	close_all();
}

TEST(many_in_a_piece)
{
	open_all(1 << 20, 0);
	for (uint32_t i = 0; i < 10000; i++)
		push(i, i % 90);
	for (uint32_t i = 0; i < 10000; i++)
		expect(follower, i, i % 90);
	ck_fails(shmemq_timedpop(follower, buffer, sizeof buffer, NULL, 0), EAGAIN);
	close_all();
}

TEST(starts_at_the_newest_and_seeks)
{
	struct shmemq *early;

	open_all(1, 0);
	early = follower;
	for (uint32_t i = 0; i < 10; i++)
		push(i, 8);
	for (uint32_t i = 0; i < 4; i++)
		ck_assert_int_eq(shmemq_timedpop(consumer, buffer, sizeof buffer, NULL, 0), 8);
	follower = test_open(name, SHMEMQ_FOLLOWER, 0);
	ck_fails(shmemq_timedpop(follower, buffer, sizeof buffer, NULL, 0), EAGAIN);
	push(10, 8);
	expect(follower, 10, 8);
	expect_at(SHMEMQ_OLDEST, 0, 0, 8);
	expect_at(SHMEMQ_QUEUED, 3, 4, 8);
	ck_assert_int_eq(shmemq_seek(follower, SHMEMQ_NEWEST, NULL), 0);
	ck_fails(shmemq_timedpop(follower, buffer, sizeof buffer, NULL, 0), EAGAIN);
	push(11, 8);
	expect_at(SHMEMQ_OLDEST, 0, 0, 8);
	expect(early, 0, 8);
	ck_assert_int_eq(shmemq_close(early), 0);
	close_all();
}

/* Once, and then on at the oldest intact message: at most a 64th of the ring and a message have gone in vain. */
TEST(overtaken)
{
	uint32_t most = (uint32_t)file_page() / 64, type, first;
	uint64_t lost = 0;

	open_all(1, 0);
	push_popped(0, 56);
	expect(follower, 0, 56);
	for (uint32_t i = 1; i < 10000; i++)
		push_popped(i, 56);
	ck_fails(shmemq_timedpop(follower, buffer, sizeof buffer, NULL, 0), EOVERFLOW);
	if (_i == 1)
		ck_assert_int_eq(shmemq_seek(follower, SHMEMQ_OLDEST, &lost), 0);
	ck_assert_int_eq(shmemq_timedpop(follower, buffer, sizeof buffer, &first, 0), 56);
	ck_assert(_i == 0 || first == lost + 1);
	ck_assert_uint_ge(first, 10000 - most);
	ck_assert_uint_le(first, 10000 - most + most / 64 + 2);
	for (type = first; type < 9999; first = type) {
		ck_assert_int_eq(shmemq_timedpop(follower, buffer, sizeof buffer, &type, 0), 56);
		ck_assert_uint_eq(type, first + 1);
	}
	ck_fails(shmemq_timedpop(follower, buffer, sizeof buffer, NULL, 0), EAGAIN);
	close_all();
}

/* After a seek it goes on from there, although it has popped more before. */
TEST(overtaken_after_a_seek)
{
	uint32_t number = 0, type;

	open_all(1 << 16, 0);
	for (; number < 3; number++)
		push_popped(number, 100);
	while (shmemq_timedpush(producer, buffer, 100, number, 0) == 0)
		number++;
	while (shmemq_timedpop(follower, buffer, sizeof buffer, &type, 0) != -1)
		ck_assert_uint_lt(type, number);
	ck_assert_int_eq(shmemq_seek(follower, SHMEMQ_QUEUED, NULL), 0);
	for (int i = 0; i < 100; i++, number++) {
		ck_assert_int_eq(shmemq_timedpop(consumer, buffer, sizeof buffer, NULL, 0), 100);
		push(number, 100);
	}
	ck_fails(shmemq_timedpop(follower, buffer, sizeof buffer, &type, 0), EOVERFLOW);
	ck_assert_int_eq(shmemq_timedpop(follower, buffer, sizeof buffer, &type, 0), 100);
	ck_assert(type > 3 && type < 130);
	close_all();
}

/* A message that was announced for the whole ring, and then was small or none, leaves no ring without an index. */
TEST(after_a_smaller_message)
{
	uint32_t number = 0, type;
	uint64_t lost;

	open_all(1 << 13, 0);
	for (; number < 5; number++)
		push_popped(number, 100);
	ck_assert_ptr_nonnull(shmemq_push_start(producer, (1 << 13) - 16));
	ck_assert_int_eq(_i == 0 ? shmemq_push_end(producer, 0, number++) : shmemq_push_cancel(producer), 0);
	for (int i = 0; i < 2; i++)
		push(number++, 0);
	while (shmemq_timedpush(producer, buffer, 100, number, 0) == 0)
		number++;
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(shmemq_timedpop(consumer, NULL, 0, NULL, 0), 0);
	while (shmemq_timedpush(producer, NULL, 0, number, 0) == 0)
		number++;
	ck_assert_int_eq(shmemq_seek(follower, SHMEMQ_OLDEST, &lost), 0);
	ck_assert_int_ge(shmemq_timedpop(follower, buffer, sizeof buffer, &type, 0), 0);
	ck_assert_uint_eq(type, lost);
	ck_assert_int_eq(shmemq_seek(follower, SHMEMQ_QUEUED, NULL), 0);
	ck_assert_int_ge(shmemq_timedpop(follower, buffer, sizeof buffer, &type, 0), 0);
	ck_assert_uint_eq(type, 7);
	close_all();
}

/* What it lags is what it would lose. */
TEST(lag)
{
	struct shmemq_stat st;

	open_all(1, 0);
	for (uint32_t i = 0; i < 5; i++)
		push(i, 24);
	ck_assert_int_eq(shmemq_stat(follower, &st), 0);
	ck_assert_uint_eq(st.lag_messages, 5);
	ck_assert_uint_eq(st.lag_bytes, 5 * 32);
	expect(follower, 0, 24);
	ck_assert_int_eq(shmemq_stat(follower, &st), 0);
	ck_assert_uint_eq(st.lag_messages, 4);
	ck_assert_uint_eq(st.lag_bytes, 4 * 32);
	ck_assert_int_eq(shmemq_stat(consumer, &st), 0);
	ck_assert_uint_eq(st.lag_messages | st.lag_bytes, 0);
	close_all();
}

/* A larger buffer gets it. */
TEST(message_stays_if_the_buffer_is_small)
{
	open_all(1 << 18, 0);
	push(1, 100);
	push(2, 70000);
	ck_fails(shmemq_timedpop(follower, buffer, 99, NULL, 0), EMSGSIZE);
	ck_fails(shmemq_timedpop(follower, NULL, 0, NULL, 0), EMSGSIZE);
	expect(follower, 1, 100);
	ck_fails(shmemq_timedpop(follower, buffer, 69999, NULL, 0), EMSGSIZE);
	expect(follower, 2, 70000);
	close_all();
}

TEST(refuses)
{
	struct shmemq_msg msg;
	size_t size;

	open_all(1, 0);
	ck_fails(shmemq_pop_start(follower, &size, NULL), EBADF);
	ck_fails(shmemq_pop_end(follower), EBADF);
	ck_fails(shmemq_popm_start(follower, &msg, 1, 0), EBADF);
	ck_fails(shmemq_popm_end(follower, 0), EBADF);
	ck_fails(shmemq_redelivered(follower), EBADF);
	ck_fails(shmemq_push(follower, "", 1, 0), EBADF);
	ck_fails(shmemq_push_start(follower, 1), EBADF);
	ck_fails(shmemq_timedpop(follower, NULL, 1, NULL, 0), EINVAL);
	ck_fails(shmemq_seek(follower, SHMEMQ_OLDEST + 1, NULL), EINVAL);
	ck_fails(shmemq_seek(follower, -1, NULL), EINVAL);
	ck_fails(shmemq_seek(consumer, SHMEMQ_OLDEST, NULL), EBADF);
	ck_fails(shmemq_seek(producer, SHMEMQ_OLDEST, NULL), EBADF);
	ck_fails(shmemq_seek(NULL, SHMEMQ_OLDEST, NULL), EINVAL);
	ck_fails(shmemq_open(name, SHMEMQ_FOLLOWER | SHMEMQ_SHARED, 0, NULL), EINVAL);
	ck_fails(shmemq_open(name, SHMEMQ_FOLLOWER | SHMEMQ_PREFAULT, 0, NULL), EINVAL);
	ck_fails(shmemq_open(name, SHMEMQ_FOLLOWER | SHMEMQ_CONSUMER, 0, NULL), EINVAL);
	ck_fails(shmemq_open(name, SHMEMQ_FOLLOWER | SHMEMQ_OBSERVER, 0, NULL), EINVAL);
	close_all();
}

/* It changes nothing, and leaves nothing open or mapped. */
TEST(disturbs_nothing)
{
	struct smq_header *file;
	unsigned before, mappings;
	int fd;

	open_all(1, 0);
	push(1, 8);
	file = file_map(name);
	before = file_descriptors();
	mappings = file_mappings(name, NULL);
	FILE_UNCHANGED(file, {
		struct shmemq *other = test_open(name, SHMEMQ_FOLLOWER | SHMEMQ_NONBLOCK, 0);

		fd = shmemq_pollfd(other);
		ck_assert_int_ge(fd, 0);
		ck_fails(shmemq_pop(other, buffer, sizeof buffer, NULL), EAGAIN);
		ck_assert_int_eq(shmemq_seek(other, SHMEMQ_OLDEST, NULL), 0);
		expect(other, 1, 8);
		ck_assert_int_eq(shmemq_close(other), 0);
	});
	ck_assert_uint_eq(file_descriptors(), before);
	ck_assert_uint_eq(file_mappings(name, NULL), mappings);
	file_unmap(file);
	close_all();
}

/* EBADMSG, and no SIGBUS: the file is cut, or another queue's content. It has more to read than it has read. */
static int on_a_changed_file(const void *how)
{
	struct shmemq *q = shmemq_open(name, SHMEMQ_FOLLOWER, 0, NULL);
	int fd = open(file_path(name), O_RDWR | O_CLOEXEC);

	CHECK(q != NULL && shmemq_timedpop(q, buffer, sizeof buffer, NULL, 5 * MS) == -1 && errno == ETIMEDOUT);
	CHECK(fd >= 0);
	switch (*(const int *)how) {
	case 0:
		CHECK(ftruncate(fd, 0) == 0);
		break;
	case 1:
		CHECK(shmemq_seek(q, SHMEMQ_OLDEST, NULL) == 0);
		CHECK(shmemq_timedpop(q, buffer, sizeof buffer, NULL, 0) == 8);
		CHECK(ftruncate(fd, (off_t)file_page()) == 0);
		break;
	default:
		CHECK(pwrite(fd, "other", 5, offsetof(struct smq_identity, id)) == 5);
	}
	CHECK(shmemq_timedpop(q, buffer, sizeof buffer, NULL, -1) == -1 && errno == EBADMSG);
	CHECK(shmemq_timedpop(q, buffer, sizeof buffer, NULL, 0) == -1 && errno == EBADMSG);
	CHECK(shmemq_seek(q, SHMEMQ_OLDEST, NULL) == -1 && errno == EBADMSG);
	CHECK(shmemq_close(q) == 0);
	return 0;
}

TEST(truncated_and_replaced)
{
	open_all(1 << 18, 0);
	push(1, 8);
	push(2, 100000);
	child_run(on_a_changed_file, &_i);
}

/* Queued is what the slowest live consumer has still to pop; of a queue without consumers nothing. */
TEST(queued_of_a_broadcast_queue)
{
	const struct shmemq_attr attr = { .flags = SHMEMQ_ATTR_BROADCAST };
	struct shmemq *slow;

	name = test_name();
	producer = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr);
	follower = test_open(name, SHMEMQ_FOLLOWER, 0);
	push(0, 8);
	expect_at(SHMEMQ_OLDEST, 0, 0, 8);
	ck_assert_int_eq(shmemq_seek(follower, SHMEMQ_QUEUED, NULL), 0);
	ck_fails(shmemq_timedpop(follower, buffer, sizeof buffer, NULL, 0), EAGAIN);
	slow = test_open(name, SHMEMQ_CONSUMER, 0);
	push(1, 8);
	consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	push(2, 8);
	push_popped(3, 8);
	ck_assert_int_eq(shmemq_seek(follower, SHMEMQ_QUEUED, NULL), 0);
	expect(follower, 1, 8);
	expect(slow, 1, 8);
	ck_assert_int_eq(shmemq_seek(follower, SHMEMQ_QUEUED, NULL), 0);
	expect(follower, 2, 8);
	ck_assert_int_eq(shmemq_close(slow), 0);
	ck_assert_int_eq(shmemq_seek(follower, SHMEMQ_QUEUED, NULL), 0);
	expect(follower, 3, 8);
	close_all();
}

const struct suite suite = {
	.name = "api/follow",
	.seconds = 120,
	.tests = {
		{ reads_what_is_pushed, 8, 0 },
		{ reads_the_largest, 2, 0 },
		{ many_in_a_piece, 1, 0 },
		{ starts_at_the_newest_and_seeks, 1, 0 },
		{ overtaken, 2, 0 },
		{ overtaken_after_a_seek, 1, 0 },
		{ after_a_smaller_message, 2, 0 },
		{ lag, 1, 0 },
		{ message_stays_if_the_buffer_is_small, 1, 0 },
		{ refuses, 1, 0 },
		{ disturbs_nothing, 1, NEEDS_POLLFD },
		{ truncated_and_replaced, 3, 0 },
		{ queued_of_a_broadcast_queue, 1, 0 },
	},
};
