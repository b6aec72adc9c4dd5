/* SPDX-License-Identifier: MIT */
/* The sides of burst.c, and what they and it tell each other in memory beside the queue. */
#ifndef TESTS_BURST_H
#define TESTS_BURST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "stress.h"

/*
 * A message's type is its name: the incarnation of the producer that pushed it, whether it is a small one, and its
 * number there, from 1. The name decides its size and bytes.
 */
#define BURST_INCARNATIONS 2048u
#define BURST_SMALL        (1u << 20)
#define BURST_N_MAX        (BURST_SMALL - 1)
#define BURST_SIDES        3u /* handles of an end */

/* What the sides are to do. In `order`: that, and above it a number that makes each order another one. */
enum burst_phase {
	BURST_PUSH,  /* producers push, and consumers are slow */
	BURST_DRAIN, /* consumers pop all there is, and note that there is no more */
	BURST_LAP, /* one producer pushes small messages once around the ring, each when the last one has been popped */
	BURST_CLOSE, /* all close, and end */
	BURST_PHASES
};

struct burst_side {
	_Atomic uint32_t seen; /* the last order that it has come to, out of any call of the one before */
	_Atomic uint32_t done; /* the last one that it has fulfilled: nothing there, or a lap */
};

struct burst {
	_Atomic uint32_t order;
	_Atomic uint32_t lapper; /* incarnation of the producer that a lap is for */
	/* The message that a consumer holds, or held when it was killed, perhaps after the release. 0: none. */
	_Atomic uint32_t held;
	_Atomic uint32_t popped, redelivered, large; /* counts; large: messages that are larger than the ring */
	struct burst_side producers[BURST_SIDES], consumers[BURST_SIDES];
	/* Number of the last message: before the call that pushes it, after it, and after it was handed out. */
	struct burst_incarnation {
		_Atomic uint32_t pushing, pushed, received;
	} of[BURST_INCARNATIONS];
	/* Of the present queue. */
	uint64_t seed, capacity, message_max;
	uint32_t alignment;
};

extern struct burst *burst;

/* Child processes; `flags`: SHMEMQ_SHARED and SHMEMQ_STAY. `random`: state for traffic_random(), another each time. */
_Noreturn void burst_produce(const char *name, unsigned flags, uint32_t slot, uint32_t incarnation, uint64_t random);
_Noreturn void burst_consume(const char *name, unsigned flags, uint32_t slot, uint64_t random);

#endif
