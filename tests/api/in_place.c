/* SPDX-License-Identifier: MIT */
/* Messages in place: started and not ended, ended, or cancelled. */
#include "config.h"

#include "calls.h"
#include "file.h"
#include "pair.h"
#include "suite.h"

/* On both sides, after messages of every length. */
TEST(messages_are_aligned)
{
	for (size_t size = 0; size < 512; size++) {
		size_t got;
		void *reserved = shmemq_push_start(producer, size);
		const void *message;

		ck_assert_uint_eq((uintptr_t)reserved % 8, 0);
		memset(reserved, (int)size, size);
		ck_assert_int_eq(shmemq_push_end(producer, size, 0), 0);
		message = shmemq_pop_start(consumer, &got, NULL);
		ck_assert_uint_eq((uintptr_t)message % 8, 0);
		ck_assert_int_eq(shmemq_pop_end(consumer), 0);
	}
}

TEST(push_in_place)
{
	char *reserved = shmemq_push_start(producer, 100);

	memcpy(reserved, "shorter", 7);
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

/* A cancelled message never existed, and its space is free. */
TEST(a_cancelled_push_never_was)
{
	void *reserved = shmemq_push_start(producer, message_max);
	struct shmemq_stat st;

	memset(reserved, 0xff, message_max);
	ck_assert_int_eq(shmemq_push_cancel(producer), 0);
	ck_fails(shmemq_push_end(producer, 0, 0), EINVAL);
	expect_none();
	ck_assert_int_eq(shmemq_stat(producer, &st), 0);
	ck_assert(st.pushed_messages == 0 && st.queued_bytes == 0);
	ck_assert_ptr_eq(shmemq_push_start(producer, 5), reserved);
	memcpy(reserved, "after", 5);
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
	/* The message stays where it is, however full the ring becomes. */
	fill(producer, 3);
	ck_assert_mem_eq(message, "one", 3);
	ck_assert_int_eq(shmemq_pop_end(consumer), 0);
	FILE_UNCHANGED(file, ck_fails(shmemq_pop_end(consumer), EINVAL));
	expect("two", 3, 0);
}

/* The calls that belong to one end and never wait. */
TEST(refuses_the_wrong_end)
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

/* These calls do not find garbage, but a handle that has found it does nothing any more. */
TEST(a_broken_handle_does_nothing)
{
	struct smq_record *record = file_record(file, 0);
	size_t size;

	record->size_plus_1 = UINT32_MAX;
	ck_fails(shmemq_pop_start(consumer, &size, NULL), EBADMSG);
	record->size_plus_1 = 0;
	ck_fails(shmemq_pop_end(consumer), EBADMSG);
	ck_assert_int_eq(shmemq_redelivered(consumer), 0);
	fill(producer, 1);
	file->consumer_progress.moved.position_units = UINT32_MAX; /* before the last one */
	ck_fails(shmemq_timedpush_start(producer, 1, 0), EBADMSG);
	file->consumer_progress.moved.position_units = 0;
	ck_fails(shmemq_push_end(producer, 0, 0), EBADMSG);
	ck_fails(shmemq_push_cancel(producer), EBADMSG);
	ck_assert_int_eq(shmemq_interrupt(producer) | shmemq_interrupt(consumer), 0);
}

const struct suite suite = {
	.name = "api/in_place",
	.seconds = 60,
	.setup = pair_open_page,
	.teardown = pair_close,
	.tests = {
		{ messages_are_aligned, 1, 0 },
		{ push_in_place, 1, 0 },
		{ a_cancelled_push_never_was, 1, 0 },
		{ pop_in_place, 1, 0 },
		{ refuses_the_wrong_end, 1, 0 },
		{ a_broken_handle_does_nothing, 1, 0 },
	},
};
