/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "descriptors.h"

#include <unistd.h>

void descriptors_destroy(struct channel *channel)
{
	close(channel->fds[PRODUCER]);
	close(channel->fds[CONSUMER]);
}

void descriptors_open(struct channel *channel, enum side side)
{
	close(channel->fds[side == PRODUCER ? CONSUMER : PRODUCER]);
	channel_allocate_buffer(channel);
}
