/* SPDX-License-Identifier: MIT */
/*
 * What ends a wait, put exactly where a wait begins: between prepare and the last peek at the ring (S2 of
 * lib/eventcount.h), and between that peek and the sleep (S4). The linker lets this program stand in for both steps.
 */
#include "config.h"

#include "calls.h"
#include "acquire.h"
#include "process.h"
#include "suite.h"

enum moment {
	BEFORE_LOOK,
	BEFORE_SLEEP,
};

static const struct call *call;
static struct ends ends;
static void (*event)(void);
static enum moment moment;
static unsigned membarriers, sleeps;
static bool refused; /* membarrier(2) is, from now on */

bool __real_smq_process_membarrier(void);
bool __wrap_smq_process_membarrier(void);
int __real_smq_eventcount_wait(struct smq_eventcount *eventcount, int64_t ns);
int __wrap_smq_eventcount_wait(struct smq_eventcount *eventcount, int64_t ns);

bool __wrap_smq_process_membarrier(void)
{
	membarriers++;
	/* It would order nothing if the wait were prepared later. */
	ck_assert_uint_ne(ends.own->eventcount.own->word & SMQ_WAIT_SLEEPER, 0);
	if (moment == BEFORE_LOOK)
		event();
	return !refused && __real_smq_process_membarrier();
}

int __wrap_smq_eventcount_wait(struct smq_eventcount *eventcount, int64_t ns)
{
	(void)ns;
	sleeps++;
	/* Or no notification would end it. */
	ck_assert_uint_ne(eventcount->own->word & SMQ_WAIT_SLEEPER, 0);
	ck_assert_uint_eq(eventcount->own->word, eventcount->prepared);
	if (moment == BEFORE_SLEEP)
		event();
	else if (refused)
		drain(ends.peer);
	return __real_smq_eventcount_wait(eventcount, 3600 * 1000 * MS); /* longer than this test may take */
}

static void unblock(void)
{
	ends_unblock(call, &ends);
}

static void interrupt(void)
{
	ck_assert_int_eq(shmemq_interrupt(ends.own), 0);
}

static void nothing(void) {}

static void peer_closes(void)
{
	ck_assert_int_eq(shmemq_close(ends.peer), 0);
	ends.peer = NULL;
}

static const struct {
	void (*event)(void);
	int err; /* of the call; 0: it is done */
} events[] = { { unblock, 0 }, { interrupt, ECANCELED }, { peer_closes, EPIPE } };
#define EVENTS (sizeof events / sizeof events[0])

/* Every call, with every event. */
static void wait_with(enum moment when, size_t i)
{
	int err = events[i % EVENTS].err;

	call = &calls[i / EVENTS];
	ends = ends_waiting(call, 0);
	ends.own->spin_misses = SMQ_SPIN_MISSES; /* it does not spin first */
	event = events[i % EVENTS].event;
	moment = when;
	if (err == 0)
		ck_assert_int_eq(call->run(ends.own, CALL_BYTES, -1), 0);
	else
		ck_fails(call->run(ends.own, CALL_BYTES, -1), err);
	ck_assert_uint_eq(ends.own->eventcount.own->word & SMQ_WAIT_BITS, 0);
}

/* The peek finds it, so there is no sleep. */
TEST(event_before_the_last_peek)
{
	wait_with(BEFORE_LOOK, (size_t)_i);
	ck_assert_uint_eq(membarriers, 1);
	ck_assert_uint_eq(sleeps, 0);
	ends_close(&ends);
}

/* The word, or the semaphore, tells the kernel, so there is no sleep either. */
TEST(event_before_the_sleep)
{
	wait_with(BEFORE_SLEEP, (size_t)_i);
	ck_assert_uint_ge(membarriers, 1);
	ck_assert_uint_eq(sleeps, 1);
	ends_close(&ends);
}

/*
 * Space comes, but too little, while the producer that waits learns that it has no membarrier: the notification takes
 * back what was prepared, and the producer is about to sleep on.
 */
TEST(too_little_space_without_membarrier)
{
	for (size_t i = 0; i < CALLS; i++) {
		call = &calls[i];
		if (call->end != SHMEMQ_PRODUCER)
			continue;
		ends = ends_waiting(call, 0);
		ends.own->spin_misses = SMQ_SPIN_MISSES;
		event = unblock;
		moment = BEFORE_LOOK;
		refused = true;
		sleeps = 0;
		ck_assert_int_ge(call->run(ends.own, 1000, -1), 0);
		ck_assert_uint_eq(sleeps, 1);
		ends_close(&ends);
	}
}

static void unblock_and_interrupt(void)
{
	ends_unblock(call, &ends);
	ck_assert_int_eq(shmemq_interrupt(ends.own), 0);
}

/* What the call waited for has come: so there is no wait to end, and the interruption ends the next one. */
TEST(interruption_that_comes_second)
{
	call = &calls[_i];
	for (moment = BEFORE_LOOK; moment <= BEFORE_SLEEP; moment++) {
		ends = ends_waiting(call, 0);
		ends.own->spin_misses = SMQ_SPIN_MISSES;
		event = unblock_and_interrupt;
		ck_assert_int_eq(call->run(ends.own, CALL_BYTES, -1), 0);
		event = nothing;
		ck_fails(call->run(ends.own, CALL_BYTES, -1), ECANCELED);
		ends_close(&ends);
	}
}

/* An event during the first checks of a wait shows that spinning pays: earlier misses are forgotten. */
TEST(event_during_the_first_checks)
{
	struct smq_want want = { 0 };
	struct shmemq *q;

	call = &calls[CALLS - 1];
	ends = ends_waiting(call, 0);
	q = ends.own;
	ck_assert_uint_eq(call->end, SHMEMQ_CONSUMER);
	ends_unblock(call, &ends);
	q->spin_misses = SMQ_SPIN_MISSES - 1;
	ck_assert_int_eq(smq_await(q, SMQ_NOT_YET, &want, -1), 0);
	ck_assert_uint_eq(want.found, CALL_BYTES);
	ck_assert_uint_eq(q->spin_misses, 0);
	ck_assert_uint_eq(sleeps, 0);
	ends_close(&ends);
}

/* With NOSPIN a wait prepares to sleep at once: it does not even check for what has just come. */
TEST(no_spin)
{
	struct smq_want want = { 0 };
	struct shmemq *q;

	call = &calls[CALLS - 1];
	ends = ends_waiting(call, SHMEMQ_NOSPIN);
	q = ends.own;
	ends_unblock(call, &ends);
	moment = BEFORE_SLEEP; /* which does not come: the check before it finds the message */
	ck_assert_int_eq(smq_await(q, SMQ_NOT_YET, &want, -1), 0);
	ck_assert_uint_eq(want.found, CALL_BYTES);
	ck_assert_uint_eq(membarriers, 1);
	ck_assert_uint_eq(sleeps, 0);
	ends_close(&ends);
}

const struct suite suite = {
	.name = "unit/interleave",
	.seconds = 60,
	.tests = {
		{ event_before_the_last_peek, CALLS * EVENTS, 0 },
		{ event_before_the_sleep, CALLS * EVENTS, 0 },
		{ too_little_space_without_membarrier, 1, 0 },
		{ event_during_the_first_checks, 1, 0 },
		{ no_spin, 1, 0 },
		{ interruption_that_comes_second, CALLS, 0 },
	},
};
