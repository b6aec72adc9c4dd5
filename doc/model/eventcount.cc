/* SPDX-License-Identifier: MIT */
/*
 * The eventcount (lib/eventcount.h, eventcount.c, wait.c) under C11's memory model: is a wake-up ever lost? A lost one
 * is a deadlock: the sleeper sleeps for ever, although what it waits for is there.
 *
 *	publish()      smq_ring_publish(), W1, then smq_notify()
 *	notify()       smq_eventcount_has_waiter(), W2 and W3; smq_eventcount_notify(), W4
 *	fence()        smq_eventcount_fence(). When the waker stops fencing is chosen anew each time
 *	attach()       smq_eventcount_attach(), then smq_notify_fenced() as in connect.c
 *	close()        smq_claim_close() and smq_notify_fenced() as in close.c
 *	prepare()      prepare(), S1 and S2. Whether it has called membarrier often is chosen anew each time
 *	is_over()      smq_is_decided() and smq_take_interrupt(), S3
 *	wait()         sleep_until() in wait.c, S4
 *	interrupt()    smq_eventcount_interrupt()
 *
 * As built, a waker and a sleeper that has membarrier. Chosen with -D:
 *	SHARED         the end is SHARED: wakers fence always, and two handles sleep on the word, both for each message.
 *	               On x86 the library has a locked exchange for the fence there, as C11 has none: that is not shown
 *	UNFENCED       the sleeper has no membarrier, and sleeps for 1 ms until it has an acknowledgement
 *	NEXT           the waker dies between two of its steps, and another one attaches
 *	CLOSE          the waker closes its end before the last message
 *	INTERRUPT      nothing is published, but another thread interrupts the sleeper
 *
 * The membarrier is modelled as seq_cst fences in all threads, executed at one moment of the sleeper's call. So the
 * model shows that a fence in the waker is enough, wherever in the waker it falls. It does not show that the system
 * call amounts to that, nor that the compiler leaves W1 before W3. wait.pml has the same on store buffers.
 *
 * Each of these must make the model fail:
 *	NO_MEMBARRIER       the sleeper sees no acknowledgement and calls none
 *	NO_WAKER_FENCE      W2 is no fence although the sleeper has asked for it
 *	NO_SLEEPER_FENCE    no fence between the sleeper's bits and what it reads then
 *	EARLY_ACK           the sleeper reads the acknowledgement before it sets its bits
 *	STOP_UNTOLD         a waker stops fencing and leaves its acknowledgement
 *	NO_STOP_FENCE       it resets it, without a fence after that
 *	STOP_AFTER_FENCE    it resets it after that publication's fence
 *	WAKE_FIRST          W4 wakes before it clears the bits
 * with UNFENCED
 *	ACK_RELAXED         the waker acknowledges without release
 *	LOAD_ACK_RELAXED    the sleeper reads that without acquire
 *	NO_SHORT_SLICE      whole slices before the acknowledgement is seen
 * with NEXT
 *	NO_RESET            a new waker does not reset the last one's acknowledgement
 *	NO_ATTACH_FENCE     it resets it, without a fence after that: neither its own nor that of smq_notify_fenced()
 * with SHARED
 *	NO_COUNT            W4 does not count the wake
 * with CLOSE
 *	CLAIM_RELAXED       the close is stored without release
 *	LOAD_CLAIM_RELAXED  the sleeper reads it without acquire
 *	NO_LAST_CHECK       the sleeper does not check the ring once more after it has seen the close
 * with INTERRUPT
 *	NO_INTERRUPT_FENCE  no fence between the flag and the change of the word
 *	NO_SLEEPER_FENCE
 * and these must not:
 *	NO_CLOSE_FENCE      with CLOSE, smq_notify_fenced() does without its fence: a sleeper that has not called
 *	                    membarrier has read an acknowledgement, or sleeps for 1 ms
 *	NO_NOTIFY_FENCE     with NEXT, likewise: the fence of smq_eventcount_attach() came before
 */
