/* SPDX-License-Identifier: MIT */
/*
 * Calls at random on the handles of a queue, all of them in this process, each compared with a model of what it should
 * do (random.h): queues that grow or not, of all alignments, limited, broadcast or shared, with followers. Each queue
 * has a seed of its own, the next one after the last: a failure names it, and TEST_SEED=that repeats it. Without
 * $TEST_SEED the first is 1. $TEST_SECONDS.
 */
#include "config.h"

#include "random.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stress.h"
#include "traffic.h"

#define STEPS        4000 /* with a queue */
#define NOTES        400
#define NOTE_BYTES   160
#define BUFFER_BYTES ((size_t)1 << 22)

struct model model;
unsigned char *random_buffer;
unsigned long random_counts[4];

int random_memfd;
const char *random_name;

static struct stress stress;
static uint64_t seed; /* of the present queue */
static uint32_t step;
static char notes[NOTES][NOTE_BYTES];
static unsigned noted;

uint64_t dice(uint64_t sides)
{
	return traffic_random(&stress.random) % sides;
}

void note(const char *format, ...)
{
	va_list list;
	char *line = notes[noted++ % NOTES];

	va_start(list, format);
	vsnprintf(line, NOTE_BYTES, format, list);
	va_end(list);
}

void wrong(const char *format, ...)
{
	const struct shmemq_attr *attr = &model.attr;
	char what[NOTE_BYTES];
	va_list list;

	va_start(list, format);
	vsnprintf(what, sizeof what, format, list);
	va_end(list);
	for (unsigned i = noted > NOTES ? noted - NOTES : 0; i < noted; i++)
		fprintf(stderr, "%s\n", notes[i % NOTES]);
	fprintf(stderr,
		"capacity %" PRIu64 " to %" PRIu64 ", alignment %" PRIu32 ", messages_max %" PRIu32 ", flags %#" PRIx32
		"; %" PRIu32 " pushed, %" PRIu32 " popped\n",
		attr->capacity, attr->capacity_max, attr->alignment, attr->messages_max, attr->flags, model.pushed,
		queue_head());
	errno = 0;
	stress_fail("TEST_SEED=%" PRIu64 ", step %" PRIu32 ": %s", seed, step, what);
}

void must_fail(const char *call, int64_t result, int64_t failure, int expected)
{
	int err = errno;

	note("%s: %s", call, strerror(err));
	if (result != failure || err != expected)
		wrong("%s: %" PRId64 ", errno %s, expected %s", call, result, strerror(err), strerror(expected));
}

uint64_t record_bytes(uint32_t size)
{
	uint64_t alignment = model.attr.alignment;

	return (8 + size + alignment - 1) / alignment * alignment;
}

uint32_t queue_head(void)
{
	uint32_t head = model.pushed;

	if (!model.broadcast)
		return model.popped;
	for (int i = 0; i < CONSUMERS; i++) {
		if (model.consumers[i].q != NULL && model.consumers[i].next < head)
			head = model.consumers[i].next;
	}
	return head;
}

uint64_t queued_bytes(void)
{
	return model.before[model.pushed] - model.before[queue_head()];
}

bool producer_must_wait(const struct producer *producer)
{
	for (int i = 0; i < PRODUCERS; i++) {
		if (&model.producers[i] != producer && model.producers[i].started != NULL)
			return true;
	}
	return false;
}

bool consumer_must_wait(const struct consumer *consumer)
{
	for (int i = 0; i < CONSUMERS && !model.broadcast; i++) {
		if (&model.consumers[i] != consumer && model.consumers[i].held != 0)
			return true;
	}
	return false;
}

void fill_message(void *to, uint32_t number, uint32_t size)
{
	traffic_fill(to, size, seed ^ number);
}

void check_message(const void *message, uint32_t number, uint64_t size)
{
	if (size != model.sizes[number])
		wrong("#%" PRIu32 " has %" PRIu64 " bytes, not %" PRIu32, number, size, model.sizes[number]);
	if (!traffic_filled(message, (size_t)size, seed ^ number))
		wrong("#%" PRIu32 " has other bytes", number);
}

/* Attributes of all kinds. */
static void choose_queue(void)
{
	struct shmemq_attr *attr = &model.attr;

	memset(&model, 0, sizeof model);
	attr->capacity = (uint64_t)sysconf(_SC_PAGESIZE) << dice(dice(2) ? 3 : 7);
	attr->alignment = dice(3) ? 8 : 8u << dice(10);
	if (attr->alignment > attr->capacity / 4)
		attr->alignment = (uint32_t)(attr->capacity / 4);
	model.broadcast = dice(3) == 0;
	model.grows = !model.broadcast && dice(3) != 0;
	attr->capacity_max = attr->capacity << (model.grows ? 1 + dice(5) : 0);
	if (dice(4) == 0)
		attr->messages_max = 1 + (uint32_t)dice(dice(2) ? 5 : 200);
	attr->flags = model.broadcast ? SHMEMQ_ATTR_BROADCAST : 0;
	model.shared_producers = dice(3) == 0;
	model.shared_consumers = !model.broadcast && dice(3) == 0;
}

