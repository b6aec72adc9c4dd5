/* SPDX-License-Identifier: MIT */
/* Runs one repetition: one contender, one trial, a child process for each side. */
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

#include <stdio.h>

#include "contender.h"

struct trial {
	enum kind kind;
	size_t size;
	size_t capacity;
	unsigned queues;
	unsigned producers; /* 0: one process does all */
	unsigned readers;   /* consumers that each receive every message; 0: one consumer */
};

/* The processes of the two sides. */
static inline unsigned sides_of(const struct trial *trial)
{
	return trial->producers + (trial->readers != 0 ? trial->readers : 1);
}

struct outcome {
	double value;     /* in case_units; of times of messages the median, but in PREFAULT p999 */
	double p99, p999; /* ns; only in ROUND_TRIP, WAKE and PREFAULT */
	double cpu;       /* processor seconds per million messages, of all children; in FOLLOWERS of the followers */
};

/* The processors of the two sides. */
extern int bench_cpus[2];

/* False: it failed, or is not available on this machine (`*unavailable`); standard error says which. */
bool run_once(const struct contender *contender, const struct trial *trial, double seconds, struct outcome *outcome,
	      bool *unavailable);

/* Starts strace(1), which counts the system calls of both processes until they end. Returns its process, or -1. */
int trace_start(const int pids[2], FILE *summary);
/* Waits for strace. Returns the number of system calls, or -1 if strace has written none. */
double trace_end(int tracer, FILE *summary);

#endif
