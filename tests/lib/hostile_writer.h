/* SPDX-License-Identifier: MIT */
/* Writes garbage into a queue's memory through a mapping of its file that the library knows nothing of. */
#ifndef TESTS_HOSTILE_WRITER_H
#define TESTS_HOSTILE_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "format.h"

struct writer {
	struct smq_header *header;
	unsigned char *ring;
	uint32_t capacity, alignment;
	uint64_t random;
	unsigned aims; /* of enum writer_aim, or-ed */
};

enum writer_aim {
	WRITER_IDENTITY = 1 << 0,
	WRITER_PROGRESS = 1 << 1, /* positions, leases and totals */
	WRITER_CLAIMS = 1 << 2,
	WRITER_WAIT_WORDS = 1 << 3,
	WRITER_WAITS = 1 << 4,   /* all of struct smq_wait, without the semaphore */
	WRITER_RECORDS = 1 << 5, /* the headers at both positions, and after them */
	WRITER_RING = 1 << 6,    /* anywhere in the ring */
};
#define WRITER_AIMS 7
#define WRITER_ALL  ((1 << WRITER_AIMS) - 1)

/* Maps the file of a queue of `capacity` bytes. false: errno. */
bool writer_map(struct writer *writer, const char *name, uint32_t capacity, uint32_t alignment);
void writer_unmap(struct writer *writer);

/* One write: random bits, a flipped bit, or a value that looks right; it stays, or is taken back at once. */
void writer_write(struct writer *writer);

#endif
