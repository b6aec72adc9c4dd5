/* SPDX-License-Identifier: MIT */
/* The words by which a sleeper and a waker agree, step by step: wait.h tells why. */
#include "config.h"

#include <stdio.h>
#include <sys/syscall.h>

#include "filter.h"
#include "memory.h"
#include "process.h"
#include "suite.h"
#include "eventcount.h"

static struct smq_header *header;
static smq_word *word, *fence; /* of the sleeper, and of the waker */
static struct smq_eventcount sleeper, waker;

/* The consumer sleeps, the producer wakes it. */
static void setup(void)
{
	header = memory_make().header;
	word = &header->consumer_wait.word;
	fence = &header->producer_claim.fence;
	ck_assert_int_eq(smq_eventcount_init(header), 0);
	sleeper = (struct smq_eventcount){ .own = &header->consumer_wait,
					   .peer = &header->producer_wait,
					   .own_fence = &header->consumer_claim.fence,
					   .peer_fence = fence };
	waker = (struct smq_eventcount){ .own = &header->producer_wait,
					 .peer = &header->consumer_wait,
					 .own_fence = fence,
					 .peer_fence = &header->consumer_claim.fence };
	smq_eventcount_attach(&sleeper, true, true);
	smq_eventcount_attach(&waker, true, true);
}

static void lose_membarrier(void)
{
	ck_assert(filter_deny(SYS_membarrier, EPERM));
	ck_assert(!smq_process_membarrier());
}

TEST(nobody_fences_where_membarrier_works)
{
	ck_assert_uint_eq(*fence, 0);
	ck_assert(!waker.fences);
	ck_assert_int_eq(smq_eventcount_prepare(&sleeper), SMQ_SLICE_NS);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, SMQ_WAIT_SLEEPER);
	smq_eventcount_notify(&waker, 0);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, 0);
	ck_assert_uint_eq(*fence, 0);
	ck_assert(!waker.fences);
}

TEST(withdrawn_announcement)
{
	smq_eventcount_prepare(&sleeper);
	smq_eventcount_cancel(&sleeper);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, 0);
}

/* Short slices until the waker has said that it fences. */
TEST(sleeper_without_membarrier)
{
	lose_membarrier();
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(smq_eventcount_prepare(&sleeper), SMQ_SLICE_UNFENCED_NS);
		ck_assert_uint_eq(*word & SMQ_WAIT_BITS, SMQ_WAIT_SLEEPER | SMQ_WAIT_FENCE);
	}
	smq_eventcount_notify(&waker, 0);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, 0);
	ck_assert_uint_eq(*fence, 1);
	ck_assert(waker.fences);
	ck_assert_int_eq(smq_eventcount_prepare(&sleeper), SMQ_SLICE_NS);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, SMQ_WAIT_SLEEPER | SMQ_WAIT_FENCE);
}

/* Lost between two sleeps: the one before needed nothing. */
TEST(sleeper_loses_membarrier)
{
	ck_assert_int_eq(smq_eventcount_prepare(&sleeper), SMQ_SLICE_NS);
	smq_eventcount_notify(&waker, 0);
	lose_membarrier();
	ck_assert_int_eq(smq_eventcount_prepare(&sleeper), SMQ_SLICE_UNFENCED_NS);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, SMQ_WAIT_SLEEPER | SMQ_WAIT_FENCE);
}

TEST(waker_that_could_not_register)
{
	smq_eventcount_attach(&waker, false, true);
	ck_assert(waker.fences);
	ck_assert_uint_eq(*fence, 1);
	lose_membarrier();
	ck_assert_int_eq(smq_eventcount_prepare(&sleeper), SMQ_SLICE_NS);
}

/* The last waker's promise does not bind its successor, which has to be asked again. */
TEST(claim_resets_both)
{
	lose_membarrier();
	smq_eventcount_prepare(&sleeper);
	smq_eventcount_notify(&waker, 0);
	smq_eventcount_prepare(&sleeper);
	ck_assert_uint_eq(*fence, 1);
	*(&header->producer_wait.word) = SMQ_WAIT_SLEEPER;
	waker = (struct smq_eventcount){
		.own = waker.own, .peer = waker.peer, .own_fence = fence, .peer_fence = waker.peer_fence
	};
	smq_eventcount_attach(&waker, true, true);
	ck_assert_uint_eq(header->producer_wait.word, 0);
	ck_assert_int_eq(smq_eventcount_prepare(&sleeper), SMQ_SLICE_UNFENCED_NS);
	smq_eventcount_notify(&waker, 0);
	ck_assert_uint_eq(*fence, 1);
	ck_assert(waker.fences);
	ck_assert_int_eq(smq_eventcount_prepare(&sleeper), SMQ_SLICE_NS);
}

/* A sleep that is woken before it begins does not begin: the test would end by its own time. */
TEST(woken_before_the_sleep)
{
	smq_eventcount_prepare(&sleeper);
	smq_eventcount_notify(&waker, 0);
	ck_assert_int_eq(smq_eventcount_wait(&sleeper, 3600 * 1000 * MS), 0);
}

TEST(interrupted_before_the_sleep)
{
	smq_eventcount_prepare(&sleeper);
	smq_eventcount_interrupt(&sleeper);
	ck_assert(sleeper.interrupted);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, 0);
	ck_assert_int_eq(smq_eventcount_wait(&sleeper, 3600 * 1000 * MS), 0);
}

/* The wakes of sleeps long over do not make the next ones short. */
TEST(old_wakes_are_not_kept)
{
	for (int i = 0; i < 10; i++) {
		smq_eventcount_prepare(&sleeper);
		smq_eventcount_notify(&waker, 0);
		smq_eventcount_cancel(&sleeper);
	}
	int64_t start = test_now();
	smq_eventcount_prepare(&sleeper);
	ck_assert_int_eq(smq_eventcount_wait(&sleeper, 20 * MS), 0);
	ck_assert_int_ge(test_now() - start, 20 * MS);
}

/* What is published without a publication, a close, always fences. */
TEST(wake_after_a_close)
{
	smq_eventcount_notify_fenced(&waker);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, 0);
	smq_eventcount_prepare(&sleeper);
	smq_eventcount_notify_fenced(&waker);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, 0);
	ck_assert_int_eq(smq_eventcount_wait(&sleeper, 3600 * 1000 * MS), 0);
}

const struct suite suite = {
	.name = "unit/fence",
	.seconds = 60,
	.setup = setup,
	.tests = {
		{ withdrawn_announcement, 1, 0 },
		{ woken_before_the_sleep, 1, 0 },
		{ interrupted_before_the_sleep, 1, 0 },
		{ old_wakes_are_not_kept, 1, 0 },
		{ wake_after_a_close, 1, 0 },
		{ nobody_fences_where_membarrier_works, 1, NEEDS_MEMBARRIER | NEEDS_FILTERS },
		{ sleeper_loses_membarrier, 1, NEEDS_MEMBARRIER | NEEDS_FILTERS },
		{ sleeper_without_membarrier, 1, NEEDS_FILTERS },
		{ waker_that_could_not_register, 1, NEEDS_FILTERS },
		{ claim_resets_both, 1, NEEDS_FILTERS },
	},
};
