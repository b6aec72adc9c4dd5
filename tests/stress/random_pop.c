/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <string.h>

#include "random.h"

#define BATCH_MAX 50

static uint32_t *next_of(struct consumer *consumer)
{
	return model.broadcast ? &consumer->next : &model.popped;
}

/* A call that needs a message has failed, or has not. */
static void judge(struct consumer *consumer, const char *call, bool done)
{
	int err = errno;
	uint32_t next = *next_of(consumer);
	bool waits = consumer_must_wait(consumer), peer = model.producers_open > 0 || !model.any_producer;

	note("%s of #%u: %s", call, next, done ? "done" : strerror(err));
	if (done && (waits || next >= model.pushed))
		wrong("%s has found a message", call);
	if (!done && !waits && next < model.pushed)
		wrong("%s has found nothing of %u messages", call, model.pushed - next);
	if (!done && err != (waits || peer ? EAGAIN : EPIPE))
		wrong("%s failed with errno %s", call, strerror(err));
}

static void check_view(const void *message, size_t size, uint32_t type, uint32_t number, bool redelivered)
{
	if (type != number)
		wrong("the message is #%u, expected #%u", type, number);
	if ((uintptr_t)message % model.attr.alignment != 0)
		wrong("the message is not aligned");
	check_message(message, number, size);
	if (redelivered != (!model.broadcast && number < model.leased))
		wrong("#%u is%s marked as redelivered", number, redelivered ? "" : " not");
}

static void pop(struct consumer *consumer)
{
	uint32_t *next = next_of(consumer), type, size = *next < model.pushed ? model.sizes[*next] : 10;
	ssize_t result;

	if (*next < model.pushed && size > 0 && !consumer_must_wait(consumer) && dice(5) == 0)
		must_fail("pop to a small buffer", shmemq_timedpop(consumer->q, random_buffer, size - 1, &type, 0), -1,
			  EMSGSIZE);
	result = dice(2) ? shmemq_timedpop(consumer->q, random_buffer, size, &type, 0)
			 : shmemq_pop(consumer->q, random_buffer, size + 5, &type);
	judge(consumer, "pop", result >= 0);
	if (result < 0)
		return;
	if (type != *next)
		wrong("pop got #%u", type);
	check_message(random_buffer, type, (uint64_t)result);
	++*next;
	random_counts[1]++;
}

static void start(struct consumer *consumer)
{
	uint32_t next = *next_of(consumer), type;
	size_t size;
	const void *message = shmemq_timedpop_start(consumer->q, &size, &type, 0);

	judge(consumer, "pop_start", message != NULL);
	if (message == NULL)
		return;
	check_view(message, size, type, next, shmemq_redelivered(consumer->q) == 1);
	consumer->held = 1;
	consumer->batch = false;
}

static void start_batch(struct consumer *consumer)
{
	struct shmemq_msg msgs[BATCH_MAX];
	uint32_t next = *next_of(consumer), most = 1 + (uint32_t)dice(BATCH_MAX), left = model.pushed - next;
	int result = shmemq_popm_start(consumer->q, msgs, most, 0);

	judge(consumer, "popm_start", result >= 0);
	if (result < 0)
		return;
	if (left > most)
		left = most;
	/* A batch ends where the queue goes on in the other ring. */
	if (result == 0 || (uint32_t)result > left || (!model.grows && (uint32_t)result < left))
		wrong("popm_start: %d messages of %u", result, left);
	for (int i = 0; i < result; i++)
		check_view(msgs[i].data, msgs[i].size, msgs[i].type, next + (uint32_t)i,
			   msgs[i].flags == SHMEMQ_MSG_REDELIVERED);
	consumer->held = (uint32_t)result;
	consumer->batch = true;
}

static void end(struct consumer *consumer)
{
	uint32_t *next = next_of(consumer), count = 1, held = consumer->held;
	int result;

	if (dice(8) == 0)
		must_fail("popm_end of too much", shmemq_popm_end(consumer->q, held + 1), -1, EINVAL);
	if (consumer->batch) {
		count = dice(3) ? held : (uint32_t)dice(held + 1);
		result = shmemq_popm_end(consumer->q, count);
	} else {
		result = shmemq_pop_end(consumer->q);
	}
	note("end of %u of %u: %d", count, held, result);
	if (result != 0)
		wrong("the messages could not be ended");
	/* A shared end holds nothing any more. */
	if (!model.broadcast && !model.shared_consumers && model.handed_out < *next + held)
		model.handed_out = *next + held;
	*next += count;
	consumer->held = 0;
	random_counts[1] += count;
}

void step_pop(struct consumer *consumer)
{
	uint64_t way = dice(6);

	if (consumer->held != 0 && way < 2)
		must_fail("pop of who holds one", shmemq_timedpop(consumer->q, random_buffer, 100, NULL, 0), -1,
			  EINVAL);
	else if (consumer->held != 0)
		end(consumer);
	else if (way < 2)
		pop(consumer);
	else if (way < 4)
		start(consumer);
	else
		start_batch(consumer);
}
