/* SPDX-License-Identifier: MIT */
/* A side that calls at random on memory that somebody else writes to, and checks each call against the manual. */
#ifndef TESTS_HOSTILE_CALLER_H
#define TESTS_HOSTILE_CALLER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "hostile_writer.h"
#include "ring.h"
#include "shmemq.h"

/* Shared by all processes of a run, so they are as wide as the machine has atomics. */
struct hostile_counts {
	_Atomic unsigned long calls;
	_Atomic unsigned long moved;  /* messages, garbage or not */
	_Atomic unsigned long broken; /* handles that said EBADMSG */
	_Atomic unsigned long opens;
	_Atomic unsigned long refused; /* opens that failed */
	_Atomic unsigned long writes;
	_Atomic uint32_t violations;
};

struct caller {
	const char *name; /* of the queue */
	unsigned end;     /* SHMEMQ_PRODUCER or _CONSUMER */
	uint64_t random;
	struct hostile_counts *counts;
	struct writer *meddler; /* writes between a start and its end; NULL: nobody does, or another process */
	struct shmemq *q;       /* NULL: not open */
	uint64_t capacity;
	unsigned char *buffer; /* capacity bytes at least */
	bool stepped;          /* through each instruction, so its time says nothing */
};

/* Opens the end. false: refused, with an errno that is documented. */
bool caller_open(struct caller *caller);

/*
 * White box, from the handle: is what a call returned a message within the ring's mapping? And have the positions that
 * the handle keeps moved by `moved` bytes since `before`, and nowhere else? false, and a violation: no.
 */
bool caller_within(struct caller *caller, const char *call, const void *at, size_t size);
bool caller_moved(struct caller *caller, const char *call, const struct smq_ring *before, size_t moved);

/*
 * One call, most often one that moves a message. false: the handle is broken, and stays so in whatever is called then
 * (which is tried).
 */
bool caller_step(struct caller *caller);

void caller_close(struct caller *caller);

#endif
