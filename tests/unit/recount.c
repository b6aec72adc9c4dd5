/* SPDX-License-Identifier: MIT */
/*
 * A producer that was killed between the store of its tail and that of its total has left the total short. The next one
 * counts once more.
 */
#include "config.h"

#include "file.h"
#include "suite.h"
#include "traffic.h"

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

/* It was killed between the stores of the count: then its total is right, and what it was storing is not used. */
TEST(half_a_count)
{
	begin();
	move(3);
	file->producer_progress.counted_messages += 2;
	file->producer_progress.counted_again++;
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
	file->producer_progress.counted_messages += (uint32_t)INT32_MAX - 1;
	move(0);
	ck_assert_uint_eq(pushed(), (uint64_t)INT32_MAX + 2);
	file_unmap(file);
}

/* Garbage in the count, or where it leads to, changes nothing. */
TEST(garbage)
{
	struct smq_progress *progress;

	begin();
	progress = &file->producer_progress;
	move(100);
	if (_i == 0)
		progress->counted_messages += 1u << 30;
	else
		progress->counted_units = progress->counted_again = progress->counted_units + (_i == 1 ? 1 : 1u << 30);
	move(0);
	ck_assert_uint_eq(pushed(), 100);
	file_unmap(file);
}

/*
 * Of a queue that grows, whichever ring the producer is in, however it has come there, and whatever has been given back
 * since. A follower that comes before the next producer does goes by the same count.
 */
TEST(of_a_queue_that_grows)
{
	const struct shmemq_attr attr = { .capacity = file_page(), .capacity_max = file_page() << (1 + _i) };
	uint64_t total = 0, random = (uint64_t)_i + 1, lost;
	const int64_t until = test_now() + TEST_BOX;
	struct shmemq *consumer;
	uint32_t extended = 0, drained = 0, round = 0;

	name = test_name();
	ck_assert_int_eq(shmemq_close(shmemq_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE, 0600, &attr)), 0);
	file = file_map(name);
	consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	for (; round < 2000 && test_now() < until; round++) {
		struct shmemq *producer = test_open(name, SHMEMQ_PRODUCER, 0), *follower;
		uint32_t count = 1 + (uint32_t)traffic_random(&random) % 20, pushes = 0, in, kept;
		struct smq_progress *progress, killed;

		for (uint32_t i = 0; i < count; i++) {
			size_t most = traffic_random(&random) % 8 == 0 ? sizeof message : 800;

			pushes += shmemq_timedpush(producer, message, traffic_random(&random) % most, 0, 0) == 0;
			if (round % 2 && traffic_random(&random) % 2)
				(void)shmemq_timedpop(consumer, message, sizeof message, NULL, 0);
		}
		total += pushes;
		in = file->producer_progress.extended;
		extended += in;
		progress = &(in ? smq_extension_of(file) : file)->producer_progress;
		memcpy(&killed, progress, sizeof killed);
		ck_assert_int_eq(shmemq_close(producer), 0);
		/* As a kill leaves them; but not if the memory from there on has been given back by the close. */
		kept = progress->kept_units;
		if (!in || killed.counted_units - kept < progress->reserved_units - kept) {
			progress->counted_units = killed.counted_units;
			progress->counted_messages = killed.counted_messages;
			progress->counted_again = killed.counted_again;
		}
		if (pushes != 0)
			progress->moved.messages_lo--;
		/* Meanwhile all may be popped, the message that was not counted too. */
		while (round % 4 == 0 && shmemq_timedpop(consumer, message, sizeof message, NULL, 0) >= 0)
			drained += in;
		follower = test_open(name, SHMEMQ_FOLLOWER, 0);
		ck_assert_int_eq(shmemq_close(test_open(name, SHMEMQ_PRODUCER, 0)), 0);
		ck_assert_uint_eq(pushed(), total);
		ck_assert_int_eq(shmemq_seek(follower, SHMEMQ_NEWEST, &lost), 0);
		ck_assert_uint_eq(lost, 0);
		ck_fails(shmemq_timedpop(follower, message, sizeof message, NULL, 0), EPIPE); /* at the newest */
		ck_assert_int_eq(shmemq_close(follower), 0);
		for (count = (uint32_t)traffic_random(&random) % 25; count > 0; count--)
			(void)shmemq_timedpop(consumer, message, sizeof message, NULL, 0);
	}
	if (round == 2000) {
		ck_assert_uint_gt(extended, 100);
		ck_assert_uint_lt(extended, 1900);
		ck_assert_uint_gt(drained, 100);
	}
	ck_assert_int_eq(shmemq_close(consumer), 0);
	file_unmap(file);
}

/*
 * It was killed between the store of the limit and that of the index, at the largest message: no entry is valid. All is
 * lost, which is told once. The next producer enters its tail.
 */
TEST(index_without_an_entry)
{
	struct smq_progress *progress;
	struct shmemq *follower;
	uint64_t lost;

	begin();
	progress = &file->producer_progress;
	follower = test_open(name, SHMEMQ_FOLLOWER, 0);
	move(200);
	progress->limit_units = progress->moved.position_units + (uint32_t)(file_page() / sizeof(struct smq_record));
	ck_fails(shmemq_timedpop(follower, message, sizeof message, NULL, 0), EOVERFLOW);
	if (_i == 1) {
		ck_assert_int_eq(shmemq_seek(follower, SHMEMQ_OLDEST, &lost), 0);
		ck_assert_uint_eq(lost, 200);
	}
	ck_fails(shmemq_timedpop(follower, message, sizeof message, NULL, 0), EPIPE);
	for (int whence = SHMEMQ_NEWEST; whence <= SHMEMQ_OLDEST; whence++) {
		ck_assert_int_eq(shmemq_seek(follower, whence, &lost), 0);
		ck_assert_uint_eq(lost, 200);
		ck_fails(shmemq_timedpop(follower, message, sizeof message, NULL, 0), EPIPE);
	}
	move(1);
	ck_assert_int_eq(shmemq_timedpop(follower, message, sizeof message, NULL, 0), 0);
	ck_fails(shmemq_timedpop(follower, message, sizeof message, NULL, 0), EPIPE);
	ck_assert_int_eq(shmemq_close(follower), 0);
	file_unmap(file);
}

