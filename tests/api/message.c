/* SPDX-License-Identifier: MIT */
/* Messages, copied and gathered: what is passed on and what is refused. */
#include "config.h"

#include <limits.h>

#include "file.h"
#include "pair.h"
#include "suite.h"

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

/* What it was given to fill stays as it was. */
TEST(a_failed_pop_stores_nothing)
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

/* The bytes of a buffer after the message. */
TEST(the_rest_of_a_buffer_is_untouched)
{
	char buffer[] = "........";

	ck_assert_int_eq(shmemq_push(producer, "abc", 3, 0), 0);
	ck_assert_int_eq(shmemq_pop(consumer, buffer, sizeof buffer, NULL), 3);
	ck_assert_str_eq(buffer, "abc.....");
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

/* A message of message_max bytes, and not a byte more. */
TEST(the_largest_message_fits_anywhere)
{
	unsigned char *bytes = malloc(message_max + 1);

	for (size_t i = 0; i <= message_max; i++)
		bytes[i] = (unsigned char)(i * 7);
	/* Both records of a round together are a ring and 8 bytes long, so each round begins 8 bytes further. */
	for (size_t round = 0; round < file_page() / 8; round++) {
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

TEST(pushv_gathers)
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

TEST(pushv_refuses_wrong_parts)
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

/* A NULL handle, and NULL where something is to be read or stored. */
TEST(refuses_null)
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

const struct suite suite = {
	.name = "api/message",
	.seconds = 60,
	.setup = pair_open_page,
	.teardown = pair_close,
	.tests = {
		{ type_round_trip, 1, 0 },
		{ a_failed_pop_stores_nothing, 1, 0 },
		{ the_rest_of_a_buffer_is_untouched, 1, 0 },
		{ zero_length, 1, 0 },
		{ the_largest_message_fits_anywhere, 1, 0 },
		{ pushv_gathers, 1, 0 },
		{ pushv_refuses_wrong_parts, 1, 0 },
		{ refuses_null, 1, 0 },
	},
};