#include "relacy.h"

OPTION(SHARED);
OPTION(UNFENCED);
OPTION(NEXT);
OPTION(CLOSE);
OPTION(INTERRUPT);
OPTION(NO_MEMBARRIER);
OPTION(NO_WAKER_FENCE);
OPTION(NO_SLEEPER_FENCE);
OPTION(EARLY_ACK);
OPTION(STOP_UNTOLD);
OPTION(NO_STOP_FENCE);
OPTION(STOP_AFTER_FENCE);
OPTION(WAKE_FIRST);
OPTION(ACK_RELAXED);
OPTION(LOAD_ACK_RELAXED);
OPTION(NO_SHORT_SLICE);
OPTION(NO_RESET);
OPTION(NO_ATTACH_FENCE);
OPTION(NO_COUNT);
OPTION(CLAIM_RELAXED);
OPTION(LOAD_CLAIM_RELAXED);
OPTION(NO_LAST_CHECK);
OPTION(NO_CLOSE_FENCE);
OPTION(NO_NOTIFY_FENCE);
OPTION(NO_INTERRUPT_FENCE);

static const unsigned MESSAGES = 3;
static const unsigned SLEEPER = 1, FENCE = 2, BITS = 7, COUNT_ONE = 32;
static const unsigned CLOSED = 1, INTERRUPTED = 2; /* how a wait may end without a message */
static const unsigned OPEN = 0;

struct eventcount_model : rl::test_suite<eventcount_model, 3> {
	atomic_word size[MESSAGES]; /* not 0: published */
	atomic_word word;           /* the sleepers' wait word */
	atomic_word ack;            /* the waker's claim.fence */
	atomic_word claim;
	atomic_word interrupted;
	atomic_word unlocked; /* the end lock of a waker that has died */

	unsigned published; /* known to the model alone, and to the holder of the end lock */

	void before()
	{
		for (unsigned i = 0; i < MESSAGES; i++)
			size[i]($).store(0, mo_relaxed);
		word($).store(0, mo_relaxed);
		ack($).store(SHARED || INTERRUPT, mo_relaxed);
		claim($).store(0, mo_relaxed);
		interrupted($).store(0, mo_relaxed);
		unlocked($).store(0, mo_relaxed);
		published = 0;
	}

	/*
	 * The waker.
	 */

	void acknowledge(bool &fences)
	{
		fences = true;
		ack($).store(1, unless(ACK_RELAXED, mo_release));
	}

	void fence(bool &fences)
	{
		bool stops = !SHARED && rl::rand(2);

		if (stops) {
			fences = false;
			if (!STOP_UNTOLD && !STOP_AFTER_FENCE)
				ack($).store(0, mo_relaxed);
		}
		if (!NO_WAKER_FENCE && !(stops && NO_STOP_FENCE))
			rl::atomic_thread_fence(mo_seq_cst, $);
		if (stops && STOP_AFTER_FENCE)
			ack($).store(0, mo_relaxed);
	}

	unsigned clear_bits(unsigned bits)
	{
		unsigned was = word($).fetch_and(~bits, mo_relaxed);

		if (!NO_COUNT)
			word($).fetch_add(COUNT_ONE, mo_relaxed);
		return was & bits;
	}

	void notify(bool &fences)
	{
		unsigned bits;

		if (fences)
			fence(fences);
		if ((word($).load(mo_relaxed) & BITS) == 0)
			return;
		if (WAKE_FIRST)
			futex_wake(word, ~0u);
		bits = clear_bits(BITS);
		if (bits & FENCE && !fences)
			acknowledge(fences);
		if (bits & SLEEPER && !WAKE_FIRST)
			futex_wake(word, ~0u);
	}

	void publish(bool &fences, mortal &life)
	{
		life.step();
		size[published]($).store(1, mo_release);
		published++;
		life.step();
		notify(fences);
	}

