/* SPDX-License-Identifier: MIT */
/*
 * What calls with a timeout of 0 take that find a queue empty or full, beside a push and a pop. One process has both
 * ends of each queue, so no line moves between processors.
 */
#include "config.h"

#include <errno.h>

#include "ends.h"

static void open_full(struct channel *channel, enum side side)
{
	const uint64_t message = 0;
	struct ends *ends;

	ends_open(channel, side);
	ends = channel->context;
	while (shmemq_timedpush(ends->producer, &message, sizeof message, 0, 0) == 0)
		;
}

static inline void push_pop(struct channel *channel)
{
	struct ends *ends = channel->context;
	uint64_t message = 0;

	if (shmemq_push(ends->producer, &message, sizeof message, 0) != 0 ||
	    shmemq_pop(ends->consumer, &message, sizeof message, NULL) != sizeof message)
		die("shmemq_push, shmemq_pop");
}

static inline void try_pop(struct channel *channel)
{
	struct ends *ends = channel->context;
	uint64_t message;

	if (shmemq_timedpop(ends->consumer, &message, sizeof message, NULL, 0) >= 0 || errno != EAGAIN)
		die("shmemq_timedpop");
}

static inline void try_push(struct channel *channel)
{
	struct ends *ends = channel->context;
	const uint64_t message = 0;

	if (shmemq_timedpush(ends->producer, &message, sizeof message, 0, 0) == 0 || errno != EAGAIN)
		die("shmemq_timedpush");
}

/* Counts the rounds over all queues. Inlined in the three loops, so that `act` is, too. */
__attribute__((always_inline)) static inline void repeat(const struct job *job, void (*act)(struct channel *))
{
	struct received rounds = { 0, 0, 0 };

	note_arrival(job->control, 0);
	/* Also on a machine that lets this process run only after the end, one round is measured. */
	while (phase_of(job->control) != STOP || rounds.start == 0 || rounds.number == rounds.from) {
		for (unsigned i = 0; i < job->count; i++)
			act(&job->channels[i]);
		count_message(job, &rounds);
	}
	store_counts(job, &rounds);
}

static void repeat_push_pop(struct job *job)
{
	repeat(job, push_pop);
}

static void repeat_try_pop(struct job *job)
{
	repeat(job, try_pop);
}

static void repeat_try_push(struct job *job)
{
	repeat(job, try_push);
}

/* The same queue, at rest, but it might grow. */
static bool create_growing(struct channel *channel)
{
	const struct shmemq_attr attr = { .capacity = channel->capacity, .capacity_max = 64 * channel->capacity };
	struct shmemq *q = shmemq_open(channel->name, SHMEMQ_OBSERVER | SHMEMQ_CREATE | SHMEMQ_EXCL, 0600, &attr);

	return q != NULL && shmemq_close(q) == 0;
}

static void unlink_growing(struct channel *channel)
{
	shmemq_unlink(channel->name);
}

/* A trial with no producer has one process, which is the consumer. */
#define ALONE .create = library_create, .unlink = library_unlink

const struct contender with_push_pop = {
	.name = "push-pop",
	.can = CAN(TRIES),
	ALONE,
	.open = ends_open,
	.consume = repeat_push_pop,
};

const struct contender with_try_pop = {
	.name = "try-pop",
	.can = CAN(TRIES) | CAN(IDLE),
	ALONE,
	.open = ends_open,
	.consume = repeat_try_pop,
};

const struct contender with_try_push = {
	.name = "try-push",
	.can = CAN(TRIES),
	ALONE,
	.open = open_full,
	.consume = repeat_try_push,
};

const struct contender with_growing = {
	.name = "growing",
	.can = CAN(TRIES),
	.create = create_growing,
	.unlink = unlink_growing,
	.open = ends_open,
	.consume = repeat_push_pop,
};
