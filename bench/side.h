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
	pid_t children[PRODUCERS_MAX + 1]; /* the producers, then the consumer */
};

static inline bool is_ping_pong(const struct trial *trial)
{
	return trial->kind == ROUND_TRIP || trial->kind == WAKE;
}

/* `child`: its index in repetition.children. */
_Noreturn void run_side(const struct repetition *repetition, unsigned child);

#endif
