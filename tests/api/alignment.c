/* SPDX-License-Identifier: MIT */
/* Every message's first byte is aligned as the queue's creator asked for, and the largest one fits anywhere. */
#include "config.h"

#include "child.h"
#include "file.h"
#include "suite.h"
#include "traffic.h"

#define ALIGNMENTS 10 /* 8, 16, ... 4096 */
#define BATCH      7

static struct shmemq *producer, *consumer;
static const char *name;
static uint32_t alignment;
static size_t message_max;

/* Both ends of a queue with the `run`-th alignment, in which sixteen of the smallest messages fit. */
static void open_pair(int run, unsigned flags)
{
	struct shmemq_attr attr;

	alignment = 8u << run;
	name = test_name();
	producer = test_open_aligned(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE | flags, 17 * alignment, alignment);
	consumer = test_open(name, SHMEMQ_CONSUMER | flags, 0);
	ck_assert_int_eq(shmemq_getattr(consumer, &attr), 0);
	ck_assert_uint_eq(attr.alignment, alignment);
	ck_assert_uint_eq(attr.message_max, attr.capacity - alignment - 8);
	message_max = (size_t)attr.message_max;
}

static void close_pair(void)
{
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumer) | shmemq_unlink(name), 0);
}

static bool aligned(const void *at)
{
	return (uintptr_t)at % alignment == 0;
}

/* Small ones, some that end at or just after a multiple of the alignment, and large ones. */
static size_t size_of(uint64_t message)
{
	uint64_t random = traffic_random(&message);
	size_t size;

	switch (random % 4) {
	case 0:
		return random >> 8 & 63;
	case 1:
		size = (size_t)(random >> 8) % 3 * alignment + (size_t)(random >> 16) % 3;
		return size < 9 ? 0 : size - 9;
	case 2:
		return (size_t)(random >> 8) % (message_max / 4);
	default:
		return (size_t)(random >> 8) % (message_max + 1);
	}
}

/* false: the ring is full. */
static bool push_in_place(uint64_t message)
{
	size_t size = size_of(message);
	void *at = shmemq_timedpush_start(producer, size, 0);

	if (at == NULL) {
		ck_fast(errno == EAGAIN);
		return false;
	}
	ck_fast(aligned(at));
	traffic_fill(at, size, message);
	ck_fast(shmemq_push_end(producer, size, (uint32_t)message) == 0);
	return true;
}

static void check(uint64_t message, const void *at, size_t size, uint32_t type)
{
	ck_fast(at != NULL && aligned(at));
	ck_fast(size == size_of(message) && type == (uint32_t)message);
	ck_fast(traffic_filled(at, size, message));
}

/* Pops at least one message of those from `first` on, and returns how many. */
static uint64_t pop_in_place(uint64_t first, bool many)
{
	struct shmemq_msg msgs[BATCH];
	const void *at;
	uint32_t type;
	size_t size;
	int count;

	if (!many) {
		at = shmemq_timedpop_start(consumer, &size, &type, 0);
		check(first, at, size, type);
		ck_fast(shmemq_pop_end(consumer) == 0);
		return 1;
	}
	count = shmemq_popm_start(consumer, msgs, BATCH, 0);
	ck_fast(count >= 1);
	for (int i = 0; i < count; i++)
		check(first + (uint64_t)i, msgs[i].data, msgs[i].size, msgs[i].type);
	ck_fast(shmemq_popm_end(consumer, (unsigned)count) == 0);
	return (uint64_t)count;
}

/* Many times around the ring. `_i` / ALIGNMENTS: both ends are SHARED. */
TEST(messages_are_aligned)
{
	uint64_t pushed = 0, popped = 0;

	open_pair(_i % ALIGNMENTS, _i / ALIGNMENTS ? SHMEMQ_SHARED : 0);
	while (popped < 5000) {
		if (push_in_place(pushed))
			pushed++;
		else
			popped += pop_in_place(popped, pushed % 2);
	}
	close_pair();
}

/* Those of a batch too, and what a consumer that is killed has held comes again in the same place. */
static int hold_a_batch(const void *unused)
{
	struct shmemq *q = shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL);
	struct shmemq_msg msgs[BATCH];

	(void)unused;
	CHECK(q != NULL && shmemq_popm_start(q, msgs, BATCH, 0) == BATCH);
	return 0;
}

