/* SPDX-License-Identifier: MIT */
/* pushm, popm_start and popm_end: what many messages in one call have beyond many calls. */
#include "config.h"

#include <signal.h>

#include "child.h"
#include "file.h"
#include "pair.h"
#include "suite.h"
#include "traffic.h"

#define MANY  1000
#define SMALL 24 /* bytes; a record is 32 */

static struct shmemq_msg in[MANY], out[MANY];
static unsigned char bytes[MANY][SMALL];

/* Both ends of a queue of 64 KiB, and messages of 0 to SMALL bytes with their number as type. */
static void setup(void)
{
	pair_open(65536);
	for (uint32_t i = 0; i < MANY; i++) {
		in[i] = (struct shmemq_msg){ i % (SMALL + 1) != 0 ? bytes[i] : NULL, i % (SMALL + 1), i, 0 };
		traffic_fill(bytes[i], SMALL, i);
	}
}

static void check_message(const struct shmemq_msg *msg, uint32_t i, uint32_t flags)
{
	ck_assert_uint_eq(msg->type, i);
	ck_assert_uint_eq(msg->size, in[i].size);
	ck_assert_uint_eq((uintptr_t)msg->data % 8, 0);
	ck_assert(msg->size == 0 || memcmp(msg->data, in[i].data, msg->size) == 0);
	ck_assert_uint_eq(msg->flags, flags);
}

/* Pops at most `count`, expects `got` from number `first` on, and releases `released`. */
static void take(unsigned count, int got, uint32_t first, unsigned released)
{
	ck_assert_int_eq(shmemq_popm_start(consumer, out, count, 0), got);
	for (int i = 0; i < got; i++)
		check_message(&out[i], first + (uint32_t)i, 0);
	ck_assert_int_eq(shmemq_popm_end(consumer, released), 0);
}

TEST(pushes_and_pops_all_at_once)
{
	struct shmemq_stat st;
	uint64_t sum = 0;

	ck_assert_int_eq(shmemq_pushm(producer, in, MANY, 0), MANY);
	take(MANY, MANY, 0, MANY);
	ck_fails(shmemq_popm_start(consumer, out, MANY, 0), EAGAIN);
	for (int i = 0; i < MANY; i++)
		sum += in[i].size;
	ck_assert_int_eq(shmemq_stat(consumer, &st), 0);
	ck_assert_uint_eq(st.pushed_messages, MANY);
	ck_assert_uint_eq(st.popped_messages, MANY);
	ck_assert_uint_eq(st.pushed_bytes, sum);
	ck_assert_uint_eq(st.popped_bytes, sum);
	ck_assert_uint_eq(st.queued_bytes, 0);
}

/* Batches of all sizes, beside single calls, around the ring many times. */
TEST(mixes_with_single_calls)
{
	uint64_t random = test_seed();
	uint32_t pushed = 0, popped = 0;
	char copy[SMALL];

	while (popped < 100 * MANY) {
		uint32_t at = pushed % MANY;
		unsigned count = 1 + (unsigned)(traffic_random(&random) % (MANY - at)), held;
		int moved;

		if (traffic_random(&random) % 4 == 0)
			moved = shmemq_timedpush(producer, in[at].data, in[at].size, at, 0) == 0;
		else
			moved = shmemq_pushm(producer, in + at, count, 0);
		pushed += moved > 0 ? (uint32_t)moved : 0;
		if (traffic_random(&random) % 4 == 0) {
			uint32_t type;

			ck_fast(shmemq_pop(consumer, copy, sizeof copy, &type) == (ssize_t)in[popped % MANY].size);
			ck_fast(type == popped++ % MANY);
			continue;
		}
		moved = shmemq_popm_start(consumer, out, count, 0);
		if (moved < 0)
			continue; /* the single pop took the last */
		for (int i = 0; i < moved; i++) {
			const struct shmemq_msg *expected = &in[(popped + (uint32_t)i) % MANY];

			ck_fast(out[i].type == expected->type && out[i].size == expected->size && out[i].flags == 0);
			ck_fast(out[i].size == 0 || memcmp(out[i].data, expected->data, out[i].size) == 0);
		}
		held = (unsigned)(traffic_random(&random) % ((uint64_t)moved + 1));
		ck_fast(shmemq_popm_end(consumer, held) == 0);
		popped += held;
		if (pushed == popped)
			pushed += (uint32_t)shmemq_pushm(producer, in + pushed % MANY, 1, 0);
	}
}

TEST(waits_for_the_first_only)
{
	ck_assert_int_eq(shmemq_pushm(producer, in, 3, -1), 3);
	ck_assert_int_eq(shmemq_popm_start(consumer, out, MANY, -1), 3);
	ck_assert_int_eq(shmemq_popm_end(consumer, 3), 0);
}

