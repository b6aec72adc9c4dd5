/* SPDX-License-Identifier: MIT */
/* A pair of AF_UNIX sockets that keep messages apart. */
#include "config.h"

#include <errno.h>
#include <sys/socket.h>

#include "descriptors.h"

static bool create(struct channel *channel)
{
	int type = SOCK_SEQPACKET | SOCK_CLOEXEC | (channel->spins ? SOCK_NONBLOCK : 0);
	int bytes = (int)channel->capacity;

	if (socketpair(AF_UNIX, type, 0, channel->fds) != 0)
		return false;
	/* The kernel reduces the size to the system's limit. */
	setsockopt(channel->fds[PRODUCER], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
	return true;
}

static inline void send_message(struct channel *channel, const void *message, size_t size)
{
	while (send(channel->fds[PRODUCER], message, size, MSG_NOSIGNAL) < 0) {
		if (errno != EAGAIN)
			die("send");
	}
}

static inline const void *receive_message(struct channel *channel, size_t *size)
{
	ssize_t got;

	while ((got = recv(channel->fds[CONSUMER], channel->buffer, channel->size, 0)) < 0) {
		if (errno != EAGAIN)
			die("recv");
	}
	*size = (size_t)got;
	return channel->buffer;
}

#define NOTHING_TO_RELEASE
#include "loops.h"

const struct contender with_seqpacket = {
	.name = "seqpacket",
	.can = CAN(THROUGHPUT) | CAN(ROUND_TRIP) | CAN(WAKE) | CAN(ONE_CPU) | CAN(CALLS) | CAN(PRODUCERS),
	.create = create,
	DESCRIPTORS,
	LOOPS,
};
