/* SPDX-License-Identifier: MIT */
/* One side of a repetition: what a child does. */
#ifndef BENCH_SIDE_H
#define BENCH_SIDE_H

#include <sys/types.h>

#include "run.h"

struct repetition {
	const struct contender *contender;
	const struct trial *trial;
	double seconds;
	struct channel *channels;
	unsigned count;
	struct control *control;
	pid_t children[2];
};

static inline bool round_trip(const struct trial *trial)
{
	return trial->kind == SPINNING || trial->kind == SLEEPING;
}

void sleep_seconds(double seconds);

_Noreturn void run_side(const struct repetition *repetition, enum side side);

#endif
