/* SPDX-License-Identifier: MIT */
/* Many readers without a broadcast queue: a queue for each of them, and the producer copies each message into all. */
#include "config.h"

#include <stdio.h>

#include "library.h"

static void queue_name(const struct channel *channel, unsigned reader, char name[80])
{
	snprintf(name, 80, "%s-%u", channel->name, reader);
}

/* channel->context: the producer's handles. */
static bool create(struct channel *channel)
{
	const struct shmemq_attr attr = { .capacity = channel->capacity };
	char name[80];

	if (!channel_map(channel, READERS_MAX * sizeof(struct shmemq *)))
		return false;
	for (unsigned i = 0; i < channel->readers; i++) {
		struct shmemq *q;

		queue_name(channel, i, name);
		q = shmemq_open(name, SHMEMQ_OBSERVER | SHMEMQ_CREATE | SHMEMQ_EXCL, 0600, &attr);
		if (q == NULL || shmemq_close(q) != 0)
			return false;
	}
	return true;
}

static void unlink_all(struct channel *channel)
{
	char name[80];

	for (unsigned i = 0; i < channel->readers; i++) {
		queue_name(channel, i, name);
		shmemq_unlink(name);
	}
}

static void open_end(struct channel *channel, enum side side)
{
	struct shmemq **handles = channel->shared; /* the consumers do not use it */
	char name[80];

	channel_allocate_buffer(channel);
	if (side == CONSUMER) {
		queue_name(channel, channel->reader, name);
		channel->handle = shmemq_open(name, SHMEMQ_CONSUMER, 0, NULL);
		if (channel->handle == NULL)
			die("shmemq_open");
		return;
	}
	for (unsigned i = 0; i < channel->readers; i++) {
		queue_name(channel, i, name);
		handles[i] = shmemq_open(name, SHMEMQ_PRODUCER, 0, NULL);
		if (handles[i] == NULL)
			die("shmemq_open");
	}
}

static void close_end(struct channel *channel, enum side side)
{
	struct shmemq **handles = channel->shared;

	if (side == CONSUMER)
		shmemq_close(channel->handle);
	for (unsigned i = 0; side == PRODUCER && i < channel->readers; i++)
		shmemq_close(handles[i]);
}

static inline void send_message(struct channel *channel, const void *message, size_t size)
{
	struct shmemq **handles = channel->shared;

	for (unsigned i = 0; i < channel->readers; i++) {
		if (shmemq_push(handles[i], message, size, 0) != 0)
			die("shmemq_push");
	}
}

static inline const void *receive_message(struct channel *channel, size_t *size)
{
	ssize_t got = shmemq_pop(channel->handle, channel->buffer, channel->size, NULL);

	if (got < 0)
		die("shmemq_pop");
	*size = (size_t)got;
	return channel->buffer;
}

#define NOTHING_TO_RELEASE
#include "loops.h"

const struct contender with_fanout = {
	.name = "queue each",
	.can = CAN(READERS),
	.create = create,
	.unlink = unlink_all,
	.destroy = channel_unmap,
	.open = open_end,
	.close = close_end,
	LOOPS,
};
