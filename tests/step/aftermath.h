/* SPDX-License-Identifier: MIT */
/* After one end was killed: a successor and the peer use the ring and read it to its end, and the audit judges. */
#ifndef TESTS_AFTERMATH_H
#define TESTS_AFTERMATH_H

#include "torture_side.h"

#define PRELUDES 7

/* What has been moved when the victim begins, in turn. */
struct prelude {
	const char *what;
	unsigned pushes, pops, more_pushes, more_pops;
};
extern const struct prelude preludes[PRELUDES];

struct aftermath {
	const char *name; /* of the queue: its ring has one page */
	struct side producer;
	struct side consumer;
	uint32_t epoch;  /* of the last producer */
	bool shared;     /* both ends are: the successor is a handle that was open before */
	uint32_t limit;  /* messages_max; 0: none. So many of the messages that come next must fit into the ring */
	uint64_t pushed; /* messages pushed to the queue before those of the audit, by stat */
	uint64_t popped; /* messages that the audit had counted then */
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
 * pops everything. Numbers of messages must be exact then: what stat says was pushed, if a producer died, and at which
 * message a follower is that was opened before the successor. Closes both ends.
 */
void aftermath_judge(struct aftermath *aftermath, unsigned dead, bool at_once);

#endif
