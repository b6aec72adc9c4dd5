/* SPDX-License-Identifier: MIT */
/* The machine's limit of a wake: a futex, waited on without a look before and woken without asking. One message. */
#include "config.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "contender.h"

#define MAILBOX_BYTES 4096

struct mailbox {
	_Alignas(8) _Atomic uint32_t number;
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
	syscall(SYS_futex, &mailbox->number, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static inline const void *receive_message(struct channel *channel, size_t *size)
{
	struct mailbox *mailbox = channel->shared;
	uint32_t before = (uint32_t)channel->position++;

	while (atomic_load_explicit(&mailbox->number, memory_order_acquire) == before)
		syscall(SYS_futex, &mailbox->number, FUTEX_WAIT, before, NULL, NULL, 0);
	*size = channel->size;
	return mailbox->payload;
}

#define NOTHING_TO_RELEASE /* the answer says so */
#include "loops.h"

const struct contender with_futex = {
	.name = "futex",
	.can = CAN(SLEEPING),
	.create = create,
	.destroy = destroy,
	LOOPS,
};
