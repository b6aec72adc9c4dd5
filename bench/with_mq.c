/* SPDX-License-Identifier: MIT */
/* POSIX message queues of ten messages: a longer queue needs a privilege. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>

#include "contender.h"

#define DEPTH 10

static bool create(struct channel *channel)
{
	struct mq_attr attr = { .mq_maxmsg = DEPTH, .mq_msgsize = (long)channel->size };
	int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | (channel->spins ? O_NONBLOCK : 0);

	channel->fds[0] = mq_open(channel->name, flags, 0600, &attr);
	if (channel->fds[0] < 0)
		return false;
	mq_unlink(channel->name);
	return true;
}

static void destroy(struct channel *channel)
{
	mq_close(channel->fds[0]);
}

static void open_end(struct channel *channel, enum side side)
{
	(void)side;
	channel_allocate_buffer(channel);
}

static inline void send_message(struct channel *channel, const void *message, size_t size)
{
	while (mq_send(channel->fds[0], message, size, 0) != 0) {
		if (errno != EAGAIN)
			die("mq_send");
	}
}

static inline const void *receive_message(struct channel *channel, size_t *size)
{
	ssize_t got;

	while ((got = mq_receive(channel->fds[0], (char *)channel->buffer, channel->size, NULL)) < 0) {
		if (errno != EAGAIN)
			die("mq_receive");
	}
	*size = (size_t)got;
	return channel->buffer;
}

#define NOTHING_TO_RELEASE
#include "loops.h"

const struct contender with_mq = {
	.name = "mq",
	.can = CAN(THROUGHPUT) | CAN(ROUND_TRIP) | CAN(WAKE) | CAN(ONE_CPU) | CAN(CALLS) | CAN(PRODUCERS),
	.size_max = 8192, /* the system's default limit */
	.create = create,
	.destroy = destroy,
	.open = open_end,
	LOOPS,
};
