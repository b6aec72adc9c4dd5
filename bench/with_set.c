/* SPDX-License-Identifier: MIT */
/*
 * What a turn of a set takes, of whose queues one is active: a message comes there, the set tells it, it is popped, and
 * the next pop fails. One process has both ends of each queue.
 */
#include "config.h"

#include <errno.h>

#include "ends.h"

/* The channel of a queue that is told. */
static const struct channel *wait_for_one(struct shmemq_set *set, int64_t timeout)
{
	void *cookie;
	int count = shmemq_set_wait(set, &cookie, 1, timeout);

	if (count < 0 && errno != EAGAIN)
		die("shmemq_set_wait");
	return count == 1 ? cookie : NULL;
}

static ssize_t try_pop(const struct channel *channel)
{
	const struct ends *ends = channel->context;
	uint64_t message;
	ssize_t size = shmemq_timedpop(ends->consumer, &message, sizeof message, NULL, 0);

	if (size < 0 && errno != EAGAIN)
		die("shmemq_timedpop");
	return size;
}

static void turn(struct shmemq_set *set, const struct channel *active)
{
	const struct ends *ends = active->context;
	const uint64_t message = 0;
	const struct channel *told;

	if (shmemq_push(ends->producer, &message, sizeof message, 0) != 0)
		die("shmemq_push");
	/* Others may be told once more, of what happened while they were opened. */
	while ((told = wait_for_one(set, -1)) != active)
		try_pop(told);
	if (try_pop(active) != sizeof message || try_pop(active) >= 0)
		die("pop");
}

/* The set is closed when the process ends. */
static struct shmemq_set *set_of(const struct job *job)
{
	struct shmemq_set *set = shmemq_set_open();
	const struct channel *told;

	if (set == NULL)
		die("shmemq_set_open");
	for (unsigned i = 0; i < job->count; i++) {
		struct ends *ends = job->channels[i].context;

		if (shmemq_set_add(set, ends->consumer, &job->channels[i]) != 0)
			die("shmemq_set_add");
	}
	/* Each is told at first, until a pop has found it empty. */
	while ((told = wait_for_one(set, 0)) != NULL)
		try_pop(told);
	return set;
}

static void repeat_turn(struct job *job)
{
	const struct channel *active = &job->channels[job->count - 1];
	struct received turns = { 0, 0, 0 };
	struct shmemq_set *set = set_of(job);

	note_arrival(job->control, 0);
	while (phase_of(job->control) != STOP || turns.start == 0 || turns.number == turns.from) {
		turn(set, active);
		count_message(job, &turns);
	}
	store_counts(job, &turns);
}

const struct contender with_set = {
	.name = "set",
	.can = CAN(IDLE),
	.create = library_create,
	.unlink = library_unlink,
	.open = ends_open,
	.consume = repeat_turn,
};