TEST(batches_are_aligned)
{
	char bytes[BATCH] = "abcdef";
	struct shmemq_msg in[BATCH], out[BATCH];

	open_pair(_i, 0);
	for (int i = 0; i < BATCH; i++)
		in[i] = (struct shmemq_msg){ bytes, (size_t)i, (uint32_t)i, 0 };
	for (int lap = 0; lap < 20; lap++) {
		ck_assert_int_eq(shmemq_pushm(producer, in, BATCH, 0), BATCH);
		ck_assert_int_eq(shmemq_close(consumer), 0);
		if (lap % 2)
			child_run(hold_a_batch, NULL);
		consumer = test_open(name, SHMEMQ_CONSUMER, 0);
		ck_assert_int_eq(shmemq_popm_start(consumer, out, BATCH, 0), BATCH);
		for (int i = 0; i < BATCH; i++) {
			ck_assert(aligned(out[i].data));
			ck_assert_mem_eq(out[i].data, bytes, (size_t)i);
			ck_assert_uint_eq(out[i].size, (size_t)i);
			ck_assert_uint_eq(out[i].flags, lap % 2 ? SHMEMQ_MSG_REDELIVERED : 0);
		}
		ck_assert_int_eq(shmemq_popm_end(consumer, BATCH), 0);
	}
	close_pair();
}

/* It fits into an empty ring at every place where a record can begin. One byte more never does. */
TEST(the_largest_message_fits_anywhere)
{
	unsigned char *bytes, *copy;
	struct shmemq_stat st;
	struct iovec parts[2];

	open_pair(_i, 0);
	bytes = malloc(message_max + 1);
	copy = malloc(message_max);
	traffic_fill(bytes, message_max + 1, 7);
	parts[0] = (struct iovec){ bytes, message_max };
	parts[1] = (struct iovec){ bytes, 1 };
	ck_assert_int_eq(shmemq_stat(producer, &st), 0);
	for (uint64_t place = 0; place < st.capacity / alignment; place++) {
		struct shmemq_msg more = { bytes, message_max + 1, 0, 0 };

		ck_fails(shmemq_push(producer, bytes, message_max + 1, 0), EMSGSIZE);
		ck_fails(shmemq_pushv(producer, parts, 2, 0), EMSGSIZE);
		ck_fails(shmemq_push_start(producer, message_max + 1), EMSGSIZE);
		ck_fails(shmemq_pushm(producer, &more, 1, 0), EMSGSIZE);
		ck_assert_int_eq(shmemq_timedpush(producer, bytes, message_max, 9, 0), 0);
		ck_fails(shmemq_timedpush(producer, NULL, 0, 0, 0), EAGAIN);
		memset(copy, 0, message_max);
		ck_assert_int_eq(shmemq_timedpop(consumer, copy, message_max, NULL, 0), (ssize_t)message_max);
		ck_assert_int_eq(memcmp(copy, bytes, message_max), 0);
		/* Two places: with the largest, which takes up all but one, a ring and a place. */
		ck_assert_int_eq(shmemq_timedpush(producer, bytes, alignment, 0, 0), 0);
		ck_assert_int_eq(shmemq_timedpop(consumer, copy, alignment, NULL, 0), (ssize_t)alignment);
	}
	free(bytes);
	free(copy);
	close_pair();
}

/*
 * A huge page can be mapped where address and offset in the file are congruent. In the first lap a message is 8 bytes
 * after its record's start; in the second mapping of the ring, the place is the same modulo the capacity.
 */
TEST(a_large_ring_suits_huge_pages)
{
	const uintptr_t huge = 2 << 20;
	const char *at;

	name = test_name();
	producer = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 2 * huge);
	at = shmemq_push_start(producer, 100);
	ck_assert_ptr_nonnull(at);
	ck_assert_uint_eq((uintptr_t)at % huge, file_page() + 8);
	ck_assert_int_eq(shmemq_close(producer) | shmemq_unlink(name), 0);
}

const struct suite suite = {
	.name = "api/alignment",
	.seconds = 60,
	.tests = {
		{ messages_are_aligned, 2 * ALIGNMENTS, 0 },
		{ batches_are_aligned, ALIGNMENTS, 0 },
		{ the_largest_message_fits_anywhere, ALIGNMENTS, 0 },
		{ a_large_ring_suits_huge_pages, 8, 0 },
	},
};
