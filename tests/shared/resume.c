/* SPDX-License-Identifier: MIT */
/* SHARED ends: a handle that gets the owner lock again goes by what it knows only if no other handle had it since. */
#include "config.h"

#include "calls.h"
#include "child.h"
#include "acquire.h"
#include "one_end.h"
#include "suite.h"
#include "three.h"

/* Pops all messages, and checks that they are the numbers from `*next` on. */
static void pop_numbers(struct shmemq *q, uint32_t *next)
{
	uint32_t number;

	while (shmemq_timedpop(q, &number, sizeof number, NULL, 0) == sizeof number)
		ck_assert_uint_eq(number, (*next)++);
	ck_assert_int_eq(errno, EAGAIN);
}

/* The handles push in all orders, alone and after one another. */
TEST(small_messages_keep_their_order)
{
	struct three three = open_three(SHMEMQ_PRODUCER);
	uint32_t pushed = 0, popped = 0, random = 1;

	while (end_try(three.peer, SHMEMQ_CONSUMER) >= 0)
		;
	for (int i = 0; i < 20000; i++) {
		random = random * 1103515245 + 12345;
		ck_assert_int_eq(shmemq_push(random & 1 << 16 ? three.one : three.two, &pushed, sizeof pushed, 0), 0);
		pushed++;
		if (!(random & 7 << 20))
			pop_numbers(three.peer, &popped);
	}
	pop_numbers(three.peer, &popped);
	ck_assert_uint_eq(popped, pushed);
	close_three(&three);
}

TEST(small_messages_are_popped_once)
{
	struct three three = open_three(SHMEMQ_CONSUMER);
	uint32_t random = 1, number;

	while (end_try(three.one, SHMEMQ_CONSUMER) >= 0)
		;
	for (uint32_t i = 0; i < 20000; i++) {
		random = random * 1103515245 + 12345;
		ck_assert_int_eq(shmemq_push(three.peer, &i, sizeof i, 0), 0);
		ck_assert_int_eq(shmemq_pop(random & 1 << 16 ? three.one : three.two, &number, sizeof number, NULL),
				 sizeof number);
		ck_assert_uint_eq(number, i);
	}
	close_three(&three);
}

#define HALF       (SMQ_CAPACITY_DEFAULT / 2) /* bytes */
#define HALF_UNITS (uint32_t)(HALF / SMQ_UNIT)

static void push_half(struct shmemq *q)
{
	ck_assert_ptr_nonnull(shmemq_push_start(q, HALF - SMQ_UNIT));
	ck_assert_int_eq(shmemq_push_end(q, HALF - SMQ_UNIT, 1), 0);
}

static void pop_half(struct shmemq *q)
{
	size_t size;

	ck_assert_ptr_nonnull(shmemq_pop_start(q, &size, NULL));
	ck_assert_uint_eq(size, HALF - SMQ_UNIT);
	ck_assert_int_eq(shmemq_pop_end(q), 0);
}

/*
 * Another handle has filled half the ring, and brought the tail round to where this handle left it: only the count of
 * messages tells, first by its lower word, then (as after 2^32 messages) by the upper one. This handle fills the rest
 * of the ring and no more.
 */
TEST(a_position_that_came_round_is_another)
{
	struct smq_moved *progress;
	const char *name = test_name();
	struct shmemq *one, *two, *peer = test_open(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, SMQ_CAPACITY_DEFAULT);
	unsigned pushed = 0;
	char message[56];

	one = end_join(name, SHMEMQ_PRODUCER);
	two = end_join(name, SHMEMQ_PRODUCER);
	progress = &one->header->producer_progress.moved;
	memset(message, 'a', sizeof message);
	ck_assert_int_eq(shmemq_push(one, message, sizeof message, 0), 0);
	ck_assert_int_eq(shmemq_push(one, message, sizeof message, 0), 0);
	ck_assert_int_eq(shmemq_pop(peer, message, sizeof message, NULL), sizeof message);
	ck_assert_int_eq(shmemq_pop(peer, message, sizeof message, NULL), sizeof message);
	for (uint32_t i = 0; i < UINT32_MAX / HALF_UNITS + 1; i++) {
		push_half(two);
		if (i < UINT32_MAX / HALF_UNITS)
			pop_half(peer);
	}
	ck_assert_uint_eq(progress->position_units, one->ring.position);
	if (_i == 1) {
		progress->messages_lo = one->ring.messages_lo;
		progress->messages_hi = one->ring.messages_hi + 2;
	}
	while (shmemq_timedpush(one, message, sizeof message, 0, 0) == 0)
		pushed++;
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_uint_eq(pushed, (HALF - SMQ_UNIT) / (sizeof message + SMQ_UNIT));
	pop_half(peer);
	while (pushed-- > 0)
		ck_assert_int_eq(shmemq_timedpop(peer, message, sizeof message, NULL, 0), sizeof message);
	ck_assert_int_eq(shmemq_close(one) | shmemq_close(two) | shmemq_close(peer), 0);
}

