/* SPDX-License-Identifier: MIT */
/*
 * SIGKILL at random times, in hundreds of processes one after the other: nothing committed is lost, torn, reordered or
 * delivered twice.
 */
#include "config.h"

#include <sched.h>

#include "child.h"
#include "suite.h"
#include "traffic.h"

#define RUN_NS   (1500 * MS)
#define LIFE_NS  (3 * MS) /* at most, after the open */
#define FILL_MAX 700

struct message {
	uint32_t life; /* of the producer */
	uint32_t number;
	unsigned char fill[FILL_MAX];
};

/* What the processes ("lives") write down beside the queue. */
struct notes {
	volatile bool begun;             /* it has opened its end */
	volatile uint32_t pushed;        /* producer: pushes that have returned, in this life */
	volatile uint32_t popped;        /* consumer: the end of what it has popped and said so, in all lives */
	volatile uint32_t may_be_popped; /* the end of what it may have popped without having said so */
	volatile uint32_t may_be_held;   /* the end of what it has asked for in place */
	volatile uint32_t held;          /* the end of what it has got in place */
};

struct life {
	const char *name;
	uint32_t number;
	uint64_t random;
	struct notes *notes;
};

static uint64_t content(uint32_t life, uint32_t number, size_t size)
{
	return (uint64_t)life << 32 ^ (uint64_t)number << 12 ^ size;
}

static void make(struct message *message, uint32_t life, uint32_t number, size_t size)
{
	message->life = life;
	message->number = number;
	traffic_fill(message->fill, size - offsetof(struct message, fill), content(life, number, size));
}

static bool intact(const struct message *message, size_t size)
{
	size_t head = offsetof(struct message, fill);

	return size >= head && size <= sizeof *message &&
	       traffic_filled(message->fill, size - head, content(message->life, message->number, size));
}

static size_t random_size(uint64_t *random)
{
	return offsetof(struct message, fill) + traffic_random(random) % FILL_MAX;
}

static int push(struct shmemq *q, const struct message *message, size_t size, unsigned way)
{
	struct iovec parts[2] = { { (void *)(uintptr_t)message, 5 }, { (char *)(uintptr_t)message + 5, size - 5 } };
	void *reserved;

	if (way == 0)
		return shmemq_push(q, message, size, 0);
	if (way == 1)
		return shmemq_pushv(q, parts, 2, 0);
	reserved = shmemq_push_start(q, sizeof *message);
	if (reserved == NULL)
		return -1;
	memcpy(reserved, message, size);
	return shmemq_push_end(q, size, 0);
}

static int produce_for_life(const void *argument)
{
	struct life life = *(const struct life *)argument;
	struct shmemq *q = shmemq_open(life.name, SHMEMQ_PRODUCER, 0, NULL);
	static struct message message;

	CHECK(q != NULL);
	life.notes->begun = true;
	for (uint32_t number = 0;; number++) {
		size_t size = random_size(&life.random);

		make(&message, life.number, number, size);
		CHECK(push(q, &message, size, (unsigned)(traffic_random(&life.random) % 3)) == 0);
		life.notes->pushed = number + 1;
	}
}

/* Lets a life run for a random time, with `meanwhile` beside it or, every other time, nothing; then kills it. */
static void live_and_die(struct life *life, int (*body)(const void *argument), bool (*meanwhile)(struct shmemq *q),
			 struct shmemq *q)
{
	int64_t lasts = (int64_t)(traffic_random(&life->random) % LIFE_NS), end;
	pid_t pid;

	life->notes->begun = false;
	pid = child_start(body, life);
	/* The shortest lives may end before they have begun. */
	while (!life->notes->begun && lasts > LIFE_NS / 4)
		sched_yield();
	end = test_now() + lasts;
	while (test_now() < end) {
		if (life->number % 2 == 0)
			test_sleep(MS / 10);
		else if (!meanwhile(q))
			sched_yield();
	}
	child_kill(pid);
}

/* What the consumer expects next. */
static uint32_t expected_life, expected_number;

static bool consume_one(struct shmemq *q)
{
	const struct message *message;
	size_t size;

	message = shmemq_timedpop_start(q, &size, NULL, 0);
	if (message == NULL) {
		ck_fast(errno == EAGAIN || errno == EOWNERDEAD);
		return false;
	}
	ck_fast(intact(message, size));
	ck_fast(message->life == expected_life);
	ck_fast(message->number == expected_number);
	ck_fast(shmemq_pop_end(q) == 0);
	expected_number++;
	return true;
}

