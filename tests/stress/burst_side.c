/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>

#include "burst.h"
#include "coverage.h"
#include "traffic.h"

#define LARGE_ONE_OF 64u
#define HOLD_NS      (5 * STRESS_MS)
#define IDLE_NS      20000

struct burst *burst;

/* A side's own. */
struct side {
	const char *name;
	unsigned flags;
	struct burst_side *words;
	struct burst_incarnation *of;
	struct shmemq *q;
	unsigned char *buffer;
	uint64_t random;
	uint32_t incarnation, n;
	int64_t left; /* bytes of the burst */
};

static uint64_t dice(struct side *side, uint64_t sides)
{
	return traffic_random(&side->random) % sides;
}

static uint64_t content_of(uint32_t name)
{
	uint64_t state = burst->seed ^ name;

	return traffic_random(&state);
}

static uint32_t size_of(uint32_t name)
{
	uint64_t state = content_of(name), random = traffic_random(&state);

	if (name & BURST_SMALL)
		return (uint32_t)(random % (burst->capacity / 128));
	if (random % LARGE_ONE_OF != 0)
		return random >> 8 & 255;
	return (uint32_t)((random >> 16) % (burst->message_max + 1) >> (random >> 8 & 3));
}

static void open_end(struct side *side, unsigned end)
{
	side->q = stress_open(side->name, end | side->flags, burst->capacity, burst->alignment);
}

static void close_end(struct side *side)
{
	if (shmemq_close(side->q) != 0 && errno != ETIMEDOUT)
		stress_fail("close");
}

/* A call that may be made again. */
static void check_harmless(const char *call)
{
	if (errno != EAGAIN && errno != ETIMEDOUT && errno != EPIPE && errno != EOWNERDEAD)
		stress_fail("%s", call);
}

/* How long a push waits. */
static int64_t patience(struct side *side)
{
	uint64_t chance = dice(side, 16);

	return chance == 0 ? -1 : chance < 4 ? 0 : chance < 8 ? 20000 : 10 * STRESS_MS;
}

static int push_by(struct side *side, uint32_t size, uint32_t name)
{
	struct shmemq_msg msg = { side->buffer, size, name, 0 };
	struct iovec iov[2] = { { side->buffer, size / 2 }, { side->buffer + size / 2, size - size / 2 } };
	int64_t timeout = patience(side);
	void *at;

	switch (dice(side, 4)) {
	case 0:
		at = shmemq_timedpush_start(side->q, size, timeout);
		if (at == NULL)
			return -1;
		traffic_fill(at, size, content_of(name));
		return shmemq_push_end(side->q, size, name);
	case 1:
		return shmemq_timedpushv(side->q, iov, 2, name, timeout);
	case 2:
		return shmemq_pushm(side->q, &msg, 1, timeout) == 1 ? 0 : -1;
	default:
		return shmemq_timedpush(side->q, side->buffer, size, name, timeout);
	}
}

/* Pushes the next message. false: not now. */
static bool push(struct side *side, uint32_t small)
{
	uint32_t n = side->n + 1, name = side->incarnation * 2 * BURST_SMALL | small | n, size = size_of(name);

	if (n > BURST_N_MAX)
		return false;
	side->of->pushing = n;
	traffic_fill(side->buffer, size, content_of(name));
	if (push_by(side, size, name) != 0) {
		check_harmless("push");
		return false;
	}
	side->of->pushed = n;
	side->n = n;
	side->left -= size + 8;
	if (size > burst->capacity)
		burst->large++;
	return true;
}

/* What a message of this size takes of the ring. */
static uint64_t record_bytes(uint32_t size)
{
	return (8 + (uint64_t)size + burst->alignment - 1) & ~(uint64_t)(burst->alignment - 1);
}

static void push_a_lap(struct side *side, uint32_t order)
{
	uint64_t bytes = 0;

	while (burst->order == order) {
		uint32_t next = side->incarnation * 2 * BURST_SMALL | BURST_SMALL | (side->n + 1);

		bytes += record_bytes(size_of(next));
		if (bytes > burst->capacity) {
			side->words->done = order;
			return;
		}
		while (!push(side, BURST_SMALL)) {
			if (burst->order != order)
				return;
		}
		while (side->of->received != side->n && burst->order == order)
			sched_yield();
	}
}

