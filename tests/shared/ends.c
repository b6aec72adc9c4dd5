/* SPDX-License-Identifier: MIT */
/* SHARED ends: many handles, one at a time. How they wait: shared/wait; holders that stop or die: shared/holder. */
#include "config.h"

#include <signal.h>
#include <stdbool.h>

#include "calls.h"
#include "child.h"
#include "filter.h"
#include "acquire.h"
#include "one_end.h"
#include "suite.h"
#include "three.h"

TEST(all_handles_are_shared_or_none)
{
	const char *name = test_name();
	unsigned end = both_ends[_i];
	struct shmemq *q = end_join(name, end), *other;

	ck_fails(shmemq_open(name, end, 0, NULL), EBUSY);
	other = end_join(name, end);
	ck_assert_int_eq(shmemq_close(q), 0);
	ck_fails(shmemq_open(name, end, 0, NULL), EBUSY);
	ck_assert_int_eq(shmemq_close(other), 0);
	q = test_open(name, end, 0);
	ck_fails(shmemq_open(name, end | SHMEMQ_SHARED, 0, NULL), EBUSY);
	ck_assert_int_eq(shmemq_close(q), 0);
	ck_fails(shmemq_open(name, SHMEMQ_OBSERVER | SHMEMQ_SHARED, 0, NULL), EINVAL);
}

/* Messages of several handles, by every call, come in the order in which the calls ended. */
TEST(messages_come_in_the_order_of_calls)
{
	const char *name = test_name();
	struct shmemq *producers[3], *consumers[3];
	unsigned pushed = 0, popped = 0;

	for (int i = 0; i < 3; i++) {
		producers[i] = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_SHARED | SHMEMQ_CREATE, 4096);
		consumers[i] = test_open(name, SHMEMQ_CONSUMER | SHMEMQ_SHARED, 0);
	}
	for (unsigned i = 0; i < 3000; i++) {
		struct shmemq *q = producers[i * 7 % 3];
		struct iovec iov = { &pushed, sizeof pushed };
		unsigned next = pushed + 1;
		struct shmemq_msg msgs[2] = { { &pushed, sizeof pushed, 7, 0 }, { &next, sizeof next, 7, 0 } };
		const unsigned *held;
		unsigned value;
		uint32_t type;
		size_t size;
		void *reserved;

		switch (i % 5) {
		case 0:
			ck_assert_int_eq(shmemq_push(q, &pushed, sizeof pushed, 7), 0);
			break;
		case 1:
			ck_assert_int_eq(shmemq_pushv(q, &iov, 1, 7), 0);
			break;
		case 2:
			ck_assert_ptr_nonnull(reserved = shmemq_push_start(q, 100));
			memcpy(reserved, &pushed, sizeof pushed);
			ck_assert_int_eq(shmemq_push_end(q, sizeof pushed, 7), 0);
			break;
		case 3:
			ck_assert_ptr_nonnull(shmemq_push_start(q, 100));
			ck_assert_int_eq(shmemq_push_cancel(q), 0);
			pushed--;
			break;
		default:
			ck_assert_int_eq(shmemq_pushm(q, msgs, 2, -1), 2);
			pushed++;
			break;
		}
		pushed++;
		while (popped < pushed) {
			q = consumers[(i + popped) * 5 % 3];
			switch (popped % 3) {
			case 0:
				ck_assert_int_eq(shmemq_pop(q, &value, sizeof value, &type), sizeof value);
				break;
			case 1:
				ck_assert_ptr_nonnull(held = shmemq_pop_start(q, &size, &type));
				value = *held;
				ck_assert_int_eq(shmemq_pop_end(q), 0);
				break;
			default:
				ck_assert_int_ge(shmemq_popm_start(q, msgs, 2, -1), 1);
				value = *(unsigned *)msgs[0].data;
				type = msgs[0].type;
				ck_assert_int_eq(shmemq_popm_end(q, 1), 0);
				break;
			}
			ck_assert_uint_eq(value, popped);
			ck_assert_uint_eq(type, 7);
			popped++;
		}
	}
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(shmemq_close(producers[i]), 0);
		ck_assert_int_eq(shmemq_close(consumers[i]), 0);
	}
}

/* A holder that was killed may have left a total one message short: the position counts. */
TEST(the_position_counts_when_a_total_is_short)
{
	struct three three = open_three(SHMEMQ_PRODUCER);
	unsigned before, pushed = 0;

	ck_assert_int_eq(end_try(three.two, SHMEMQ_PRODUCER), 0);
	before = drain(three.peer);
	ck_assert_uint_eq(before, 11);
	for (; pushed < 5; pushed++) {
		ck_assert_int_eq(end_try(three.one, SHMEMQ_PRODUCER), 0);
		three.one->header->producer_progress.moved.messages_lo--;
	}
	ck_assert_int_eq(end_try(three.two, SHMEMQ_PRODUCER), 0);
	ck_assert_uint_eq(drain(three.peer), 6);
	close_three(&three);
}

