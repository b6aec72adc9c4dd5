/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "note.h"

#include "announce.h"
#include "clock.h"
#include "endlock.h"
#include "slowest.h"
#include "words.h"

/* Relaxed, all: for display only. What is loaded in order to be stored again is this end's own. */
static struct smq_counts *counts_of(const struct shmemq *q)
{
	return q->producer ? &q->header->producer_counts : &q->header->consumer_counts;
}

/*
 * Units queued in one ring. 0 if that cannot be: on a SHARED end without the owner lock, or beside garbage. The head
 * was loaded relaxed: nothing is written over that it frees.
 */
static uint32_t queued_in(const struct smq_ring *ring, uint32_t head, uint32_t most)
{
	uint32_t units = ring->position - head;

	return units <= most ? units : 0;
}

/* Units queued. By the head and not by the last one seen, which may lie before it by a ring. */
static uint32_t queued(struct shmemq *q)
{
	const struct smq_ring *first = smq_first_ring(q), *extension;
	const smq_word *head;

	if (smq_is_elastic(q)) {
		extension = q->more->extended ? &q->ring : &q->more->other;
		head = &smq_extension_of(q->header)->consumer_progress.moved.position_units;
		return queued_in(first, smq_load(&q->header->consumer_progress.moved.position_units), first->mask) +
		       queued_in(extension, smq_load(head), q->more->window_units);
	}
	if (q->more != NULL || q->state & SMQ_SHARED)
		return queued_in(first, smq_ring_guess_head(first, first->position), first->mask);
	/* What is loaded here need not be loaded again for space. Garbage is left for the call that needs space. */
	smq_ring_load_head(&q->ring, 1);
	return q->ring.position - q->ring.head;
}

/*
 * Producer: notes how full the ring is. The consumer's line is left alone while the last head seen shows that it is no
 * fuller than it was.
 */
static void note_most(struct shmemq *q)
{
	smq_word *most = &counts_of(q)->most_units;
	uint32_t units, before = smq_load(most);

	if (!smq_is_elastic(q) && q->ring.position - q->ring.head <= before)
		return;
	units = queued(q);
	if (units > before)
		smq_store(most, units);
}

void smq_note_begin(struct shmemq *q)
{
	q->noted = q->ring.position;
	q->peer.messages_at_wait = q->ring.messages_lo;
	if (!q->producer)
		q->ring.room_due = q->ring.position; /* the first pop is noted */
}

void smq_note_now(struct shmemq *q)
{
	smq_word *moved_at = &counts_of(q)->moved_at_s;
	uint32_t now = smq_now_epoch_s();

	if (now != smq_load(moved_at)) {
		smq_store(moved_at, now);
		q->note_step = 0;
	} else if (q->note_step < SMQ_NOTE_STEPS) {
		q->note_step++;
	}
	q->noted = q->ring.position;
	if (q->producer)
		note_most(q);
}

/* Units until the next note is due, after a note that was due now. */
static uint32_t left(struct shmemq *q)
{
	if (smq_note_is_due(q))
		smq_note_now(q);
	return smq_note_moved(q) < smq_note_part(q) ? smq_note_part(q) - smq_note_moved(q) : 0;
}

void smq_note_next(struct shmemq *q, uint32_t need)
{
	uint32_t end = q->ring.position + left(q);

	if (q->producer)
		smq_ring_narrow(&q->ring, end + need + 1);
	else if ((int32_t)(end - q->ring.room_due) < 0)
		q->ring.room_due = end;
}

void smq_note_pop(struct shmemq *q)
{
	smq_ring_store_room(&q->ring);
	if (smq_note_ends_soon(q))
		smq_note_next(q, 0);
}

/*
 * Handles of one end may count at once; a handle that is alone spares itself the atomic addition. Relaxed: the number
 * alone is read.
 */
static void count(const struct shmemq *q, smq_word *word)
{
	if (q->eventcount.shared)
		atomic_fetch_add_explicit(word, 1, memory_order_relaxed);
	else
		smq_store(word, smq_load(word) + 1);
}

void smq_note_blocked(struct shmemq *q)
{
	q->peer.messages_at_wait = q->ring.messages_lo;
	count(q, &counts_of(q)->blocked);
	if (smq_note_moved(q) != 0)
		smq_note_now(q);
	else if (q->producer)
		note_most(q);
}

void smq_note_slept(struct shmemq *q)
{
	count(q, &counts_of(q)->slept);
}

/* The process that holds an end in `state`, as struct shmemq_stat says. */
static bool find_holder(const struct shmemq *q, bool producer, uint32_t state, uint32_t *pid)
{
	size_t offset = producer ? offsetof(struct smq_header, producer_progress.owner)
				 : offsetof(struct smq_header, consumer_progress.owner);
	uint32_t owner = 0;

	*pid = 0;
	if (state != SHMEMQ_END_OPEN)
		return true;
	/* Consumers of a broadcast queue, whose locks are those of a SHARED end, have no owner word. */
	if (!smq_words_copy(q, offset, &owner, sizeof owner))
		return false;
	*pid = smq_endlock_holder(q->fd, producer, owner & SMQ_HANDLES_MAX);
	return true;
}

/* Bytes that the queue may hold at most: its ring, and what it may grow by. */
static uint64_t bytes_max(const struct shmemq *q)
{
	return smq_capacity(q) + (smq_is_elastic(q) ? (uint64_t)q->more->window_units * SMQ_UNIT : 0);
}

bool smq_note_tell(const struct shmemq *q, struct shmemq_stat *st)
{
	struct {
		uint32_t blocked, slept, moved_at_s, most_units;
	} producer, consumer;
	_Static_assert(offsetof(struct smq_counts, most_units) == 12, "as the format has them");

	if (!smq_words_copy(q, offsetof(struct smq_header, producer_counts), &producer, sizeof producer) ||
	    !smq_words_copy(q, offsetof(struct smq_header, consumer_counts), &consumer, sizeof consumer))
		return false;
	st->producer_blocked = producer.blocked;
	st->producer_slept = producer.slept;
	st->pushed_at = producer.moved_at_s;
	st->consumer_blocked = consumer.blocked;
	st->consumer_slept = consumer.slept;
	st->popped_at = consumer.moved_at_s;
	st->queued_bytes_most = (uint64_t)producer.most_units * SMQ_UNIT;
	if (st->queued_bytes_most < st->queued_bytes)
		st->queued_bytes_most = st->queued_bytes;
	if (st->queued_bytes_most > bytes_max(q))
		st->queued_bytes_most = bytes_max(q);
	return find_holder(q, true, st->producer, &st->producer_holder_pid) &&
	       find_holder(q, false, st->consumer, &st->consumer_holder_pid);
}
