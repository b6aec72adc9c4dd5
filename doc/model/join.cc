/* SPDX-License-Identifier: MIT */
/*
 * How a consumer joins a broadcast queue while the producer looks for the slowest (lib/readers.c, slowest.c), under
 * C11's memory model. A ring of two slots; the tail and the positions count messages, which are numbers, from 1.
 *
 *	push()  waits until tail - head < CAPACITY, stores the message, then the tail
 *	look()  smq_slowest_load(): fence, claim, position
 *	join()  smq_readers_join(): JOINING, fence, tail, position, OPEN. Then it pops what is there, and closes
 *
 * With -DNEXT a first consumer, with the same words, has died without a close: the producer lets it go by the exchange,
 * while the second one takes its number.
 *
 * Checked: each message that a consumer pops is the one at its position, so it has not been written over (a message is
 * a plain variable: Relacy also finds a read beside a write that nothing orders).
 *
 * Each of these must make the model fail:
 *	NO_JOIN_FENCE     no fence between JOINING and the load of the tail
 *	NO_LOOK_FENCE     no fence between the store of the tail and the load of the claim
 *	NO_JOINING        the consumer stores only OPEN, after its position
 *	JOINING_IGNORED   the producer takes a consumer that joins for none
 *	OPEN_RELAXED      OPEN is stored without release
 *	CLAIM_RELAXED     the claim is loaded without acquire
 *	POSITION_RELAXED  positions are stored without release
 *	HEAD_RELAXED      positions are loaded without acquire
 *	CLOSE_RELAXED     CLOSED is stored without release
 * With NEXT:
 *	NO_COMPARE        DEAD is stored, whatever the claim is by then
 */
#include "relacy.h"

OPTION(NEXT);
OPTION(NO_JOIN_FENCE);
OPTION(NO_LOOK_FENCE);
OPTION(NO_JOINING);
OPTION(JOINING_IGNORED);
OPTION(OPEN_RELAXED);
OPTION(CLAIM_RELAXED);
OPTION(POSITION_RELAXED);
OPTION(HEAD_RELAXED);
OPTION(CLOSE_RELAXED);
OPTION(NO_COMPARE);

static const unsigned CAPACITY = 2, PUSHES = 5, POPS = 2;
enum { NEVER = 0, OPEN = 1, CLOSED = 2, DEAD = 3, STATE = 3, ONE = 4 };

struct join_model : rl::test_suite<join_model, 2> {
	atomic_word tail, claim, position;
	rl::var<unsigned> slots[CAPACITY];

	void before()
	{
		tail($).store(0, mo_relaxed);
		/* The first consumer has died at the start. */
		claim($).store(NEXT ? ONE + OPEN : NEVER, mo_relaxed);
		position($).store(0, mo_relaxed);
		for (unsigned i = 0; i < CAPACITY; i++)
			slots[i]($) = 0;
	}

	/* The consumer's lag, as lag_of() says. */
	unsigned lag(unsigned now, unsigned known)
	{
		unsigned word = claim($).load(unless(CLAIM_RELAXED, mo_acquire)), lag;

		if (word != 0 && (word & STATE) == NEVER && !JOINING_IGNORED)
			return known;
		if ((word & STATE) != OPEN)
			return 0;
		lag = now - position($).load(unless(HEAD_RELAXED, mo_acquire));
		RL_ASSERT(lag <= known); /* else the producer would say EBADMSG */
		return lag;
	}

	/* What smq_readers_probe() does when the first consumer, of claim ONE, is found dead. */
	void let_go()
	{
		unsigned was = ONE + OPEN;

		if (claim($).load(mo_relaxed) != was)
			return;
		if (NO_COMPARE)
			claim($).store(ONE + DEAD, mo_release);
		else
			claim($).compare_exchange_strong(was, ONE + DEAD, mo_release, mo_relaxed);
	}

	void produce()
	{
		unsigned head = 0;

		for (unsigned now = 0; now < PUSHES; now++) {
			if (now - head == CAPACITY) {
				if (NEXT)
					let_go();
				if (!NO_LOOK_FENCE)
					rl::atomic_thread_fence(mo_seq_cst, $);
				head = now - lag(now, now - head);
				if (now - head == CAPACITY)
					return; /* full: it would wait */
			}
			slots[now % CAPACITY]($) = now + 1;
			tail($).store(now + 1, mo_release);
		}
	}

	void consume()
	{
		const unsigned mine = NEXT ? 2 * ONE : ONE;
		unsigned at, end;

		if (!NO_JOINING)
			claim($).store(mine + NEVER, mo_relaxed);
		if (!NO_JOIN_FENCE)
			rl::atomic_thread_fence(mo_seq_cst, $);
		at = tail($).load(mo_acquire);
		position($).store(at, mo_relaxed);
		claim($).store(mine + OPEN, unless(OPEN_RELAXED, mo_release));
		for (unsigned i = 0; i < POPS; i++) {
			end = tail($).load(mo_acquire);
			if (at == end)
				break;
			RL_ASSERT(slots[at % CAPACITY]($) == at + 1);
			position($).store(++at, unless(POSITION_RELAXED, mo_release));
		}
		if (at != tail($).load(mo_acquire))
			RL_ASSERT(slots[at % CAPACITY]($) == at + 1); /* held, when it closes */
		claim($).store(mine + CLOSED, unless(CLOSE_RELAXED, mo_release));
	}

	void thread(unsigned who)
	{
		if (who == 0)
			produce();
		else
			consume();
	}
};

int main(int argc, char **argv)
{
	bool history = read_options(argc, argv);

	return check<join_model>(history, 300000, 2);
}
