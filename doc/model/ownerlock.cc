/* SPDX-License-Identifier: MIT */
/*
 * The owner lock of a SHARED end (lib/ownerlock.h, ownerlock.c, turn.c) under C11's memory model. Three handles lock
 * it in turn, and change two variables that are always to be equal. A lost wake-up is a deadlock.
 *
 *	trylock()    smq_ownerlock_trylock(), smq_ownerlock_trylock_once()
 *	unlock()     smq_ownerlock_exchange(), smq_wake_waiters()
 *	prepare()    smq_ownerlock_prepare()
 *	recover()    smq_ownerlock_recover(), with replace()
 *	lock()       sleep_until_locked() of turn.c
 *	interrupt()  smq_eventcount_interrupt() and smq_ownerlock_interrupt()
 *
 * Chosen with -D:
 *	DEATH        the first handle dies between two of its steps, and the others may recover the lock. It is not
 *	             modelled how they learn that its holder is dead, only that one that knows it sees all that the
 *	             holder stored: the kernel's lock orders it. They sleep in slices: a wake may have died with the
 *	             first
 *	INTERRUPT    the first handle has the lock for good; one waits for it, and the third thread interrupts that one
 *	LOCKS_LATE   with INTERRUPT: the first handle locks while the others run, see below
 *
 * Each of these must make the model fail:
 *	LOCK_RELAXED         the compare-and-exchange of trylock is without acquire
 *	UNLOCK_RELAXED       the exchange is without release
 *	PLAIN_UNLOCK         a load and a store in its place
 *	NO_SLEEPER_AGAIN     who was woken does not set SLEEPER with its number
 *	UNLOCK_EARLY         the lock is unlocked before the last change
 * with DEATH
 *	NO_DEATH_ORDER       the kernel's lock orders nothing
 *	PLAIN_RECOVER        the lock is recovered by a store
 *	NO_ATTACH            who recovers does not finish what the dead holder left undone
 * with INTERRUPT
 *	NO_INTERRUPT_FENCE   no fence between the flag and the words
 *	PREPARE_RELAXED      smq_ownerlock_prepare() is without acquire
 *	NO_INTERRUPT_COUNT   the interrupt does not change the word
 * and this must not, with DEATH:
 *	RECOVER_RELAXED      the compare-and-exchange of replace() is without acquire: the kernel's lock has ordered all
 *	                     that the dead holder stored, and saw
 *
 * LOCKS_LATE fails as built: under C11 the interrupt may read the word as it was before the holder locked
 * it, so it changes nothing, and the waiter may still not see the flag. That takes a processor on which a store reaches
 * others at different times (POWER; not x86, arm64, RISC-V), and costs no more than a slice, after which the waiter
 * looks again. With a fence at the end of smq_ownerlock_prepare(), PREPARE_FENCE, it holds.
 */
#include "relacy.h"

OPTION(DEATH);
OPTION(INTERRUPT);
OPTION(LOCKS_LATE);
OPTION(LOCK_RELAXED);
OPTION(UNLOCK_RELAXED);
OPTION(PLAIN_UNLOCK);
OPTION(NO_SLEEPER_AGAIN);
OPTION(UNLOCK_EARLY);
OPTION(NO_DEATH_ORDER);
OPTION(PLAIN_RECOVER);
OPTION(NO_ATTACH);
OPTION(NO_INTERRUPT_FENCE);
OPTION(PREPARE_RELAXED);
OPTION(NO_INTERRUPT_COUNT);
OPTION(RECOVER_RELAXED);
OPTION(PREPARE_FENCE);

static const unsigned HANDLES = 3;
static const unsigned SLEEPER = 0x80, INTERRUPT_ONE = 0x10, NUMBER = 0x0f;

struct ownerlock_model : rl::test_suite<ownerlock_model, HANDLES> {
	atomic_word word;
	atomic_word is_dead[HANDLES + 1]; /* by number */
	atomic_word interrupted;
	VAR_T(unsigned) first;
	VAR_T(unsigned) second;

	struct handle {
		unsigned number;
		bool slept, recovered;
	};

	void before()
	{
		word($).store(INTERRUPT && !LOCKS_LATE ? 1 : 0, mo_relaxed);
		for (unsigned i = 0; i <= HANDLES; i++)
			is_dead[i]($).store(0, mo_relaxed);
		interrupted($).store(0, mo_relaxed);
		first($) = 0;
		second($) = 0;
	}

