/* SPDX-License-Identifier: MIT */
/*
 * A producer that was killed between the store of its tail and that of its total has left the total short. The next one
 * counts by the index.
 */
#include "config.h"

#include "file.h"
#include "suite.h"

static const char *name;
static struct smq_header *file;
static char message[2000];

static uint64_t pushed(void)
{
	struct shmemq *q = test_open(name, SHMEMQ_OBSERVER, 0);
	struct shmemq_stat st;

	ck_assert_int_eq(shmemq_stat(q, &st), 0);
	ck_assert_int_eq(shmemq_close(q), 0);
	return st.pushed_messages;
}

/* Pushes and pops so many, of all sizes. */
static void move(uint32_t count)
{
	struct shmemq *producer = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1);
	struct shmemq *consumer = test_open(name, SHMEMQ_CONSUMER, 0);

	for (uint32_t i = 0; i < count; i++) {
		ck_assert_int_eq(shmemq_timedpush(producer, message, i * 37 % sizeof message, i, 0), 0);
		ck_assert_int_ge(shmemq_timedpop(consumer, message, sizeof message, NULL, 0), 0);
	}
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(consumer), 0);
}

static void begin(void)
{
	name = test_name();
	ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 1)), 0);
	file = file_map(name);
}

TEST(what_was_not_counted)
{
	uint64_t total = 0;

	begin();
	for (uint32_t i = 1; i < 300; i += 1 + i / 20) {
		move(i);
		total += i;
		file->producer_progress.moved.messages_lo -= i < 5 ? i : 5; /* as after a batch */
		ck_assert_uint_lt(pushed(), total);
		move(0);
		ck_assert_uint_eq(pushed(), total);
	}
	file_unmap(file);
}

/* It was killed in the first lap, between the stores of an entry's number and of its position. */
TEST(half_an_entry)
{
	uint32_t entries = 0;

	begin();
	move(3);
	for (int i = 0; i < SMQ_INDEX_ENTRIES; i++) {
		if (i > 0 && file->index[i].position_units != 0) {
			file->index[i].position_units = 0;
			entries++;
		}
	}
	ck_assert_uint_gt(entries, 0);
	file->index[0].position_units = 1u << 20; /* not valid: so that no other entry is as near */
	move(0);
	ck_assert_uint_eq(pushed(), 3);
	file_unmap(file);
}

/* Over the carry to the upper word, which had not been stored either. */
TEST(carry)
{
	begin();
	move(3);
	file->producer_progress.moved.messages_lo = INT32_MAX;
	for (int i = 0; i < SMQ_INDEX_ENTRIES; i++)
		file->index[i].messages_lo += (uint32_t)INT32_MAX - 1;
	move(0);
	ck_assert_uint_eq(pushed(), (uint64_t)INT32_MAX + 2);
	file_unmap(file);
}

/* Garbage in the index, or where it leads to, changes nothing. */
TEST(garbage)
{
	begin();
	move(100);
	for (int i = 0; i < SMQ_INDEX_ENTRIES; i++) {
		if (_i == 0)
			file->index[i].messages_lo += 1u << 30;
		else
			file->index[i].position_units ^= 1;
	}
	move(0);
	ck_assert_uint_eq(pushed(), 100);
	file_unmap(file);
}

/*
 * It was killed between the store of the limit and that of the index, at the largest message: no entry is valid. The
 * next one enters its tail.
 */
TEST(index_without_an_entry)
{
	struct shmemq *follower;
	uint64_t lost;

	begin();
	follower = test_open(name, SHMEMQ_FOLLOWER, 0);
	move(200);
	file->producer_progress.limit_units =
		file->producer_progress.moved.position_units + (uint32_t)(file_page() / sizeof(struct smq_record));
	ck_fails(shmemq_timedpop(follower, message, sizeof message, NULL, 0), EOVERFLOW);
	ck_assert_int_eq(shmemq_seek(follower, SHMEMQ_OLDEST, NULL), 0);
	ck_fails(shmemq_timedpop(follower, message, sizeof message, NULL, 0), EOVERFLOW);
	move(1);
	ck_assert_int_eq(shmemq_seek(follower, SHMEMQ_OLDEST, &lost), 0);
	ck_assert_uint_eq(lost, 200);
	ck_assert_int_eq(shmemq_timedpop(follower, message, sizeof message, NULL, 0), 0);
	ck_assert_int_eq(shmemq_close(follower), 0);
	file_unmap(file);
}

const struct suite suite = {
	.name = "unit/recount",
	.seconds = 60,
	.tests = {
		{ what_was_not_counted, 1, 0 },
		{ half_an_entry, 1, 0 },
		{ carry, 1, 0 },
		{ garbage, 2, 0 },
		{ index_without_an_entry, 1, 0 },
	},
};
