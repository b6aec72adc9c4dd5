/* SPDX-License-Identifier: MIT */
/*
 * What an end notes for shmemq_stat() (struct smq_counts): when it last moved a message, how full the ring was, how
 * often it was full or empty. A push or pop that finds what it wants has no instruction for that. It is noted where a
 * call goes a longer way for another reason:
 *  - it wakes the peer, finds the ring full or empty, waits, or closes the end, and has moved something since it last
 *    noted;
 *  - it goes on to the next part of the ring. A producer announces that it does (announce.h), and a consumer stores the
 *    room. Where that is due anyway, after a 64th of the ring, a part that is half over ends. The first part after a
 *    note in a new second is a single record. As long as the second is the same, each part is four times the one
 *    before, up to SMQ_NOTE_UNITS_MAX.
 * So an end that moves a message now and then notes each, and an end that streams seldom reads the clock. What is not
 * noted at once is a message after a burst: no more of them than a part, nor than some four times the burst.
 *
 * On a SHARED end each handle notes what it has moved itself.
 */
#ifndef SMQ_NOTE_H
#define SMQ_NOTE_H

#include "handle.h"
#include "shmemq.h"

#define SMQ_NOTE_STEPS     7
#define SMQ_NOTE_UNITS_MAX ((1u << 2 * SMQ_NOTE_STEPS) / 2) /* 64 KiB */

/* Has moved by so much since the last note. */
static inline uint32_t smq_note_moved(const struct shmemq *q)
{
	return q->ring.position - q->noted;
}

/* The length of the current part: 0 is a record. */
static inline uint32_t smq_note_part(const struct shmemq *q)
{
	return (1u << 2 * q->note_step) / 2;
}

/* Does it end within the next 64th of the ring? If not, there is nothing to do at the beginning of that. */
static inline bool smq_note_ends_soon(const struct shmemq *q)
{
	return smq_note_moved(q) + smq_room_step(&q->ring) > smq_note_part(q);
}

/* Half of it, since a 64th of the ring may end before it does. */
static inline bool smq_note_is_due(const struct shmemq *q)
{
	return smq_note_moved(q) >= smq_note_part(q) / 2;
}

/* A handle begins at its position: it has moved nothing. */
void smq_note_begin(struct shmemq *q);

/* Notes that this end moves messages now; a producer, how full the ring is. */
void smq_note_now(struct shmemq *q);

/* The same if this handle has moved something since the last time. */
static inline void smq_note_moves(struct shmemq *q)
{
	if (smq_note_moved(q) != 0)
		smq_note_now(q);
}

/* The same if it is due, and sets where the part ends: before a push of a record of `need` units; at any head. */
void smq_note_next(struct shmemq *q, uint32_t need);

/* After a pop: stores the room, which is due, and does the same. */
void smq_note_pop(struct shmemq *q);

/*
 * Counts a call that has found the ring full or empty: one that waits for more than a moment; of those that fail
 * without waiting, in a row, the first: so what spins by such calls writes no shared memory.
 */
void smq_note_blocked(struct shmemq *q);

static inline void smq_note_failed_try(struct shmemq *q)
{
	if (smq_unlikely(q->ring.messages_lo != q->peer.messages_at_wait))
		smq_note_blocked(q);
}

/* Counts a call that sleeps. */
void smq_note_slept(struct shmemq *q);

/* What both ends have noted, and who holds them, for an end in the state that `st` says. false: as smq_words_copy(). */
bool smq_note_tell(const struct shmemq *q, struct shmemq_stat *st);

#endif
