/* SPDX-License-Identifier: MIT */
/* Concurrency Kit's ring of pointers. They point to slots of equal size, which lie after the ring in shared memory. */
#include "config.h"

#include <ck_ring.h>

#include "contender.h"

struct slot {
	uint64_t size;
	unsigned char payload[];
};

/* The pointers are valid on both sides: the sides are forked after the mapping, and so have it at the same address. */
struct shared {
	_Alignas(LINE) ck_ring_t ring;
	_Alignas(LINE) char rest[];
};

static bool create(struct channel *channel)
{
	unsigned entries = 2;
	struct shared *shared;

	channel->stride = sizeof(struct slot) + channel->size;
	/* Half as many entries as slots: while the ring is full, two more slots are in use, one by each side. */
	while (entries * 4 * (channel->stride + sizeof(ck_ring_buffer_t)) <= channel->capacity)
		entries *= 2;
	channel->slots = entries * 2;
	if (!channel_map(channel, 2 * channel->capacity))
		return false;
	shared = channel->shared;
	ck_ring_init(&shared->ring, entries);
	channel->handle = shared->rest;
	channel->context = shared->rest + entries * sizeof(ck_ring_buffer_t);
	return true;
}

static inline void send_message(struct channel *channel, const void *message, size_t size)
{
	struct shared *shared = channel->shared;
	struct slot *slot = (void *)((char *)channel->context + channel->position * channel->stride);

	slot->size = size;
	copy_message(slot->payload, message, size);
	while (!ck_ring_enqueue_spsc(&shared->ring, channel->handle, slot))
		relax(channel);
	if (++channel->position == channel->slots)
		channel->position = 0;
}

static inline const void *receive_message(struct channel *channel, size_t *size)
{
	struct shared *shared = channel->shared;
	struct slot *slot;

	while (!ck_ring_dequeue_spsc(&shared->ring, channel->handle, &slot))
		relax(channel);
	*size = slot->size;
	return slot->payload;
}

#define NOTHING_TO_RELEASE /* a slot is reused only after all the others */
#include "loops.h"

const struct contender with_ck = {
	.name = "ck_ring",
	.can = CAN(THROUGHPUT) | CAN(ROUND_TRIP) | CAN(ONE_CPU),
	.create = create,
	.destroy = channel_unmap,
	LOOPS,
};
