/* SPDX-License-Identifier: MIT */
/*
 * The machine's limit of bytes: memcpy() into one of several slots, which has a flag on a line of its own. And the same
 * at addresses as a ring of variable-length messages has them: a word behind the flag, slot behind slot.
 */
#include "config.h"

#include "contender.h"

struct slot {
	_Alignas(8) _Atomic uint32_t full;
};

/* `line`: bytes that flag and payload are aligned to. */
static bool create_aligned(struct channel *channel, size_t line)
{
	channel->header = line;
	channel->stride = line + (channel->size + line - 1) / line * line;
	channel->slots = channel->capacity / channel->stride;
	return channel_map(channel, channel->capacity);
}

static bool create(struct channel *channel)
{
	return create_aligned(channel, LINE);
}

static bool create_packed(struct channel *channel)
{
	return create_aligned(channel, sizeof(struct slot));
}

/* The slot whose turn it is. */
static inline struct slot *slot_of(const struct channel *channel)
{
	return (void *)((char *)channel->shared + channel->position * channel->stride);
}

static inline void *payload_of(const struct channel *channel, struct slot *slot)
{
	return (char *)slot + channel->header;
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
	memcpy(payload_of(channel, slot), message, size);
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
	return payload_of(channel, slot);
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
	.destroy = channel_unmap,
	LOOPS,
};

const struct contender with_packed = {
	.name = "packed",
	.can = CAN(THROUGHPUT),
	.size_min = 4096,
	.create = create_packed,
	.destroy = channel_unmap,
	LOOPS,
};
