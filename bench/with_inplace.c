/* SPDX-License-Identifier: MIT */
/* This library, by the calls that leave messages where they are; and the same waiting on semaphores. */
#include "config.h"

#include "library.h"

static inline void send_message(struct channel *channel, const void *message, size_t size)
{
	void *room = channel->library->push_start(channel->handle, size);

	if (room == NULL)
		die("shmemq_push_start");
	copy_message(room, message, size);
	if (channel->library->push_end(channel->handle, size, 0) != 0)
		die("shmemq_push_end");
}

static inline const void *receive_message(struct channel *channel, size_t *size)
{
	const void *view = channel->library->pop_start(channel->handle, size, NULL);

	if (view == NULL)
		die("shmemq_pop_start");
	return view;
}

static inline void release_message(struct channel *channel)
{
	if (channel->library->pop_end(channel->handle) != 0)
		die("shmemq_pop_end");
}

#include "loops.h"

const struct contender with_inplace = {
	.name = "inplace",
	.can = CAN(THROUGHPUT) | CAN(SPINNING) | CAN(SLEEPING) | CAN(ONE_CPU) | CAN(CAPACITY) | CAN(QUEUES) |
	       CAN(CALLS),
	.create = library_create,
	LIBRARY,
	LOOPS,
};

const struct contender with_semaphores = {
	.name = "semaphores",
	.can = CAN(THROUGHPUT) | CAN(SLEEPING) | CAN(ONE_CPU),
	.size_max = 64,
	.create = library_create_semaphores,
	LIBRARY,
	LOOPS,
};
