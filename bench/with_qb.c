/* SPDX-License-Identifier: MIT */
/* libqb's ring buffer, in place on both sides; it uses its semaphore in the case where the sides sleep. */
#include "config.h"

#include <qb/qbrb.h>
#include <stdio.h>
#include <unistd.h>

#include "contender.h"

/* Removes libqb's two files, so that none is left if this process is killed. The children inherit the mapping. */
static void remove_files(const struct channel *channel)
{
	static const char *const parts[] = { "header", "data" };
	char path[128];

	for (unsigned i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "/dev/shm/qb-%s-%s", channel->name + 1, parts[i]);
		unlink(path);
	}
}

static bool create(struct channel *channel)
{
	uint32_t waits = channel->sleeps ? 0 : QB_RB_FLAG_NO_SEMAPHORE;

	channel->handle = qb_rb_open(channel->name + 1, channel->capacity,
				     QB_RB_FLAG_CREATE | QB_RB_FLAG_SHARED_PROCESS | waits, 0);
	if (channel->handle == NULL)
		return false;
	remove_files(channel);
	return true;
}

static void destroy(struct channel *channel)
{
	qb_rb_close(channel->handle);
}

static inline void send_message(struct channel *channel, const void *message, size_t size)
{
	void *chunk;

	while ((chunk = qb_rb_chunk_alloc(channel->handle, size)) == NULL)
		relax(channel);
	copy_message(chunk, message, size);
	if (qb_rb_chunk_commit(channel->handle, size) < 0)
		die("qb_rb_chunk_commit");
}

static inline const void *receive_message(struct channel *channel, size_t *size)
{
	ssize_t got;
	void *message;

	while ((got = qb_rb_chunk_peek(channel->handle, &message, channel->sleeps ? -1 : 0)) <= 0)
		relax(channel);
	*size = (size_t)got;
	return message;
}

static inline void release_message(struct channel *channel)
{
	qb_rb_chunk_reclaim(channel->handle);
}

#include "loops.h"

const struct contender with_qb = {
	.name = "libqb",
	.can = CAN(THROUGHPUT) | CAN(ROUND_TRIP) | CAN(WAKE) | CAN(ONE_CPU) | CAN(CALLS),
	.create = create,
	.destroy = destroy,
	LOOPS,
};
