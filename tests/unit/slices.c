/* SPDX-License-Identifier: MIT */
/*
 * A call that waits sleeps for a slice at a time, and checks after each whether the peer lives. The tests count the
 * sleeps that it asks for, which the linker lets this program see: how long a busy machine makes them says nothing
 * about the call.
 */
#include "config.h"

#include "calls.h"
#include "child.h"
#include "acquire.h"
#include "suite.h"

static const struct call *call;
static struct ends ends;
static unsigned sleeps;
static int64_t asked_ns;       /* for sleeps, in all, */
static int64_t longest_ns;     /* and for the longest of them */
static void (*at_sleep)(void); /* NULL: nothing happens then */

int __real_smq_eventcount_wait(struct smq_eventcount *eventcount, int64_t ns);
int __wrap_smq_eventcount_wait(struct smq_eventcount *eventcount, int64_t ns);

int __wrap_smq_eventcount_wait(struct smq_eventcount *eventcount, int64_t ns)
{
	if (at_sleep != NULL)
		at_sleep();
	sleeps++;
	asked_ns += ns;
	if (ns > longest_ns)
		longest_ns = ns;
	return __real_smq_eventcount_wait(eventcount, ns);
}

/* Without membarrier the slices are shorter: see lib/eventcount.h. */
static int64_t slice_ns(void)
{
	return ends.own->eventcount.no_membarrier ? SMQ_SLICE_UNFENCED_NS : SMQ_SLICE_NS;
}

/* A slice ends when the next check of the peer is due: so there is one more than fit, and one that is cut short. */
TEST(a_few_long_sleeps)
{
	call = &calls[_i];
	if (!call->timed || !call->copies)
		return;
	ends = ends_waiting(call, 0);
	/* One whose time is over before it sleeps, since this process did not run, does not sleep. */
	do
		ck_fails(call->run(ends.own, CALL_BYTES, 1000 * MS), ETIMEDOUT);
	while (sleeps == 0);
	ck_assert_int_le(longest_ns, slice_ns());
	ck_assert_uint_le(sleeps, (unsigned)(1000 * MS / slice_ns()) + 2);
	ends_close(&ends);
}

static pid_t holder;

/* Gives the peer's end to a process of its own. */
static void replace_peer(void)
{
	ck_assert_int_eq(shmemq_close(ends.peer), 0);
	ends.peer = NULL;
	holder = child_hold(ends.name, call->end == SHMEMQ_PRODUCER ? "consumer" : "producer");
}

/* The third sleep finds it dead: the sleep that is asked for counts from then on. */
static void kill_holder(void)
{
	if (sleeps != 2)
		return;
	child_kill(holder);
	asked_ns = 0;
}

/* The wait goes on until the next check is due. */
TEST(a_death_is_noticed_within_a_slice)
{
	call = &calls[_i * (CALLS - 1)]; /* the first, and the last */
	ends = ends_waiting(call, 0);
	replace_peer();
	at_sleep = kill_holder;
	ck_fails(call->run(ends.own, CALL_BYTES, -1), EOWNERDEAD);
	ck_assert_uint_ge(sleeps, 3);
	ck_assert_int_le(longest_ns, slice_ns());
	ck_assert_int_le(asked_ns, SMQ_SLICE_NS);
	ends_close(&ends);
}

/* Timeouts far shorter than a slice do not put the check off. */
TEST(short_waits_notice_a_death_too)
{
	int err;

	call = &calls[1 + _i * (CALLS - 2)];
	ends = ends_waiting(call, 0);
	replace_peer();
	at_sleep = kill_holder;
	do
		err = call->run(ends.own, CALL_BYTES, 3 * MS) == 0 ? 0 : errno;
	while (err == ETIMEDOUT);
	ck_assert_int_eq(err, EOWNERDEAD);
	ck_assert_uint_ge(sleeps, 3);
	ck_assert_int_le(asked_ns, SMQ_SLICE_NS);
	ends_close(&ends);
}

const struct suite suite = {
	.name = "unit/slices",
	.seconds = 120,
	.tests = {
		{ a_few_long_sleeps, CALLS, 0 },
		{ a_death_is_noticed_within_a_slice, 2, 0 },
		{ short_waits_notice_a_death_too, 2, 0 },
	},
};
