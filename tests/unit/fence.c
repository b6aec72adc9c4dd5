/* SPDX-License-Identifier: MIT */
/* The words by which a sleeper and a waker agree, step by step: wait.h tells why. */
#include "config.h"

#include <stdio.h>
#include <sys/syscall.h>

#include "filter.h"
#include "memory.h"
#include "process.h"
#include "support.h"
#include "wait.h"

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

static void notify(struct smq_eventcount *side)
{
	if (smq_eventcount_has_waiter(side))
		smq_eventcount_notify(side);
}

static void lose_membarrier(void)
{
	ck_assert(filter_deny(SYS_membarrier, EPERM));
	ck_assert(!smq_process_membarrier());
}

START_TEST(nobody_fences_where_membarrier_works)
{
	ck_assert_uint_eq(*fence, 0);
	ck_assert(!waker.fences);
	ck_assert_int_eq(smq_eventcount_prepare(&sleeper), SMQ_SLICE_NS);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, SMQ_WAIT_SLEEPER);
	notify(&waker);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, 0);
	ck_assert_uint_eq(*fence, 0);
	ck_assert(!waker.fences);
}
END_TEST

START_TEST(withdrawn_announcement)
{
	smq_eventcount_prepare(&sleeper);
	smq_eventcount_cancel(&sleeper);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, 0);
}
END_TEST

/* Short slices until the waker has said that it fences. */
START_TEST(sleeper_without_membarrier)
{
	lose_membarrier();
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(smq_eventcount_prepare(&sleeper), SMQ_SLICE_UNFENCED_NS);
		ck_assert_uint_eq(*word & SMQ_WAIT_BITS, SMQ_WAIT_SLEEPER | SMQ_WAIT_FENCE);
	}
	notify(&waker);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, 0);
	ck_assert_uint_eq(*fence, 1);
	ck_assert(waker.fences);
	ck_assert_int_eq(smq_eventcount_prepare(&sleeper), SMQ_SLICE_NS);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, SMQ_WAIT_SLEEPER | SMQ_WAIT_FENCE);
}
END_TEST

/* Lost between two sleeps: the one before needed nothing. */
START_TEST(sleeper_loses_membarrier)
{
	ck_assert_int_eq(smq_eventcount_prepare(&sleeper), SMQ_SLICE_NS);
	notify(&waker);
	lose_membarrier();
	ck_assert_int_eq(smq_eventcount_prepare(&sleeper), SMQ_SLICE_UNFENCED_NS);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, SMQ_WAIT_SLEEPER | SMQ_WAIT_FENCE);
}
END_TEST

START_TEST(waker_that_could_not_register)
{
	smq_eventcount_attach(&waker, false, true);
	ck_assert(waker.fences);
	ck_assert_uint_eq(*fence, 1);
	lose_membarrier();
	ck_assert_int_eq(smq_eventcount_prepare(&sleeper), SMQ_SLICE_NS);
}
END_TEST

/* The last waker's promise does not bind its successor, which has to be asked again. */
START_TEST(claim_resets_both)
{
	lose_membarrier();
	smq_eventcount_prepare(&sleeper);
	notify(&waker);
	smq_eventcount_prepare(&sleeper);
	ck_assert_uint_eq(*fence, 1);
	*(&header->producer_wait.word) = SMQ_WAIT_SLEEPER;
	waker = (struct smq_eventcount){
		.own = waker.own, .peer = waker.peer, .own_fence = fence, .peer_fence = waker.peer_fence
	};
	smq_eventcount_attach(&waker, true, true);
	ck_assert_uint_eq(header->producer_wait.word, 0);
	ck_assert_int_eq(smq_eventcount_prepare(&sleeper), SMQ_SLICE_UNFENCED_NS);
	notify(&waker);
	ck_assert_uint_eq(*fence, 1);
	ck_assert(waker.fences);
	ck_assert_int_eq(smq_eventcount_prepare(&sleeper), SMQ_SLICE_NS);
}
END_TEST

/* A sleep that is woken before it begins does not begin: the test would end by its own time. */
START_TEST(woken_before_the_sleep)
{
	smq_eventcount_prepare(&sleeper);
	notify(&waker);
	ck_assert_int_eq(smq_eventcount_wait(&sleeper, 3600 * 1000 * MS), 0);
}
END_TEST

START_TEST(interrupted_before_the_sleep)
{
	smq_eventcount_prepare(&sleeper);
	smq_eventcount_interrupt(&sleeper);
	ck_assert(sleeper.interrupted);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, 0);
	ck_assert_int_eq(smq_eventcount_wait(&sleeper, 3600 * 1000 * MS), 0);
}
END_TEST

/* The wakes of sleeps long over do not make the next ones short. */
START_TEST(old_wakes_are_not_kept)
{
	for (int i = 0; i < 10; i++) {
		smq_eventcount_prepare(&sleeper);
		notify(&waker);
		smq_eventcount_cancel(&sleeper);
	}
	int64_t start = test_now();
	smq_eventcount_prepare(&sleeper);
	ck_assert_int_eq(smq_eventcount_wait(&sleeper, 20 * MS), 0);
	ck_assert_int_ge(test_now() - start, 20 * MS);
}
END_TEST

/* What is published without a publication, a close, always fences. */
START_TEST(wake_after_a_close)
{
	struct shmemq q = { .eventcount = waker };

	smq_notify_fenced(&q);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, 0);
	smq_eventcount_prepare(&sleeper);
	smq_notify_fenced(&q);
	ck_assert_uint_eq(*word & SMQ_WAIT_BITS, 0);
	ck_assert_int_eq(smq_eventcount_wait(&sleeper, 3600 * 1000 * MS), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fence");
	TCase *tests = tcase_create("fence"), *filters = tcase_create("filters");

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_checked_fixture(filters, setup, NULL);
	tcase_add_test(tests, withdrawn_announcement);
	tcase_add_test(tests, woken_before_the_sleep);
	tcase_add_test(tests, interrupted_before_the_sleep);
	tcase_add_test(tests, old_wakes_are_not_kept);
	tcase_add_test(tests, wake_after_a_close);
	suite_add_tcase(suite, tests);
	if (smq_process_register() && smq_process_membarrier()) {
		tcase_add_test(filters, nobody_fences_where_membarrier_works);
		tcase_add_test(filters, sleeper_loses_membarrier);
	} else {
		puts("skipped: what needs membarrier(2)");
	}
	tcase_add_test(filters, sleeper_without_membarrier);
	tcase_add_test(filters, waker_that_could_not_register);
	tcase_add_test(filters, claim_resets_both);
	if (filter_works())
		suite_add_tcase(suite, filters);
	else
		puts("skipped: what needs seccomp filters");
	return test_run(suite, 60);
}