static void make_queue(void)
{
	const struct shmemq_attr wanted = model.attr;
	struct shmemq *q;

	/* shmemq_fdopen() needs /proc. */
	random_memfd = dice(2) && access("/proc/self/fd", F_OK) == 0 ? shmemq_memfd(&wanted) : -1;
	q = random_memfd >= 0 ? open_handle(SHMEMQ_OBSERVER)
			      : shmemq_open(stress.name, SHMEMQ_OBSERVER | SHMEMQ_CREATE | SHMEMQ_EXCL, 0600, &wanted);
	if (q == NULL || shmemq_getattr(q, &model.attr) != 0)
		wrong("the queue cannot be made");
	shmemq_close(q);
	if (model.attr.capacity != wanted.capacity || model.attr.capacity_max != wanted.capacity_max ||
	    model.attr.alignment != wanted.alignment || model.attr.messages_max != wanted.messages_max ||
	    model.attr.flags != wanted.flags ||
	    model.attr.message_max != stress_message_max(wanted.capacity, wanted.capacity_max, wanted.alignment))
		wrong("the queue has other attributes");
}

static void unmake_queue(void)
{
	for (int i = 0; i < PRODUCERS; i++) {
		if (model.producers[i].q != NULL)
			toggle_producer(&model.producers[i]);
	}
	for (int i = 0; i < CONSUMERS; i++) {
		if (model.consumers[i].q != NULL)
			toggle_consumer(&model.consumers[i]);
	}
	for (int i = 0; i < FOLLOWERS; i++) {
		if (model.followers[i].q != NULL)
			toggle_follower(&model.followers[i]);
	}
	if (random_memfd >= 0)
		close(random_memfd);
	else if (shmemq_unlink(stress.name) != 0)
		wrong("unlink");
}

static void step_producer(void)
{
	struct producer *producer = &model.producers[dice(PRODUCERS)];

	if (producer->q == NULL && model.producers_open != 0)
		producer = &model.producers[producer == model.producers];
	if (producer->q != NULL)
		step_push(producer);
	else if (dice(3) == 0)
		toggle_producer(producer);
}

static void step_consumer(void)
{
	struct consumer *consumer = &model.consumers[dice(CONSUMERS)];

	while (consumer->q == NULL && model.consumers_open != 0)
		consumer = &model.consumers[dice(CONSUMERS)];
	if (consumer->q != NULL)
		step_pop(consumer);
	else if (dice(3) == 0)
		toggle_consumer(consumer);
}

static void step_follower(void)
{
	struct follower *follower = &model.followers[dice(FOLLOWERS)];

	if (follower->q != NULL)
		step_follow(follower);
	else if (dice(5) == 0)
		toggle_follower(follower);
}

static void step_other(void)
{
	struct producer *producer = &model.producers[dice(PRODUCERS)];

	switch (dice(24)) {
	case 0:
		toggle_producer(producer);
		break;
	case 1:
		toggle_consumer(&model.consumers[dice(CONSUMERS)]);
		break;
	case 2:
		toggle_follower(&model.followers[dice(FOLLOWERS)]);
		break;
	default:
		if (producer->q != NULL && dice(2))
			check_waits(producer);
		else
			check_stat();
	}
}

/* Who is how busy changes now and then. */
static void use_queue(void)
{
	uint64_t push = 10, pop = 10, follow = 10;

	for (step = 0; step < STEPS && model.pushed < MESSAGES_MAX - 100 && !stress_over(&stress); step++) {
		uint64_t which;

		if (step % 400 == 0) {
			push = 5 + dice(80);
			pop = 5 + dice(80);
			follow = dice(50);
		}
		which = dice(push + pop + follow + 6);
		if (which < push)
			step_producer();
		else if (which < push + pop)
			step_consumer();
		else if (which < push + pop + follow)
			step_follower();
		else
			step_other();
	}
}

int main(void)
{
	unsigned long queues = 0;

	setenv("TEST_SEED", "1", 0);
	stress_begin(&stress, "random", 4);
	random_name = stress.name;
	random_buffer = malloc(BUFFER_BYTES);
	if (random_buffer == NULL)
		stress_fail("malloc");
	for (seed = stress.seed; !stress_over(&stress); seed++, queues++) {
		stress.random = seed;
		noted = 0;
		choose_queue();
		make_queue();
		use_queue();
		unmake_queue();
	}
	free(random_buffer);
	return stress_end(&stress, 0, "%lu queues, %lu pushes, %lu pops, %lu messages followed, overtaken %lu times",
			  queues, random_counts[0], random_counts[1], random_counts[2], random_counts[3]);
}
