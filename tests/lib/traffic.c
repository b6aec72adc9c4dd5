/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "traffic.h"

#define SMALL_MAX    255
#define LARGE_ONE_OF 500
#define PAUSE_ONE_OF 32768 /* now and then one side sleeps, so that the other one has to wait */
#define PAUSE_NS     200000
#define SHORT_NS     20000
#define CLOCK_ONE_OF 256
#define LAST         1u /* in a message's type: it is the last one */

/* What a pop returns that has to be repeated. */
static const char try_again[] = "again";

struct message {
	uint64_t content;
	uint32_t size;
	uint32_t type;
};

/* One side's way through the traffic. */
struct side {
	struct shmemq *q;
	uint64_t messages; /* random state that goes the same way on both sides */
	uint64_t ways;     /* random state of this side alone */
	size_t message_max, alignment;
	unsigned char *buffer;
};

int traffic_error(const char *what, uint64_t message)
{
	fprintf(stderr, "message %" PRIu64 ": %s (errno: %s)\n", message, what, strerror(errno));
	return 1;
}

static bool side_init(struct side *side, struct shmemq *q, uint64_t seed, uint64_t role)
{
	struct shmemq_attr attr;

	if (shmemq_getattr(q, &attr) != 0)
		return false;
	*side = (struct side){ .q = q, .messages = seed, .ways = seed + role };
	side->message_max = (size_t)attr.message_max;
	side->alignment = attr.alignment;
	side->buffer = malloc(side->message_max);
	return side->buffer != NULL;
}

static struct message next_message(struct side *side)
{
	uint64_t random = traffic_random(&side->messages);
	struct message message = { .content = random, .type = (uint32_t)(random >> 32) & ~LAST };

	if (random % LARGE_ONE_OF != 0)
		message.size = random >> 16 & (random >> 8 & 1 ? SMALL_MAX : 15);
	else if (random >> 16 & 7)
		message.size = (uint32_t)((random >> 24) % (side->message_max + 1));
	else
		message.size = (uint32_t)side->message_max;
	return message;
}

static void pause_seldom(uint64_t random)
{
	struct timespec pause = { .tv_nsec = PAUSE_NS };

	if (random / 16 % PAUSE_ONE_OF == 0)
		nanosleep(&pause, NULL);
}

static bool again(void)
{
	return errno == EINTR || errno == ECANCELED || errno == EAGAIN || errno == ETIMEDOUT;
}

static int64_t timeout_of(uint64_t random)
{
	return random & 16 ? SHORT_NS : random & 32 ? 0 : -1;
}

static int push_parts(struct side *side, const struct message *message, int64_t timeout)
{
	size_t first = side->ways % ((size_t)message->size + 1), second = (message->size - first) / 2;
	struct iovec iov[4] = {
		{ side->buffer, first },
		{ side->buffer + first, second },
		{ NULL, 0 },
		{ side->buffer + first + second, message->size - first - second },
	};

	return timeout < 0 ? shmemq_pushv(side->q, iov, 4, message->type)
			   : shmemq_timedpushv(side->q, iov, 4, message->type, timeout);
}

/* Starts more space than the message needs, at times after a start that is cancelled. */
static int push_in_place(struct side *side, const struct message *message, uint64_t random)
{
	size_t spare = side->message_max - message->size, extra = (random >> 8) % 64;
	void *at;

	if (random & 64) {
		at = shmemq_push_start(side->q, message->size);
		if (at == NULL)
			return -1;
		memset(at, 0xff, message->size);
		if (shmemq_push_cancel(side->q) != 0)
			return -1;
	}
	at = shmemq_timedpush_start(side->q, message->size + (extra < spare ? extra : spare), timeout_of(random));
	if (at == NULL)
		return -1;
	if ((uintptr_t)at % side->alignment != 0) {
		errno = EFAULT;
		return -1;
	}
	traffic_fill(at, message->size, message->content);
	return shmemq_push_end(side->q, message->size, message->type);
}

static int push_once(struct side *side, const struct message *message)
{
	uint64_t random = traffic_random(&side->ways);
	int64_t timeout = timeout_of(random);

	pause_seldom(random);
	if (random % 8 < 3)
		return push_in_place(side, message, random);
	traffic_fill(side->buffer, message->size, message->content);
	if (random % 8 == 3)
		return push_parts(side, message, timeout);
	return timeout < 0 ? shmemq_push(side->q, side->buffer, message->size, message->type)
			   : shmemq_timedpush(side->q, side->buffer, message->size, message->type, timeout);
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int traffic_push(struct shmemq *q, uint64_t seed, uint64_t count, int64_t ns)
{
	int64_t end = now_ns() + ns;
	struct side side;
	int failed = 0;

	if (!side_init(&side, q, seed, 1))
		return traffic_error("cannot begin", 0);
	for (uint64_t i = 0; i < count && !failed; i++) {
		struct message message = next_message(&side);

		if (i % CLOCK_ONE_OF == 0 && now_ns() > end)
			count = i + 1;
		if (i + 1 == count)
			message.type |= LAST;
		while (!failed && push_once(&side, &message) != 0) {
			if (!again())
				failed = traffic_error("not pushed", i);
		}
	}
	free(side.buffer);
	return failed;
}

/* NULL, or what is wrong. Notes whether the message is the last one. */
static const char *check(struct message *message, const void *at, size_t size, uint32_t type)
{
	if (size != message->size)
		return "wrong size";
	if ((type & ~LAST) != message->type)
		return "wrong type";
	message->type = type;
	return traffic_filled(at, size, message->content) ? NULL : "wrong bytes";
}

static const char *pop_in_place(struct side *side, struct message *message, int64_t timeout)
{
	const void *at;
	const char *wrong;
	uint32_t type;
	size_t size;

	at = shmemq_timedpop_start(side->q, &size, &type, timeout);
	if (at == NULL)
		return again() ? try_again : "not popped";
	wrong = (uintptr_t)at % side->alignment != 0 ? "not aligned" : check(message, at, size, type);
	if (shmemq_redelivered(side->q) != 0)
		wrong = "held before";
	return shmemq_pop_end(side->q) != 0 ? "not released" : wrong;
}

static const char *pop_once(struct side *side, struct message *message)
{
	uint64_t random = traffic_random(&side->ways);
	int64_t timeout = timeout_of(random);
	size_t given = side->message_max;
	uint32_t type;
	ssize_t size;

	pause_seldom(random);
	if (random % 8 < 4)
		return pop_in_place(side, message, timeout);
	if (random % 8 == 4 && message->size > 0)
		given = message->size - 1;
	size = timeout < 0 ? shmemq_pop(side->q, side->buffer, given, &type)
			   : shmemq_timedpop(side->q, side->buffer, given, &type, timeout);
	if (size >= 0)
		return given < message->size ? "too large for its buffer"
					     : check(message, side->buffer, (size_t)size, type);
	return again() || (errno == EMSGSIZE && given < message->size) ? try_again : "not popped";
}

int traffic_pop(struct shmemq *q, uint64_t seed)
{
	struct side side;
	const char *wrong = NULL;
	bool last = false;

	if (!side_init(&side, q, seed, 2))
		return traffic_error("cannot begin", 0);
	for (uint64_t i = 0; !last && wrong == NULL; i++) {
		struct message message = next_message(&side);

		do
			wrong = pop_once(&side, &message);
		while (wrong == try_again);
		if (wrong != NULL)
			traffic_error(wrong, i);
		last = message.type & LAST;
	}
	free(side.buffer);
	return wrong != NULL;
}