/* It pushes as many as single calls would, and then none. */
TEST(pushes_what_fits)
{
	const char *small = test_name();
	struct shmemq *q = test_open(small, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1);
	struct shmemq *other = test_open(small, SHMEMQ_CONSUMER, 0);
	int fit = (int)((file_page() - 8) / 32);
	struct shmemq_msg *same = malloc((size_t)(fit + 10) * sizeof *same);

	for (int i = 0; i < fit + 10; i++)
		same[i] = (struct shmemq_msg){ bytes[0], SMALL, 0, 0 };
	ck_assert_int_eq(shmemq_pushm(q, same, (unsigned)fit + 10, -1), fit);
	ck_fails(shmemq_pushm(q, same, 10, 0), EAGAIN);
	ck_fails(shmemq_pushm(q, same, 10, 1), ETIMEDOUT);
	ck_assert_int_eq(shmemq_popm_start(other, out, 3, 0), 3);
	ck_fails(shmemq_pushm(q, same, 10, 0), EAGAIN); /* held messages keep their space */
	ck_assert_int_eq(shmemq_popm_end(other, 2), 0);
	ck_assert_int_eq(shmemq_pushm(q, same, 10, 0), 2);
	ck_assert_int_eq(shmemq_close(other), 0);
	ck_fails(shmemq_pushm(q, same, 10, -1), EPIPE);
	ck_assert_int_eq(shmemq_close(q), 0);
	free(same);
}

/* A message that cannot be pushed ends the batch before it, and fails the call that begins with it. */
TEST(stops_before_a_wrong_message)
{
	struct shmemq_msg wrong = _i ? (struct shmemq_msg){ NULL, 1, 0, 0 } : (struct shmemq_msg){ bytes, 65536, 0, 0 };
	const unsigned places[] = { 1, 2, 63, 64, 65, 500 };

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		unsigned at = places[i];
		struct shmemq_msg right = in[at];

		in[at] = wrong;
		ck_assert_int_eq(shmemq_pushm(producer, in, MANY, 0), (int)at);
		ck_fails(shmemq_pushm(producer, in + at, MANY - at, 0), _i ? EINVAL : EMSGSIZE);
		in[at] = right;
		take(MANY, (int)at, 0, at);
	}
}

TEST(refuses_wrong_arguments)
{
	struct shmemq *observer = test_open(name, SHMEMQ_OBSERVER, 0);
	size_t size;

	ck_assert_int_eq(shmemq_pushm(producer, in, 0, -1), 0);
	ck_assert_int_eq(shmemq_pushm(producer, NULL, 0, -1), 0);
	ck_fails(shmemq_pushm(producer, NULL, 1, 0), EINVAL);
	ck_fails(shmemq_pushm(NULL, in, 1, 0), EINVAL);
	ck_fails(shmemq_pushm(consumer, in, 1, 0), EBADF);
	ck_fails(shmemq_pushm(observer, in, 0, 0), EBADF);
	ck_assert_ptr_nonnull(shmemq_push_start(producer, 8));
	ck_fails(shmemq_pushm(producer, in, 1, 0), EINVAL);
	ck_fails(shmemq_pushm(producer, in, 0, 0), EINVAL);
	ck_assert_int_eq(shmemq_push_cancel(producer), 0);

	ck_assert_int_eq(shmemq_pushm(producer, in, 5, 0), 5);
	ck_fails(shmemq_popm_start(consumer, out, 0, 0), EINVAL);
	ck_fails(shmemq_popm_start(consumer, NULL, 1, 0), EINVAL);
	ck_fails(shmemq_popm_start(NULL, out, 1, 0), EINVAL);
	ck_fails(shmemq_popm_start(producer, out, 1, 0), EBADF);
	ck_fails(shmemq_popm_end(consumer, 0), EINVAL);
	ck_fails(shmemq_popm_end(NULL, 0), EINVAL);
	ck_fails(shmemq_popm_end(producer, 0), EBADF);
	ck_assert_int_eq(shmemq_popm_start(consumer, out, 3, 0), 3);
	ck_fails(shmemq_popm_end(consumer, 4), EINVAL);
	ck_fails(shmemq_popm_start(consumer, out, 1, 0), EINVAL);
	ck_fails(shmemq_timedpop(consumer, bytes, sizeof bytes, NULL, 0), EINVAL);
	ck_fails(shmemq_timedpop_start(consumer, &size, NULL, 0), EINVAL);
	ck_fails(shmemq_pop_end(consumer), EINVAL);
	ck_assert_int_eq(shmemq_popm_end(consumer, 3), 0);
	ck_fails(shmemq_popm_end(consumer, 0), EINVAL);
	ck_assert_ptr_nonnull(shmemq_timedpop_start(consumer, &size, NULL, 0));
	ck_fails(shmemq_popm_end(consumer, 1), EINVAL);
	ck_fails(shmemq_popm_start(consumer, out, 1, 0), EINVAL);
	ck_assert_int_eq(shmemq_pop_end(consumer), 0);
	ck_assert_int_eq(shmemq_close(observer), 0);
}

