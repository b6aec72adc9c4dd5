/* SPDX-License-Identifier: MIT */
/*
 * The totals of two words (lib/ring.h, stat.c) under C11's memory model: a side counts its messages past a
 * carry, and may be killed between any two stores, while shmemq_stat() reads the total twice.
 *
 *	carry()  smq_ring_carry()
 *	move()   smq_ring_move(), of one message
 *	copy()   copy_words() of stat.c. A pread(2) copies the words in any order, so the model does it in either
 *	total()  count_moved() of stat.c, with smq_ring_total()
 *
 * As built, a handle that has the queue mapped reads the words. With -DOBSERVER it is one that reads them by pread(2),
 * which is modelled as relaxed loads, and fences after that.
 *
 * Checked: each total that is read is one that there was, and the second not less than the first.
 *
 * Each of these must make the model fail:
 *	NO_CARRY_FENCE    no fence between the upper word and the lower one
 *	CARRY_LATE        the upper word is stored after the lower one
 *	COPY_RELAXED      the words are loaded without acquire; with OBSERVER, without the fence
 *	ONE_COPY          both words are taken from the first copy
 *	NOT_CORRECTED     the upper word is taken as it is
 */
#include "relacy.h"

OPTION(OBSERVER);
OPTION(NO_CARRY_FENCE);
OPTION(CARRY_LATE);
OPTION(COPY_RELAXED);
OPTION(ONE_COPY);
OPTION(NOT_CORRECTED);

static const unsigned MESSAGES = 3, BEFORE = 0x7ffffffe; /* the second message carries */

struct totals_model : rl::test_suite<totals_model, 2> {
	atomic_word upper, lower;

	void before()
	{
		upper($).store(0, mo_relaxed);
		lower($).store(BEFORE, mo_relaxed);
	}

	void carry(unsigned value)
	{
		upper($).store(value, mo_relaxed);
		if (!NO_CARRY_FENCE)
			rl::atomic_thread_fence(rl::mo_release, $);
	}

	void move(unsigned from, mortal &life)
	{
		unsigned to = from + 1;
		bool carries = (to ^ from) >> 31;

		life.step();
		if (carries && !CARRY_LATE)
			carry(to >> 31);
		life.step();
		lower($).store(to, mo_relaxed);
		life.step();
		if (carries && CARRY_LATE)
			carry(to >> 31);
	}

	void count()
	{
		mortal life(rl::rand(3 * MESSAGES + 1));

		try {
			for (unsigned n = 0; n < MESSAGES; n++)
				move(BEFORE + n, life);
		} catch (mortal::died) {
		}
	}

	struct words {
		unsigned lower, upper;
	};

	words copy()
	{
		const rl::memory_order order = OBSERVER ? mo_relaxed : unless(COPY_RELAXED, mo_acquire);
		words copied;

		if (rl::rand(2)) {
			copied.lower = lower($).load(order);
			copied.upper = upper($).load(order);
		} else {
			copied.upper = upper($).load(order);
			copied.lower = lower($).load(order);
		}
		if (OBSERVER && !COPY_RELAXED)
			rl::atomic_thread_fence(mo_acquire, $);
		return copied;
	}

	unsigned long long total()
	{
		words first, second;
		unsigned high;

		for (int i = 0; i < 2; i++) {
			first = copy();
			second = ONE_COPY ? first : copy();
			if (first.upper == second.upper)
				break;
		}
		high = second.upper;
		if ((high & 1) != first.lower >> 31 && !NOT_CORRECTED)
			high--;
		return (unsigned long long)high << 31 | (first.lower & 0x7fffffff);
	}

	void observe()
	{
		unsigned long long first = total(), second = total();

		RL_ASSERT(first >= BEFORE && first <= BEFORE + MESSAGES);
		RL_ASSERT(second >= first && second <= BEFORE + MESSAGES);
	}

	void thread(unsigned who)
	{
		if (who == 0)
			count();
		else
			observe();
	}
};

int main(int argc, char **argv)
{
	bool history = read_options(argc, argv);

	return check<totals_model>(history, 300000, 2);
}
