/* SPDX-License-Identifier: MIT */
/* A handle that makes random calls on memory into which garbage is written, and checks each call against the manual. */
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
	const struct hostile_queue *queue;
	unsigned role; /* SHMEMQ_PRODUCER, _CONSUMER, _FOLLOWER or _OBSERVER */
	uint64_t random;
	struct hostile_counts *counts;
	struct writer *meddler; /* writes between a start and its end; NULL: no writer does */
	struct shmemq *q;       /* NULL: not open */
	struct smq_ring before; /* of the handle, and the CPU time, at caller_begin() */
	int64_t since;
	uint64_t capacity, capacity_max; /* as the handle has them */
	uint32_t alignment;
	unsigned char *buffer; /* for the largest message */
	bool stepped;          /* single-stepped, so its CPU time says nothing */
};

/* Bytes of the largest message. */
size_t caller_message_max(const struct caller *caller);

/* May the queue grow? */
bool caller_grows(const struct caller *caller);

/* Opens the handle. false: refused, with an errno that is documented. */
bool caller_open(struct caller *caller);

/* Prints what was wrong, and counts it. false. */
bool caller_violation(struct caller *caller, const char *call, const char *what);

uint64_t caller_dice(struct caller *caller, uint64_t sides);

/* The documented errnos, up to a 0, of the calls that may wait; and a copying pop's, a follower's too. */
extern const int caller_errnos[], caller_pop_errnos[], caller_follow_errnos[];

/* A call that was begun has ended. Its errno, or 0: one of `documented`, and it has not taken long. */
int caller_ended(struct caller *caller, const char *call, bool succeeded, const int *documented);

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
