/* SPDX-License-Identifier: MIT */
/*
 * A ring of the largest capacity, 8 GiB, with messages of up to 1 GiB: positions and sums are beyond 2^32 bytes.
 * Nothing is reserved, and of each message only the ends are touched, so it takes few pages.
 */
#include "config.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "file.h"
#include "suite.h"
#include "traffic.h"

#define GIB  ((uint64_t)1 << 30)
#define MOST (size_t) GIB /* bytes of the largest message */
#define FIT  7            /* of them fit into the ring */
#define MARK 64           /* bytes at each end of a message */

#if defined __GLIBC__ && defined __USE_FILE_OFFSET64
#define wrap_posix_fallocate __wrap_posix_fallocate64
#else
#define wrap_posix_fallocate __wrap_posix_fallocate
#endif
int wrap_posix_fallocate(int file, off_t offset, off_t bytes);

/* Makes the file longer, and reserves nothing. */
int wrap_posix_fallocate(int file, off_t offset, off_t bytes)
{
	return ftruncate(file, offset + bytes) == 0 ? 0 : errno;
}

static struct shmemq *producer, *consumer;
static struct smq_header *header;
static uint32_t alignment;
static int fd;

/* Each run has another alignment. The ends stand where the producer's is after three messages of 1 GiB more at 2^32. */
static void open_ends(int run)
{
	struct shmemq_attr attr = { .capacity = 8 * GIB, .alignment = run == 0 ? 8 : run == 1 ? 64 : 4096 };
	uint32_t start;

	alignment = attr.alignment;
	start = -(uint32_t)(3 * (GIB + alignment) / 8) - 1;
	fd = shmemq_memfd(&attr);
	ck_assert_int_ge(fd, 0);
	header = mmap(NULL, file_page(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert(header != MAP_FAILED);
	header->producer_progress.moved.position_units = header->consumer_progress.moved.position_units = start;
	header->consumer_progress.moved.lease_units = header->consumer_room.position_units = start;
	producer = test_fdopen(fd, SHMEMQ_PRODUCER);
	consumer = test_fdopen(fd, SHMEMQ_CONSUMER);
}

static void close_ends(void)
{
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumer), 0);
	munmap(header, file_page());
	close(fd);
}

/* false: EAGAIN. */
static bool push(size_t size, uint32_t number)
{
	unsigned char *at = shmemq_timedpush_start(producer, size, 0);

	if (at == NULL) {
		ck_assert_int_eq(errno, EAGAIN);
		return false;
	}
	ck_assert_uint_eq((uintptr_t)at % alignment, 0);
	traffic_fill(at + size - MARK, MARK, number + 1000);
	traffic_fill(at, MARK, number);
	ck_assert_int_eq(shmemq_push_end(producer, size, number), 0);
	return true;
}

static void check(const void *message, size_t size, size_t expected, uint32_t number)
{
	const unsigned char *at = message;

	ck_assert_ptr_nonnull(message);
	ck_assert_uint_eq((uintptr_t)at % alignment, 0);
	ck_assert_uint_eq(size, expected);
	ck_assert(traffic_filled(at, MARK, number));
	ck_assert(traffic_filled(at + size - MARK, MARK, number + 1000));
}

static void pop(size_t expected, uint32_t number)
{
	uint32_t type;
	size_t size;
	const void *at = shmemq_timedpop_start(consumer, &size, &type, 0);

	check(at, size, expected, number);
	ck_assert_uint_eq(type, number);
	ck_assert_int_eq(shmemq_redelivered(consumer), 0);
	ck_assert_int_eq(shmemq_pop_end(consumer), 0);
}

TEST(attributes)
{
	struct shmemq_attr attr;
	struct shmemq_stat st;

	open_ends(_i);
	ck_assert_int_eq(shmemq_getattr(producer, &attr), 0);
	ck_assert_uint_eq(attr.capacity, 8 * GIB);
	ck_assert_uint_eq(attr.capacity_max, 8 * GIB);
	ck_assert_uint_eq(attr.message_max, GIB);
	ck_assert_uint_eq(attr.alignment, alignment);
	ck_assert_int_eq(shmemq_stat(consumer, &st), 0);
	ck_assert_uint_eq(st.capacity, 8 * GIB);
	ck_assert_uint_eq(st.queued_bytes, 0);
	ck_fails(shmemq_timedpush_start(producer, MOST + 1, 0), EMSGSIZE);
	ck_fails(shmemq_timedpush(producer, &attr, (size_t)4 << 30, 0, 0), EMSGSIZE); /* 0 in 32 bits */
	close_ends();
}

