/* SPDX-License-Identifier: MIT */
/* Every call that moves messages and may wait for it, so that all of them can be put to the same questions. */
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
	/* Moves a message of `size` bytes, at most CALL_MESSAGE_MAX, or pops into that much room. -1: errno. */
	int (*run)(struct shmemq *q, size_t size, int64_t timeout);
};

#define CALLS            12
#define CALL_BYTES       24 /* of the messages that the functions below push */
#define CALL_MESSAGE_MAX 65536

extern const struct call calls[CALLS];

/* Both ends of a queue with a ring of one page, and its file. */
struct ends {
	const char *name;
	struct shmemq *own; /* of the call */
	struct shmemq *peer;
	struct smq_header *file;
};

/* Opens them so that `call` has to wait: empty or full. The flags are for the call's own end. */
struct ends ends_waiting(const struct call *call, unsigned flags);

/* Through the peer: makes the call possible once. Or impossible again, through its own end. */
void ends_unblock(const struct call *call, const struct ends *ends);
void ends_block(const struct call *call, const struct ends *ends);

/* Closes what is not NULL, and removes the name unless that is NULL. */
void ends_close(const struct ends *ends);

/* Pushes messages of `size` bytes until the ring is full. How many. */
unsigned fill(struct shmemq *q, size_t size);

/* Pops everything. How many messages. */
unsigned drain(struct shmemq *q);

#endif
