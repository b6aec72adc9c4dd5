/* SPDX-License-Identifier: MIT */
/*
 * This library, with the calls that copy; the same with rings that are mapped at open; and the same beside followers,
 * which read all the time, or a thousand messages every 10 ms.
 */
#include "config.h"

#include <errno.h>

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
	       CAN(PREFAULT) | CAN(STRANGER) | CAN(READERS) | CAN(FOLLOWERS),
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

#define WAIT_NS 10000000

/* `most`: messages that are read before each pause; 0: there is none. */
static void follow(struct job *job, unsigned most)
{
	struct channel *channel = job->channels;
	const uint64_t *message = (const uint64_t *)(const void *)channel->buffer;
	size_t last = job->size / sizeof *message - 1;

	while (phase_of(job->control) != STOP) {
		bool more = true;

		for (unsigned i = 0; more && (most == 0 ? phase_of(job->control) != STOP : i < most); i++) {
			ssize_t got = shmemq_timedpop(channel->handle, channel->buffer, channel->size, NULL,
						      most != 0 ? 0 : WAIT_NS);

			more = got >= 0 || errno == EOVERFLOW;
			if (got >= 0 ? (size_t)got != job->size || message[0] != message[last]
				     : !more && errno != EAGAIN && errno != ETIMEDOUT && errno != EPIPE)
				die("shmemq_timedpop of a follower");
		}
		if (most != 0)
			sleep_ns(WAIT_NS);
	}
}

static void follow_all(struct job *job)
{
	follow(job, 0);
}

static void follow_some(struct job *job)
{
	follow(job, 1000);
}

#define BESIDE_FOLLOWERS(count, way) \
	.can = CAN(FOLLOWERS), .create = library_create, .followers = (count), .follow = (way), LIBRARY, LOOPS

const struct contender with_follower = { .name = "1 follower", BESIDE_FOLLOWERS(1, follow_all) };
const struct contender with_followers = { .name = "8 followers", BESIDE_FOLLOWERS(8, follow_all) };
const struct contender with_slow_follower = { .name = "1 slow", BESIDE_FOLLOWERS(1, follow_some) };
const struct contender with_slow_followers = { .name = "8 slow", BESIDE_FOLLOWERS(8, follow_some) };
