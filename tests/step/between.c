/* SPDX-License-Identifier: MIT */
/*
 * The peer does its last piece of work and closes, between any two instructions of a call that has to wait for it: the
 * call never says EPIPE while there is what it waits for.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shmemq.h"
#include "stress.h"
#include "tracee.h"
#include "traffic.h"

#define HANG_S     120  /* thousands of steps take seconds at most, so the alarm ends a wait that never does */
#define WAIT_STEPS 4000 /* about where a waiting call has spun enough and goes to sleep */

struct act {
	const char *what;
	unsigned end; /* the victim's */
	bool in_place;
	int64_t timeout;
};

static const struct act acts[] = {
	{ "pop, a try", SHMEMQ_CONSUMER, false, 0 },   { "pop in place, a try", SHMEMQ_CONSUMER, true, 0 },
	{ "push, a try", SHMEMQ_PRODUCER, false, 0 },  { "push in place, a try", SHMEMQ_PRODUCER, true, 0 },
	{ "pop, a wait", SHMEMQ_CONSUMER, false, -1 }, { "push, a wait", SHMEMQ_PRODUCER, false, -1 },
};

static struct stress stress;
static struct shmemq *victim, *peer;
static _Atomic int *done; /* shared with the victim: its call has returned */
static unsigned violations;

static struct shmemq *open_end(unsigned end)
{
	struct shmemq_attr attr = { .capacity = 1 };
	struct shmemq *q = shmemq_open(stress.name, end | SHMEMQ_CREATE, 0600, &attr);

	if (q == NULL) {
		fprintf(stderr, "step_between: open: %s\n", strerror(errno));
		exit(1);
	}
	return q;
}

static int prepare(void *act)
{
	alarm(HANG_S);
	victim = open_end(((const struct act *)act)->end);
	return 0;
}

static bool call(const struct act *act, int64_t timeout)
{
	char byte;
	size_t size;

	if (act->end == SHMEMQ_CONSUMER)
		return act->in_place ? shmemq_timedpop_start(victim, &size, NULL, timeout) != NULL
				     : shmemq_timedpop(victim, &byte, 1, NULL, timeout) == 1;
	return act->in_place ? shmemq_timedpush_start(victim, 1, timeout) != NULL
			     : shmemq_timedpush(victim, "x", 1, 0, timeout) == 0;
}

/* 0: it got through, or it was too early, as only a try may be, and gets through now. */
static int run(void *argument)
{
	const struct act *act = argument;
	bool through = call(act, act->timeout);
	int err = errno;

	*done = 1;
	if (through)
		return 0;
	if (act->timeout != 0 || err != EAGAIN)
		return err;
	return call(act, 0) ? 0 : errno;
}

/* An empty ring for a consumer, a full one for a producer; the victim's end free, the other one held here. */
static void set_out(const struct act *act)
{
	struct shmemq *producer = open_end(SHMEMQ_PRODUCER), *consumer = open_end(SHMEMQ_CONSUMER);
	char byte;

	while (act->end == SHMEMQ_PRODUCER && shmemq_timedpush(producer, "x", 1, 0, 0) == 0)
		;
	while (act->end == SHMEMQ_CONSUMER && shmemq_timedpop(consumer, &byte, 1, NULL, 0) == 1)
		;
	peer = act->end == SHMEMQ_PRODUCER ? consumer : producer;
	shmemq_close(act->end == SHMEMQ_PRODUCER ? producer : consumer);
}

/* Lets the victim take `steps` instructions of its call, and the peer then do what it does. How many it took. */
static uint64_t step_and_meet(const struct act *act, uint64_t steps)
{
	uint64_t taken = 0;
	struct tracee caller;
	bool started;
	char byte;

	set_out(act);
	*done = 0;
	started = tracee_start(&caller, prepare, run, (void *)(uintptr_t)act);
	while (started && taken < steps && *done == 0 && tracee_go(&caller, PTRACE_SINGLESTEP))
		taken++;
	if (act->end == SHMEMQ_CONSUMER ? shmemq_push(peer, "x", 1, 0) != 0 : shmemq_pop(peer, &byte, 1, NULL) != 1)
		violations++;
	if (shmemq_close(peer) != 0)
		violations++;
	if (started)
		tracee_finish(&caller);
	if (!started || caller.status != 0) {
		fprintf(stderr, "step_between: %s, after instruction %" PRIu64 ": %s\n", act->what, taken,
			WIFEXITED(caller.status) ? strerror(WEXITSTATUS(caller.status)) : stress_status(caller.status));
		violations++;
	}
	return taken;
}

int main(void)
{
	uint64_t counts[sizeof acts / sizeof acts[0]], rounds = 0;

	if (!tracee_may_step())
		return STRESS_SKIP;
	stress_begin(&stress, "step_between", 3);
	done = mmap(NULL, sizeof *done, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (done == MAP_FAILED) {
		perror("step_between");
		return 1;
	}
	for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++)
		counts[i] = acts[i].timeout == 0 ? step_and_meet(&acts[i], UINT64_MAX) : WAIT_STEPS;
	while (violations == 0 && !stress_over(&stress)) {
		size_t i = traffic_random(&stress.random) % (sizeof acts / sizeof acts[0]);

		step_and_meet(&acts[i], traffic_random(&stress.random) % counts[i]);
		rounds++;
	}
	printf("step_between: seed %" PRIu64 ", %.1f s: %" PRIu64 " meetings, %u violations\n", stress.seed,
	       stress_seconds(&stress), rounds, violations);
	return violations != 0;
}
