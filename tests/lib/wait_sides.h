/* SPDX-License-Identifier: MIT */
/* A consumer that waits and a producer that notifies: as much of them as eventcount.h knows of. */
#ifndef TESTS_WAIT_SIDES_H
#define TESTS_WAIT_SIDES_H

#include "eventcount.h"

extern struct smq_header *header;
extern smq_word *word, *fence; /* of the one that waits, and of the one that notifies */
extern struct smq_eventcount waiter, notifier;

void make_wait_sides(void);

/* What a side does after a publication. */
void notify(struct smq_eventcount *side);

/* From now on membarrier(2) is refused. */
void lose_membarrier(void);

#endif
