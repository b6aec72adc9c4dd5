/* SPDX-License-Identifier: MIT */
/*
 * Many who create, open, close and remove one name at once. ETIMEDOUT from an open or a close is no fault of theirs:
 * another one was off its processor for a second while it held the init lock. After such a close the end is free all
 * the same, but a name may be left.
 */
#ifndef TESTS_RACE_H
#define TESTS_RACE_H

#include <stdbool.h>
#include <stdint.h>

#include "shmemq.h"

#define RACERS 5
#define ROUNDS 150

/* What children of one race share. They start together: when the last of them has closed the gate's writing end. */
struct race {
	const char *name;
	unsigned flags;
	int gate[2];
	struct {
		volatile uint64_t capacity[RACERS]; /* of the queue that each of them has found */
		volatile unsigned seen, stop, timeouts;
	} * shared;
	int racer;
};

struct race race_on(const char *name);

/* In a racer: waits until all of them are there. */
void race_start(const struct race *race);

/* Runs `body` in `racers` children at once. How many of them returned 0. */
int race_run(struct race *race, int racers, int (*body)(const void *argument));

/* In a racer: closes. False: it failed, and not with ETIMEDOUT, which is counted. */
bool race_close(const struct race *race, struct shmemq *q);

/* Is there time for another round? */
bool race_goes_on(int round, int rounds, int64_t start);

/* A body for a child beside the race, until `stop`: the name is free, or bears a whole queue. */
int race_look_on(const void *race);

#endif