	bool compare_exchange(unsigned from, unsigned to, rl::memory_order order)
	{
		return word($).compare_exchange_strong(from, to, order, mo_relaxed);
	}

	bool trylock(handle &h)
	{
		if (word($).load(mo_relaxed) != 0 ||
		    !compare_exchange(0, h.number | (h.slept && !NO_SLEEPER_AGAIN ? SLEEPER : 0),
				      unless(LOCK_RELAXED, mo_acquire)))
			return false;
		h.slept = false;
		return true;
	}

	void unlock(mortal &life)
	{
		unsigned was;

		life.step();
		if (PLAIN_UNLOCK) {
			was = word($).load(mo_relaxed);
			word($).store(0, mo_release);
		} else {
			was = word($).exchange(0, unless(UNLOCK_RELAXED, mo_release));
		}
		life.step();
		if (was & SLEEPER)
			futex_wake(word, 1);
	}

	unsigned prepare(handle &h)
	{
		const rl::memory_order order = unless(PREPARE_RELAXED, mo_acquire);

		h.slept = true;
		for (;;) {
			unsigned now = word($).load(order);

			if (now == 0)
				return 0;
			if ((now & SLEEPER) || compare_exchange(now, now | SLEEPER, order))
				return now | SLEEPER;
		}
	}

	bool recover(handle &h)
	{
		unsigned now = word($).load(mo_relaxed), number = now & NUMBER;

		if (now == 0 || is_dead[number]($).load(unless(NO_DEATH_ORDER, mo_acquire)) == 0)
			return false;
		for (;;) {
			now = word($).load(mo_relaxed);
			if (now == 0 || (now & NUMBER) != number)
				return false;
			if (PLAIN_RECOVER)
				word($).store((now & ~NUMBER) | h.number, mo_relaxed);
			else if (!compare_exchange(now, (now & ~NUMBER) | h.number,
						   unless(RECOVER_RELAXED, mo_acquire)))
				continue;
			return h.recovered = true;
		}
	}

	/* false: interrupted. */
	bool lock(handle &h)
	{
		while (!trylock(h)) {
			unsigned expected = prepare(h);

			if (PREPARE_FENCE)
				rl::atomic_thread_fence(mo_seq_cst, $);
			if (INTERRUPT && interrupted($).load(mo_relaxed))
				return false;
			if (DEATH && recover(h))
				return true;
			if (expected != 0)
				futex_sleep(word, expected, DEATH);
			else
				rl::yield(1, $);
		}
		return true;
	}

	/* What a call does with the lock. After a recovery it first finishes what the dead holder left undone. */
	void use(handle &h, mortal &life)
	{
		if (h.recovered && !NO_ATTACH)
			second($) = (unsigned)first($);
		h.recovered = false;
		RL_ASSERT((unsigned)first($) == (unsigned)second($));
		life.step();
		first($) += 1;
		life.step();
		if (UNLOCK_EARLY)
			unlock(life);
		second($) += 1;
		if (!UNLOCK_EARLY)
			unlock(life);
	}

	void interrupt()
	{
		unsigned now;

		interrupted($).store(1, mo_relaxed);
		fence_unless(NO_INTERRUPT_FENCE);
		now = word($).load(mo_relaxed);
		while (now != 0 && !NO_INTERRUPT_COUNT &&
		       !word($).compare_exchange_strong(now, now + INTERRUPT_ONE, mo_relaxed, mo_relaxed))
			continue;
		futex_wake(word, ~0u);
	}

	void wait_to_be_interrupted(handle &h)
	{
		mortal life(~0u);

		if (lock(h))
			unlock(life);
	}

	void thread(unsigned who)
	{
		handle h = { who + 1, false, false };
		mortal life(DEATH && who == 0 ? rl::rand(5) : ~0u);

		if (INTERRUPT && who == 0) {
			if (LOCKS_LATE)
				trylock(h);
		} else if (INTERRUPT && who == 1) {
			wait_to_be_interrupted(h);
		} else if (INTERRUPT) {
			interrupt();
		} else {
			try {
				lock(h);
				use(h, life);
			} catch (mortal::died) {
				is_dead[h.number]($).store(1, unless(NO_DEATH_ORDER, mo_release));
			}
		}
	}

	void after() { RL_ASSERT((unsigned)first($) == (unsigned)second($) || DEATH || INTERRUPT); }
};

int main(int argc, char **argv)
{
	bool history = read_options(argc, argv);

	return check<ownerlock_model>(history, 300000, 3);
}
