/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "ring_ends.h"
#include "support.h"

struct memory memory;
struct smq_ring producer, consumer;
struct smq_progress *pushed, *popped;

void start_at(uint32_t position)
{
	if (memory.header == NULL)
		memory = memory_make();
	pushed = &memory.header->producer_progress;
	popped = &memory.header->consumer_progress;
	memory_empty_at(&memory, position);
	producer = memory_produce(&memory);
	consumer = memory_consume(&memory);
}

void start_near_the_end(void)
{
	start_at(UINT32_MAX - 7 - 2 * RECORD);
}

void push(uint64_t content)
{
	ck_assert_int_eq(memory_push(&producer, SIZE, content), SMQ_READY);
}

bool empty(void)
{
	uint32_t size;

	return smq_ring_peek(&consumer, &size) == SMQ_NOT_YET;
}
