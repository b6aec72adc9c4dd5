/* SPDX-License-Identifier: MIT */
/*
 * The lower limit of a wake-up on this machine: a mailbox with a receiver that waits on a futex without spinning
 * first. The sender wakes it after each message, asleep or not.
 */
#include "config.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mailbox.h"

static inline void send_message(struct channel *channel, const void *message, size_t size)
{
	struct mailbox *mailbox = channel->shared;

	mailbox_store(channel, message, size);
	syscall(SYS_futex, &mailbox->number, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static inline const void *receive_message(struct channel *channel, size_t *size)
{
	struct mailbox *mailbox = channel->shared;
	uint32_t before = (uint32_t)channel->position++;

	while (mailbox_number(mailbox) == before)
		syscall(SYS_futex, &mailbox->number, FUTEX_WAIT, before, NULL, NULL, 0);
	*size = channel->size;
	return mailbox->payload;
}

#include "loops.h"

const struct contender with_futex = {
	.name = "futex",
	.can = CAN(WAKE) | CAN(STRANGER),
	MAILBOX,
	LOOPS,
};
