/* SPDX-License-Identifier: MIT */
/*
 * A mailbox in shared memory holds one message: its number and the payload after it, in one cache line where it fits.
 * There is no flow control: a side sends only after it has received the answer to its last message.
 */
#ifndef BENCH_MAILBOX_H
#define BENCH_MAILBOX_H

#include "contender.h"

#define MAILBOX_BYTES 4096

struct mailbox {
	_Atomic uint32_t number; /* of the message that the mailbox holds; the first is 1 */
	_Alignas(8) unsigned char payload[];
};

static bool mailbox_create(struct channel *channel)
{
	return channel_map(channel, MAILBOX_BYTES);
}

static inline void mailbox_store(struct channel *channel, const void *message, size_t size)
{
	struct mailbox *mailbox = channel->shared;

	copy_message(mailbox->payload, message, size);
	/* Release: the payload is seen with the number. Its acquire is in mailbox_number(). */
	atomic_store_explicit(&mailbox->number, (uint32_t)++channel->position, memory_order_release);
}

/* Acquire: the payload is read after the number. Its release is in mailbox_store(). */
static inline uint32_t mailbox_number(const struct mailbox *mailbox)
{
	return atomic_load_explicit(&mailbox->number, memory_order_acquire);
}

#define MAILBOX .create = mailbox_create, .destroy = channel_unmap

/* A message need not be released: the answer to it does that. */
#define NOTHING_TO_RELEASE

#endif
