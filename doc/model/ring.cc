/* SPDX-License-Identifier: MIT */
/*
 * The ring (lib/ring.h, ring.c, batch.c) under C11's memory model: one producer, one consumer, and a ring so small that
 * it comes round after a few messages. Messages take no unit or one, so a header comes to stand where a message was.
 *
 *	producer
 *	reserve()     smq_ring_space(): smq_ring_fits(), smq_ring_load_room(), smq_ring_load_head()
 *	push_group()  push_group() of batch.c: one message or two, published together
 *	publish()     smq_ring_publish(). The tail, which only the next producer reads, is in takeover.cc
 *	consumer
 *	peek()        smq_ring_peek_at(); the same load in describe() of batch.c
 *	pop()         describe() of batch.c, and the caller, who reads the messages
 *	release()     smq_ring_release() with smq_ring_move()
 *	store_room()  smq_ring_store_room(), smq_ring_flush_room()
 *
 * A unit of the ring has an atomic word, which is a header or the first bytes of a message, as a reader that takes them
 * for a header would find them; and a plain variable, which is the same memory for the detector of data races. Waiting
 * is spinning here: eventcount.cc has the rest.
 *
 * Checked: each message arrives once, in order, whole, with its type; no access to a message races with another; a word
 * that the peer wrote never looks like garbage.
 *
 * Each of these must make the model fail:
 *	SIZE_RELAXED        smq_ring_publish() stores the size word without release
 *	PEEK_RELAXED        smq_ring_peek_at() loads it without acquire
 *	DESCRIBE_RELAXED    describe() loads that of the second message without acquire
 *	HEAD_RELAXED        smq_ring_move() stores the head without release
 *	LOAD_HEAD_RELAXED   smq_ring_load_head() loads it without acquire
 *	ROOM_RELAXED        smq_ring_store_room() stores the room without release
 *	LOAD_ROOM_RELAXED   smq_ring_load_room() loads it without acquire
 *	NO_ZERO             the next header is not zeroed
 *	ZERO_LATE           it is zeroed after the publication
 *	TYPE_LATE           the type is stored after the publication
 *	BATCH_LATE          the size word of the second message is stored after that of the first
 *	HEAD_EARLY          the head is stored before the messages are read
 *	ROOM_FIRST          the room is stored before the messages are read
 *	NO_SPARE            the space for the next header is not counted
 */
#include "relacy.h"

OPTION(SIZE_RELAXED);
OPTION(PEEK_RELAXED);
OPTION(DESCRIBE_RELAXED);
OPTION(HEAD_RELAXED);
OPTION(LOAD_HEAD_RELAXED);
OPTION(ROOM_RELAXED);
OPTION(LOAD_ROOM_RELAXED);
OPTION(NO_ZERO);
OPTION(ZERO_LATE);
OPTION(TYPE_LATE);
OPTION(BATCH_LATE);
OPTION(HEAD_EARLY);
OPTION(ROOM_FIRST);
OPTION(NO_SPARE);

static const unsigned UNITS = 4, MASK = UNITS - 1, ROOM_STEP = 2, MESSAGES = 4, SIZE_MAX_UNITS = 1;

/* Message n, from 0: its size in units, and what its first bytes would be as a size word. */
static unsigned size_of(unsigned n)
{
	return (n + 1) % 2;
}

static const unsigned LOOKS_LIKE_A_HEADER = SIZE_MAX_UNITS + 1;

struct unit {
	atomic_word word; /* size + 1; or the first bytes of a message */
	atomic_word type;
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

struct ring_model : rl::test_suite<ring_model, 2> {
	unit units[UNITS];
	atomic_word head, room;

	/* Each side's private copies. */
	unsigned tail, cached_head, pushed;
	unsigned position, room_due, popped;

	void before()
	{
		for (unsigned i = 0; i < UNITS; i++) {
			units[i].header(0, mo_relaxed);
			units[i].type($).store(0, mo_relaxed);
		}
		head($).store(0, mo_relaxed);
		room($).store(0, mo_relaxed);
		tail = cached_head = pushed = 0;
		position = popped = 0;
		room_due = ROOM_STEP;
	}

	unit &at(unsigned where) { return units[where & MASK]; }

	/*
	 * The producer.
	 */

	unsigned space_now() const { return MASK + (NO_SPARE ? 1 : 0) - (tail - cached_head); }

