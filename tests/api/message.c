/* SPDX-License-Identifier: MIT */
/* Messages: what is passed and what is refused, copied, gathered and in place. */
#include "config.h"

#include <limits.h>

#include "calls.h"
#include "file.h"
#include "suite.h"

static const char *name;
static struct shmemq *producer, *consumer;
static struct smq_header *file;
static size_t message_max;

static void setup(void)
{
	name = test_name();
	producer = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1);
	consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	file = file_map(name);
	message_max = file_page() - 16;
}

static void teardown(void)
{
	ck_assert_int_eq(shmemq_close(producer), 0);
	ck_assert_int_eq(shmemq_close(consumer), 0);
	file_unmap(file);
	ck_assert_int_eq(shmemq_unlink(name), 0);
}

/* The next message is these bytes with this type. */
static void expect(const void *bytes, size_t size, uint32_t type)
{
	const void *message;
	uint32_t got_type;
	size_t got;

	message = shmemq_timedpop_start(consumer, &got, &got_type, 0);
	ck_assert_ptr_nonnull(message);
	ck_assert_uint_eq(got, size);
	ck_assert_uint_eq(got_type, type);
	if (size != 0)
		ck_assert_mem_eq(message, bytes, size);
	ck_assert_int_eq(shmemq_pop_end(consumer), 0);
}

static void expect_none(void)
{
	ck_fails(shmemq_timedpop(consumer, NULL, 0, NULL, 0), EAGAIN);
}

TEST(type_round_trip)
{
	static const uint32_t types[] = { 0, 1, 0x7fffffff, 0x80000000, UINT32_MAX };
	uint32_t type;
	size_t size;
	char byte;

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		for (int form = 0; form < 3; form++)
			ck_assert_int_eq(shmemq_push(producer, "x", 1, types[i]), 0);
		type = ~types[i];
		ck_assert_int_eq(shmemq_pop(consumer, &byte, 1, &type), 1);
		ck_assert_uint_eq(type, types[i]);
		type = ~types[i];
		ck_assert_ptr_nonnull(shmemq_pop_start(consumer, &size, &type));
		ck_assert_uint_eq(type, types[i]);
		ck_assert_int_eq(shmemq_pop_end(consumer), 0);
		ck_assert_int_eq(shmemq_pop(consumer, &byte, 1, NULL), 1);
		ck_assert_int_eq(shmemq_push(producer, "x", 1, types[i]), 0);
		ck_assert_ptr_nonnull(shmemq_pop_start(consumer, &size, NULL));
		ck_assert_int_eq(shmemq_pop_end(consumer), 0);
	}
}

/* What a failed pop was given to fill stays as it was. */
TEST(out_pointers_untouched)
{
	uint32_t type = 5;
	size_t size = 6;
	char byte = 7;

	ck_fails(shmemq_timedpop(consumer, &byte, 1, &type, 0), EAGAIN);
	ck_fails(shmemq_timedpop_start(consumer, &size, &type, 0), EAGAIN);
	ck_assert_int_eq(shmemq_push(producer, "xy", 2, 0), 0);
	ck_fails(shmemq_pop(consumer, &byte, 1, &type), EMSGSIZE);
	ck_assert(type == 5 && size == 6 && byte == 7);
	expect("xy", 2, 0);
}

/* A buffer beyond the message is left alone. */
TEST(pop_larger_buffer)
{
	char buffer[8] = "........";

	ck_assert_int_eq(shmemq_push(producer, "abc", 3, 0), 0);
	ck_assert_int_eq(shmemq_pop(consumer, buffer, sizeof buffer, NULL), 3);
	ck_assert_mem_eq(buffer, "abc.....", 8);
	ck_assert_int_eq(shmemq_push(producer, "abc", 3, 0), 0);
	ck_assert_int_eq(shmemq_pop(consumer, buffer, SIZE_MAX, NULL), 3);
}

