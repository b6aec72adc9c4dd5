/* SPDX-License-Identifier: MIT */
/* One side of a repetition, run by a child process. */
#ifndef BENCH_SIDE_H
#define BENCH_SIDE_H

#include <sys/types.h>

#include "run.h"

/* Between two checks of what another process has done. */
#define POLL_NS 500000

struct repetition {
	const struct contender *contender;
	const struct trial *trial;
	double seconds;
	struct channel *channels;
	unsigned count;
	struct control *control;
	pid_t children[CHILDREN_MAX]; /* the producers, then the consumers, then the followers */
};

static inline unsigned children_of(const struct repetition *repetition)
{
	return sides_of(repetition->trial) + repetition->contender->followers;
}

static inline bool is_ping_pong(const struct trial *trial)
{
	return CAN(trial->kind) & (CAN(ROUND_TRIP) | CAN(WAKE) | CAN(PREFAULT) | CAN(STRANGER));
}

/* Pins all threads of this process, because a contender may have started some. */
void pin(int cpu);

/* Sends a signal to all children that have not ended. */
void signal_children(const struct repetition *repetition, int number);

/*
 * While the children run, which share the processor bench_cpus[CONSUMER]: returns how many percent less a computation
 * on the other processor achieves than while they are stopped. Takes repetition->seconds.
 */
double stranger_loss(const struct repetition *repetition);

/* `child`: its index in repetition.children. */
_Noreturn void run_side(const struct repetition *repetition, unsigned child);

#endif