	void attach(bool &fences)
	{
		while (unlocked($).load(mo_acquire) == 0)
			rl::yield(1, $);
		if (!NO_RESET)
			ack($).store(0, mo_relaxed);
		fences = false;
		fence_unless(NO_ATTACH_FENCE);
		claim($).store(OPEN, mo_release);
		if (!NO_ATTACH_FENCE)
			fence_unless(NO_NOTIFY_FENCE);
		notify(fences);
	}

	void close(bool &fences)
	{
		claim($).store(CLOSED, unless(CLAIM_RELAXED, mo_release));
		fence_unless(NO_CLOSE_FENCE);
		notify(fences);
	}

	void wake(bool is_next)
	{
		bool fences = SHARED;
		mortal life(NEXT && !is_next ? rl::rand(2 * MESSAGES) : ~0u);

		try {
			if (is_next)
				attach(fences);
			while (published < MESSAGES - (CLOSE ? 1 : 0))
				publish(fences, life);
			if (CLOSE)
				close(fences);
		} catch (mortal::died) {
		}
		unlocked($).store(1, mo_release);
	}

	/*
	 * A sleeper.
	 */

	bool is_acknowledged() { return ack($).load(unless(LOAD_ACK_RELAXED, mo_acquire)) != 0; }

	unsigned set_bits(unsigned bits) { return word($).fetch_or(bits, mo_relaxed) | bits; }

	/* Is the sleep to end by itself, after 1 ms? */
	bool prepare(unsigned &prepared)
	{
		bool is_fenced = EARLY_ACK && is_acknowledged();

		prepared = set_bits(UNFENCED || rl::rand(2) ? SLEEPER | FENCE : SLEEPER);
		fence_unless(NO_SLEEPER_FENCE);
		if (EARLY_ACK ? is_fenced : is_acknowledged())
			return false;
		if (UNFENCED)
			return !NO_SHORT_SLICE;
		if (!NO_MEMBARRIER) {
			rl::ctx().sched();
			rl::systemwide_fence($);
		}
		return false;
	}

	bool is_published(unsigned message) { return size[message]($).load(mo_acquire) != 0; }

	bool is_over(unsigned message, unsigned &how)
	{
		if (is_published(message))
			return true;
		if (claim($).load(unless(LOAD_CLAIM_RELAXED, mo_acquire)) == CLOSED) {
			how = NO_LAST_CHECK || !is_published(message) ? CLOSED : 0;
			return true;
		}
		if (INTERRUPT && interrupted($).load(mo_relaxed)) {
			how = INTERRUPTED;
			return true;
		}
		return false;
	}

	unsigned wait(unsigned message)
	{
		unsigned how = 0, prepared;

		for (;;) {
			bool timed = prepare(prepared);

			if (is_over(message, how))
				break;
			futex_sleep(word, prepared, timed);
		}
		if (!SHARED)
			word($).fetch_and(~(SLEEPER | FENCE), mo_relaxed);
		return how;
	}

	void take()
	{
		unsigned how = 0;

		for (unsigned message = 0; message < MESSAGES && how == 0; message++) {
			if (!is_published(message))
				how = wait(message);
			RL_ASSERT(how != CLOSED || message == published);
		}
	}

	void interrupt()
	{
		interrupted($).store(1, mo_relaxed);
		fence_unless(NO_INTERRUPT_FENCE);
		clear_bits(SLEEPER | FENCE);
		futex_wake(word, ~0u);
	}

	void thread(unsigned who)
	{
		if (who == 0 && !INTERRUPT)
			wake(false);
		else if (who == 1 || (who == 2 && SHARED))
			take();
		else if (who == 2 && NEXT)
			wake(true);
		else if (who == 2 && INTERRUPT)
			interrupt();
	}
};

int main(int argc, char **argv)
{
	bool history = read_options(argc, argv);

	return check<eventcount_model>(history, 300000, SHARED || NEXT ? 1 : 2);
}
