/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "marks.h"

#include <string.h>

#include "readers.h"
#include "shmemq.h"
#include "words.h"

#define TAGS     (1u << SMQ_MARK_TAG_BITS)
#define TAG_MASK (TAGS - 1)
#define WINDOW   (TAGS / 4)
#define PARTS    3

/* Attempts to read a mark while others follow each other: each fails seldom, unless a hostile process makes it so. */
#define ATTEMPTS 1000

static struct smq_marks *marks_of(const struct shmemq *q)
{
	return &smq_own_progress(q)->marks;
}

bool smq_marks_allowed(const struct shmemq *q)
{
	return !(q->state & SMQ_SHARED) && !smq_is_reader(q);
}

static uint32_t slot_in_force(uint32_t now)
{
	return (now & SMQ_MARK_SLOT) != 0;
}

/* Has a part in this slot the tag of this draft, or of one that comes soon? A killed process may leave several. */
static bool has_tag(const struct smq_mark *slot, uint32_t number)
{
	for (int i = 0; i < PARTS; i++) {
		if (((smq_load(&slot->part[i]) - number) & TAG_MASK) < WINDOW)
			return true;
	}
	return false;
}

void smq_marks_draft(struct shmemq *q, uint64_t mark)
{
	struct smq_marks *marks = marks_of(q);
	struct smq_mark *slot = &marks->slot[!slot_in_force(smq_load(&marks->now))];
	uint32_t number = smq_load(&marks->drafts) + 1;

	/* What is in this slot may be older than TAGS drafts. A reader that finds parts of that and of this draft, or
	 * of one that comes in less than WINDOW, is to tell them apart. Of TAGS / WINDOW one is free. */
	for (int i = 0; i < PARTS && has_tag(slot, number); i++)
		number += WINDOW;
	atomic_store_explicit(&marks->drafts, number, memory_order_relaxed);
	/* Release: a reader that finds one of the parts also finds, in its next copy, the number. Its acquire:
	 * smq_words_copy(). Without it the reader could not tell that tags have come round. */
	atomic_thread_fence(memory_order_release);
	for (int i = 0; i < PARTS; i++)
		atomic_store_explicit(&slot->part[i],
				      (uint32_t)(mark >> i * SMQ_MARK_PART_BITS) << SMQ_MARK_TAG_BITS |
					      (number & TAG_MASK),
				      memory_order_relaxed);
	q->state |= SMQ_MARKED;
}

void smq_marks_begin(struct shmemq *q, uint32_t end)
{
	struct smq_marks *marks = marks_of(q);
	uint32_t now = smq_load(&marks->now) & ~(SMQ_MARK_PENDING | SMQ_MARK_EXTENSION);

	/* If it has begun for another operation: not while the position changes, which may be in the other ring. */
	atomic_store_explicit(&marks->now, now, memory_order_relaxed);
	/* Release: after the store above. */
	atomic_store_explicit(&marks->at_units, end, memory_order_release);
	/* Release: after the draft, and the position. The operation, with release, comes after this store. */
	atomic_store_explicit(&marks->now, now | SMQ_MARK_PENDING | (smq_is_extended(q) ? SMQ_MARK_EXTENSION : 0),
			      memory_order_release);
}

/* Release: after the operation, and the draft. Its acquire: smq_words_copy(). */
static void put_in_force(struct smq_marks *marks)
{
	uint32_t slot = ~smq_load(&marks->now) & SMQ_MARK_SLOT;

	atomic_store_explicit(&marks->now, smq_load(&marks->drafts) << SMQ_MARK_NUMBER | slot, memory_order_release);
}

void smq_marks_end(struct shmemq *q)
{
	put_in_force(marks_of(q));
	q->state &= ~SMQ_MARKED;
}

void smq_marks_settle(const struct shmemq *q)
{
	struct smq_marks *marks = marks_of(q);
	uint32_t now = smq_load(&marks->now), at = smq_load(&marks->at_units);
	uint32_t extended = (now & SMQ_MARK_EXTENSION) != 0;
	const struct smq_ring *ring = &q->ring;

	if (!(now & SMQ_MARK_PENDING) || (extended && !smq_is_elastic(q)))
		return;
	/* If it is not the ring that the end is in, its position stands where the end has left it. */
	if (extended != smq_is_extended(q))
		ring = &q->more->other;
	if (ring->position == at)
		put_in_force(marks);
	else /* release: after the attach, which may have stored the position */
		atomic_store_explicit(&marks->now, now & ~(SMQ_MARK_PENDING | SMQ_MARK_EXTENSION),
				      memory_order_release);
}

