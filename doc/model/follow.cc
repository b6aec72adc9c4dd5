/* SPDX-License-Identifier: MIT */
/*
 * A follower (lib/follower.c) copies messages that the producer writes over meanwhile, under C11's memory model. The
 * ring has two messages, of a word each.
 *
 *	push()   smq_ring_announce(), for each message here, and smq_ring_publish() with smq_ring_move()
 *	pop()    fill() of follower.c. A pread(2) copies words by relaxed loads, and the fences are after it
 *
 * Checked: what the limit says is intact is what was pushed there.
 *
 * Each of these must make the model fail:
 *	NO_ANNOUNCE_FENCE  no fence between the limit and what is written over
 *	LIMIT_LATE         the limit is stored after that
 *	NO_FOLLOWER_FENCE  no fence between the copy and the load of the limit
 *	LIMIT_FIRST        the limit is loaded before the copy
 *	TAIL_RELAXED       smq_ring_move() stores the tail without release
 *	NO_TAIL_FENCE      no fence after the load of the tail
 */
#include "relacy.h"

OPTION(NO_ANNOUNCE_FENCE);
OPTION(LIMIT_LATE);
OPTION(NO_FOLLOWER_FENCE);
OPTION(LIMIT_FIRST);
OPTION(TAIL_RELAXED);
OPTION(NO_TAIL_FENCE);

static const unsigned CAPACITY = 2, MESSAGES = 4, FIRST = 10; /* message n is FIRST + n */

struct follow_model : rl::test_suite<follow_model, 2> {
	atomic_word ring[CAPACITY], limit, tail;

	void before()
	{
		for (unsigned i = 0; i < CAPACITY; i++)
			ring[i]($).store(0, mo_relaxed);
		limit($).store(0, mo_relaxed);
		tail($).store(0, mo_relaxed);
	}

	void push(unsigned n)
	{
		if (!LIMIT_LATE)
			limit($).store(n + 1, mo_relaxed);
		if (!NO_ANNOUNCE_FENCE)
			rl::atomic_thread_fence(mo_release, $);
		ring[n % CAPACITY]($).store(FIRST + n, mo_relaxed);
		if (LIMIT_LATE)
			limit($).store(n + 1, mo_relaxed);
		tail($).store(n + 1, unless(TAIL_RELAXED, mo_release));
	}

	/* Looks at message n. false: there is none yet. */
	bool pop(unsigned n)
	{
		unsigned copied, until = 0;
		bool there = tail($).load(mo_relaxed) > n;

		if (!NO_TAIL_FENCE)
			rl::atomic_thread_fence(mo_acquire, $);
		if (!there)
			return false;
		if (LIMIT_FIRST)
			until = limit($).load(mo_relaxed);
		copied = ring[n % CAPACITY]($).load(mo_relaxed);
		if (!NO_FOLLOWER_FENCE)
			rl::atomic_thread_fence(mo_acquire, $);
		if (!LIMIT_FIRST)
			until = limit($).load(mo_relaxed);
		RL_ASSERT(until - n > CAPACITY || copied == FIRST + n);
		return true;
	}

	void thread(unsigned who)
	{
		if (who == 0) {
			for (unsigned n = 0; n < MESSAGES; n++)
				push(n);
			return;
		}
		for (unsigned n = 0, looks = 0; n < MESSAGES && looks < 2 * MESSAGES; looks++)
			n += pop(n);
	}
};

int main(int argc, char **argv)
{
	bool history = read_options(argc, argv);

	return check<follow_model>(history, 300000, 2);
}
