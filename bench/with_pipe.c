/* SPDX-License-Identifier: MIT */
/* A pipe. It does not keep messages apart: the reader knows their size, which is not sent. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "descriptors.h"

static bool create(struct channel *channel)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC | (channel->spins ? O_NONBLOCK : 0)) != 0)
		return false;
	channel->fds[PRODUCER] = fds[1];
	channel->fds[CONSUMER] = fds[0];
	/* May exceed what a user is allowed; then the pipe keeps its default size. */
	fcntl(fds[1], F_SETPIPE_SZ, (int)channel->capacity);
	return true;
}

static inline void send_message(struct channel *channel, const void *message, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t put = write(channel->fds[PRODUCER], (const char *)message + done, size - done);

		if (put < 0 && errno != EAGAIN)
			die("write");
		done += put < 0 ? 0 : (size_t)put;
	}
}

static inline const void *receive_message(struct channel *channel, size_t *size)
{
	for (size_t done = 0; done < channel->size;) {
		ssize_t got = read(channel->fds[CONSUMER], channel->buffer + done, channel->size - done);

		if (got == 0 || (got < 0 && errno != EAGAIN))
			die("read");
		done += got < 0 ? 0 : (size_t)got;
	}
	*size = channel->size;
	return channel->buffer;
}

#define NOTHING_TO_RELEASE
#include "loops.h"

const struct contender with_pipe = {
	.name = "pipe",
	.can = CAN(THROUGHPUT) | CAN(ROUND_TRIP) | CAN(WAKE) | CAN(ONE_CPU) | CAN(CALLS),
	.create = create,
	DESCRIPTORS,
	LOOPS,
};