/*
 * The reader.
 */

struct copy {
	uint32_t slot[2][PARTS];
	uint32_t now, drafts, at_units;
};
_Static_assert(sizeof(struct copy) == sizeof(struct smq_marks), "as the format has them");

/* The mark in a slot, if all its parts are of this draft. */
static bool assemble(const uint32_t parts[PARTS], uint32_t number, uint64_t *mark)
{
	*mark = 0;
	for (int i = 0; i < PARTS; i++) {
		if (((parts[i] ^ number) & TAG_MASK) != 0)
			return false;
		*mark |= (uint64_t)(parts[i] >> SMQ_MARK_TAG_BITS) << i * SMQ_MARK_PART_BITS;
	}
	return true;
}

/* Where the record at `position` of this ring stands in the file. */
static uint64_t offset_of_record(const struct shmemq *q, uint32_t header_bytes, uint32_t extended, uint32_t position)
{
	const struct smq_ring *ring = extended == smq_is_extended(q) ? &q->ring : &q->more->other;

	return header_bytes + (extended ? smq_capacity(q) : 0) + (uint64_t)(position & ring->mask) * SMQ_UNIT;
}

/* Has the operation of a pending mark taken place? Looked at after that was copied, and before it is copied again. */
static bool look_at_operation(const struct shmemq *q, bool producer, uint32_t header_bytes, const struct copy *copy,
			      bool *done)
{
	uint32_t extended = copy->now & SMQ_MARK_EXTENSION && smq_is_elastic(q), position, size_plus_1 = 0;
	size_t offset = producer ? offsetof(struct smq_header, producer_progress.moved.position_units)
				 : offsetof(struct smq_header, consumer_progress.moved.position_units);

	if (!smq_words_copy(q, offset + (extended ? SMQ_EXTENSION_OFFSET : 0), &position, sizeof position))
		return false;
	/* A producer publishes before it stores its position. What cannot be read, since the program has closed this
	 * handle's descriptors or a hostile one has changed the header, is not published. */
	if (producer && position != copy->at_units &&
	    !smq_words_read(q, offset_of_record(q, header_bytes, extended, position), &size_plus_1, sizeof size_plus_1))
		size_plus_1 = 0;
	*done = position == copy->at_units || size_plus_1 != 0;
	return true;
}

/*
 * `now` is copied between `before` and `after`. If all parts of a slot have one tag, they are of one draft, unless too
 * many have been made meanwhile: `drafts` of the copies around it tells. And the draft in force was in force at the
 * moment at which the word that says so was copied. A pending one has to be the same after its operation was looked at.
 */
static bool evaluate(const struct copy *before, const struct copy *now, const struct copy *after, bool done,
		     uint64_t *mark)
{
	uint32_t slot = slot_in_force(now->now), number = now->now >> SMQ_MARK_NUMBER;

	if (after->drafts - before->drafts >= WINDOW)
		return false;
	if (now->now & SMQ_MARK_PENDING && memcmp(now, after, sizeof *now) != 0)
		return false;
	return done ? assemble(now->slot[!slot], now->drafts, mark) : assemble(now->slot[slot], number, mark);
}

bool smq_marks_look(const struct shmemq *q, bool producer, uint32_t header_bytes, uint64_t *mark)
{
	size_t offset = producer ? offsetof(struct smq_header, producer_progress.marks)
				 : offsetof(struct smq_header, consumer_progress.marks);
	struct copy before, now, after;

	if (!smq_words_copy(q, offset, &before, sizeof before) || !smq_words_copy(q, offset, &now, sizeof now))
		return false;
	for (int i = 0; i < ATTEMPTS; i++) {
		bool done = false;

		if (now.now & SMQ_MARK_PENDING && !look_at_operation(q, producer, header_bytes, &now, &done))
			return false;
		if (!smq_words_copy(q, offset, &after, sizeof after))
			return false;
		if (evaluate(&before, &now, &after, done, mark))
			return true;
		before = now;
		now = after;
	}
	*mark = 0;
	return true;
}
