/* SPDX-License-Identifier: MIT */
/*
 * The upper limit of bytes per second on this machine: memcpy() through slots that are used in rotation, each with a
 * flag on a cache line of its own (memcpy). And the same at the addresses that messages have in a ring of
 * variable-length messages: payload 8 bytes after the flag, each slot directly after the one before (packed).
 */
#include "config.h"

#include "contender.h"

struct slot {
	_Alignas(8) _Atomic uint32_t full;
};

/* `line`: the alignment of flag and payload, in bytes. */
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

/* The slot of the next message. */
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

	/* Acquire: the slot is written after the consumer has read it. The release is in release_message(). */
	while (atomic_load_explicit(&slot->full, memory_order_acquire) != 0)
		relax(channel);
	memcpy(payload_of(channel, slot), message, size);
	/* Release: a consumer that sees the flag sees the payload. The acquire is in receive_message(). */
	atomic_store_explicit(&slot->full, 1, memory_order_release);
	step(channel);
}

static inline const void *receive_message(struct channel *channel, size_t *size)
{
	struct slot *slot = slot_of(channel);

	/* Acquire: the payload is read after the flag. The release is in send_message(). */
	while (atomic_load_explicit(&slot->full, memory_order_acquire) == 0)
		relax(channel);
	*size = channel->size;
	return payload_of(channel, slot);
}

static inline void release_message(struct channel *channel)
{
	/* Release: the payload is read before the slot is free again. The acquire is in send_message(). */
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