TEST(zero_length)
{
	struct iovec empty = { NULL, 0 };
	uint32_t type;
	size_t size = 1;
	char byte = 1;

	ck_assert_int_eq(shmemq_push(producer, NULL, 0, 1), 0);
	ck_assert_int_eq(shmemq_push(producer, "ignored", 0, 2), 0);
	ck_assert_int_eq(shmemq_pushv(producer, NULL, 0, 3), 0);
	ck_assert_int_eq(shmemq_pushv(producer, &empty, 1, 4), 0);
	ck_assert_ptr_nonnull(shmemq_push_start(producer, 0));
	ck_assert_int_eq(shmemq_push_end(producer, 0, 5), 0);
	ck_assert_int_eq(shmemq_pop(consumer, NULL, 0, &type), 0);
	ck_assert_uint_eq(type, 1);
	ck_assert_int_eq(shmemq_pop(consumer, &byte, 1, &type), 0);
	ck_assert(type == 2 && byte == 1);
	ck_assert_ptr_nonnull(shmemq_pop_start(consumer, &size, &type));
	ck_assert(type == 3 && size == 0);
	ck_assert_int_eq(shmemq_pop_end(consumer), 0);
	expect(NULL, 0, 4);
	expect(NULL, 0, 5);
	expect_none();
}

/* Up to message_max from anywhere in the ring, and not a byte more. */
TEST(largest)
{
	unsigned char *bytes = malloc(message_max + 1);

	for (size_t i = 0; i <= message_max; i++)
		bytes[i] = (unsigned char)(i * 7);
	/* Both records of a turn together are a ring and 8 bytes long. */
	for (size_t turn = 0; turn < file_page() / 8; turn++) {
		FILE_UNCHANGED(file, ck_fails(shmemq_push(producer, bytes, message_max + 1, 0), EMSGSIZE));
		FILE_UNCHANGED(file, ck_fails(shmemq_push(producer, bytes, SIZE_MAX, 0), EMSGSIZE));
		FILE_UNCHANGED(file, ck_fails(shmemq_push_start(producer, (size_t)1 << 31), EMSGSIZE));
		ck_assert_int_eq(shmemq_timedpush(producer, bytes, message_max, 9, 0), 0);
		expect(bytes, message_max, 9);
		ck_assert_int_eq(shmemq_push(producer, bytes, 8, 0), 0);
		expect(bytes, 8, 0);
	}
	free(bytes);
}

TEST(gather)
{
	char text[] = "the quick brown fox", gathered[IOV_MAX];
	struct iovec parts[] = {
		{ text, 4 }, { NULL, 0 }, { text + 4, 6 }, { text, 0 }, { text + 10, 1 }, { text + 11, 8 }, { NULL, 0 },
	};
	struct iovec many[IOV_MAX];

	ck_assert_int_eq(shmemq_pushv(producer, parts, 7, 1), 0);
	ck_assert_int_eq(shmemq_timedpushv(producer, parts + 2, 4, 2, 0), 0);
	ck_assert_int_eq(shmemq_pushv(producer, parts, 0, 3), 0);
	for (int i = 0; i < IOV_MAX; i++) {
		gathered[i] = text[i % 19];
		many[i] = (struct iovec){ text + i % 19, 1 };
	}
	ck_assert_int_eq(shmemq_pushv(producer, many, IOV_MAX, 4), 0);
	expect("the quick brown fox", 19, 1);
	expect("quick brown fox", 15, 2);
	expect(NULL, 0, 3);
	expect(gathered, IOV_MAX, 4);
	expect_none();
}

TEST(gather_refused)
{
	char byte = 'x';
	struct iovec good = { &byte, 1 }, bad = { NULL, 1 }, big = { &byte, SIZE_MAX }, many[IOV_MAX + 1];
	struct iovec split[] = { { &byte, message_max }, { &byte, 1 } };
	struct iovec wraps[] = { { &byte, SIZE_MAX }, { &byte, 2 } };
	struct iovec halves[] = { { &byte, SIZE_MAX / 2 + 1 }, { &byte, SIZE_MAX / 2 + 1 }, { &byte, 1 } };

	for (int i = 0; i <= IOV_MAX; i++)
		many[i] = good;
	FILE_UNCHANGED(file, {
		ck_fails(shmemq_pushv(producer, &good, -1, 0), EINVAL);
		ck_fails(shmemq_pushv(producer, &good, INT_MIN, 0), EINVAL);
		ck_fails(shmemq_pushv(producer, many, IOV_MAX + 1, 0), EINVAL);
		ck_fails(shmemq_pushv(producer, many, INT_MAX, 0), EINVAL);
		ck_fails(shmemq_pushv(producer, NULL, 1, 0), EINVAL);
		ck_fails(shmemq_pushv(producer, &bad, 1, 0), EINVAL);
		ck_fails(shmemq_timedpushv(producer, &bad, 1, 0, -1), EINVAL);
		ck_fails(shmemq_pushv(producer, &big, 1, 0), EMSGSIZE);
		ck_fails(shmemq_pushv(producer, wraps, 2, 0), EMSGSIZE);
		ck_fails(shmemq_pushv(producer, halves, 3, 0), EMSGSIZE);
		ck_fails(shmemq_timedpushv(producer, split, 2, 0, -1), EMSGSIZE);
	});
	ck_assert_int_eq(shmemq_pushv(producer, &good, 1, 0), 0);
	expect("x", 1, 0);
}

