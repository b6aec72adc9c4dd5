/* SPDX-License-Identifier: MIT */
/*
 * A killed process and the next one of its end (lib/ring.h, attach.c) under C11's memory model. The producer dies
 * between any two steps, while the consumer goes on; the next producer walks over what was published and not yet
 * counted. Or, with -DCONSUMER, the consumer dies, and the next one is told which message had been handed out.
 *
 *	push()             smq_ring_commit_at(), smq_ring_publish(), smq_ring_move(), of one message
 *	attach_producer()  smq_ring_attach_producer()
 *	pop()              smq_ring_peek(), start() of pop.c with smq_ring_lease(), the caller, smq_ring_release()
 *	attach_consumer()  smq_ring_attach_consumer() with load_lease() and smq_ring_store_room()
 *	lock, unlock       the end lock: the kernel unlocks it when its holder has died, and gives it to the next one
 *
 * What the kernel's lock orders is taken for granted: all that a dead holder has stored is seen by the next one. The
 * ring is as in ring.cc, with messages of one unit and of none in turn.
 *
 * Checked: each message arrives in order and whole, and none that was published is lost. A message that was handed out
 * and not released comes again, marked as redelivered; one that was released, or never leased, is not marked. Nothing
 * that a reader still needs is written over. What the attaching side reads never looks like garbage.
 *
 * Each of these must make the model fail:
 *	NO_LOCK_ORDER        the kernel's lock orders nothing
 *	NO_WALK              a new producer begins at the stored tail
 *	TAIL_FIRST           the tail is stored before the size word
 *	NO_ZERO, ZERO_LATE   the next header is not zeroed, or after the publication
 *	SIZE_RELAXED         the size word is stored without release
 *	ATTACH_HEAD_RELAXED  smq_ring_attach_producer() loads the head without acquire
 *	HEAD_RELAXED         the head is stored without release
 * and with -DCONSUMER:
 *	NO_LOCK_ORDER
 *	LEASE_LATE           the lease is stored after the caller has seen the message
 *	HEAD_EARLY           the head is stored before the caller has seen it
 *	NO_LEASE_CHECK       a new consumer does not read the lease
 *	ATTACH_ROOM_RELAXED  smq_ring_attach_consumer() stores the room without release
 * and these must not:
 *	TAIL_RELAXED         the tail is stored without release: the next producer reads it after the kernel's lock. The
 *	                     release only keeps the compiler from storing it before the size word: TAIL_FIRST
 *	WALK_RELAXED         smq_ring_attach_producer() walks without acquire: the kernel's lock has ordered the records
 */
#include "relacy.h"

OPTION(CONSUMER);
OPTION(NO_LOCK_ORDER);
OPTION(NO_WALK);
OPTION(TAIL_FIRST);
OPTION(NO_ZERO);
OPTION(ZERO_LATE);
OPTION(SIZE_RELAXED);
OPTION(ATTACH_HEAD_RELAXED);
OPTION(HEAD_RELAXED);
OPTION(LEASE_LATE);
OPTION(HEAD_EARLY);
OPTION(NO_LEASE_CHECK);
OPTION(ATTACH_ROOM_RELAXED);
OPTION(TAIL_RELAXED);
OPTION(WALK_RELAXED);

static const unsigned UNITS = 4, MASK = UNITS - 1, MESSAGES = 4, SIZE_MAX_UNITS = 1,
		      LOOKS_LIKE_A_HEADER = SIZE_MAX_UNITS + 1;

static unsigned size_of(unsigned n)
{
	return (n + 1) % 2;
}

struct unit {
	atomic_word word;
	VAR_T(unsigned) memory;

	void header(unsigned size_plus_1, rl::memory_order order)
	{
		memory($) = 0;
		word($).store(size_plus_1, order);
	}

	void write(unsigned bytes)
	{
		memory($) = bytes;
		word($).store(LOOKS_LIKE_A_HEADER, mo_relaxed);
	}
};

struct takeover_model : rl::test_suite<takeover_model, 3> {
	unit units[UNITS];
	atomic_word tail, head, lease, room;
	atomic_word unlocked; /* the lock of the end whose first holder dies */

	/* What has happened, known to the model alone. */
	unsigned published, published_end, leased, handed_out, released;

	void before()
	{
		for (unsigned i = 0; i < UNITS; i++)
			units[i].header(0, mo_relaxed);
		tail($).store(0, mo_relaxed);
		head($).store(0, mo_relaxed);
		lease($).store(0, mo_relaxed);
		room($).store(0, mo_relaxed);
		unlocked($).store(0, mo_relaxed);
		published = published_end = leased = handed_out = released = 0;
	}

	unit &at(unsigned where) { return units[where & MASK]; }

	void unlock() { unlocked($).store(1, unless(NO_LOCK_ORDER, mo_release)); }

	void lock()
	{
		while (unlocked($).load(unless(NO_LOCK_ORDER, mo_acquire)) == 0)
			rl::yield(1, $);
	}

	/*
	 * A producer.
	 */

	struct producer {
		unsigned position, cached_head;
	};

	/* The room is stored by a consumer that attaches, and not again: so it may lag far. */
	void reserve(producer &p, unsigned need)
	{
		while (p.position + need - p.cached_head > MASK) {
			unsigned now = CONSUMER ? room($).load(mo_acquire) : p.cached_head;

			if (p.position - now >= p.position - p.cached_head) {
				now = head($).load(mo_acquire);
				RL_ASSERT(p.position - now <= p.position - p.cached_head);
			}
			if (now == p.cached_head)
				rl::yield(1, $);
			p.cached_head = now;
		}
	}

