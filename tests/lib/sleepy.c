/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <poll.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "endlock.h"
#include "acquire.h"
#include "sleepy.h"
#include "support.h"
#include "traffic.h"

static _Atomic bool armed;
static _Atomic unsigned sleeps;

int __real_smq_eventcount_wait(struct smq_eventcount *eventcount, int64_t ns);
int __wrap_smq_eventcount_wait(struct smq_eventcount *eventcount, int64_t ns);
int __real_smq_ownerlock_wait(struct smq_ownerlock *lock, struct smq_wait *wait, uint32_t expected, int64_t ns);
int __wrap_smq_ownerlock_wait(struct smq_ownerlock *lock, struct smq_wait *wait, uint32_t expected, int64_t ns);

static void lost(uint32_t word)
{
	fprintf(stderr, "a notification was lost: asleep for twice %lld s, with %#x in the word\n",
		(long long)(SLEEPY_LOST_NS / 1000000000), (unsigned)word);
	_exit(1);
}

/*
 * Is there what this handle waits for? Half a ring is more than any test wants, and what a peer leaves before it waits.
 */
static bool ready(struct shmemq *q)
{
	struct smq_want want = { .need = q->ring.mask / 2 };

	if (q->eventcount.interrupted || (!q->stay && smq_claim_state(smq_peer_claim(q)->state) == SHMEMQ_END_CLOSED))
		return true;
	return smq_check(q, &want, true) != SMQ_NOT_YET;
}

/*
 * The process that has to notify may be off its processor before it makes the waited-for thing happen, or between that
 * and the notification. So if the thing is there when the first wait times out, there is a second wait, whatever the
 * word says: only the notification ends that one, and if it does not, it was lost.
 */
int __wrap_smq_eventcount_wait(struct smq_eventcount *eventcount, int64_t ns)
{
	struct shmemq *q = (void *)((char *)eventcount - offsetof(struct shmemq, eventcount));
	int err;

	if (!armed)
		return __real_smq_eventcount_wait(eventcount, ns);
	sleeps++;
	if (ns <= SMQ_SLICE_UNFENCED_NS)
		return __real_smq_eventcount_wait(eventcount, ns);
	for (int late = 0; late < 2; late++) {
		int64_t start = test_now();

		err = __real_smq_eventcount_wait(eventcount, SLEEPY_LOST_NS);
		if (test_now() - start < SLEEPY_LOST_NS || !ready(q))
			return err;
		eventcount->prepared = eventcount->own->word;
	}
	lost(eventcount->own->word);
	return err;
}

int __wrap_smq_ownerlock_wait(struct smq_ownerlock *lock, struct smq_wait *wait, uint32_t expected, int64_t ns)
{
	int err;

	if (!armed)
		return __real_smq_ownerlock_wait(lock, wait, expected, ns);
	sleeps++;
	for (int late = 0; late < 2; late++) {
		int64_t start = test_now();

		err = __real_smq_ownerlock_wait(lock, wait, expected, SLEEPY_LOST_NS);
		expected = *lock->word;
		if (test_now() - start < SLEEPY_LOST_NS ||
		    expected != 0) /* another handle may hold the lock for long */
			return err;
	}
	lost(expected);
	return err;
}

void sleepy_arm(void)
{
	armed = true;
}

void sleepy_disarm(void)
{
	armed = false;
}

unsigned sleepy_sleeps(void)
{
	return sleeps;
}

void sleepy_eager(struct shmemq *q)
{
	q->spin_misses = SMQ_SPIN_MISSES;
}

void sleepy_unsettle(struct shmemq *q, uint64_t *random, uint64_t i)
{
	static const uint8_t called[] = { 0, 0, SMQ_MEMBARRIERS_MAX / 2, SMQ_MEMBARRIERS_MAX };
	struct smq_eventcount *eventcount = &q->eventcount;

	eventcount->membarriers = i / 1024 % 2 ? called[traffic_random(random) % sizeof called] : 0;
	if (eventcount->fences != 0 && eventcount->fences != SMQ_FENCES_ALWAYS)
		eventcount->fences = (uint16_t)(1 + traffic_random(random) % 2);
}

void sleepy_delay(uint64_t *random, unsigned most)
{
	for (uint64_t i = traffic_random(random) % most; i > 0; i--)
		atomic_signal_fence(memory_order_seq_cst);
}

bool sleepy_poll(struct shmemq *q)
{
	struct pollfd fd = { .fd = shmemq_pollfd(q), .events = POLLIN };

	if (errno != EAGAIN)
		return false;
	sleeps++;
	for (int late = 0; late < 2; late = ready(q) ? late + 1 : 0) {
		if (poll(&fd, 1, (int)(SLEEPY_LOST_NS / MS)) == 1)
			return true;
	}
	fprintf(stderr, "a raise was lost, with %#x in the wait word\n", (unsigned)q->eventcount.own->word);
	return false;
}
