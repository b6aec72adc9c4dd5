/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <sys/syscall.h>

#include "filter.h"
#include "memory.h"
#include "process.h"
#include "support.h"
#include "wait_sides.h"

struct smq_header *header;
smq_word *word, *fence;
struct smq_eventcount waiter, notifier;

void make_wait_sides(void)
{
	header = memory_make(8).header;
	word = &header->consumer_wait.word;
	fence = &header->producer_claim.fence;
	ck_assert_int_eq(smq_eventcount_init(header), 0);
	waiter = (struct smq_eventcount){ .own = &header->consumer_wait,
					  .peer = &header->producer_wait,
					  .own_fence = &header->consumer_claim.fence,
					  .peer_fence = fence };
	notifier = (struct smq_eventcount){ .own = &header->producer_wait,
					    .peer = &header->consumer_wait,
					    .own_fence = fence,
					    .peer_fence = &header->consumer_claim.fence };
	smq_eventcount_attach(&waiter, true, true);
	smq_eventcount_attach(&notifier, true, true);
}

void notify(struct smq_eventcount *side)
{
	if (smq_eventcount_has_waiter(side))
		smq_eventcount_notify(side);
}

void lose_membarrier(void)
{
	ck_assert(filter_deny(SYS_membarrier, EPERM));
	ck_assert(!smq_process_membarrier());
}