/*
 * It was killed while it gave the extension back: the limit says that nothing there is intact, and the memory stays in
 * use. What the next one pushes is.
 */
TEST(extension_that_stays)
{
	const struct shmemq_attr attr = { .capacity = file_page(), .capacity_max = 4 * file_page() };
	struct shmemq *producer, *follower;
	struct smq_progress *progress;

	name = test_name();
	producer = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr);
	ck_assert_ptr_nonnull(producer);
	file = file_map(name);
	while (!file->producer_progress.extended)
		ck_assert_int_eq(shmemq_push(producer, message, 100, 0), 0);
	ck_assert_int_eq(shmemq_close(producer), 0);
	progress = &smq_extension_of(file)->producer_progress;
	progress->limit_units =
		progress->moved.position_units + (uint32_t)(5 * file_page() / sizeof(struct smq_record));
	producer = test_open(name, SHMEMQ_PRODUCER, 0);
	follower = test_open(name, SHMEMQ_FOLLOWER, 0);
	ck_fails(shmemq_timedpop(follower, message, sizeof message, NULL, 0), EAGAIN);
	ck_assert_int_eq(shmemq_push(producer, message, 100, 0), 0);
	ck_assert_int_eq(shmemq_timedpop(follower, message, sizeof message, NULL, 0), 100);
	ck_fails(shmemq_timedpop(follower, message, sizeof message, NULL, 0), EAGAIN);
	ck_assert_int_eq(shmemq_close(producer) | shmemq_close(follower), 0);
	file_unmap(file);
}

/*
 * A limit that no producer stores, and none moves on from: loss is told once. Then there is nothing to read, and a
 * producer that goes is noticed.
 */
TEST(garbage_limit)
{
	const struct shmemq_attr attr = { .capacity = file_page(),
					  .capacity_max = (_i & 1 ? 4 : 1) * file_page(),
					  .flags = _i & 2 ? SHMEMQ_ATTR_BROADCAST : 0 };
	struct shmemq *producer, *follower;
	uint64_t lost;

	name = test_name();
	producer = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr);
	ck_assert_ptr_nonnull(producer);
	ck_assert_int_eq(shmemq_push(producer, message, 1, 0), 0);
	file = file_map(name);
	file->producer_progress.limit_units = 441680414;
	for (int whence = SHMEMQ_NEWEST; whence <= SHMEMQ_OLDEST; whence++) {
		follower = test_open(name, SHMEMQ_FOLLOWER, 0);
		(void)shmemq_seek(follower, whence, &lost);
		(void)shmemq_timedpop(follower, message, sizeof message, NULL, 0);
		for (int i = 0; i < 3; i++)
			ck_fails(shmemq_timedpop(follower, message, sizeof message, NULL, 0), EAGAIN);
		ck_fails(shmemq_timedpop(follower, message, sizeof message, NULL, 1000000), ETIMEDOUT);
		if (whence == SHMEMQ_OLDEST)
			ck_assert_int_eq(shmemq_close(producer), 0);
		ck_fails(shmemq_timedpop(follower, message, sizeof message, NULL, 0),
			 whence == SHMEMQ_OLDEST ? EPIPE : EAGAIN);
		ck_assert_int_eq(shmemq_close(follower), 0);
	}
	file_unmap(file);
}

/* The same, for a program that asks after each loss what was lost, as shmemq_seek(3) shows: its loop ends. */
TEST(garbage_limit_and_seek)
{
	const struct shmemq_attr attr = { .capacity = file_page(), .capacity_max = (_i & 1 ? 4 : 1) * file_page() };
	struct shmemq *producer, *follower;
	uint64_t lost;
	int losses = 0;

	name = test_name();
	producer = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 0600, &attr);
	ck_assert_ptr_nonnull(producer);
	ck_assert_int_eq(shmemq_push(producer, message, 1, 0), 0);
	file = file_map(name);
	file->producer_progress.limit_units = _i & 2 ? 441680414 : 1u << 31;
	follower = test_open(name, SHMEMQ_FOLLOWER, 0);
	(void)shmemq_seek(follower, SHMEMQ_OLDEST, &lost);
	while (shmemq_timedpop(follower, message, sizeof message, NULL, 0) < 0 && errno == EOVERFLOW) {
		ck_assert_int_lt(losses++, 3);
		ck_assert_int_eq(shmemq_seek(follower, SHMEMQ_OLDEST, &lost), 0);
	}
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(shmemq_close(producer), 0);
	ck_fails(shmemq_timedpop(follower, message, sizeof message, NULL, 0), EPIPE);
	ck_assert_int_eq(shmemq_close(follower), 0);
	file_unmap(file);
}

const struct suite suite = {
	.name = "unit/recount",
	.seconds = 60,
	.tests = {
		{ what_was_not_counted, 1, 0 },
		{ half_a_count, 1, 0 },
		{ carry, 1, 0 },
		{ garbage, 3, 0 },
		{ of_a_queue_that_grows, 4, 0 },
		{ index_without_an_entry, 2, 0 },
		{ extension_that_stays, 1, 0 },
		{ garbage_limit, 3, 0 },
		{ garbage_limit_and_seek, 4, 0 },
	},
};
