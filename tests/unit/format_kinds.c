/* SPDX-License-Identifier: MIT */
/* The bytes of a queue's file: with alignment, with marks, of a broadcast queue, and of one that grows. */
#include "config.h"

#include <unistd.h>

#include "image.h"
#include "process.h"
#include "suite.h"

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

/* A broadcast queue: three messages before a consumer, two for it, of which it holds the last; and one that closed. */
TEST(broadcast_queue)
{
	struct shmemq_attr attr = { .capacity = CAPACITY, .messages_max = 9, .flags = SHMEMQ_ATTR_BROADCAST };
	struct shmemq *producer, *consumer;
	uint32_t pid = (uint32_t)getpid();
	char buf[8];

	if (!setup_pages(_i))
		return;
	set_bytes(page_bytes == 4096 ? 12288 : (size_t)page_bytes, CAPACITY);
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
	set_bytes((size_t)page_bytes, 3 * CAPACITY);
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
	.name = "unit/format_kinds",
	.seconds = 60,
	.tests = {
		{ aligned_queue, PAGE_SIZES, 0 },
		{ marked_queue, PAGE_SIZES, 0 },
		{ broadcast_queue, PAGE_SIZES, 0 },
		{ grown_queue, PAGE_SIZES, 0 },
	},
};
