/* SPDX-License-Identifier: MIT */
/*
 * A call has to wait for its peer; the peer does the last thing it does, and closes, between any two instructions of
 * the call: the call never fails with EPIPE while there is what it waits for.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shmemq.h"
#include "stress.h"
#include "tracee.h"
#include "traffic.h"

#define HANG_S     120  /* thousands of steps take seconds at most: the alarm ends a wait that never ends */
#define WAIT_STEPS 4000 /* about where a waiting call stops spinning and goes to sleep */

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
#define ACTS (sizeof acts / sizeof acts[0])

static struct stress stress;
static struct shmemq *victim, *peer;
static _Atomic bool *done; /* shared with the victim: its call has returned */
static unsigned violations;

static int prepare(void *act)
{
	alarm(HANG_S);
	victim = stress_open(stress.name, ((const struct act *)act)->end, 1, 0);
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

/* 0: the call succeeded; or it was a try and came too early, and a second one succeeds. */
static int run(void *argument)
{
	const struct act *act = argument;
	bool through = call(act, act->timeout);
	int err = errno;

	*done = true;
	if (through)
		return 0;
	if (act->timeout != 0 || err != EAGAIN)
		return err;
	return call(act, 0) ? 0 : errno;
}

/* An empty ring for a consumer, a full one for a producer; the victim's end is free, this process holds the other. */
static void set_out(const struct act *act)
{
	struct shmemq *producer = stress_open(stress.name, SHMEMQ_PRODUCER, 1, 0);
	struct shmemq *consumer = stress_open(stress.name, SHMEMQ_CONSUMER, 1, 0);
	char byte;

	while (act->end == SHMEMQ_PRODUCER && shmemq_timedpush(producer, "x", 1, 0, 0) == 0)
		;
	while (act->end == SHMEMQ_CONSUMER && shmemq_timedpop(consumer, &byte, 1, NULL, 0) == 1)
		;
	peer = act->end == SHMEMQ_PRODUCER ? consumer : producer;
	shmemq_close(act->end == SHMEMQ_PRODUCER ? producer : consumer);
}

/* Lets the victim execute `steps` instructions of its call; then the peer acts. How many it executed. */
static uint64_t step_and_meet(const struct act *act, uint64_t steps)
{
	uint64_t taken = 0;
	struct tracee caller;
	bool started;
	char byte;

	set_out(act);
	*done = false;
	started = tracee_start(&caller, prepare, run, (void *)(uintptr_t)act);
	while (started && taken < steps && !*done && tracee_go(&caller, PTRACE_SINGLESTEP))
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
	uint64_t counts[ACTS], meetings = 0;

	if (!tracee_may_step())
		return STRESS_SKIP;
	stress_begin(&stress, "step_between", 3);
	done = stress_shared(sizeof *done);
	for (size_t i = 0; i < ACTS; i++)
		counts[i] = acts[i].timeout == 0 ? step_and_meet(&acts[i], UINT64_MAX) : WAIT_STEPS;
	for (; violations == 0 && !stress_over(&stress); meetings++) {
		size_t i = traffic_random(&stress.random) % ACTS;

		step_and_meet(&acts[i], traffic_random(&stress.random) % counts[i]);
	}
	return stress_end(&stress, violations, "%" PRIu64 " meetings", meetings);
}