/* Now and then the end is closed and claimed anew. */
static void begin_burst(struct side *side)
{
	side->left = stress_magnitude(&side->random, (int64_t)burst->capacity / 2,
				      2 * (int64_t)(burst->capacity + burst->message_max));
	if (dice(side, 4) == 0) {
		close_end(side);
		open_end(side, SHMEMQ_PRODUCER);
	}
}

static void start(struct side *side, unsigned end)
{
	open_end(side, end);
	side->buffer = malloc(burst->message_max + 1);
	if (side->buffer == NULL)
		stress_fail("malloc");
}

static _Noreturn void finish(struct side *side)
{
	close_end(side);
	free(side->buffer);
	coverage_exit(0);
}

_Noreturn void burst_produce(const char *name, unsigned flags, uint32_t slot, uint32_t incarnation, uint64_t random)
{
	struct side side = { .name = name,
			     .flags = flags,
			     .words = &burst->producers[slot],
			     .of = &burst->of[incarnation],
			     .random = random,
			     .incarnation = incarnation };

	start(&side, SHMEMQ_PRODUCER);
	for (;;) {
		uint32_t order = burst->order;
		bool anew = side.words->seen != order;

		side.words->seen = order;
		switch (order % BURST_PHASES) {
		case BURST_PUSH:
			if (anew)
				begin_burst(&side);
			if (side.left <= 0 || !push(&side, 0))
				stress_sleep(IDLE_NS);
			break;
		case BURST_LAP:
			if (burst->lapper == incarnation && side.words->done != order)
				push_a_lap(&side, order);
			stress_sleep(IDLE_NS);
			break;
		case BURST_CLOSE:
			finish(&side);
		default:
			stress_sleep(IDLE_NS);
		}
	}
}

/* What is wrong with a message that was handed out, or NULL. With the end's turn, if it is SHARED. */
static const char *judge(const void *at, size_t size, uint32_t name, bool again)
{
	uint32_t n = name & BURST_N_MAX, incarnation = name / (2 * BURST_SMALL);
	struct burst_incarnation *of = &burst->of[incarnation];

	if (size != size_of(name) || !traffic_filled(at, size, content_of(name)))
		return "is torn";
	if (n > of->pushing)
		return "was never pushed";
	if (n == of->received + 1) {
		burst->held = name; /* first: a kill leaves a message that may come again, and is not noted */
		of->received = n;
		return NULL;
	}
	if (n > of->received)
		return "comes after one that was lost";
	if (n != of->received || burst->held != name || !again)
		return "comes again, or out of order";
	burst->redelivered++;
	return NULL;
}

/* false: there is none now. */
static bool pop(struct side *side, int64_t timeout, bool slow)
{
	const char *wrong;
	const void *at;
	uint32_t name;
	size_t size;

	at = shmemq_timedpop_start(side->q, &size, &name, timeout);
	if (at == NULL) {
		check_harmless("pop");
		return false;
	}
	wrong = judge(at, size, name, shmemq_redelivered(side->q) != 0);
	if (wrong != NULL)
		stress_fail("message %" PRIu32 ":%" PRIu32 " of %zu bytes %s; received %" PRIu32 ", held %#" PRIx32,
			    name / (2 * BURST_SMALL), name & BURST_N_MAX, size, wrong,
			    (uint32_t)burst->of[name / (2 * BURST_SMALL)].received, (uint32_t)burst->held);
	if (slow && dice(side, 16) == 0)
		stress_sleep(stress_magnitude(&side->random, 1000, HOLD_NS));
	if (shmemq_pop_end(side->q) != 0)
		stress_fail("pop_end");
	/* By now another consumer may hold the next one. */
	atomic_compare_exchange_strong(&burst->held, &name, 0);
	burst->popped++;
	return true;
}

_Noreturn void burst_consume(const char *name, unsigned flags, uint32_t slot, uint64_t random)
{
	struct side side = { .name = name, .flags = flags, .words = &burst->consumers[slot], .random = random };

	start(&side, SHMEMQ_CONSUMER);
	for (;;) {
		uint32_t order = burst->order, phase = order % BURST_PHASES;

		side.words->seen = order;
		if (phase == BURST_CLOSE)
			finish(&side);
		if (!pop(&side, dice(&side, 2) ? 0 : STRESS_MS, phase == BURST_PUSH)) {
			side.words->done = order;
			if (phase != BURST_LAP)
				stress_sleep(IDLE_NS);
		}
	}
}