/* On both sides, after messages of every length. */
TEST(aligned)
{
	for (size_t size = 0; size < 512; size++) {
		size_t got;
		void *room = shmemq_push_start(producer, size);
		const void *message;

		ck_assert_uint_eq((uintptr_t)room % 8, 0);
		memset(room, (int)size, size);
		ck_assert_int_eq(shmemq_push_end(producer, size, 0), 0);
		message = shmemq_pop_start(consumer, &got, NULL);
		ck_assert_uint_eq((uintptr_t)message % 8, 0);
		ck_assert_int_eq(shmemq_pop_end(consumer), 0);
	}
}

TEST(push_in_place)
{
	char *room = shmemq_push_start(producer, 100);

	memcpy(room, "shorter", 7);
	expect_none();
	/* Refused, and still started. */
	FILE_UNCHANGED(file, ck_fails(shmemq_push_end(producer, 101, 0), EINVAL));
	FILE_UNCHANGED(file, ck_fails(shmemq_push_end(producer, SIZE_MAX, 0), EINVAL));
#if SIZE_MAX > UINT32_MAX
	FILE_UNCHANGED(file, ck_fails(shmemq_push_end(producer, ((size_t)UINT32_MAX + 1) | 7, 0), EINVAL));
#endif
	FILE_UNCHANGED(file, ck_fails(shmemq_push_start(producer, 1), EINVAL));
	ck_assert_int_eq(shmemq_push_end(producer, 7, 3), 0);
	expect("shorter", 7, 3);
	expect_none();
	FILE_UNCHANGED(file, ck_fails(shmemq_push_end(producer, 0, 0), EINVAL));
	FILE_UNCHANGED(file, ck_fails(shmemq_push_cancel(producer), EINVAL));
}

/* A cancelled message never existed, and its room is free. */
TEST(push_cancelled)
{
	void *room = shmemq_push_start(producer, message_max);
	struct shmemq_stat st;

	memset(room, 0xff, message_max);
	ck_assert_int_eq(shmemq_push_cancel(producer), 0);
	ck_fails(shmemq_push_end(producer, 0, 0), EINVAL);
	expect_none();
	ck_assert_int_eq(shmemq_stat(producer, &st), 0);
	ck_assert(st.pushed_messages == 0 && st.queued_bytes == 0);
	ck_assert_ptr_eq(shmemq_push_start(producer, 5), room);
	memcpy(room, "after", 5);
	ck_assert_int_eq(shmemq_push_end(producer, 5, 0), 0);
	expect("after", 5, 0);
	expect_none();
}

TEST(pop_in_place)
{
	const void *message;
	size_t size;
	char buffer[8];

	FILE_UNCHANGED(file, ck_fails(shmemq_pop_end(consumer), EINVAL));
	ck_assert_int_eq(shmemq_push(producer, "one", 3, 0) | shmemq_push(producer, "two", 3, 0), 0);
	message = shmemq_pop_start(consumer, &size, NULL);
	FILE_UNCHANGED(file, ck_fails(shmemq_pop_start(consumer, &size, NULL), EINVAL));
	FILE_UNCHANGED(file, ck_fails(shmemq_pop(consumer, buffer, 8, NULL), EINVAL));
	/* It stays where it is, however full the ring becomes. */
	fill(producer, 3);
	ck_assert_mem_eq(message, "one", 3);
	ck_assert_int_eq(shmemq_pop_end(consumer), 0);
	FILE_UNCHANGED(file, ck_fails(shmemq_pop_end(consumer), EINVAL));
	expect("two", 3, 0);
}