/* A handle dies holding a message, and another one recovers and pops nothing: the first one is told all the same. */
TEST(a_recovery_without_a_pop_is_noticed)
{
	struct three three = open_three(SHMEMQ_CONSUMER);
	char small[1];

	ck_assert_int_ge(end_try(three.one, three.end), 0);
	child_kill(end_hold(three.name, -1, three.end));
	ck_fails(shmemq_timedpop(three.two, small, sizeof small, NULL, LATE_NS), EMSGSIZE);
	ck_assert_int_ge(end_try(three.one, three.end), 0);
	ck_assert_int_eq(shmemq_redelivered(three.one), 1);
	ck_assert_int_ge(end_try(three.one, three.end), 0);
	ck_assert_int_eq(shmemq_redelivered(three.one), 0);
	close_three(&three);
}

/* A producer that was not the last goes by the room, and checks it. */
TEST(garbage_in_the_room_is_found)
{
	static const uint32_t garbage[] = { 4, 1 << 20, 1u << 31 };
	struct three three = open_three(SHMEMQ_PRODUCER);
	smq_word *room = &three.one->header->consumer_room.position_units;

	ck_assert_int_eq(end_try(three.one, three.end), 0);
	ck_assert_int_eq(end_try(three.two, three.end), 0);
	*room += garbage[_i];
	ck_fails(end_try(three.one, three.end), EBADMSG);
	ck_assert_uint_eq(three.one->header->producer_progress.owner, 0);
	*room -= garbage[_i];
	ck_assert_int_eq(end_try(three.two, three.end), 0);
	close_three(&three);
}

/* A peer's claim that looks like the one of a quiet try: the call fails, and does not keep the lock. */
TEST(a_claim_of_garbage_keeps_no_lock)
{
	struct three three = open_three(SHMEMQ_CONSUMER);

	while (end_try(three.one, SHMEMQ_CONSUMER) >= 0)
		;
	smq_peer_claim(three.one)->state = SMQ_NOT_QUIET;
	ck_fails(end_try(three.one, SHMEMQ_CONSUMER), EAGAIN);
	ck_assert_uint_eq(*three.one->ownerlock.word, 0);
	close_three(&three);
}

/* A consumer was killed after it had stored the head and before the room. So much may lie between room and tail. */
TEST(a_room_that_lags_is_not_garbage)
{
	const char *name = test_name();
	struct shmemq *peer = test_open(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 1);
	struct shmemq *one = end_join(name, SHMEMQ_PRODUCER), *two = end_join(name, SHMEMQ_PRODUCER);
	smq_word *room = &one->header->consumer_room.position_units;
	size_t largest = one->ring.message_max;
	char *message = calloc(1, largest);
	uint32_t was = *room;

	for (uint32_t lag = 2; lag < smq_room_step(&one->ring); lag += 2) {
		ck_assert_int_eq(shmemq_timedpush(one, message, 8, 0, 0), 0);
		ck_assert_int_eq(shmemq_timedpop(peer, message, largest, NULL, 0), 8);
	}
	ck_assert_int_eq(shmemq_timedpush(one, message, largest, 0, 0), 0);
	ck_assert_int_eq(shmemq_timedpop(peer, message, largest, NULL, 0), (ssize_t)largest);
	*room = was;
	ck_assert_int_eq(shmemq_timedpush(one, message, largest, 0, 0), 0);
	ck_fails(shmemq_timedpush(two, message, 1, 0, 0), EAGAIN);
	ck_assert_int_eq(shmemq_timedpop(peer, message, largest, NULL, 0), (ssize_t)largest);
	ck_assert_int_eq(shmemq_timedpush(two, message, 1, 0, 0), 0);
	free(message);
	ck_assert_int_eq(shmemq_close(one) | shmemq_close(two) | shmemq_close(peer), 0);
}

