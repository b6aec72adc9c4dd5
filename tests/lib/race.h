/* SPDX-License-Identifier: MIT */
/*
 * Many processes that create, open, close and remove one name at once. An open or a close may fail with ETIMEDOUT:
 * another process was off its processor for a second while it held the init lock. After such a close the end is free
 * all the same, but the name may be left.
 */
#ifndef TESTS_RACE_H
#define TESTS_RACE_H

#include <stdbool.h>
#include <stdint.h>

#include "shmemq.h"

#define RACERS 5
#define ROUNDS 150

/*
 * What the children of one race share. They start together, when the last of them has closed its writing end of the
 * gate.
 */
struct race {
	const char *name;
	unsigned flags;
	int gate[2];
	struct {
		volatile uint64_t capacity[RACERS]; /* of the queue that each of them found */
		volatile unsigned seen, stop, timeouts;
	} * shared;
	int racer;
};

struct race race_on(const char *name);

/* In a racer: waits until all racers are there. */
void race_start(const struct race *race);

/* Runs `body` in `racers` children at once, and returns how many of them returned 0. */
int race_run(struct race *race, int racers, int (*body)(const void *argument));

/* In a racer: closes. ETIMEDOUT counts as a close, and is counted in `timeouts`. false: another error. */
bool race_close(const struct race *race, struct shmemq *q);

/* Is there time for another round? */
bool race_goes_on(int round, int rounds, int64_t start);

/* Body of a child that watches the race until `stop` is set: the name is free, or it is a whole queue's. */
int race_watch(const void *race);

#endif
