/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "torture_shared.h"
#include "traffic.h"

#define TYPE 5

struct shmemq *open_end(unsigned flags)
{
	return stress_open(stress.name, flags, 1 << 14, shared->alignment);
}

/* ETIMEDOUT: another process is off its processor in its own open or close. The end is released all the same. */
static void close_end(struct shmemq *q)
{
	if (shmemq_close(q) != 0 && errno != ETIMEDOUT)
		stress_fail("close");
}

/* How a process waits. */
enum way { IN_CALLS, IN_CALLS_TOO, TRYING, POLLING };

static enum way way_of(unsigned side, uint32_t life)
{
	uint64_t random = stress.seed + SIDES_MAX * (uint64_t)life + side;

	return (enum way)(traffic_random(&random) % (POLLING + 1));
}

/* A call without a timeout has failed. true: it is worth repeating now. Without a pollable descriptor it keeps trying.
 */
static bool again(struct shmemq *q, enum way way, unsigned end)
{
	int fd;

	if (errno != EAGAIN || way < TRYING)
		return false;
	fd = way == POLLING ? shmemq_pollfd(q) : -1;
	if (fd >= 0)
		stress_await_readable(q, end, fd, sizeof(struct message) + BODY_MAX, (int)(STALL_NS / STRESS_MS));
	else
		stress_sleep(20000);
	return true;
}

/* In place, and some wait long between start and end. */
static int push_in_place(struct shmemq *q, const void *body, size_t size, enum way way, uint64_t *random)
{
	void *at;

	do
		at = shmemq_timedpush_start(q, sizeof(struct message) + BODY_MAX, way < TRYING ? -1 : 0);
	while (at == NULL && again(q, way, SHMEMQ_PRODUCER));
	if (at == NULL)
		return -1;
	memcpy(at, body, size);
	if (traffic_random(random) % 256 == 0)
		stress_sleep(stress_magnitude(random, 1000, 3 * STRESS_MS));
	return shmemq_push_end(q, size, TYPE);
}

/* Pushes one message in one of the ways there are. */
static int push(struct shmemq *q, const struct message *head, uint64_t *random)
{
	char body[sizeof *head + BODY_MAX];
	size_t size = sizeof *head + traffic_random(random) % BODY_MAX;
	struct shmemq_msg msg = { .data = body, .size = size, .type = TYPE };
	enum way way = way_of(head->side, head->life);
	int64_t timeout = way < TRYING ? -1 : 0;
	uint64_t call = traffic_random(random) % 4;
	bool failed;

	memcpy(body, head, sizeof *head);
	traffic_fill(body + sizeof *head, size - sizeof *head, head->number + head->life);
	if (call == 1)
		return push_in_place(q, body, size, way, random);
	do
		failed = call == 0 ? shmemq_pushm(q, &msg, 1, timeout) != 1
				   : shmemq_timedpush(q, body, size, TYPE, timeout) != 0;
	while (failed && again(q, way, SHMEMQ_PRODUCER));
	return failed ? -1 : 0;
}

static void produce(unsigned side, uint32_t life, uint64_t seed, unsigned flags, uint64_t most)
{
	struct shmemq *q = open_end(SHMEMQ_PRODUCER | SHMEMQ_STAY | flags);
	struct message head = { .side = side, .life = life };

	for (; !shared->over && head.number < most; head.number++) {
		if (push(q, &head, &seed) != 0)
			stress_fail("push by side %u, message %" PRIu64, side, head.number);
		shared->pushed[side] = head.number + 1;
	}
	close_end(q);
}

void produce_shared(unsigned side, uint32_t life, uint64_t seed)
{
	produce(side, life, seed, SHMEMQ_SHARED, UINT64_MAX);
}

void produce_alone(unsigned side, uint32_t life, uint64_t seed)
{
	produce(side, life, seed, 0, NUMBERS);
}

void check_message(const void *message, size_t size, uint32_t type, struct message *head)
{
	if (size < sizeof *head || type != TYPE)
		stress_fail("not a message: %zu bytes, type %" PRIu32, size, type);
	memcpy(head, message, sizeof *head);
	if (!traffic_filled((const char *)message + sizeof *head, size - sizeof *head, head->number + head->life))
		stress_fail("side %" PRIu32 ", message %" PRIu64 " is torn", head->side, head->number);
}

/* Notes that the message is held now. How often it was held before. */
static uint32_t hold(uint64_t number)
{
	unsigned shift = number % 4 * 8;

	if (shared->popped[number / 4] >> shift == 0xff)
		return 0xff;
	return atomic_fetch_add(&shared->popped[number / 4], 1u << shift) >> shift & 0xff;
}

static void consume_one(struct shmemq *q, const void *view, size_t size, uint32_t type, uint64_t *random)
{
	struct message head;

	check_message(view, size, type, &head);
	if (hold(head.number) != 0 && shmemq_redelivered(q) != 1)
		stress_fail("message %" PRIu64 " was held twice, and is not marked", head.number);
	if (shmemq_redelivered(q))
		shared->redelivered++;
	if (traffic_random(random) % 1024 == 0)
		stress_sleep(stress_magnitude(random, 1000, 3 * STRESS_MS));
	if (shmemq_pop_end(q) != 0)
		stress_fail("pop_end of message %" PRIu64, head.number);
}

/* A timeout does not end it: the producer may be off its processor, or the owner lock not yet recovered. */
void consume_shared(unsigned side, uint32_t life, uint64_t seed)
{
	struct shmemq *q = open_end(SHMEMQ_CONSUMER | SHMEMQ_SHARED);
	enum way way = way_of(side, life);
	const void *message;
	uint32_t type;
	size_t size;

	for (;;) {
		message = shmemq_timedpop_start(q, &size, &type, way < TRYING ? 50 * STRESS_MS : 0);
		if (message != NULL)
			consume_one(q, message, size, type, &seed);
		else if (errno == EPIPE)
			break;
		else if (errno != ETIMEDOUT && !again(q, way, SHMEMQ_CONSUMER))
			stress_fail("pop");
	}
	close_end(q);
}
