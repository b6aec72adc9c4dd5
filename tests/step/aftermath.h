/* SPDX-License-Identifier: MIT */
/* What two ends find after one of them was killed: the ring is worked on and read to its end, and the audit judges. */
#ifndef TESTS_AFTERMATH_H
#define TESTS_AFTERMATH_H

#include "torture_side.h"

struct aftermath {
	const char *name; /* of the queue: one page */
	struct side producer;
	struct side consumer;
	uint32_t epoch; /* of the last producer */
	bool shared;    /* both ends: a successor may be a handle that was there before */
};

/* Claims an end (SHMEMQ_PRODUCER: as a new incarnation). Not to get it is a violation. */
void aftermath_claim(struct aftermath *aftermath, unsigned end);

/* The handle of a SHARED end that this process holds takes over from one that has died, perhaps in its turn. */
void aftermath_inherit(struct aftermath *aftermath, unsigned end);

/* Pushes so many messages, in each way in turn, as far as there is room. */
void aftermath_push(struct aftermath *aftermath, unsigned count);

/*
 * The end `dead` was killed; the other one is held by this process. Lets a successor go on (a new one, or on a SHARED
 * end the handle that is there), at once or after the other end has done what it could alone, and reads all there is.
 * Gives both ends up.
 */
void aftermath_judge(struct aftermath *aftermath, unsigned dead, bool at_once);

#endif
