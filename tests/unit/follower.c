/* SPDX-License-Identifier: MIT */
/*
 * A follower's reads while the producer goes on between any two of them, and what it makes of garbage. The linker puts
 * a function in place of pread(2) that pushes first.
 */
#include "config.h"

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include "file.h"
#include "follow.h"
#include "suite.h"
#include "traffic.h"

#if defined __GLIBC__ && defined __USE_FILE_OFFSET64
#define wrap_pread __wrap_pread64
#define real_pread __real_pread64
#else
#define wrap_pread __wrap_pread
#define real_pread __real_pread
#endif
ssize_t wrap_pread(int fd, void *buffer, size_t bytes, off_t offset);
ssize_t real_pread(int fd, void *buffer, size_t bytes, off_t offset);

static struct shmemq *producer, *consumer, *follower;
static struct smq_header *file;
static uint32_t pushed;            /* messages so far */
static unsigned reads, due, count; /* after `due` reads of a call `count` messages are pushed; 0: none */
static bool always;                /* after each read */
static char buffer[1 << 18];
static uint64_t seed;

static size_t size_of(uint32_t number)
{
	uint64_t state = number + seed;

	return traffic_random(&state) % (traffic_random(&state) % 8 ? 100 : 1000);
}

static void push_popped(void)
{
	static char message[1 << 18];
	size_t size = size_of(pushed);

	traffic_fill(message, size, pushed);
	ck_fast(shmemq_timedpush(producer, message, size, pushed, 0) == 0);
	ck_fast(shmemq_timedpop(consumer, message, sizeof message, NULL, 0) == (ssize_t)size);
	pushed++;
}

ssize_t wrap_pread(int fd, void *to, size_t bytes, off_t offset)
{
	if (count != 0 && (always || reads++ == due)) {
		unsigned more = count;

		count = 0; /* the producer may read too */
		for (unsigned i = 0; i < more; i++)
			push_popped();
		count = always ? more : 0;
	}
	return real_pread(fd, to, bytes, offset);
}

static void begin(void)
{
	const char *name = test_name();

	pushed = 0;
	seed = test_seed();
	producer = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1);
	consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	follower = test_open(name, SHMEMQ_FOLLOWER, 0);
	file = file_map(name);
}

static void end(void)
{
	count = 0;
	file_unmap(file);
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumer) | shmemq_close(follower), 0);
}

/* Pops one. false: overtaken. Whatever comes is whole, and the one that `expected` says unless that is UINT32_MAX. */
static bool pop(uint32_t expected, uint32_t *type)
{
	ssize_t size = shmemq_timedpop(follower, buffer, sizeof buffer, type, 0);

	if (size < 0) {
		ck_fast(errno == EOVERFLOW);
		return false;
	}
	ck_fast(expected == UINT32_MAX || *type == expected);
	ck_fast((size_t)size == size_of(*type) && traffic_filled(buffer, (size_t)size, *type));
	return true;
}

/* Pops all that there is, after `lost` from `next` on; seeks when overtaken. */
static void follow_to_end(uint32_t next, uint64_t lost)
{
	uint32_t type;

	while (next + lost != pushed) {
		if (pop((uint32_t)(next + lost), &type)) {
			next = type + 1;
			lost = 0;
		} else {
			ck_fast(shmemq_seek(follower, SHMEMQ_OLDEST, &lost) == 0);
		}
	}
	ck_fails(shmemq_timedpop(follower, buffer, sizeof buffer, NULL, 0), EAGAIN);
}

/* Between any two reads of a pop, by any number of messages up to several laps: whole, in order, and counted. */
TEST(overtaken_between_any_two_reads)
{
	begin();
	for (unsigned at = 0; at < 12; at++) {
		for (unsigned more = 1; more < 200; more += 1 + more / 8) {
			uint32_t type, next;

			ck_assert_int_eq(shmemq_seek(follower, SHMEMQ_NEWEST, NULL), 0);
			next = pushed;
			for (unsigned i = 0; i < more % 7; i++)
				push_popped();
			reads = 0;
			due = at;
			count = more;
			if (shmemq_timedpop(follower, buffer, sizeof buffer, &type, 0) >= 0) {
				ck_assert_uint_eq(type, next++);
				ck_assert(traffic_filled(buffer, size_of(type), type));
			} else if (errno == EOVERFLOW) {
				uint64_t lost;

				count = 0;
				ck_assert_int_eq(shmemq_seek(follower, SHMEMQ_OLDEST, &lost), 0);
				next += (uint32_t)lost;
			} else {
				ck_assert_int_eq(errno, EAGAIN);
			}
			count = 0;
			/* What a seek to the newest has passed over is not lost for this loop. */
			while (next != pushed && pop(UINT32_MAX, &type)) {
				ck_assert_uint_eq(type, next);
				next++;
			}
			ck_assert(next == pushed || errno == EOVERFLOW);
		}
	}
	end();
}

