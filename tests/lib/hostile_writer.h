/* SPDX-License-Identifier: MIT */
/* Writes garbage into a queue's memory through a mapping of its file that the library knows nothing of. */
#ifndef TESTS_HOSTILE_WRITER_H
#define TESTS_HOSTILE_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "format.h"

/* A queue as it was made. */
struct hostile_queue {
	const char *name;
	uint32_t header;                 /* bytes before the ring */
	uint32_t capacity, capacity_max; /* the same unless it may grow */
	uint32_t alignment;
	uint32_t messages_max;
	uint32_t flags; /* SHMEMQ_ATTR_* */
};

/* Bytes of the file. */
static inline uint32_t hostile_queue_bytes(const struct hostile_queue *queue)
{
	return queue->header + queue->capacity + (queue->capacity_max > queue->capacity ? queue->capacity_max : 0);
}

struct writer {
	struct hostile_queue queue;
	struct smq_header *header;
	unsigned char *pristine; /* what was before the ring when it was mapped */
	uint64_t random;
	uint64_t writes; /* so far, each word of them */
	unsigned aims;   /* of enum writer_aim, or-ed */
};

enum writer_aim {
	WRITER_IDENTITY = 1 << 0,
	WRITER_PROGRESS = 1 << 1, /* positions, leases and totals; where the producer is, and what it has reserved */
	WRITER_CLAIMS = 1 << 2,
	WRITER_WAIT_WORDS = 1 << 3,
	WRITER_WAITS = 1 << 4,   /* all of struct smq_wait, without the semaphore */
	WRITER_RECORDS = 1 << 5, /* the headers at both positions, and after them */
	WRITER_RING = 1 << 6,    /* anywhere in the ring */
	WRITER_INDEX = 1 << 7,   /* and the limit */
	WRITER_READERS = 1 << 8, /* the words of a broadcast queue's consumers */
};
#define WRITER_AIMS 9
#define WRITER_ALL  ((1 << WRITER_AIMS) - 1)

/* Maps the queue's file. false: errno. */
bool writer_map(struct writer *writer, const struct hostile_queue *queue);
void writer_unmap(struct writer *writer);

/* The ring, or (1) the extension. */
unsigned char *writer_ring(const struct writer *writer, uint32_t extended);

/*
 * One write, or some: random bits, a flipped bit, or a value that looks right; it stays, or is taken back at once. Now
 * and then all is put back as it was at first, so that opens succeed again.
 */
void writer_write(struct writer *writer);

#endif
