/* SPDX-License-Identifier: MIT */
/* A queue's memory without a queue: a zeroed header, and a ring mapped twice. */
#ifndef TESTS_MEMORY_H
#define TESTS_MEMORY_H

#include <stdint.h>

#include "format.h"
#include "announce.h"
#include "attach.h"

struct memory {
	struct smq_header *header;
	unsigned char *records;
	size_t capacity; /* bytes */
	uint32_t alignment;
};

/* The smallest ring that can be mapped twice and holds 15 messages of this alignment. */
struct memory memory_make(uint32_t alignment);

/* Empties the ring, with both ends at `position`. */
void memory_empty_at(const struct memory *memory, uint32_t position);

/* Attaches to an end as a claim does, and fails the test unless the memory is sound. */
struct smq_ring memory_produce(const struct memory *memory);
struct smq_ring memory_consume(const struct memory *memory);

/* Does a claim of that end refuse the memory, and leave it as it was? */
bool memory_refused_produce(const struct memory *memory);
bool memory_refused_consume(const struct memory *memory);

/* Pushes or pops one message whose bytes are made from `content`. */
enum smq_ring_status memory_push(struct smq_ring *producer, uint32_t size, uint64_t content);
void memory_pop(struct smq_ring *consumer, uint32_t size, uint64_t content);

#endif
