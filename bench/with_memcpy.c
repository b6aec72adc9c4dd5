/* SPDX-License-Identifier: MIT */
/* The machine's limit of bytes: memcpy() into one of several slots, which has a flag on a line of its own. */
#include "config.h"

#include "contender.h"

struct slot {
	_Alignas(LINE) _Atomic uint32_t full;
	_Alignas(LINE) unsigned char payload[];
};

static bool create(struct channel *channel)
{
	channel->stride = sizeof(struct slot) + (channel->size + LINE - 1) / LINE * LINE;
	channel->slots = channel->capacity / channel->stride;
	channel->shared = shared_memory(channel->capacity);
	return channel->shared != NULL;
}

static void destroy(struct channel *channel)
{
	free_shared(channel->shared, channel->capacity);
}

/* The slot whose turn it is. */
static inline struct slot *slot_of(const struct channel *channel)
{
	return (void *)((char *)channel->shared + channel->position * channel->stride);
}

static inline void step(struct channel *channel)
{
	if (++channel->position == channel->slots)
		channel->position = 0;
}

static inline void send_message(struct channel *channel, const void *message, size_t size)
{
	struct slot *slot = slot_of(channel);

	/* Acquire: the consumer has read the slot before it is written. Its release is in release_message(). */
	while (atomic_load_explicit(&slot->full, memory_order_acquire) != 0)
		relax(channel);
	memcpy(slot->payload, message, size);
	/* Release: the payload is seen with the flag. Its acquire is in receive_message(). */
	atomic_store_explicit(&slot->full, 1, memory_order_release);
	step(channel);
}

static inline const void *receive_message(struct channel *channel, size_t *size)
{
	struct slot *slot = slot_of(channel);

	while (atomic_load_explicit(&slot->full, memory_order_acquire) == 0)
		relax(channel);
	*size = channel->size;
	return slot->payload;
}

static inline void release_message(struct channel *channel)
{
	atomic_store_explicit(&slot_of(channel)->full, 0, memory_order_release);
	step(channel);
}

#include "loops.h"

const struct contender with_memcpy = {
	.name = "memcpy",
	.can = CAN(THROUGHPUT),
	.size_min = 4096,
	.create = create,
	.destroy = destroy,
	LOOPS,
};