/* The same of a seek: what comes next has the number that the seek has told. */
TEST(seeks_while_the_producer_goes_on)
{
	begin();
	for (unsigned at = 0; at < 16; at++) {
		for (unsigned more = 1; more < 200; more += 1 + more / 8) {
			uint64_t lost;
			uint32_t last;

			push_popped();
			ck_assert_int_eq(shmemq_seek(follower, SHMEMQ_OLDEST, NULL), 0);
			ck_assert(pop(UINT32_MAX, &last));
			reads = 0;
			due = at;
			count = more;
			ck_assert_int_eq(shmemq_seek(follower, _i, &lost), 0);
			count = 0;
			if (lost != 0)
				follow_to_end(last + 1, lost);
		}
	}
	end();
}

/* The first messages of a queue, pushed between any two reads of a seek. The oldest is the first in any case. */
TEST(seeks_while_the_first_messages_are_pushed)
{
	for (unsigned at = 0; at < 12; at++) {
		uint64_t lost;

		begin();
		reads = 0;
		due = at;
		count = 2;
		ck_assert_int_eq(shmemq_seek(follower, _i, &lost), 0);
		count = 0;
		if (_i == SHMEMQ_OLDEST)
			ck_assert_uint_eq(lost, 0);
		follow_to_end(0, lost);
		end();
	}
}

/* Before each read the producer goes on, by part of a ring or by more: what is lost is counted all the same. */
TEST(seeks_while_the_producer_never_rests)
{
	const int64_t until = test_now() + TEST_BOX;

	begin();
	for (unsigned more = 1; more < 200 && test_now() < until; more += 1 + more / 8) {
		uint32_t last, next;
		uint64_t lost;

		push_popped();
		ck_assert_int_eq(shmemq_seek(follower, SHMEMQ_OLDEST, NULL), 0);
		ck_assert(pop(UINT32_MAX, &last));
		always = true;
		count = more;
		ck_assert_int_eq(shmemq_seek(follower, _i, &lost), 0);
		always = false;
		count = 0;
		/* It is where it says, or it is told that it has been overtaken, and then told exactly. */
		if (lost == 0 || !pop(last + 1 + (uint32_t)lost, &next)) {
			ck_assert_int_eq(shmemq_seek(follower, SHMEMQ_OLDEST, &lost), 0);
			ck_assert(lost == 0 || pop(last + 1 + (uint32_t)lost, &next));
		}
	}
	end();
}

/* It does not notice by the positions alone that the producer has come round to where it was. */
TEST(overtaken_by_exactly_all_positions)
{
	begin();
	push_popped();
	ck_assert_int_eq(shmemq_seek(follower, SHMEMQ_OLDEST, NULL), 0);
	push_popped();
	if (_i == 0) {
		file->producer_progress.moved.moved_hi += 16; /* 32 GiB */
	} else {
		file->producer_progress.moved.messages_lo += 1u << 30;
		ck_assert_uint_lt(file->producer_progress.moved.messages_lo, 1u << 31);
	}
	ck_assert_int_ge(shmemq_timedpop(follower, buffer, sizeof buffer, NULL, 0), 0); /* it had been read */
	ck_fails(shmemq_timedpop(follower, buffer, sizeof buffer, NULL, 0), EOVERFLOW);
	end();
}

/* Garbage of a size word before the tail, and of the tail. EBADMSG, sticky. */
TEST(garbage)
{
	const uint32_t sizes[] = { 0, UINT32_MAX, UINT32_MAX - 1, 1u << 31, (uint32_t)file_page(), 3000 };

	begin();
	push_popped();
	push_popped();
	if (_i < 6)
		file_record(file, 0)->size_plus_1 = sizes[_i];
	else
		file->producer_progress.moved.position_units += _i == 6 ? 1u << 30 : -(1u << 20);
	ck_fails(shmemq_timedpop(follower, buffer, sizeof buffer, NULL, -1), EBADMSG);
	ck_fails(shmemq_timedpop(follower, buffer, sizeof buffer, NULL, -1), EBADMSG);
	end();
}

/* Garbage in the index is no place: the follower goes on at another one, or fails. */
TEST(garbage_in_the_index)
{
	begin();
	for (int i = 0; i < 200; i++)
		push_popped();
	for (int i = 0; i < SMQ_INDEX_ENTRIES; i++)
		file->index[i].position_units = (uint32_t)(traffic_random(&seed) >> traffic_random(&seed) % 32);
	for (int i = 0; i < 100; i++) {
		push_popped();
		if (shmemq_timedpop(follower, buffer, sizeof buffer, NULL, 0) < 0 && errno == EBADMSG)
			break;
		(void)shmemq_seek(follower, i % 3, NULL);
	}
	end();
}

const struct suite suite = {
	.name = "unit/follower",
	.seconds = 120,
	.tests = {
		{ overtaken_between_any_two_reads, 1, 0 },
		{ seeks_while_the_producer_goes_on, 3, 0 },
		{ seeks_while_the_first_messages_are_pushed, 3, 0 },
		{ seeks_while_the_producer_never_rests, 3, 0 },
		{ overtaken_by_exactly_all_positions, 2, 0 },
		{ garbage, 8, 0 },
		{ garbage_in_the_index, 1, 0 },
	},
};