static int all_fail(const void *unused)
{
	(void)unused;
	CHECK(shmemq_pushm(producer, in, 1, 0) == -1 && errno == EPERM);
	CHECK(shmemq_popm_start(consumer, out, 1, 0) == -1 && errno == EPERM);
	CHECK(shmemq_popm_end(consumer, 1) == -1 && errno == EPERM);
	return 0;
}

TEST(refused_in_a_child)
{
	ck_assert_int_eq(shmemq_pushm(producer, in, 3, 0), 3);
	ck_assert_int_eq(shmemq_popm_start(consumer, out, 2, 0), 2);
	child_run(all_fail, NULL);
	ck_assert_int_eq(shmemq_popm_end(consumer, 2), 0);
}

/* The rest of a batch is the next pop's, by whatever call, and is not marked. */
TEST(the_rest_comes_next)
{
	char copy[SMALL];

	ck_assert_int_eq(shmemq_pushm(producer, in, 10, 0), 10);
	take(8, 8, 0, 0);
	take(8, 8, 0, 3);
	ck_assert_int_eq(shmemq_timedpop(consumer, copy, sizeof copy, NULL, 0), (int)in[3].size);
	ck_assert_int_eq(shmemq_redelivered(consumer), 0);
	take(MANY, 6, 4, 6);
}

static bool dies;

/* Pops a batch of four, releases one, pops the other three again and holds them; then closes or is killed. */
static int hold_three(const void *unused)
{
	struct shmemq *q = shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL);

	(void)unused;
	CHECK(q != NULL && shmemq_popm_start(q, out, 4, 0) == 4 && shmemq_popm_end(q, 1) == 0);
	CHECK(shmemq_popm_start(q, out, 3, 0) == 3 && out[0].type == 1 && out[0].flags == 0);
	if (dies)
		raise(SIGKILL);
	return shmemq_close(q) != 0;
}

/*
 * Each message that was not released is delivered again and marked. One that was released is not, and one that was not
 * held has no mark.
 */
TEST(held_batch_comes_again)
{
	ck_assert_int_eq(shmemq_pushm(producer, in, 10, 0), 10);
	ck_assert_int_eq(shmemq_close(consumer), 0);
	dies = _i;
	ck_assert_int_eq(test_wait(child_start(hold_three, NULL)), _i ? 128 + SIGKILL : 0);
	consumer = test_open(name, SHMEMQ_CONSUMER, 0);
	ck_assert_int_eq(shmemq_popm_start(consumer, out, 2, 0), 2);
	ck_assert_int_eq(shmemq_redelivered(consumer), 1);
	ck_assert_int_eq(shmemq_popm_end(consumer, 1), 0);
	ck_assert_int_eq(shmemq_popm_start(consumer, out, MANY, 0), 8);
	for (uint32_t i = 0; i < 8; i++)
		check_message(&out[i], 2 + i, i < 2 ? SHMEMQ_MSG_REDELIVERED : 0);
	ck_assert_int_eq(shmemq_popm_end(consumer, 8), 0);
}

/*
 * Garbage ends the batch before it and fails the next call. In what is held, it fails a popm_end that reads it again.
 */
TEST(garbage_ends_a_batch)
{
	unsigned char *ring = (unsigned char *)file + file_page();
	smq_word *third; /* of messages of 0, 1 and 2 bytes */

	ck_assert_int_eq(shmemq_pushm(producer, in, 4, 0), 4);
	third = (smq_word *)(void *)(ring + 8 + 16);
	ck_assert_uint_eq(*third, 1 + 2);
	if (_i == 0) {
		*third = UINT32_MAX;
		take(MANY, 2, 0, 2);
		ck_fails(shmemq_popm_start(consumer, out, MANY, 0), EBADMSG);
	} else {
		ck_assert_int_eq(shmemq_popm_start(consumer, out, 4, 0), 4);
		*third = _i == 1 ? 0 : 60001;
		ck_fails(shmemq_popm_end(consumer, 3), EBADMSG);
		*third = 3;
		ck_fails(shmemq_popm_end(consumer, 3), EBADMSG);
		ck_fails(shmemq_popm_start(consumer, out, MANY, 0), EBADMSG);
	}
}

const struct suite suite = {
	.name = "api/batch",
	.seconds = 60,
	.setup = setup,
	.teardown = pair_close,
	.tests = {
		{ pushes_and_pops_all_at_once, 1, 0 },
		{ mixes_with_single_calls, 1, 0 },
		{ waits_for_the_first_only, 1, 0 },
		{ pushes_what_fits, 1, 0 },
		{ stops_before_a_wrong_message, 2, 0 },
		{ refuses_wrong_arguments, 1, 0 },
		{ refused_in_a_child, 1, NEEDS_FORKS_APART },
		{ the_rest_comes_next, 1, 0 },
		{ held_batch_comes_again, 2, 0 },
		{ garbage_ends_a_batch, 3, 0 },
	},
};
