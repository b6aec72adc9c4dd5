/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <string.h>

#include "random.h"

#define BUFFER_BYTES ((size_t)1 << 21)

/* What is oldest is known to within two of these: 64ths of the ring, and what rounds up a record. */
static uint64_t grain(void)
{
	return model.attr.capacity_max / 64 + model.attr.alignment;
}

/* Of a queue that does not grow: is a message certainly intact, wherever the producer has started one? */
static bool is_intact(uint32_t number)
{
	return model.reach + grain() + 8 - model.before[number] <= model.attr.capacity;
}

/* The oldest message that must be found, if the producer rests; or all that have been pushed. */
static uint32_t oldest_certain(void)
{
	uint32_t number = model.pushed;

	if (model.grows) /* what is queued; what is not may have been given back */
		return queue_head();
	while (number > 0 && is_intact(number - 1))
		number--;
	return number;
}

/* It has popped or sought to `number` by the index. */
static void check_oldest(uint32_t number)
{
	uint32_t oldest = oldest_certain();
	uint64_t largest = 0;

	/* The index has the first record of a 64th, which may be long. */
	for (uint32_t i = oldest; i < number && i < oldest + 2; i++)
		largest += record_bytes(model.sizes[i]);
	if (number > oldest && model.before[number] - model.before[oldest] > 2 * grain() + largest)
		wrong("#%u is the oldest, and #%u is intact", number, oldest);
}

static void check_empty(struct follower *follower, int err)
{
	if (follower->overtaken)
		check_oldest(model.pushed);
	else if (follower->next != model.pushed)
		wrong("the follower finds nothing of %u messages", model.pushed - follower->next);
	if (err != (model.producers_open > 0 || !model.any_producer ? EAGAIN : EPIPE))
		wrong("the follower's pop failed with errno %s", strerror(err));
	follower->next = model.pushed;
	follower->overtaken = false;
}

static void overtaken(struct follower *follower)
{
	random_counts[3]++;
	if (follower->overtaken)
		wrong("overtaken twice, and nothing moved meanwhile");
	if (!model.grows && (follower->next == model.pushed || is_intact(follower->next)))
		wrong("overtaken, and #%u is intact", follower->next);
	follower->overtaken = true;
}

static void pop(struct follower *follower)
{
	size_t size = BUFFER_BYTES;
	uint32_t type = UINT32_MAX;
	bool small = !follower->overtaken && follower->next < model.pushed && model.sizes[follower->next] > 0 &&
		     dice(10) == 0;
	ssize_t result;

	if (small)
		size = model.sizes[follower->next] - 1;
	result = shmemq_timedpop(follower->q, random_buffer, size, &type, 0);
	note("follower's pop of #%u: %zd %s, #%u", follower->next, result, result < 0 ? strerror(errno) : "", type);
	if (result < 0 && errno == EOVERFLOW) {
		overtaken(follower);
	} else if (small) {
		must_fail("follower's pop to a small buffer", result, -1, EMSGSIZE);
	} else if (result < 0) {
		check_empty(follower, errno);
	} else {
		if (type >= model.pushed || type < follower->next || (type > follower->next && !follower->overtaken))
			wrong("the follower got #%u, expected #%u", type, follower->next);
		check_message(random_buffer, type, (uint64_t)result);
		if (follower->overtaken)
			check_oldest(type);
		follower->next = follower->popped = type + 1;
		follower->overtaken = false;
		random_counts[2]++;
	}
}

/* What comes then tells where that is; while the producer rests it is intact. */
static void pop_oldest(struct follower *follower, uint64_t lost)
{
	uint32_t type = UINT32_MAX;
	ssize_t result = shmemq_timedpop(follower->q, random_buffer, BUFFER_BYTES, &type, 0);

	note("  then a pop: %zd %s, #%u", result, result < 0 ? strerror(errno) : "", type);
	if (result < 0) {
		check_oldest(model.pushed);
		if (errno == EOVERFLOW || follower->popped + lost < model.pushed)
			wrong("nothing is found there, errno %s", strerror(errno));
		follower->next = model.pushed;
	} else {
		if (type >= model.pushed || (lost == 0 ? type > follower->popped : type != follower->popped + lost))
			wrong("#%u is found there", type);
		check_message(random_buffer, type, (uint64_t)result);
		check_oldest(type);
		follower->next = follower->popped = type + 1;
		random_counts[2]++;
	}
}

static void seek(struct follower *follower, int whence)
{
	uint32_t place = whence == SHMEMQ_NEWEST ? model.pushed : queue_head();
	uint64_t lost = 12345;
	int result = shmemq_seek(follower->q, whence, &lost);

	note("seek %d: %d, %llu lost after #%u", whence, result, (unsigned long long)lost, follower->popped);
	if (result != 0)
		wrong("seek failed");
	follower->overtaken = false;
	if (whence == SHMEMQ_OLDEST) {
		if (follower->popped + lost > model.pushed)
			wrong("so many messages were not pushed");
		if (lost == 0 || dice(2)) {
			pop_oldest(follower, lost);
			return;
		}
		place = follower->popped + (uint32_t)lost;
		check_oldest(place);
	} else if (lost != (place > follower->popped ? place - follower->popped : 0)) {
		wrong("not that many were lost");
	}
	follower->next = place;
}

static void check_lag(const struct follower *follower)
{
	uint64_t bytes = model.before[model.pushed] - model.before[follower->next];
	struct shmemq_stat st;

	if (shmemq_stat(follower->q, &st) != 0)
		wrong("stat failed");
	if (follower->overtaken)
		return;
	if (bytes > model.attr.capacity - 8)
		bytes = model.attr.capacity - 8;
	if (st.lag_messages != model.pushed - follower->next || (!model.grows && st.lag_bytes != bytes))
		wrong("a lag of %llu messages, %llu bytes", (unsigned long long)st.lag_messages,
		      (unsigned long long)st.lag_bytes);
}

void step_follow(struct follower *follower)
{
	uint64_t way = dice(12);

	if (way == 0 || (follower->overtaken && way < 6))
		seek(follower, follower->overtaken && way > 2 ? SHMEMQ_OLDEST : (int)dice(3));
	else if (way == 11)
		check_lag(follower);
	else
		pop(follower);
}
