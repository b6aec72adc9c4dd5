/* SPDX-License-Identifier: MIT */
/* This library, with the calls that copy; and the same with rings that are mapped at open. */
#include "config.h"

#include "library.h"

static inline void send_message(struct channel *channel, const void *message, size_t size)
{
	if (channel->library->push(channel->handle, message, size, 0) != 0)
		die("shmemq_push");
}

static inline const void *receive_message(struct channel *channel, size_t *size)
{
	ssize_t got = channel->library->pop(channel->handle, channel->buffer, channel->size, NULL);

	if (got < 0)
		die("shmemq_pop");
	*size = (size_t)got;
	return channel->buffer;
}

#define NOTHING_TO_RELEASE
#include "loops.h"

const struct contender with_copy = {
	.name = "copy",
	.can = CAN(THROUGHPUT) | CAN(ROUND_TRIP) | CAN(WAKE) | CAN(ONE_CPU) | CAN(PRODUCERS) | CAN(CALLS) |
	       CAN(PREFAULT) | CAN(STRANGER) | CAN(READERS),
	.create = library_create,
	LIBRARY,
	LOOPS,
};

const struct contender with_prefault = {
	.name = "prefault",
	.can = CAN(PREFAULT),
	.create = library_create,
	.unlink = library_unlink,
	.open = library_open_prefault,
	.close = library_close,
	LOOPS,
};