/* A NULL handle, and NULL where something is to be read or stored. */
TEST(null)
{
	struct shmemq_attr attr;
	struct shmemq_stat st;
	size_t size;

	ck_fails(shmemq_push_end(NULL, 0, 0), EINVAL);
	ck_fails(shmemq_push_cancel(NULL), EINVAL);
	ck_fails(shmemq_pop_end(NULL), EINVAL);
	ck_fails(shmemq_pop_start(NULL, &size, NULL), EINVAL);
	ck_fails(shmemq_redelivered(NULL), EINVAL);
	ck_fails(shmemq_interrupt(NULL), EINVAL);
	ck_fails(shmemq_getattr(NULL, &attr), EINVAL);
	ck_fails(shmemq_stat(NULL, &st), EINVAL);
	ck_fails(shmemq_close(NULL), EINVAL);
	ck_fails(shmemq_open(NULL, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, NULL), EINVAL);
	ck_fails(shmemq_unlink(NULL), EINVAL);
	ck_assert_int_eq(shmemq_push(producer, "x", 1, 0), 0);
	FILE_UNCHANGED(file, {
		ck_fails(shmemq_push(producer, NULL, 1, 0), EINVAL);
		ck_fails(shmemq_timedpush(producer, NULL, 1, 0, 0), EINVAL);
		ck_fails(shmemq_pop(consumer, NULL, 1, NULL), EINVAL);
		ck_fails(shmemq_timedpop(consumer, NULL, 1, NULL, 0), EINVAL);
		ck_fails(shmemq_pop_start(consumer, NULL, NULL), EINVAL);
		ck_fails(shmemq_timedpop_start(consumer, NULL, NULL, 0), EINVAL);
	});
	expect("x", 1, 0);
}

/* The calls that belong to one end and never wait. */
TEST(wrong_end)
{
	struct shmemq *observer = test_open(name, SHMEMQ_OBSERVER, 0);
	struct shmemq *const not_producers[] = { consumer, observer }, *const not_consumers[] = { producer, observer };

	ck_assert_ptr_nonnull(shmemq_push_start(producer, 1));
	FILE_UNCHANGED(file, {
		for (int i = 0; i < 2; i++) {
			ck_fails(shmemq_push_end(not_producers[i], 0, 0), EBADF);
			ck_fails(shmemq_push_cancel(not_producers[i]), EBADF);
			ck_fails(shmemq_pop_end(not_consumers[i]), EBADF);
			ck_fails(shmemq_redelivered(not_consumers[i]), EBADF);
		}
		ck_fails(shmemq_interrupt(observer), EBADF);
	});
	ck_assert_int_eq(shmemq_push_cancel(producer), 0);
	ck_assert_int_eq(shmemq_close(observer), 0);
}

/* They learn nothing of garbage, but a handle that has seen it does nothing any more. */
TEST(broken)
{
	struct smq_record *record = file_record(file, 0);
	size_t size;

	record->size_plus_1 = UINT32_MAX;
	ck_fails(shmemq_pop_start(consumer, &size, NULL), EBADMSG);
	record->size_plus_1 = 0;
	ck_fails(shmemq_pop_end(consumer), EBADMSG);
	ck_assert_int_eq(shmemq_redelivered(consumer), 0);
	fill(producer, 1);
	file->consumer_progress.position_bytes = 4;
	ck_fails(shmemq_timedpush_start(producer, 1, 0), EBADMSG);
	file->consumer_progress.position_bytes = 0;
	ck_fails(shmemq_push_end(producer, 0, 0), EBADMSG);
	ck_fails(shmemq_push_cancel(producer), EBADMSG);
	ck_assert_int_eq(shmemq_interrupt(producer) | shmemq_interrupt(consumer), 0);
}

const struct suite suite = {
	.name = "api/message",
	.seconds = 60,
	.setup = setup,
	.teardown = teardown,
	.tests = {
		{ type_round_trip, 1, 0 },
		{ out_pointers_untouched, 1, 0 },
		{ pop_larger_buffer, 1, 0 },
		{ zero_length, 1, 0 },
		{ largest, 1, 0 },
		{ gather, 1, 0 },
		{ gather_refused, 1, 0 },
		{ aligned, 1, 0 },
		{ push_in_place, 1, 0 },
		{ push_cancelled, 1, 0 },
		{ pop_in_place, 1, 0 },
		{ null, 1, 0 },
		{ wrong_end, 1, 0 },
		{ broken, 1, 0 },
	},
};
