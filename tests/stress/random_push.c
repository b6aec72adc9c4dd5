/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "random.h"

#define BATCH_MAX  40
#define BATCH_SIZE 5000 /* bytes of a message in a batch, at most */

enum fit { NO, YES, MAYBE };

/* Is there space for a message after `count` others, which have records of `bytes` bytes in all? */
static enum fit fits(uint32_t size, uint32_t count, uint64_t bytes)
{
	const struct shmemq_attr *attr = &model.attr;
	uint64_t queued = queued_bytes() + bytes, end = queued + record_bytes(size),
		 page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (model.broadcast && model.consumers_open == 0)
		return YES;
	if (attr->messages_max != 0 && model.pushed + count - queue_head() >= attr->messages_max)
		return NO;
	if (!model.grows)
		return end + 8 <= attr->capacity ? YES : NO;
	if (end > attr->capacity_max)
		return NO;
	/* Where the ring and the extension begin and end takes up some. */
	if (queued == 0 ||
	    (end < attr->capacity_max / 2 &&
	     end + record_bytes(size) + 2 * (page + attr->alignment) + attr->capacity < attr->capacity_max))
		return YES;
	return MAYBE;
}

static void pushed(uint32_t size)
{
	model.sizes[model.pushed] = size;
	model.before[model.pushed + 1] = model.before[model.pushed] + record_bytes(size);
	model.pushed++;
	if (model.reach < model.before[model.pushed])
		model.reach = model.before[model.pushed];
	random_counts[0]++;
}

/* A call that needs space for a message of `size` bytes has failed, or has not. */
static void judge(const struct producer *producer, const char *call, uint32_t size, enum fit fit, bool done)
{
	int err = errno;
	bool waits = producer_must_wait(producer),
	     peer = model.broadcast || model.consumers_open > 0 || !model.any_consumer;

	note("%s of %u bytes as #%u: %s", call, size, model.pushed, done ? "done" : strerror(err));
	if (done && (waits || fit == NO))
		wrong("%s has found space", call);
	if (!done && !waits && fit == YES)
		wrong("%s has found no space", call);
	if (!done && err != (waits || peer ? EAGAIN : EPIPE))
		wrong("%s failed with errno %s", call, strerror(err));
}

/* Most are small, a few as large as possible. */
static uint32_t choose_size(void)
{
	uint64_t most = model.attr.message_max, kind = dice(20), least = 0;

	if (kind == 19 && most < 300000)
		least = dice(2) ? most : 0;
	else if (kind < 18 || most > 200000)
		most = kind < 10 ? 64 : kind < 15 ? 600 : kind < 18 ? 4000 : 200000;
	if (most > model.attr.message_max)
		most = model.attr.message_max;
	return (uint32_t)(least + dice(most - least + 1));
}

static void push_one(struct producer *producer)
{
	uint32_t size = choose_size(), part = (uint32_t)dice(size + 1);
	enum fit fit = fits(size, 0, 0);
	struct iovec parts[3] = { { random_buffer, part }, { NULL, 0 }, { random_buffer + part, size - part } };
	int result;

	fill_message(random_buffer, model.pushed, size);
	switch (dice(3)) {
	case 0:
		result = shmemq_timedpush(producer->q, random_buffer, size, model.pushed, 0);
		break;
	case 1:
		result = shmemq_timedpushv(producer->q, parts, 3, model.pushed, 0);
		break;
	default:
		result = shmemq_push(producer->q, random_buffer, size, model.pushed);
	}
	if (producer->started != NULL) {
		must_fail("push of who has started", result, -1, EINVAL);
		return;
	}
	judge(producer, "push", size, fit, result == 0);
	if (result == 0)
		pushed(size);
}

static void push_batch(struct producer *producer)
{
	uint32_t count = (uint32_t)dice(BATCH_MAX + 1), must = 0, may;
	struct shmemq_msg msgs[BATCH_MAX];
	unsigned char *at = random_buffer;
	uint64_t bytes = 0;
	int result;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t size = (uint32_t)dice(dice(4) ? 100 : BATCH_SIZE + 1);

		size = size < model.attr.message_max ? size : (uint32_t)model.attr.message_max;
		fill_message(at, model.pushed + i, size);
		msgs[i] = (struct shmemq_msg){ .data = at, .size = size, .type = model.pushed + i };
		at += size;
	}
	while (must < count && fits((uint32_t)msgs[must].size, must, bytes) == YES)
		bytes += record_bytes((uint32_t)msgs[must++].size);
	for (may = must; may < count && fits((uint32_t)msgs[may].size, may, bytes) != NO; may++)
		bytes += record_bytes((uint32_t)msgs[may].size);
	result = shmemq_pushm(producer->q, msgs, count, 0);
	if (producer->started != NULL) {
		must_fail("pushm of who has started", result, -1, EINVAL);
	} else if (count == 0) {
		if (result != 0)
			wrong("pushm of 0 messages returned %d", result);
	} else {
		judge(producer, "pushm", (uint32_t)msgs[0].size, must > 0 ? YES : may > 0 ? MAYBE : NO, result > 0);
		if (result > 0 && ((uint32_t)result < (model.grows ? 1 : must) || (uint32_t)result > may))
			wrong("pushm pushed %d messages, and there was space for %u to %u", result, must, may);
		for (int i = 0; i < result; i++)
			pushed((uint32_t)msgs[i].size);
	}
}

static void start(struct producer *producer)
{
	uint32_t size = choose_size();
	enum fit fit = fits(size, 0, 0);

	if (dice(10) == 0)
		must_fail("end of nothing", shmemq_push_end(producer->q, 0, 0), -1, EINVAL);
	if (dice(10) == 0)
		must_fail("cancel of nothing", shmemq_push_cancel(producer->q), -1, EINVAL);
	producer->started = shmemq_timedpush_start(producer->q, size, 0);
	judge(producer, "push_start", size, fit, producer->started != NULL);
	if (producer->started == NULL)
		return;
	if ((uintptr_t)producer->started % model.attr.alignment != 0)
		wrong("the message is not aligned");
	memset(producer->started, 0xaa, size); /* also what will not be in it */
	producer->started_size = size;
	if (model.reach < model.before[model.pushed] + record_bytes(size))
		model.reach = model.before[model.pushed] + record_bytes(size);
}

static void end(struct producer *producer)
{
	uint32_t size = producer->started_size;
	int result;

	if (dice(4) == 0)
		must_fail("push_end of too much", shmemq_push_end(producer->q, (size_t)size + 1, 0), -1, EINVAL);
	if (dice(4) == 0) {
		result = shmemq_push_cancel(producer->q);
		note("push_cancel: %d", result);
	} else {
		if (dice(2))
			size = (uint32_t)dice(size + 1);
		fill_message(producer->started, model.pushed, size);
		result = shmemq_push_end(producer->q, size, model.pushed);
		note("push_end of %u bytes as #%u: %d", size, model.pushed, result);
		pushed(size);
	}
	if (result != 0)
		wrong("the message could not be ended");
	producer->started = NULL;
}

void step_push(struct producer *producer)
{
	uint64_t way = dice(10);

	if (dice(100) == 0)
		must_fail("push of too much",
			  shmemq_timedpush(producer->q, random_buffer, model.attr.message_max + 1, 0, 0), -1,
			  producer->started != NULL ? EINVAL : EMSGSIZE);
	if (way < 5)
		push_one(producer);
	else if (way < 7)
		push_batch(producer);
	else if (producer->started != NULL)
		end(producer);
	else
		start(producer);
}
