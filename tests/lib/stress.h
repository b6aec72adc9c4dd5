/* SPDX-License-Identifier: MIT */
/* What the programs that run as long as one likes share. They know no Check: they print counts and exit with 1. */
#ifndef TESTS_STRESS_H
#define TESTS_STRESS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define STRESS_MS   ((int64_t)1000000)
#define STRESS_S    (1000 * STRESS_MS)
#define STRESS_SKIP 77

struct stress {
	const char *program;
	uint64_t seed;   /* $TEST_SEED, or a new one */
	int64_t start;   /* ns, as stress_now() */
	int64_t end;     /* after $TEST_SECONDS, or the default */
	uint64_t random; /* state for traffic_random() */
	char name[64];   /* of a queue; it and all names that begin with it are removed at exit */
};

/* Reads the environment, prints the seed, makes a name. SIGINT and SIGTERM then end the run early, with its counts. */
void stress_begin(struct stress *stress, const char *program, double seconds);

/* Is the time up? */
bool stress_over(const struct stress *stress);

int64_t stress_now(void);                           /* ns, CLOCK_MONOTONIC */
void stress_sleep(int64_t ns);                      /* at least; not interrupted */
double stress_seconds(const struct stress *stress); /* since the start */

/* A number whose magnitude is as likely to be small as large, `least` to `most`. */
int64_t stress_magnitude(uint64_t *random, int64_t least, int64_t most);

/* What a child's status says, for a message: "exit 1", "signal 11". */
const char *stress_status(int status);

#endif
