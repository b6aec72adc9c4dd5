/* SPDX-License-Identifier: MIT */
/*
 * What the programs share that run as long as one likes: a seed, an end, children, counts. They do not use Check: they
 * print what went wrong and their counts, and exit with 1 after a violation.
 */
#ifndef TESTS_STRESS_H
#define TESTS_STRESS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shmemq.h"

#define STRESS_MS   ((int64_t)1000000)
#define STRESS_S    (1000 * STRESS_MS)
#define STRESS_SKIP 77

struct stress {
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

/* Prints the closing line: seed, seconds, the counts given, violations. The program's exit status. */
__attribute__((format(printf, 3, 4))) int stress_end(const struct stress *stress, unsigned long violations,
						     const char *counts, ...);

/* Prints "PROGRAM: ", what went wrong, and errno if it is not 0; ends this process, a child too, with 1. */
__attribute__((format(printf, 1, 2))) _Noreturn void stress_fail(const char *format, ...);

int64_t stress_now(void);      /* ns, CLOCK_MONOTONIC */
void stress_sleep(int64_t ns); /* at least; not interrupted */

/* A number whose magnitude is as likely to be small as large, `least` to `most`. */
int64_t stress_magnitude(uint64_t *random, int64_t least, int64_t most);

/* Zeroed memory that this process shares with the children it starts from then on. */
void *stress_shared(size_t bytes);

/* As fork(2), which must not fail here. The child is killed when this process ends. */
pid_t stress_fork(void);

/* What a child's status says, for a message: "exit 1", "signal 11". */
const char *stress_status(int status);

/* Of the queues that stress_open() creates from now on; 0: they do not grow. */
extern uint64_t stress_capacity_max;

/* Opens a queue, and creates it if need be; it must succeed. `alignment` 0: the default. */
struct shmemq *stress_open(const char *name, unsigned flags, uint64_t capacity, uint32_t alignment);

/* An alignment, of which eight messages fit into a ring of at least this capacity. */
uint32_t stress_alignment(uint64_t *random, uint64_t capacity);

/* The largest message of such a queue. */
uint32_t stress_message_max(uint64_t capacity, uint64_t capacity_max, uint32_t alignment);

/*
 * Waits until `fd` is readable: the pollable descriptor of this handle, or an epoll descriptor with it. Fails if twice
 * in a row `late_ms` have passed, and there was a message to pop, or space for one of `bytes` bytes to push.
 */
void stress_await_readable(struct shmemq *q, unsigned end, int fd, size_t bytes, int late_ms);

/* Maps the file of a queue, `bytes` from its start. NULL: errno. */
void *stress_map(const char *name, size_t bytes);

/* Removes the file of that name, which may not be a queue any more. */
void stress_remove(const char *name);

#endif