/* Around the ring several times, and the 32-bit positions; full, and with one message less. */
TEST(messages_of_the_largest_size)
{
	struct shmemq_stat st;

	open_ends(_i);
	for (uint32_t i = 0; i < FIT; i++)
		ck_assert(push(MOST, i));
	ck_assert(!push(MOST, 0));
	for (uint32_t i = 0; i < 5 * FIT; i++) {
		ck_assert_int_eq(shmemq_stat(consumer, &st), 0);
		ck_assert_uint_eq(st.queued_bytes, FIT * (GIB + alignment));
		ck_assert_uint_eq(st.queued_messages, FIT);
		ck_assert_uint_eq(st.pushed_bytes, (FIT + i) * GIB);
		ck_assert_uint_eq(st.popped_bytes, i * GIB);
		pop(MOST, i);
		ck_assert(push(MOST, FIT + i));
		ck_assert(!push(MOST, 0));
	}
	for (uint32_t i = 5 * FIT; i < 6 * FIT; i++)
		pop(MOST, i);
	ck_fails(shmemq_timedpop(consumer, NULL, 0, NULL, 0), EAGAIN);
	close_ends();
}

/* The last bytes of the ring can be used, and not one more. */
TEST(the_ring_is_filled)
{
	size_t rest;

	open_ends(_i);
	rest = MOST - (FIT + 1) * alignment - 8;
	for (uint32_t i = 0; i < FIT; i++)
		ck_assert(push(MOST, i));
	ck_assert(!push(rest + 1, 0));
	ck_assert(push(rest, FIT));
	ck_fails(shmemq_timedpush(producer, NULL, 0, 0, 0), EAGAIN);
	for (uint32_t i = 0; i < FIT; i++)
		pop(MOST, i);
	pop(rest, FIT);
	close_ends();
}

/* A batch takes up no more of the ring than the largest message. */
TEST(batches)
{
	const size_t quarter = MOST / 4;
	struct shmemq_msg msgs[16];

	open_ends(_i);
	for (uint32_t i = 0; i < 20; i++)
		ck_assert(push(quarter, i));
	for (uint32_t i = 0; i < 18; i += 3) {
		ck_assert_int_eq(shmemq_popm_start(consumer, msgs, 16, 0), 3);
		for (uint32_t j = 0; j < 3; j++)
			check(msgs[j].data, msgs[j].size, quarter, i + j);
		/* What is held comes again, marked, to another consumer. */
		ck_assert_int_eq(shmemq_close(consumer), 0);
		consumer = test_fdopen(fd, SHMEMQ_CONSUMER);
		ck_assert_int_eq(shmemq_popm_start(consumer, msgs, 16, 0), 3);
		for (uint32_t j = 0; j < 3; j++) {
			check(msgs[j].data, msgs[j].size, quarter, i + j);
			ck_assert_uint_eq(msgs[j].flags, SHMEMQ_MSG_REDELIVERED);
		}
		ck_assert_int_eq(shmemq_popm_end(consumer, 3), 0);
	}
	pop(quarter, 18);
	pop(quarter, 19);
	close_ends();
}

/* A producer is killed after it has published the largest message, and before it has stored that: the next one does. */
TEST(takeover)
{
	struct smq_moved then;
	struct shmemq_stat st;

	open_ends(_i);
	for (uint32_t i = 0; i < 5; i++) {
		then = header->producer_progress.moved;
		ck_assert(push(MOST, i));
	}
	ck_assert_int_eq(shmemq_close(producer), 0);
	header->producer_progress.moved = then;
	producer = test_fdopen(fd, SHMEMQ_PRODUCER);
	ck_assert_int_eq(shmemq_stat(producer, &st), 0);
	ck_assert_uint_eq(st.queued_bytes, 5 * (GIB + alignment));
	ck_assert_uint_eq(st.pushed_bytes, 5 * GIB);
	ck_assert_uint_eq(st.pushed_messages, 5);
	for (uint32_t i = 5; i < FIT; i++)
		ck_assert(push(MOST, i));
	ck_assert(!push(MOST, 0));
	for (uint32_t i = 0; i < FIT; i++)
		pop(MOST, i);
	close_ends();
}

const struct suite suite = {
	.name = "unit/large",
	.seconds = 60,
	.needs = NEEDS_ADDRESSES | NEEDS_PROC,
	.tests = {
		{ attributes, 3, 0 },
		{ messages_of_the_largest_size, 3, 0 },
		{ the_ring_is_filled, 3, 0 },
		{ batches, 3, 0 },
		{ takeover, 3, 0 },
	},
};
