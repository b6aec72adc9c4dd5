/* SPDX-License-Identifier: MIT */
/* shmemq bench: two processes measure each case in several rounds; the medians of the rounds are shown. */
#ifndef TOOLS_BENCH_H
#define TOOLS_BENCH_H

#include <shmemq.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_ROUNDS   5
#define BENCH_SIZES    6
#define BENCH_TRIPS    2
#define BENCH_CASES    (2 * BENCH_SIZES + BENCH_TRIPS + 1)
#define BENCH_SIZE_MAX 65536u
#define BENCH_FIGURES  3

/* If a call waits longer, the peer is stuck. */
#define BENCH_STUCK_S  5
#define BENCH_STUCK_NS (BENCH_STUCK_S * INT64_C(1000000000))

enum bench_kind {
	BENCH_COPY,       /* messages a second, by push and pop */
	BENCH_IN_PLACE,   /* the same by start and end */
	BENCH_ROUND_TRIP, /* ns from a push to the pop of the answer: p50, p99, p99.9 */
	BENCH_WAKE_UP,    /* ns from a push to the return of a pop that slept: p50 */
};

struct bench_case {
	enum bench_kind kind;
	uint32_t size; /* bytes of a message */
	bool fits;     /* does such a message fit into the ring? */
	double rounds[BENCH_FIGURES][BENCH_ROUNDS];
	double figures[BENCH_FIGURES]; /* medians of the rounds */
};

struct bench {
	struct bench_case cases[BENCH_CASES]; /* copy and in place for each size, round trips, wake-up */
	uint64_t capacity;
	int64_t ns;  /* for all measurements together */
	int cpus[2]; /* of this process and its child; -1: not bound */
};

/* The ends that each process holds. Stream leads from the child to the parent, orders from the parent to the child. */
struct bench_ends {
	struct shmemq *stream, *orders;
};

int64_t bench_now(void); /* ns, the same clock in both processes */

/* The child: carries out orders until the parent closes or dies. Returns an errno; EPIPE is the normal end. */
int bench_serve(const struct bench_ends *ends);

/* The parent: measures `c` for `ns` and sets figures[] of this round. Returns 0 or an errno; EILSEQ: wrong bytes. */
int bench_measure(const struct bench_ends *ends, struct bench_case *c, int64_t ns, double figures[BENCH_FIGURES]);

double bench_median(double *values, size_t count); /* sorts them */

/* Chooses two CPUs that this process may use, on different cores if possible; -1: do not bind. */
void bench_choose_cpus(int cpus[2]);
bool bench_bind(int cpu);

/* The header says what is measured, before it is: it needs cpus and capacity alone. The table follows it. */
void bench_show_header(const struct bench *bench);
void bench_show_stage(const struct bench_case *c, size_t round); /* on standard error, if that is a terminal */
void bench_show_table(const struct bench *bench);
void bench_show_json(const struct bench *bench);

#endif