/* The room lags after the head by less than a step, and the head shows that there is more space. */
TEST(all_space_is_found)
{
	struct three three = open_three(SHMEMQ_PRODUCER);
	unsigned queued = 10;

	for (int i = 0; i < 1000; i++) {
		struct shmemq *q = i % 3 ? three.one : three.two;

		while (end_try(q, three.end) == 0)
			queued++;
		ck_assert_int_eq(errno, EAGAIN);
		ck_assert_int_gt(end_try(three.peer, SHMEMQ_CONSUMER), 0);
		queued--;
		ck_assert_int_eq(end_try(i % 2 ? three.one : three.two, three.end), 0);
		queued++;
	}
	for (; queued > 0; queued--)
		ck_assert_int_gt(end_try(three.peer, SHMEMQ_CONSUMER), 0);
	ck_fails(end_try(three.peer, SHMEMQ_CONSUMER), EAGAIN);
	close_three(&three);
}

/* A signal handler has left a push by siglongjmp(3), after the publication. The close settles it; nothing is lost. */
TEST(a_close_settles_a_call_that_was_left)
{
	struct three three = open_three(SHMEMQ_PRODUCER);
	struct smq_reservation reservation;
	uint32_t number = 0, popped = 0;

	while (end_try(three.peer, SHMEMQ_CONSUMER) >= 0)
		;
	ck_assert_int_eq(shmemq_push(three.one, &number, sizeof number, 0), 0);
	if (_i == 0) /* in a call that had to wait */
		ck_assert(smq_ownerlock_trylock(&three.one->ownerlock));
	else
		ck_assert(smq_ownerlock_trylock_once(&three.one->ownerlock));
	number++;
	reservation = smq_ring_reserve(&three.one->ring, sizeof number);
	memcpy(reservation.record + 1, &number, sizeof number);
	atomic_store(&reservation.next->size_plus_1, 0);
	atomic_store(&reservation.record->size_plus_1, sizeof number + 1);
	ck_assert_int_eq(shmemq_close(three.one), 0);

	pop_numbers(three.peer, &popped);
	ck_assert_uint_eq(popped, 2);
	number++;
	ck_assert_int_eq(shmemq_timedpush(three.two, &number, sizeof number, 0, 0), 0);
	pop_numbers(three.peer, &popped);
	ck_assert_uint_eq(popped, 3);
	ck_assert_int_eq(shmemq_close(three.two) | shmemq_close(three.peer), 0);
}

/* Likewise a pop on an end that is not SHARED, before the store of the head: the close gives no message back. */
TEST(a_close_goes_by_the_stored_head)
{
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 1);
	struct shmemq *producer = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_STAY, 0);
	uint32_t pushed = 0, popped = 0;

	while (shmemq_timedpush(producer, &pushed, sizeof pushed, 0, 0) == 0)
		pushed++;
	q->ring.position += 2 * smq_record_units(&q->ring, sizeof pushed);
	ck_assert_int_eq(shmemq_close(q), 0);
	ck_fails(shmemq_timedpush(producer, &pushed, sizeof pushed, 0, 0), EAGAIN);
	ck_fails(shmemq_timedpush(producer, &pushed, sizeof pushed, 0, 300 * MS), ETIMEDOUT);
	q = test_open(name, SHMEMQ_CONSUMER, 0);
	pop_numbers(q, &popped);
	ck_assert_uint_eq(popped, pushed);
	ck_assert_int_eq(shmemq_close(q) | shmemq_close(producer), 0);
}

const struct suite suite = {
	.name = "shared/resume",
	.seconds = 60,
	.tests = {
		{ small_messages_keep_their_order, 1, 0 },
		{ small_messages_are_popped_once, 1, 0 },
		{ a_position_that_came_round_is_another, 2, 0 },
		{ a_recovery_without_a_pop_is_noticed, 1, 0 },
		{ garbage_in_the_room_is_found, 3, 0 },
		{ a_claim_of_garbage_keeps_no_lock, 1, 0 },
		{ a_room_that_lags_is_not_garbage, 1, 0 },
		{ all_space_is_found, 1, 0 },
		{ a_close_settles_a_call_that_was_left, 2, 0 },
		{ a_close_goes_by_the_stored_head, 1, 0 },
	},
};
