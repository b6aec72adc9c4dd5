/* SPDX-License-Identifier: MIT */
/* After one end was killed: a successor and the peer use the ring and read it to its end, and the audit judges. */
#ifndef TESTS_AFTERMATH_H
#define TESTS_AFTERMATH_H

#include "torture_side.h"

struct aftermath {
	const char *name; /* of the queue: its ring has one page */
	struct side producer;
	struct side consumer;
	uint32_t epoch; /* of the last producer */
	bool shared;    /* both ends are: the successor is a handle that was open before */
	uint32_t limit; /* messages_max; 0: none. So many of the messages that come next must fit into the ring */
};

/* Claims an end (SHMEMQ_PRODUCER: as a new incarnation). A failure is a violation. */
void aftermath_claim(struct aftermath *aftermath, unsigned end);

/* This process's handle of a SHARED end recovers the end from another one that died, perhaps as its holder. */
void aftermath_recover(struct aftermath *aftermath, unsigned end);

/* Pushes so many messages, in each way in turn, or until the ring is full. */
void aftermath_push(struct aftermath *aftermath, unsigned count);

/* Pushes so many messages one by one, then pops so many. */
void aftermath_move(struct aftermath *aftermath, unsigned pushes, unsigned pops);

/*
 * The handle of the end `dead` was killed; this process holds the other end. Lets a successor (a new handle, or on a
 * SHARED end the one that is open already) go on, at once or after the other end has done what it can do alone, and
 * pops everything. Closes both ends.
 */
void aftermath_judge(struct aftermath *aftermath, unsigned dead, bool at_once);

#endif
