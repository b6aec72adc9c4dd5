/* SPDX-License-Identifier: MIT */
/* What was started and not ended when its process closed or was killed: a pop is delivered again, a push never was. */
#include "config.h"

#include <signal.h>

#include "child.h"
#include "file.h"
#include "suite.h"

/* What a child does on an end before it goes. */
struct last_acts {
	const char *name;
	unsigned end;
	int (*act)(struct shmemq *q);
};

static int act_and_close(const void *argument)
{
	const struct last_acts *acts = argument;
	struct shmemq *q = shmemq_open(acts->name, acts->end, 0, NULL);

	CHECK(q != NULL && acts->act(q) == 0 && shmemq_close(q) == 0);
	return 0;
}

static int act_and_die(const void *argument)
{
	const struct last_acts *acts = argument;
	struct shmemq *q = shmemq_open(acts->name, acts->end, 0, NULL);

	CHECK(q != NULL && acts->act(q) == 0);
	raise(SIGKILL);
	return 1;
}

/* In a process of its own, which then closes or is killed. */
static void act(const char *name, unsigned end, bool killed, int (*what)(struct shmemq *q))
{
	struct last_acts acts = { name, end, what };

	if (killed)
		ck_assert_int_eq(test_wait(child_start(act_and_die, &acts)), 128 + SIGKILL);
	else
		child_run(act_and_close, &acts);
}

/* A closed queue of one page with messages of types 0 to count - 1. */
static const char *make_queue(uint32_t count)
{
	const char *name = test_name();
	struct shmemq *q = test_open(name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1);

	for (uint32_t i = 0; i < count; i++)
		ck_assert_int_eq(shmemq_push(q, "message", 7, i), 0);
	ck_assert_int_eq(shmemq_close(q), 0);
	return name;
}

/* Pops types `first` to `last`, of which those below `marked` are redelivered; in place and copied by turns. */
static void expect(const char *name, uint32_t first, uint32_t last, uint32_t marked)
{
	struct shmemq *q = test_open(name, SHMEMQ_CONSUMER, 0);
	char text[7];
	uint32_t type;
	size_t size;

	ck_assert_int_eq(shmemq_redelivered(q), 0); /* nothing taken yet */
	for (uint32_t i = first; i <= last; i++) {
		if (i % 2) {
			ck_assert_int_eq(shmemq_timedpop(q, text, sizeof text, &type, 0), 7);
			ck_assert_mem_eq(text, "message", 7);
		} else {
			const void *message = shmemq_timedpop_start(q, &size, &type, 0);

			ck_assert_ptr_nonnull(message);
			ck_assert_mem_eq(message, "message", 7);
			ck_assert_int_eq(shmemq_redelivered(q), i < marked);
			ck_assert_int_eq(shmemq_pop_end(q), 0);
		}
		ck_assert_uint_eq(type, i);
		ck_assert_int_eq(shmemq_redelivered(q), i < marked);
	}
	ck_fails(shmemq_timedpop(q, text, sizeof text, NULL, 0), EPIPE);
	ck_assert_int_eq(shmemq_close(q), 0);
	ck_assert_int_eq(shmemq_unlink(name), 0);
}

static int hold_message(struct shmemq *q)
{
	size_t size;

	CHECK(shmemq_timedpop_start(q, &size, NULL, 0) != NULL && size == 7);
	return 0;
}

static int end_one_hold_next(struct shmemq *q)
{
	hold_message(q);
	CHECK(shmemq_pop_end(q) == 0);
	return hold_message(q);
}

static int end_one(struct shmemq *q)
{
	hold_message(q);
	return shmemq_pop_end(q);
}

static int copy_one(struct shmemq *q)
{
	char text[7];

	CHECK(shmemq_timedpop(q, text, sizeof text, NULL, 0) == 7);
	return 0;
}

static int fail_to_copy(struct shmemq *q)
{
	CHECK(shmemq_timedpop(q, NULL, 0, NULL, 0) == -1 && errno == EMSGSIZE);
	return 0;
}

