/* SPDX-License-Identifier: MIT */
/*
 * The totals of two words (lib/ring.h, ring.c) under C11's memory model: a side counts its messages past a carry, and
 * may be killed between any two stores, while an observer reads the total twice.
 *
 *	carry()  smq_ring_carry()
 *	move()   smq_ring_move(), of one message
 *	total()  smq_ring_total(), with corrected()
 *
 * Checked: each total that is read is one that there was, and the second not less than the first.
 *
 * Each of these must make the model fail:
 *	NO_CARRY_FENCE    no fence between the upper word and the lower one
 *	CARRY_LATE        the upper word is stored after the lower one
 *	LOWER_RELAXED     the lower word is loaded without acquire
 *	NO_SECOND_LOOK    the upper word is not loaded again after the lower one
 *	NOT_CORRECTED     the upper word is taken as it is
 * and this must not:
 *	UPPER_RELAXED     the upper word is loaded without acquire: the acquire of the lower one orders the load that
 *	                  matters, which comes after it
 */
#include "relacy.h"

OPTION(NO_CARRY_FENCE);
OPTION(CARRY_LATE);
OPTION(LOWER_RELAXED);
OPTION(UPPER_RELAXED);
OPTION(NO_SECOND_LOOK);
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

	unsigned load_upper() { return upper($).load(unless(UPPER_RELAXED, mo_acquire)); }

	unsigned long long total()
	{
		unsigned high = load_upper(), low = 0;

		for (int i = 0; i < 2; i++) {
			unsigned again;

			low = lower($).load(unless(LOWER_RELAXED, mo_acquire));
			again = NO_SECOND_LOOK ? high : load_upper();
			if (again == high)
				break;
			high = again;
		}
		if ((high & 1) != low >> 31 && !NOT_CORRECTED)
			high--;
		return (unsigned long long)high << 31 | (low & 0x7fffffff);
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

	return check<totals_model>(history, 300000, 4);
}
