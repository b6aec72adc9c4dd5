/* SPDX-License-Identifier: MIT */
/* A process that maps a queue's file behind the library's back and writes what it should not. */
#ifndef TESTS_HOSTILE_WRITER_H
#define TESTS_HOSTILE_WRITER_H

#include <stdint.h>

#include "format.h"

struct writer {
	struct smq_header *header;
	unsigned char *ring;
	uint32_t capacity;
	uint64_t random;
	unsigned aims; /* of enum writer_aim, or'ed */
};

enum writer_aim {
	WRITER_IDENTITY = 1 << 0,
	WRITER_PROGRESS = 1 << 1, /* positions, views and totals */
	WRITER_CLAIMS = 1 << 2,
	WRITER_WAIT_WORDS = 1 << 3,
	WRITER_WAIT_ROOMS = 1 << 4, /* all of them, less a semaphore */
	WRITER_RECORDS = 1 << 5,    /* the headers at both positions, and behind them */
	WRITER_RING = 1 << 6,       /* anywhere in the ring */
};
#define WRITER_AIMS 7
#define WRITER_ALL  ((1 << WRITER_AIMS) - 1)

/* Maps the file of a queue of `capacity` bytes. -1: errno. */
int writer_map(struct writer *writer, const char *name, uint32_t capacity);
void writer_unmap(struct writer *writer);

/* One write: random bits, a bit flipped, or a value that looks right; it stays, or flickers, once or for a while. */
void writer_write(struct writer *writer);

#endif
