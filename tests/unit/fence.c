/* SPDX-License-Identifier: MIT */
/* The words by which a process that waits and one that notifies agree, step by step: lib/eventcount.h says why. */
#include "config.h"

#include "suite.h"
#include "wait.h"
#include "wait_sides.h"

TEST(nobody_fences_where_membarrier_works)
{
	ck_assert_uint_eq(*fence, 0);
	ck_assert(!notifier.fences);
	ck_assert_int_eq(smq_eventcount_prepare(&waiter), SMQ_SLICE_NS);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, SMQ_WAIT_SLEEPER);
	notify(&notifier);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, 0);
	ck_assert_uint_eq(*fence, 0);
	ck_assert(!notifier.fences);
}

TEST(cancel_clears_the_word)
{
	smq_eventcount_prepare(&waiter);
	smq_eventcount_cancel(&waiter);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, 0);
}

/* Its slices are short until the notifier has acknowledged that it fences. */
TEST(waiter_without_membarrier)
{
	lose_membarrier();
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(smq_eventcount_prepare(&waiter), SMQ_SLICE_UNFENCED_NS);
		ck_assert_uint_eq(*word & SMQ_WAIT_BITS, SMQ_WAIT_SLEEPER | SMQ_WAIT_FENCE);
	}
	notify(&notifier);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, 0);
	ck_assert_uint_eq(*fence, 1);
	ck_assert(notifier.fences);
	ck_assert_int_eq(smq_eventcount_prepare(&waiter), SMQ_SLICE_NS);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, SMQ_WAIT_SLEEPER | SMQ_WAIT_FENCE);
}

/* Between two waits: the first one needed no fence. */
TEST(waiter_loses_membarrier)
{
	ck_assert_int_eq(smq_eventcount_prepare(&waiter), SMQ_SLICE_NS);
	notify(&notifier);
	lose_membarrier();
	ck_assert_int_eq(smq_eventcount_prepare(&waiter), SMQ_SLICE_UNFENCED_NS);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, SMQ_WAIT_SLEEPER | SMQ_WAIT_FENCE);
}

TEST(notifier_that_could_not_register)
{
	smq_eventcount_attach(&notifier, false, true);
	ck_assert(notifier.fences);
	ck_assert_uint_eq(*fence, 1);
	lose_membarrier();
	ck_assert_int_eq(smq_eventcount_prepare(&waiter), SMQ_SLICE_NS);
}

/* The last notifier's acknowledgement does not bind the next one, which is asked again. */
TEST(claim_resets_both)
{
	lose_membarrier();
	smq_eventcount_prepare(&waiter);
	notify(&notifier);
	smq_eventcount_prepare(&waiter);
	ck_assert_uint_eq(*fence, 1);
	*(&header->producer_wait.word) = SMQ_WAIT_SLEEPER;
	notifier = (struct smq_eventcount){
		.own = notifier.own, .peer = notifier.peer, .own_fence = fence, .peer_fence = notifier.peer_fence
	};
	smq_eventcount_attach(&notifier, true, true);
	ck_assert_uint_eq(header->producer_wait.word, 0);
	ck_assert_int_eq(smq_eventcount_prepare(&waiter), SMQ_SLICE_UNFENCED_NS);
	notify(&notifier);
	ck_assert_uint_eq(*fence, 1);
	ck_assert(notifier.fences);
	ck_assert_int_eq(smq_eventcount_prepare(&waiter), SMQ_SLICE_NS);
}

/* A wait that is notified before it begins does not begin: or the test would run into its timeout. */
TEST(notified_before_the_wait)
{
	smq_eventcount_prepare(&waiter);
	notify(&notifier);
	ck_assert_int_eq(smq_eventcount_wait(&waiter, 3600 * 1000 * MS), 0);
}

TEST(interrupted_before_the_wait)
{
	smq_eventcount_prepare(&waiter);
	smq_eventcount_interrupt(&waiter);
	ck_assert(waiter.interrupted);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, 0);
	ck_assert_int_eq(smq_eventcount_wait(&waiter, 3600 * 1000 * MS), 0);
}

/* Notifications of waits long over do not make the next one short. */
TEST(old_notifications_are_not_kept)
{
	for (int i = 0; i < 10; i++) {
		smq_eventcount_prepare(&waiter);
		notify(&notifier);
		smq_eventcount_cancel(&waiter);
	}
	int64_t start = test_now();
	smq_eventcount_prepare(&waiter);
	ck_assert_int_eq(smq_eventcount_wait(&waiter, 20 * MS), 0);
	ck_assert_int_ge(test_now() - start, 20 * MS);
}

/* A close publishes no message, so its notification always fences. */
TEST(a_close_always_fences)
{
	static struct smq_header its_header; /* of which a probe tells the id */
	struct shmemq q = { .eventcount = notifier, .header = &its_header };

	smq_notify_fenced(&q);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, 0);
	smq_eventcount_prepare(&waiter);
	smq_notify_fenced(&q);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, 0);
	ck_assert_int_eq(smq_eventcount_wait(&waiter, 3600 * 1000 * MS), 0);
}

const struct suite suite = {
	.name = "unit/fence",
	.seconds = 60,
	.setup = make_wait_sides,
	.tests = {
		{ cancel_clears_the_word, 1, 0 },
		{ notified_before_the_wait, 1, 0 },
		{ interrupted_before_the_wait, 1, 0 },
		{ old_notifications_are_not_kept, 1, 0 },
		{ a_close_always_fences, 1, 0 },
		{ nobody_fences_where_membarrier_works, 1, NEEDS_MEMBARRIER | NEEDS_FILTERS },
		{ waiter_loses_membarrier, 1, NEEDS_MEMBARRIER | NEEDS_FILTERS },
		{ waiter_without_membarrier, 1, NEEDS_FILTERS },
		{ notifier_that_could_not_register, 1, NEEDS_FILTERS },
		{ claim_resets_both, 1, NEEDS_FILTERS },
	},
};
