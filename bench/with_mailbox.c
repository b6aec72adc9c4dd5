/* SPDX-License-Identifier: MIT */
/* The machine's limit of a round trip: a number and the payload behind it, in one line where it fits. One message. */
#include "config.h"

#include "contender.h"

#define MAILBOX_BYTES 4096

struct mailbox {
	_Atomic uint32_t number;
	_Alignas(8) unsigned char payload[];
};

static bool create(struct channel *channel)
{
	channel->shared = shared_memory(MAILBOX_BYTES);
	return channel->shared != NULL;
}

static void destroy(struct channel *channel)
{
	free_shared(channel->shared, MAILBOX_BYTES);
}

static inline void send_message(struct channel *channel, const void *message, size_t size)
{
	struct mailbox *mailbox = channel->shared;

	copy_message(mailbox->payload, message, size);
	/* Release: the payload is seen with the number. Its acquire is in receive_message(). */
	atomic_store_explicit(&mailbox->number, (uint32_t)++channel->position, memory_order_release);
}

static inline const void *receive_message(struct channel *channel, size_t *size)
{
	struct mailbox *mailbox = channel->shared;

	channel->position++;
	while (atomic_load_explicit(&mailbox->number, memory_order_acquire) != (uint32_t)channel->position)
		relax(channel);
	*size = channel->size;
	return mailbox->payload;
}

#define NOTHING_TO_RELEASE /* the answer says so */
#include "loops.h"

const struct contender with_mailbox = {
	.name = "mailbox",
	.can = CAN(SPINNING),
	.create = create,
	.destroy = destroy,
	LOOPS,
};
