/* SPDX-License-Identifier: MIT */
/*
 * A side that waits often asks for fences and calls membarrier(2) no more; the other side stops fencing when that is of
 * no more use. The linker lets this program count the membarriers.
 */
#include "config.h"

#include "process.h"
#include "suite.h"
#include "wait_sides.h"

static unsigned membarriers; /* called */

bool __real_smq_process_membarrier(void);
bool __wrap_smq_process_membarrier(void);

bool __wrap_smq_process_membarrier(void)
{
	membarriers++;
	return __real_smq_process_membarrier();
}

/* Waits that are notified at once. */
static void wait_often(unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		smq_eventcount_prepare(&waiter);
		notify(&notifier);
	}
}

/* Publications that meet no waiter. */
static void publish(unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		notify(&notifier);
}

/* After some membarriers it asks for fences, and then it calls no more. */
TEST(frequent_waiter)
{
	wait_often(SMQ_MEMBARRIERS_MAX / 2);
	ck_assert_uint_eq(*fence, 0);
	ck_assert_int_eq(smq_eventcount_prepare(&waiter), SMQ_SLICE_NS);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, SMQ_WAIT_SLEEPER | SMQ_WAIT_FENCE);
	notify(&notifier);
	ck_assert_uint_eq(*fence, 1);
	ck_assert(notifier.fences);
	ck_assert_uint_eq(membarriers, SMQ_MEMBARRIERS_MAX / 2 + 1);
	wait_often(1000);
	ck_assert_uint_eq(membarriers, SMQ_MEMBARRIERS_MAX / 2 + 1);
	ck_assert_int_eq(smq_eventcount_prepare(&waiter), SMQ_SLICE_NS);
}

/* The same for one that polls. */
TEST(frequent_poller)
{
	for (int i = 0; i < 1000; i++) {
		ck_assert_int_eq(smq_eventcount_prepare_poll(&waiter), SMQ_SLICE_NS);
		notify(&notifier);
	}
	ck_assert(notifier.fences);
	ck_assert_uint_eq(membarriers, SMQ_MEMBARRIERS_MAX / 2 + 1);
}

/* A few membarriers in each slice are no reason to slow the notifier down. */
TEST(infrequent_waiter)
{
	for (int i = 0; i < 100; i++) {
		smq_eventcount_new_slice(&waiter);
		wait_often(SMQ_MEMBARRIERS_MAX / 4);
	}
	ck_assert_uint_eq(*fence, 0);
	ck_assert_uint_eq(membarriers, 100 * (SMQ_MEMBARRIERS_MAX / 4));
}

/* A side that nobody notifies, because its waits are short, say, does not call membarrier again and again either. */
TEST(frequent_waiter_without_an_acknowledgement)
{
	for (int i = 0; i < 1000; i++) {
		int64_t slice = i < SMQ_MEMBARRIERS_MAX ? SMQ_SLICE_NS : SMQ_SLICE_UNFENCED_NS;

		ck_assert_int_eq(smq_eventcount_prepare(&waiter), slice);
	}
	ck_assert_uint_eq(membarriers, SMQ_MEMBARRIERS_MAX);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, SMQ_WAIT_SLEEPER | SMQ_WAIT_FENCE);
	smq_eventcount_new_slice(&waiter);
	for (int i = 0; i < 1000; i++)
		smq_eventcount_prepare(&waiter);
	ck_assert_uint_eq(membarriers, SMQ_MEMBARRIERS_MAX + SMQ_MEMBARRIERS_MAX / 2);
	smq_eventcount_new_slice(&waiter);
	ck_assert_int_eq(smq_eventcount_prepare(&waiter), SMQ_SLICE_NS); /* it did not lose membarrier */
}

TEST(notifier_stops_fencing)
{
	unsigned before;

	wait_often(1000);
	before = membarriers;
	publish(SMQ_FENCED_MAX - 1);
	ck_assert(notifier.fences);
	ck_assert_uint_eq(*fence, 1);
	wait_often(1); /* it is of use still: the count begins anew */
	publish(SMQ_FENCED_MAX - 1);
	ck_assert(notifier.fences);
	ck_assert_uint_eq(membarriers, before);
	publish(1);
	ck_assert(!notifier.fences);
	ck_assert_uint_eq(*fence, 0);
	ck_assert_int_eq(smq_eventcount_prepare(&waiter), SMQ_SLICE_NS);
	ck_assert_uint_eq(membarriers, before + 1);
	notify(&notifier); /* it was asked to, since the waits were frequent just now */
	ck_assert(notifier.fences);
	ck_assert_uint_eq(*fence, 1);
}

TEST(notifier_stops_fencing_for_a_waiter_without_membarrier)
{
	lose_membarrier();
	wait_often(1);
	ck_assert_int_eq(smq_eventcount_prepare(&waiter), SMQ_SLICE_NS);
	smq_eventcount_cancel(&waiter);
	publish(SMQ_FENCED_MAX);
	ck_assert(!notifier.fences);
	ck_assert_int_eq(smq_eventcount_prepare(&waiter), SMQ_SLICE_UNFENCED_NS);
	notify(&notifier);
	ck_assert_int_eq(smq_eventcount_prepare(&waiter), SMQ_SLICE_NS);
}

/* Bits of `_i` + 1: 1: it could not register; 2: its end is SHARED. Its waiter never needs a membarrier. */
TEST(notifier_that_always_fences)
{
	notifier.shared = (_i + 1) & 2;
	smq_eventcount_attach(&notifier, !((_i + 1) & 1), true);
	for (int i = 0; i < 3; i++) {
		publish(UINT16_MAX);
		ck_assert_uint_eq(notifier.fences, SMQ_FENCES_ALWAYS);
		ck_assert_uint_eq(*fence, 1);
		wait_often(1);
	}
	ck_assert_uint_eq(membarriers, 0);
}

const struct suite suite = {
	.name = "unit/frequent",
	.seconds = 60,
	.setup = make_wait_sides,
	.tests = {
		{ notifier_that_always_fences, 3, 0 },
		{ frequent_waiter, 1, NEEDS_MEMBARRIER },
		{ frequent_poller, 1, NEEDS_MEMBARRIER },
		{ infrequent_waiter, 1, NEEDS_MEMBARRIER },
		{ frequent_waiter_without_an_acknowledgement, 1, NEEDS_MEMBARRIER },
		{ notifier_stops_fencing, 1, NEEDS_MEMBARRIER },
		{ notifier_stops_fencing_for_a_waiter_without_membarrier, 1, NEEDS_FILTERS },
	},
};
