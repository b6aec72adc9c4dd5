/* SPDX-License-Identifier: MIT */
/*
 * A producer of a SHARED end that waits for space goes by the stored tail, without the owner lock. If the lock's holder
 * is killed after it has published a message and before it stores its tail, and the message is popped, nobody notifies
 * the others any more: so they are to see that there is space.
 */
#include "config.h"

#include "file.h"
#include "handle.h"
#include "suite.h"
#include "want.h"

static const struct {
	uint64_t pages, pages_max;
	uint64_t popped[2]; /* in eighths of a page: messages that are pushed, and popped, before */
	uint64_t published, wanted;
} cases[] = {
	{ 16, 16, { 8, 8 }, 120, 64 },     /* does not grow */
	{ 1, 16, { 1, 80 }, 80, 56 },      /* in the extension */
	{ 16, 32, { 120, 39 }, 126, 124 }, /* in the ring again, while the extension is in use */
};

static size_t bytes(uint64_t eighths)
{
	return eighths * file_page() / 8;
}

/* Of the holder's push, all but the store of its tail and what comes after it. */
static void publish(struct shmemq *q, size_t size)
{
	struct smq_reservation reservation;

	ck_assert_ptr_nonnull(shmemq_timedpush_start(q, size, 0));
	reservation = smq_ring_reserve(&q->ring, (uint32_t)size);
	atomic_store_explicit(&reservation.record->type, 1, memory_order_relaxed);
	atomic_store_explicit(&reservation.record->size_plus_1, (uint32_t)size + 1, memory_order_release);
}

static void pop_one(struct shmemq *q, size_t size)
{
	size_t popped;

	ck_assert_ptr_nonnull(shmemq_timedpop_start(q, &popped, NULL, 0));
	ck_assert_uint_eq(popped, size);
	ck_assert_int_eq(shmemq_pop_end(q), 0);
}

TEST(space_after_a_tail_that_was_never_stored)
{
	const struct shmemq_attr attr = { .capacity = cases[_i].pages * file_page(),
					  .capacity_max = cases[_i].pages_max * file_page() };
	const char *name = test_name();
	struct shmemq *holder = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_SHARED | SHMEMQ_CREATE, 0600, &attr);
	struct shmemq *other = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_SHARED, 0);
	struct shmemq *consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	size_t wanted = bytes(cases[_i].wanted);
	void *message = calloc(1, bytes(8 * cases[_i].pages_max));
	struct smq_want want = { .need = smq_record_units(&other->ring, (uint32_t)wanted), .patient = true };

	ck_assert(holder != NULL && message != NULL);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(shmemq_timedpush(holder, message, bytes(cases[_i].popped[i]), 0, 0), 0);
	for (int i = 0; i < 2; i++)
		pop_one(consumer, bytes(cases[_i].popped[i]));
	publish(holder, bytes(cases[_i].published));
	ck_assert_int_eq(shmemq_timedpush(other, message, wanted, 0, 0), -1); /* the lock is held */
	ck_assert_int_eq(errno, EAGAIN);
	pop_one(consumer, bytes(cases[_i].published));
	ck_assert(smq_guess(other, &want, true));
	/* A close settles what was left undone, as the next holder does after a kill. */
	ck_assert_int_eq(shmemq_close(holder), 0);
	ck_assert_int_eq(shmemq_timedpush(other, message, wanted, 0, 0), 0);
	pop_one(consumer, wanted);
	free(message);
	ck_assert_int_eq(shmemq_close(other) | shmemq_close(consumer), 0);
}

const struct suite suite = {
	.name = "unit/guess",
	.tests = {
		{ space_after_a_tail_that_was_never_stored, sizeof cases / sizeof cases[0], 0 },
	},
};