/* Each new producer goes on after what the last one committed: all the pushes that returned, and at most one more. */
TEST(killed_producers)
{
	struct life life = { .name = test_name(), .random = test_seed(), .notes = child_shared(sizeof *life.notes) };
	struct shmemq *q = test_open(life.name, SHMEMQ_CONSUMER | SHMEMQ_CREATE, 1);
	int64_t end = test_now() + RUN_NS;
	uint64_t total = 0;

	for (; test_now() < end || total <= life.number; life.number++) {
		life.notes->pushed = 0;
		expected_life = life.number;
		expected_number = 0;
		live_and_die(&life, produce_for_life, consume_one, q);
		while (consume_one(q))
			;
		ck_assert_uint_ge(expected_number, life.notes->pushed);
		ck_assert_uint_le(expected_number, life.notes->pushed + 1);
		total += expected_number;
	}
	printf("%u producers killed, %ju messages\n", life.number, (uintmax_t)total);
	ck_assert_int_eq(shmemq_close(q), 0);
}

static uint32_t produced;

static bool produce_one(struct shmemq *q)
{
	static struct message message;
	size_t size = offsetof(struct message, fill) + produced % FILL_MAX;

	make(&message, 0, produced, size);
	if (shmemq_timedpush(q, &message, size, 0, 0) != 0) {
		ck_fast(errno == EAGAIN || errno == EOWNERDEAD);
		return false;
	}
	produced++;
	return true;
}

/* Pops one message and returns its number. Notes which messages must and which may be delivered again. */
static uint32_t pop(struct shmemq *q, struct notes *notes, uint32_t at_most, bool in_place)
{
	static struct message copy;
	const struct message *message = &copy;
	uint32_t number;
	size_t size;

	if (in_place) {
		if (notes->may_be_held < at_most + 1)
			notes->may_be_held = at_most + 1;
		message = shmemq_pop_start(q, &size, NULL);
		CHECK(message != NULL && intact(message, size));
		number = message->number;
		notes->held = number + 1;
		CHECK(shmemq_pop_end(q) == 0);
	} else {
		ssize_t got = shmemq_pop(q, &copy, sizeof copy, NULL);

		CHECK(got > 0 && intact(message, (size_t)got));
		number = message->number;
	}
	return number;
}

/*
 * The first message of a life is the one after those that the last life has popped, or popped just before it could say
 * so; several lives in a row may be killed before they say it. It is marked if an earlier life had got it in place, and
 * not marked if none had asked for it.
 */
static int consume_for_life(const void *argument)
{
	struct life life = *(const struct life *)argument;
	struct notes *notes = life.notes, before = *notes;
	struct shmemq *q = shmemq_open(life.name, SHMEMQ_CONSUMER, 0, NULL);
	uint32_t number;

	CHECK(q != NULL);
	notes->begun = true;
	notes->may_be_popped = before.may_be_popped + 1;
	number = pop(q, notes, before.may_be_popped + 1, traffic_random(&life.random) % 2);
	CHECK(before.popped <= number && number <= before.may_be_popped);
	CHECK(shmemq_redelivered(q) || before.held <= number);
	CHECK(!shmemq_redelivered(q) || before.may_be_held > number);
	for (notes->popped = number + 1;; notes->popped = number + 1) {
		notes->may_be_popped = number + 2;
		CHECK(pop(q, notes, number + 1, traffic_random(&life.random) % 2) == number + 1);
		CHECK(shmemq_redelivered(q) == 0);
		number++;
	}
}

TEST(killed_consumers)
{
	struct life life = { .name = test_name(), .random = test_seed(), .notes = child_shared(sizeof *life.notes) };
	struct shmemq *q = test_open(life.name, SHMEMQ_PRODUCER | SHMEMQ_CREATE, 1);
	int64_t end = test_now() + RUN_NS;

	for (; test_now() < end || produced <= life.number; life.number++) {
		while (produce_one(q))
			;
		live_and_die(&life, consume_for_life, produce_one, q);
		ck_assert_uint_le(life.notes->popped, produced);
	}
	printf("%u consumers killed, %u messages\n", life.number, produced);
	ck_assert_int_eq(shmemq_close(q), 0);
}

const struct suite suite = {
	.name = "api/kill",
	.seconds = 60,
	.test_seconds = 30,
	.tests = {
		{ killed_producers, 1, 0 },
		{ killed_consumers, 1, 0 },
	},
};
