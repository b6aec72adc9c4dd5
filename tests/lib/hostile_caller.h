/* SPDX-License-Identifier: MIT */
/* A side that makes random calls on memory into which garbage is written, and checks each call against the manual. */
#ifndef TESTS_HOSTILE_CALLER_H
#define TESTS_HOSTILE_CALLER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "hostile_writer.h"
#include "announce.h"
#include "attach.h"
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
	struct writer *meddler; /* writes between a start and its end; NULL: no writer does */
	struct shmemq *q;       /* NULL: not open */
	struct smq_ring before; /* of the handle, and the CPU time, at caller_begin() */
	int64_t since;
	uint64_t capacity;
	uint32_t alignment;
	unsigned char *buffer; /* capacity bytes at least */
	bool stepped;          /* single-stepped, so its CPU time says nothing */
};

/* Bytes of the largest message. */
size_t caller_message_max(const struct caller *caller);

/* Opens the end. false: refused, with an errno that is documented. */
bool caller_open(struct caller *caller);

/*
 * White box, from the handle: is what a call returned a message within the ring's mapping? And have the positions that
 * the handle keeps moved by `moved` units since caller_begin(), and not otherwise? If not: false, and a violation.
 */
void caller_begin(struct caller *caller);
bool caller_within(struct caller *caller, const char *call, const void *at, size_t size);
bool caller_moved(struct caller *caller, const char *call, size_t moved);

/* One call, most often one that moves a message. false: the handle is broken, and all calls that were then tried said
 * so. */
bool caller_step(struct caller *caller);

void caller_close(struct caller *caller);

#endif
