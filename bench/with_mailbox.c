/* SPDX-License-Identifier: MIT */
/* The lower limit of a round trip on this machine: a mailbox with a receiver that spins. */
#include "config.h"

#include "mailbox.h"

static inline void send_message(struct channel *channel, const void *message, size_t size)
{
	mailbox_store(channel, message, size);
}

static inline const void *receive_message(struct channel *channel, size_t *size)
{
	const struct mailbox *mailbox = channel->shared;

	channel->position++;
	while (mailbox_number(mailbox) != (uint32_t)channel->position)
		relax(channel);
	*size = channel->size;
	return mailbox->payload;
}

#include "loops.h"

const struct contender with_mailbox = {
	.name = "mailbox",
	.can = CAN(ROUND_TRIP),
	MAILBOX,
	LOOPS,
};
