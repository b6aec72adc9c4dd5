/* SPDX-License-Identifier: MIT */
/* Every call that moves a message and may wait for it, so that one test can be run with each of them. */
#ifndef TESTS_CALLS_H
#define TESTS_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "format.h"
#include "shmemq.h"

struct call {
	const char *name;
	unsigned end; /* SHMEMQ_PRODUCER or SHMEMQ_CONSUMER */
	bool timed;   /* takes a timeout; else `timeout` is ignored */
	bool copies;  /* takes a caller's buffer */
	/* Moves a message of `size` bytes, at most CALL_MESSAGE_MAX, or pops into a buffer of that size. -1: errno. */
	int (*run)(struct shmemq *q, size_t size, int64_t timeout);
};

#define CALLS            12
#define CALL_BYTES       24 /* of the messages that the functions below push */
#define CALL_MESSAGE_MAX 65536

extern const struct call calls[CALLS];

/* Both ends of a queue with a ring of one page, and its file. */
struct ends {
	const char *name;
	struct shmemq *own; /* the call's end */
	struct shmemq *peer;
	struct smq_header *file;
};

/* Opens both ends so that `call` has to wait: the ring is empty or full. The flags are for the call's own end. */
struct ends ends_waiting(const struct call *call, unsigned flags);
struct ends ends_waiting_aligned(const struct call *call, unsigned flags, uint32_t alignment);

/* Makes the call possible once, through the peer; makes it impossible again, through its own end. */
void ends_unblock(const struct call *call, const struct ends *ends);
void ends_block(const struct call *call, const struct ends *ends);

/* Closes the handles that are not NULL, and removes the name unless that is NULL. */
void ends_close(const struct ends *ends);

/* Pushes messages of `size` bytes until the ring is full, and returns how many. */
unsigned fill(struct shmemq *q, size_t size);

/* Pops every message, and returns how many. */
unsigned drain(struct shmemq *q);

#endif