	bool load_room(unsigned need)
	{
		unsigned now = room($).load(unless(LOAD_ROOM_RELAXED, mo_acquire));

		if (tail - now < tail - cached_head)
			cached_head = now;
		return need <= space_now();
	}

	bool load_head(unsigned need)
	{
		unsigned now = head($).load(unless(LOAD_HEAD_RELAXED, mo_acquire));

		RL_ASSERT(NO_SPARE || tail - now <= MASK);   /* or SMQ_BAD */
		RL_ASSERT(tail - now <= tail - cached_head); /* likewise */
		cached_head = now;
		return need <= space_now();
	}

	void reserve(unsigned need)
	{
		while (need > space_now() && !load_room(need) && !load_head(need))
			rl::yield(1, $);
	}

	void publish(unsigned record, unsigned size, unsigned end)
	{
		if (!NO_ZERO && !ZERO_LATE)
			at(end).header(0, mo_relaxed);
		at(record).header(size + 1, unless(SIZE_RELAXED, mo_release));
		if (ZERO_LATE)
			at(end).header(0, mo_relaxed);
		tail = end;
	}

	/* There is space for the first. */
	void push_group(unsigned count)
	{
		unsigned first = tail, first_number = pushed, space = space_now(), used = 0, n = 0;

		do {
			unsigned size = size_of(pushed);

			if (1 + size > space - used)
				break;
			if (size != 0)
				at(tail + used + 1).write(pushed);
			if (!TYPE_LATE)
				at(tail + used).type($).store(pushed, mo_relaxed);
			if (n != 0 && !BATCH_LATE)
				at(tail + used).header(size + 1, mo_relaxed);
			used += 1 + size;
			pushed++;
		} while (++n < count && pushed < MESSAGES);
		publish(first, size_of(first_number), first + used);
		if (TYPE_LATE)
			at(first).type($).store(first_number, mo_relaxed);
		if (BATCH_LATE && n == 2)
			at(first + 1 + size_of(first_number)).header(size_of(first_number + 1) + 1, mo_relaxed);
	}

	void produce()
	{
		while (pushed < MESSAGES) {
			reserve(1 + size_of(pushed));
			push_group(1 + rl::rand(2));
		}
	}

	/*
	 * The consumer.
	 */

	/* Size + 1, or 0. */
	unsigned peek(unsigned where, rl::memory_order order)
	{
		unsigned size_plus_1 = at(where).word($).load(order);

		RL_ASSERT(size_plus_1 <= SIZE_MAX_UNITS + 1);
		return size_plus_1;
	}

	void read(unsigned where, unsigned size)
	{
		RL_ASSERT(size == size_of(popped));
		RL_ASSERT(at(where).type($).load(mo_relaxed) == popped);
		if (size != 0)
			RL_ASSERT(at(where + 1).memory($) == popped);
		popped++;
	}

	void store_head(unsigned end) { head($).store(end, unless(HEAD_RELAXED, mo_release)); }

	void store_room(unsigned end)
	{
		room_due = end + ROOM_STEP;
		room($).store(end, unless(ROOM_RELAXED, mo_release));
	}

	/* Up to `most` messages, the first of which is there. */
	void pop(unsigned size_plus_1, unsigned most)
	{
		unsigned end = position, sizes[2], n = 0;

		do {
			sizes[n] = size_plus_1 - 1;
			end += size_plus_1;
		} while (++n < most && popped + n < MESSAGES &&
			 (size_plus_1 = peek(end, unless(DESCRIBE_RELAXED, mo_acquire))) != 0);
		if (HEAD_EARLY)
			store_head(end);
		if (ROOM_FIRST)
			store_room(end);
		for (unsigned i = 0, where = position; i < n; where += 1 + sizes[i++])
			read(where, sizes[i]);
		position = end;
		if (!HEAD_EARLY)
			store_head(end);
		if ((int)(position - room_due) >= 0)
			store_room(position);
	}

	void consume()
	{
		while (popped < MESSAGES) {
			unsigned size_plus_1 = peek(position, unless(PEEK_RELAXED, mo_acquire));

			if (size_plus_1 != 0) {
				pop(size_plus_1, 1 + rl::rand(2));
				continue;
			}
			if (room_due != position + ROOM_STEP)
				store_room(position);
			rl::yield(1, $);
		}
	}

	void thread(unsigned side)
	{
		if (side == 0)
			produce();
		else
			consume();
	}
};

int main(int argc, char **argv)
{
	bool history = read_options(argc, argv);

	return check<ring_model>(history, 500000, 1);
}