TEST(held_from_start_to_end)
{
	struct three three = open_three(both_ends[_i]);
	char small[1];

	for (int i = 0; i < 3; i++) {
		ck_assert(end_begin(three.one, three.end));
		ck_fails(end_try(three.two, three.end), EAGAIN);
		ck_fails(end_move(three.two, three.end, 300 * MS), ETIMEDOUT);
		ck_assert_int_eq(end_finish(three.one, three.end), 0);
		ck_assert_int_ge(end_try(three.two, three.end), 0);
	}
	/* Neither an error nor a close keeps the owner lock. */
	ck_fails(shmemq_pop_end(three.one), three.end == SHMEMQ_CONSUMER ? EINVAL : EBADF);
	if (three.end == SHMEMQ_CONSUMER)
		ck_fails(shmemq_timedpop(three.one, small, sizeof small, NULL, 0), EMSGSIZE);
	else
		ck_fails(shmemq_timedpush(three.one, small, 1 << 20, 0, 0), EMSGSIZE);
	ck_assert_int_ge(end_try(three.two, three.end), 0);
	ck_assert(end_begin(three.one, three.end));
	ck_assert_int_eq(shmemq_close(three.one), 0);
	ck_assert_int_ge(end_try(three.two, three.end), 0);
	if (three.end == SHMEMQ_CONSUMER)
		ck_assert_int_eq(shmemq_redelivered(three.two), 1);
	three.one = end_join(three.name, three.end);
	close_three(&three);
}

/* Garbage in the owner word costs time at most, and garbage in the positions is found. */
TEST(garbage_costs_time_at_most)
{
	static const uint32_t words[] = {
		1, 2, 3, 4, SMQ_HANDLES_MAX, SMQ_HANDLES_MAX | SMQ_OWNER_SLEEPER, SMQ_OWNER_POLLER, ~0u
	};
	struct three three = open_three(both_ends[_i]);
	bool producer = three.end == SHMEMQ_PRODUCER;
	struct smq_header *header = three.one->header;
	struct smq_progress *progress = producer ? &header->producer_progress : &header->consumer_progress;

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		uint32_t number = words[i] & SMQ_HANDLES_MAX;

		progress->owner = words[i];
		if (number == three.one->ownerlock.number) /* it lives, so it might hold the lock */
			ck_fails(end_move(three.two, three.end, 600 * MS), ETIMEDOUT);
		else
			ck_assert_int_ge(end_move(three.two, three.end, LATE_NS), 0);
		progress->owner = 0;
	}
	progress->moved.position_units += 4; /* where no record can stand */
	ck_fails(end_try(three.one, three.end), EBADMSG);
	ck_fails(end_try(three.one, three.end), EBADMSG);
	ck_assert_uint_eq(progress->owner, 0);
	progress->moved.position_units += producer ? (1 << 20) - 4 : 4;
	if (producer)
		ck_fails(end_try(three.two, three.end), EBADMSG);
	close_three(&three);
}

static int forked(const void *argument)
{
	struct shmemq *const *q = argument;

	CHECK(shmemq_timedpush(*q, "", 1, 0, 0) == -1 && errno == EPERM);
	CHECK(shmemq_close(*q) == 0);
	return 0;
}

TEST(refused_in_a_child)
{
	const char *name = test_name();
	struct shmemq *q = end_join(name, SHMEMQ_PRODUCER), *consumer = test_open(name, SHMEMQ_CONSUMER, 0);

	child_run(forked, &q);
	ck_assert_int_eq(shmemq_push(q, "", 1, 0), 0);
	ck_assert_int_eq(shmemq_close(q), 0);
	ck_assert_uint_eq(drain(consumer), 1);
	ck_fails(shmemq_pop(consumer, NULL, 0, NULL), EPIPE);
	ck_assert_int_eq(shmemq_close(consumer), 0);
}

/* While no other handle uses it, a SHARED end makes no system call. */
static int stream_silently(const char *name)
{
	struct shmemq *q = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_SHARED | SHMEMQ_CREATE, 0600, NULL);
	struct shmemq *other = shmemq_open(name, SHMEMQ_PRODUCER | SHMEMQ_SHARED, 0600, NULL);
	struct shmemq *consumer = shmemq_open(name, SHMEMQ_CONSUMER | SHMEMQ_SHARED, 0, NULL);
	char message[100];
	size_t size;

	memset(message, 0, sizeof message);
	if (q == NULL || other == NULL || consumer == NULL || !filter_forbid_all())
		return 1;
	for (unsigned i = 0; i < 100000; i++) {
		if (shmemq_push(i / 4 % 2 ? q : other, message, i % sizeof message, 0) != 0)
			return 2;
		if (i % 3 == 0 ? shmemq_pop_start(consumer, &size, NULL) == NULL || shmemq_pop_end(consumer) != 0
			       : shmemq_pop(consumer, message, sizeof message, NULL) < 0)
			return 2;
	}
	return 0;
}

TEST(no_system_call_while_alone)
{
	ck_assert_int_eq(filter_run(stream_silently, test_name()), 0);
}

const struct suite suite = {
	.name = "shared/ends",
	.seconds = 120,
	.test_seconds = 60,
	.tests = {
		{ all_handles_are_shared_or_none, 2, 0 },
		{ messages_come_in_the_order_of_calls, 1, 0 },
		{ the_position_counts_when_a_total_is_short, 1, 0 },
		{ held_from_start_to_end, 2, 0 },
		{ garbage_costs_time_at_most, 2, 0 },
		{ refused_in_a_child, 1, NEEDS_FORKS_APART },
		{ no_system_call_while_alone, 1, NEEDS_FILTERS | NEEDS_NO_CALLS },
	},
};