static int nothing(struct shmemq *q)
{
	(void)q;
	return 0;
}

/* It is marked for the next consumer, however often the end changes hands. The message after it is not. */
TEST(held_message_comes_again)
{
	const char *name = make_queue(3);

	act(name, SHMEMQ_CONSUMER, _i, hold_message);
	act(name, SHMEMQ_CONSUMER, _i, nothing);
	act(name, SHMEMQ_CONSUMER, _i, hold_message);
	act(name, SHMEMQ_CONSUMER, _i, fail_to_copy);
	expect(name, 0, 2, 1);
	name = make_queue(3);
	act(name, SHMEMQ_CONSUMER, _i, end_one_hold_next);
	expect(name, 1, 2, 2);
}

/* Ended or copied, it does not come again. One that was only found too large for a buffer is not marked. */
TEST(taken_message_is_gone)
{
	const char *name = make_queue(4);

	act(name, SHMEMQ_CONSUMER, _i, end_one);
	act(name, SHMEMQ_CONSUMER, _i, copy_one);
	act(name, SHMEMQ_CONSUMER, _i, fail_to_copy);
	expect(name, 2, 3, 0);
}

/* A marked message is popped and then the next one held: the mark moves with it. */
TEST(mark_moves_on)
{
	const char *name = make_queue(4);

	act(name, SHMEMQ_CONSUMER, _i, hold_message);
	act(name, SHMEMQ_CONSUMER, _i, copy_one);
	act(name, SHMEMQ_CONSUMER, _i, hold_message);
	act(name, SHMEMQ_CONSUMER, _i, end_one);
	act(name, SHMEMQ_CONSUMER, _i, nothing);
	expect(name, 2, 3, 0);
}

/* The producer may not write over what will be delivered again. */
TEST(held_message_keeps_its_space)
{
	const char *name = make_queue(1);
	struct shmemq *q;
	unsigned more;

	act(name, SHMEMQ_CONSUMER, _i, hold_message);
	q = test_open(name, SHMEMQ_PRODUCER, 0);
	for (more = 1; shmemq_timedpush(q, "message", 7, more, 0) == 0; more++)
		;
	ck_assert_uint_eq(more, (file_page() - 8) / 16);
	ck_assert_int_eq(shmemq_close(q), 0);
	expect(name, 0, more - 1, 1);
}

static int start_push(struct shmemq *q)
{
	void *reserved = shmemq_timedpush_start(q, 1000, 0);

	CHECK(reserved != NULL);
	memset(reserved, 0xff, 1000); /* bytes that are not committed may be anything */
	return 0;
}

static int push_and_start(struct shmemq *q)
{
	CHECK(shmemq_timedpush(q, "message", 7, 2, 0) == 0);
	return start_push(q);
}

static int push_next(struct shmemq *q)
{
	return shmemq_timedpush(q, "message", 7, 3, 0);
}

/* The next producer goes on after the last message that was committed. */
TEST(started_push_never_was)
{
	const char *name = make_queue(2);
	struct shmemq_stat st;
	struct shmemq *q;

	act(name, SHMEMQ_PRODUCER, _i, start_push);
	act(name, SHMEMQ_PRODUCER, _i, push_and_start);
	q = test_open(name, SHMEMQ_OBSERVER, 0);
	ck_assert_int_eq(shmemq_stat(q, &st), 0);
	ck_assert(st.pushed_messages == 3 && st.queued_messages == 3 && st.queued_bytes == 3 * 16);
	ck_assert_int_eq(shmemq_close(q), 0);
	act(name, SHMEMQ_PRODUCER, false, push_next);
	expect(name, 0, 3, 0);
}

const struct suite suite = {
	.name = "api/redelivery",
	.seconds = 60,
	.tests = {
		{ held_message_comes_again, 2, 0 },
		{ taken_message_is_gone, 2, 0 },
		{ mark_moves_on, 2, 0 },
		{ held_message_keeps_its_space, 2, 0 },
		{ started_push_never_was, 2, 0 },
	},
};