	void publish(mortal &life, unsigned record, unsigned size)
	{
		life.step();
		at(record).header(size + 1, unless(SIZE_RELAXED, mo_release));
		published++;
		published_end = record + 1 + size;
	}

	void store_tail(mortal &life, unsigned end)
	{
		life.step();
		tail($).store(end, unless(TAIL_RELAXED, mo_release));
	}

	void zero(mortal &life, unsigned next)
	{
		life.step();
		at(next).header(0, mo_relaxed);
	}

	void push(producer &p, mortal &life)
	{
		unsigned number = published, size = size_of(number), end = p.position + 1 + size;

		reserve(p, 1 + size);
		life.step();
		if (size != 0)
			at(p.position + 1).write(number);
		if (!NO_ZERO && !ZERO_LATE)
			zero(life, end);
		if (TAIL_FIRST)
			store_tail(life, end);
		publish(life, p.position, size);
		if (ZERO_LATE)
			zero(life, end);
		if (!TAIL_FIRST)
			store_tail(life, end);
		p.position = end;
	}

	producer attach_producer()
	{
		producer p;
		unsigned from = p.position = tail($).load(mo_relaxed), size_plus_1;

		while (!NO_WALK && (size_plus_1 = at(p.position).word($).load(unless(WALK_RELAXED, mo_acquire))) != 0) {
			RL_ASSERT(size_plus_1 <= SIZE_MAX_UNITS + 1);
			p.position += size_plus_1;
			RL_ASSERT(p.position - from <= MASK);
		}
		RL_ASSERT(p.position == published_end);
		p.cached_head = head($).load(unless(ATTACH_HEAD_RELAXED, mo_acquire));
		RL_ASSERT(p.position - p.cached_head <= MASK);
		tail($).store(p.position, mo_release);
		return p;
	}

	/*
	 * A consumer.
	 */

	struct consumer {
		unsigned position, lease, redelivered_end;
		bool redelivering;
	};

	bool is_redelivered(const consumer &c) const
	{
		return c.redelivering && (int)(c.redelivered_end - c.position) > 0;
	}

	void store_lease(consumer &c, mortal &life, unsigned end)
	{
		life.step();
		if ((int)(end - c.lease) > 0) {
			c.lease = end;
			lease($).store(end, mo_relaxed);
			leased = released + 1;
		}
	}

	void hand_out(const consumer &c, mortal &life, unsigned size)
	{
		life.step();
		RL_ASSERT(is_redelivered(c) || handed_out <= released);
		RL_ASSERT(!is_redelivered(c) || leased > released);
		RL_ASSERT(size == size_of(released));
		handed_out = released + 1;
		if (size != 0)
			RL_ASSERT(at(c.position + 1).memory($) == released);
	}

	void store_head(mortal &life, unsigned end)
	{
		life.step();
		head($).store(end, unless(HEAD_RELAXED, mo_release));
	}

	void pop(consumer &c, mortal &life)
	{
		unsigned size_plus_1, end;

		while ((size_plus_1 = at(c.position).word($).load(mo_acquire)) == 0)
			rl::yield(1, $);
		RL_ASSERT(size_plus_1 <= SIZE_MAX_UNITS + 1);
		end = c.position + size_plus_1;
		if (!LEASE_LATE)
			store_lease(c, life, end);
		if (HEAD_EARLY)
			store_head(life, end);
		hand_out(c, life, size_plus_1 - 1);
		if (LEASE_LATE)
			store_lease(c, life, end);
		if (!HEAD_EARLY)
			store_head(life, end);
		released++;
		c.position = end;
		c.redelivering = is_redelivered(c);
	}

	consumer attach_consumer()
	{
		consumer c;
		unsigned now = lease($).load(mo_relaxed);

		c.position = head($).load(mo_relaxed);
		c.redelivering = !NO_LEASE_CHECK && now != c.position && now - c.position <= MASK + 1;
		c.redelivered_end = now;
		c.lease = c.redelivering ? now : c.position;
		if (c.lease != now)
			lease($).store(c.lease, mo_relaxed);
		room($).store(c.position, unless(ATTACH_ROOM_RELAXED, mo_release));
		return c;
	}

	void produce(producer p, mortal life)
	{
		while (published < MESSAGES)
			push(p, life);
	}

	void consume(consumer c, mortal life)
	{
		while (released < MESSAGES)
			pop(c, life);
	}

	/* Threads: the holder that dies, the next one, the peer. */
	void thread(unsigned who)
	{
		const unsigned steps = CONSUMER ? 3 : 4;
		mortal life(who == 0 ? rl::rand(steps * MESSAGES) : ~0u);
		bool produces = (who == 2) == CONSUMER;

		if (who == 1)
			lock();
		try {
			if (produces)
				produce(who == 1 ? attach_producer() : producer{ 0, 0 }, life);
			else
				consume(who == 1 ? attach_consumer() : consumer{ 0, 0, 0, false }, life);
		} catch (mortal::died) {
		}
		if (who == 0)
			unlock();
	}
};

int main(int argc, char **argv)
{
	bool history = read_options(argc, argv);

	return check<takeover_model>(history, 300000, 1);
}
