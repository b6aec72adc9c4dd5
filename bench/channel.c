/* SPDX-License-Identifier: MIT */
/* The memory of channels, for the contenders and for the run itself. */
#include "config.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "contender.h"

void *map_shared(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

bool channel_map(struct channel *channel, size_t size)
{
	channel->shared = map_shared(size);
	channel->shared_size = size;
	return channel->shared != NULL;
}

void channel_unmap(struct channel *channel)
{
	munmap(channel->shared, channel->shared_size);
}

void channel_allocate_buffer(struct channel *channel)
{
	channel->buffer = malloc(channel->size);
	if (channel->buffer == NULL)
		die("malloc");
}
