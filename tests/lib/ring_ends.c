/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "ring_ends.h"
#include "support.h"

struct memory memory;
struct smq_ring producer, consumer;
struct smq_moved *pushed, *popped;

const uint32_t alignments[ALIGNMENTS] = { 8, 64, 4096 };

void use_alignment(int i)
{
	memory = memory_make(alignments[i]);
	start_at(smq_start_units(alignments[i]));
}

void start_at(uint32_t position)
{
	pushed = &memory.header->producer_progress.moved;
	popped = &memory.header->consumer_progress.moved;
	memory_empty_at(&memory, position);
	producer = memory_produce(&memory);
	consumer = memory_consume(&memory);
}

static void start_near(int alignment)
{
	use_alignment(alignment);
	start_at(UINT32_MAX - 2 * RECORD); /* UINT32_MAX is a record's place in every ring */
}

void start_near_the_end(void)
{
	start_near(0);
}

void start_near_the_end_64(void)
{
	start_near(1);
}

void start_near_the_end_4096(void)
{
	start_near(2);
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
