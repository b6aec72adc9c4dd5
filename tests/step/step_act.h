/* SPDX-License-Identifier: MIT */
/* What a side does while it is single-stepped. */
#ifndef TESTS_STEP_ACT_H
#define TESTS_STEP_ACT_H

#include "torture_side.h"

#define STEP_ACTS 14

struct step_act {
	const char *what;
	unsigned end;               /* SHMEMQ_PRODUCER or _CONSUMER */
	int (*prepare)(void *self); /* at full speed; NULL: nothing */
	int (*run)(void *self);     /* single-stepped; 0: it succeeded */
	int way;                    /* side_push_way or side_pop_way */
};

extern const struct step_act step_acts[STEP_ACTS];

/* The side that acts, and its queue: to be set before. */
extern struct side step_victim;
extern const char *step_queue;
extern bool step_shared; /* its end is SHARED, and another handle is open there */

#endif
