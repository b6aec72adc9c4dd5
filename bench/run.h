/* SPDX-License-Identifier: MIT */
/* One repetition: a contender, a case, two processes. */
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

#include <stdio.h>

#include "contender.h"

struct trial {
	enum kind kind;
	size_t size;
	size_t capacity;
	unsigned queues;
	unsigned producers;
};

struct outcome {
	double value; /* messages/s; of SPINNING and SLEEPING the median in ns; of CALLS system calls per message */
	double p99, p999;
	double cpu; /* seconds per million messages, both processes */
};

/* The processors of the two sides. */
extern int bench_cpus[2];

/* False: it failed, or (`*unavailable`) it cannot be had on this machine. Said on standard error. */
bool run_once(const struct contender *contender, const struct trial *trial, double seconds, struct outcome *outcome,
	      bool *unavailable);

/* Has strace(1) count the calls of both processes from now on, until they end. Its process, or -1. */
int trace_start(const int pids[2], FILE *summary);
/* How many they were; negative: it did not say. */
double trace_end(int tracer, FILE *summary);

#endif
