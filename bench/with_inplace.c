/* SPDX-License-Identifier: MIT */
/* This library, with the calls that leave messages in place; and the same in a build that waits on semaphores. */
#include "config.h"

#include "library.h"

static inline void send_message(struct channel *channel, const void *message, size_t size)
{
	void *reservation = channel->library->push_start(channel->handle, size);

	if (reservation == NULL)
		die("shmemq_push_start");
	copy_message(reservation, message, size);
	if (channel->library->push_end(channel->handle, size, 0) != 0)
		die("shmemq_push_end");
}

static inline const void *receive_message(struct channel *channel, size_t *size)
{
	const void *message = channel->library->pop_start(channel->handle, size, NULL);

	if (message == NULL)
		die("shmemq_pop_start");
	return message;
}

static inline void release_message(struct channel *channel)
{
	if (channel->library->pop_end(channel->handle) != 0)
		die("shmemq_pop_end");
}

#include "loops.h"

const struct contender with_inplace = {
	.name = "inplace",
	.can = CAN(THROUGHPUT) | CAN(ROUND_TRIP) | CAN(WAKE) | CAN(ONE_CPU) | CAN(CAPACITY) | CAN(QUEUES) | CAN(CALLS),
	.create = library_create,
	LIBRARY,
	LOOPS,
};

const struct contender with_semaphores = {
	.name = "semaphores",
	.can = CAN(THROUGHPUT) | CAN(WAKE) | CAN(ONE_CPU),
	.size_max = 64,
	.create = library_create_semaphores,
	LIBRARY,
	LOOPS,
};
