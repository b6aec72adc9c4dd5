/* SPDX-License-Identifier: MIT */
/*
 * Pollable descriptors are raised as often as there is time for, and no raise is lost. In each round one side, the
 * server, at some moment moves messages, or makes space, for the waiters at the other end, one handle or several that
 * share it; each waiter moves as many, and waits for each in one of the ways there are. On some of the sides signals
 * arrive all the time.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coverage.h"
#include "rounds.h"
#include "traffic.h"

const struct rounds_case rounds_cases[ROUNDS_CASES] = {
	{ SHMEMQ_CONSUMER, 1, false, false }, { SHMEMQ_PRODUCER, 1, false, false }, { SHMEMQ_CONSUMER, 1, true, false },
	{ SHMEMQ_PRODUCER, 1, true, false },  { SHMEMQ_CONSUMER, 1, false, true },  { SHMEMQ_CONSUMER, 3, true, false },
	{ SHMEMQ_PRODUCER, 3, false, true },
};

struct rounds *rounds;
static struct stress stress;

static void start(unsigned which, unsigned end, unsigned number)
{
	struct side side = { .which = which, .end = end, .number = number, .random = traffic_random(&stress.random) };

	if (stress_fork() != 0)
		return;
	side_open(&side, stress.name);
	coverage_exit(end == rounds_cases[which].end ? side_wait_in_rounds(&side) : side_serve(&side));
}

/* Fills the ring of producers that have to wait for space, before there are any. */
static void prepare(unsigned which)
{
	struct side side = { .which = which, .end = SHMEMQ_PRODUCER };

	if (rounds_cases[which].end != SHMEMQ_PRODUCER)
		return;
	side_open(&side, stress.name);
	while (side_move(&side, 0) == 0)
		;
	if (shmemq_close(side.q) != 0)
		stress_fail("close");
}

/* A side ends before all is over only because it has failed. */
static void sleep_while_all_run(void)
{
	int status;

	stress_sleep(STRESS_MS);
	if (waitpid(-1, &status, WNOHANG) > 0) {
		fprintf(stderr, "rounds: a side ended with %s\n", stress_status(status));
		exit(1);
	}
}

static void run_case(unsigned which)
{
	rounds->active = (int)which;
	while (rounds->active != -1)
		sleep_while_all_run();
}

static void start_all(void)
{
	for (unsigned which = 0; which < ROUNDS_CASES; which++) {
		rounds->of[which].alignment = stress_alignment(&stress.random, 4096);
		prepare(which);
		for (unsigned i = 0; i < rounds_cases[which].waiters; i++)
			start(which, rounds_cases[which].end, i);
		start(which, SHMEMQ_PRODUCER + SHMEMQ_CONSUMER - rounds_cases[which].end, 0);
	}
	for (unsigned which = 0; which < ROUNDS_CASES; which++) {
		while (rounds->of[which].quiet != rounds_cases[which].waiters)
			sleep_while_all_run();
	}
}

/* How many sides have failed. */
static unsigned end_all(void)
{
	unsigned failed = 0;
	int status;

	rounds->over = true;
	while (wait(&status) > 0) {
		if (status != 0)
			fprintf(stderr, "rounds: a side ended with %s\n", stress_status(status));
		failed += status != 0;
	}
	return failed;
}

int main(void)
{
	uint64_t messages = 0, armed = 0;
	int inotify = inotify_init1(IN_CLOEXEC);
	unsigned failed;

	if (inotify < 0 || access("/proc/self/fd", F_OK) != 0) {
		puts("skipped: no inotify instance, or no /proc");
		return STRESS_SKIP;
	}
	close(inotify);
	stress_begin(&stress, "rounds", 5);
	rounds = stress_shared(sizeof *rounds);
	rounds->active = -1;
	start_all();
	do {
		for (unsigned which = 0; which < ROUNDS_CASES; which++)
			run_case(which);
	} while (!stress_over(&stress));
	failed = end_all();
	for (unsigned which = 0; which < ROUNDS_CASES; which++) {
		messages += rounds->of[which].done;
		armed += rounds->of[which].armed;
	}
	return stress_end(&stress, failed,
			  "%" PRIu64 " messages, a descriptor armed and raised for %" PRIu64 " of them", messages,
			  armed);
}
