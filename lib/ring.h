/* SPDX-License-Identifier: MIT */
/*
 * The ring's protocol on given memory: no system call, no allocation, no waiting. format.h has the steps.
 *
 * Both sides keep capacity and positions in private memory. A word that the peer writes is loaded once, checked against
 * private values, and only then used. A word that fails its check is SMQ_BAD.
 */
#ifndef SMQ_RING_H
#define SMQ_RING_H

#include "compiler.h"
#include "copy.h"
#include "slowest.h"

/* Stores a total's upper word, before the lower word whose highest bit has changed. */
static inline void smq_ring_carry(smq_word *hi, uint32_t upper)
{
	atomic_store_explicit(hi, upper, memory_order_relaxed);
	/* Release: a reader that sees the new lower word also sees the upper one. Its acquire: copy_words(), stat.c */
	atomic_thread_fence(memory_order_release);
}

/*
 * Ends an operation: stores the position `end`, with release, and counts `count` messages of `bytes` bytes. Relaxed:
 * only shmemq_stat() and the end's next handle read the totals. The upper word of a total is the total divided by 2^31,
 * so its lowest bit equals the highest bit of the lower word. If a process is killed between the two stores, the bits
 * differ, and a reader can correct the total.
 */
static inline void smq_ring_move(struct smq_ring *ring, uint32_t end, uint32_t count, uint32_t bytes)
{
	struct smq_moved *progress = ring->moved;
	uint32_t messages = ring->messages_lo + count, moved = ring->moved_lo + bytes;

	ring->position = end;
	/* Producer: stored after the size word, so that a producer that is killed in between leaves the tail before the
	 * record and not after it; the next producer, which the kernel's lock orders, then walks further. Consumer: the
	 * linearisation point of a pop. Its acquire: smq_ring_load_head(). This side's reads of the messages come
	 * before the producer's writes over them. */
	atomic_store_explicit(&progress->position_units, end, memory_order_release);
	/* No operation moves as many as 2^31: a batch takes up no more of the ring than the largest message. */
	if (smq_unlikely((messages ^ ring->messages_lo) >> 31))
		smq_ring_carry(&progress->messages_hi, ++ring->messages_hi);
	if (smq_unlikely((moved ^ ring->moved_lo) >> 31))
		smq_ring_carry(&progress->moved_hi, ++ring->moved_hi);
	ring->messages_lo = messages;
	ring->moved_lo = moved;
	atomic_store_explicit(&progress->messages_lo, messages, memory_order_relaxed);
	atomic_store_explicit(&progress->moved_lo, moved, memory_order_relaxed);
}

/* The upper word is stored first. A writer that was killed after that store has left it one ahead. */
static inline uint32_t smq_ring_corrected(uint32_t upper, uint32_t lower)
{
	return (upper & 1) != lower >> 31 ? upper - 1 : upper;
}

/* A total, of its two words: the upper one was loaded after the lower one, or its end was not in use. */
uint64_t smq_ring_total(uint32_t lower, uint32_t upper);

/*
 * Both ends.
 */

/*
 * With the owner lock: is the end as this handle left it? Then all that it knows is still right, and it need not
 * resume. Relaxed: the loads follow the acquire of the owner lock. Position and messages differ if another handle has
 * moved any since; the position alone does not, since it comes round. Before a handle has resumed, no total equals its
 * own. A consumer's lease differs if another one has died, holding messages. So does the upper word of a total, until
 * its next carry, if a handle was killed in the middle of one: then each handle resumes each time.
 */
static inline bool smq_ring_is_unmoved(const struct smq_ring *ring, bool producer)
{
	const struct smq_moved *progress = ring->moved;

	if (atomic_load_explicit(&progress->position_units, memory_order_relaxed) != ring->position ||
	    atomic_load_explicit(&progress->messages_lo, memory_order_relaxed) != ring->messages_lo ||
	    atomic_load_explicit(&progress->messages_hi, memory_order_relaxed) != ring->messages_hi)
		return false;
	return producer || atomic_load_explicit(&progress->lease_units, memory_order_relaxed) == ring->lease;
}

/*
 * On a SHARED end, without the owner lock: may there be space for a record of `record_units` (producer; `exact`: by the
 * head, else by the room), or a message (consumer)? A guess, because the words are read one after the other while other
 * handles change them. A wrong "no" does not last: whatever changes after the first load is followed by a notification.
 * Garbage gives "yes", and the check under the lock then finds it.
 */
static inline bool smq_ring_guess(const struct smq_ring *ring, bool producer, uint32_t record_units, bool exact)
{
	uint32_t position = atomic_load_explicit(&ring->moved->position_units, memory_order_relaxed), used;

	/* Also of a jump. */
	if (!producer)
		return atomic_load_explicit(&smq_record_at(ring, position)->size_plus_1, memory_order_relaxed) != 0;
	used = position -
	       (exact ? smq_ring_guess_head(ring, position)
		      : atomic_load_explicit(&ring->header->consumer_room.position_units, memory_order_relaxed));
	/* The room may lag so far with a full ring; a head that is so far is garbage. */
	if (used > ring->mask)
		return exact;
	return used + record_units <= ring->mask;
}

/*
 * Producer.
 */

/*
 * Has an entry of the index been set since the queue was made? Its number is stored before its position. So in the
 * first lap it may have a number, but still the position 0: that of a record only if it is the first message. In the
 * extension no record of the first lap stands there. If a position comes round to 0, one entry is not used.
 */
static inline bool smq_index_is_set(uint32_t position, uint32_t messages, bool extension)
{
	return position != 0 || (messages == 0 && !extension);
}

/* Is `head` possible for a producer at its tail: no further back than a full ring, and not after the tail? */
static inline bool smq_ring_head_is_valid(const struct smq_ring *ring, uint32_t head)
{
	return smq_position_is_aligned(ring, head) && ring->position - head <= ring->mask;
}

/* Load the consumer's room, or its position. Apart from the functions below, because the hot path seldom needs them. */
enum smq_ring_status smq_ring_load_room(struct smq_ring *ring, uint32_t record_units);
enum smq_ring_status smq_ring_load_head(struct smq_ring *ring, uint32_t record_units);

/*
 * May a record of `record_units`, and the zeroed header after it, which is one unit, be written at the tail at once?
 * If not, there may be space all the same: the functions below tell.
 */
static inline bool smq_ring_fits(const struct smq_ring *ring, uint32_t record_units)
{
	return ring->position + record_units - ring->cached_head <= ring->mask;
}

/* Is there space, going by the last head that this side has seen? */
static inline bool smq_ring_fits_head(const struct smq_ring *ring, uint32_t record_units)
{
	return ring->position + record_units - ring->head <= ring->mask;
}

/* The same with the current room, if that head does not do: for a producer that spins. The room may lag. */
static inline enum smq_ring_status smq_ring_room(struct smq_ring *ring, uint32_t record_units)
{
	return smq_ring_fits_head(ring, record_units) ? SMQ_READY : smq_ring_load_room(ring, record_units);
}

/* The same with the current head: before a producer sleeps or fails. */
static inline enum smq_ring_status smq_ring_space(struct smq_ring *ring, uint32_t record_units)
{
	enum smq_ring_status status = smq_ring_room(ring, record_units);

	return status == SMQ_NOT_YET ? smq_ring_load_head(ring, record_units) : status;
}

/*
 * Publishes a jump at the tail of `from` to `to->position`, which is announced, and stores that as the tail of `to`.
 */
void smq_ring_jump(struct smq_ring *from, struct smq_ring *to);

/* The consumer comes to `target` by a jump. */
void smq_ring_arrive(struct smq_ring *to, uint32_t target);

/*
 * Where a record at the tail begins and ends. Computed before anything is stored in the record: the compiler cannot
 * know that no message overlaps the handle, and would load the handle's fields again.
 */
struct smq_reservation {
	struct smq_record *record;
	struct smq_record *next; /* the header after it */
	uint32_t end;            /* and the position of that */
};

/* For a message of `size` bytes. */
static inline struct smq_reservation smq_ring_reserve(const struct smq_ring *ring, uint32_t size)
{
	uint32_t units = smq_record_units(ring, size);
	struct smq_record *record = smq_record_at(ring, ring->position);

	return (struct smq_reservation){ record, smq_record_after(record, units), ring->position + units };
}

/*
 * Publishes the record at the tail, which is complete but for its size word, with a message of `size` bytes; in a
 * batch, the complete records after it as well: `count` messages of `bytes` bytes in all.
 */
static inline void smq_ring_publish(struct smq_ring *ring, struct smq_reservation reservation, uint32_t size,
				    uint32_t count, uint32_t bytes)
{
	/* Relaxed: the release below publishes it. If it were seen later, the consumer could take the old bytes after
	 * these records for a committed header. */
	atomic_store_explicit(&reservation.next->size_plus_1, 0, memory_order_relaxed);
	/* The linearisation point of a push. Its acquire: smq_ring_peek_at(). The messages, their types, the size words
	 * of the later records and the zeroed header are seen before this size word. */
	atomic_store_explicit(&reservation.record->size_plus_1, size + 1, memory_order_release);
	smq_ring_move(ring, reservation.end, count, bytes);
}

/* Publishes a message of `size` bytes that has been written to the reservation. */
static inline void smq_ring_commit_at(struct smq_ring *ring, struct smq_reservation reservation, uint32_t size,
				      uint32_t type)
{
	/* Relaxed: the size word publishes it. */
	atomic_store_explicit(&reservation.record->type, type, memory_order_relaxed);
	smq_ring_publish(ring, reservation, size, 1, size);
}

/* The same for a message at the tail. */
static inline void smq_ring_commit(struct smq_ring *ring, uint32_t size, uint32_t type)
{
	smq_ring_commit_at(ring, smq_ring_reserve(ring, size), size, type);
}

#define SMQ_PREFETCH_BYTES 256u /* four lines of 64 bytes */

/*
 * Requests a line that small messages will be written to soon, and which the consumer's core has last used: while it is
 * on its way, it costs the producer nothing. After the ring's end the second mapping follows.
 */
static inline void smq_ring_prefetch(const struct smq_record *tail)
{
	smq_prefetch_write((const unsigned char *)tail + SMQ_PREFETCH_BYTES);
}

/*
 * Consumer.
 */

/* Is there a message at `position`? If so, `*size` is its size in bytes, checked to lie within the mapping. */
static inline enum smq_ring_status smq_ring_peek_at(const struct smq_ring *ring, uint32_t position, uint32_t *size)
{
	/* Acquire: with the release in smq_ring_publish(), the message and its type are read as they were published.
	 * Loaded once: the producer, or another process with the file open, may change it at any time. */
	uint32_t size_plus_1 = atomic_load_explicit(&smq_record_at(ring, position)->size_plus_1, memory_order_acquire);

	if (size_plus_1 == 0)
		return SMQ_NOT_YET;
	if (smq_unlikely(size_plus_1 - 1 > ring->message_max))
		return SMQ_BAD;
	*size = size_plus_1 - 1;
	return SMQ_READY;
}

static inline enum smq_ring_status smq_ring_peek(const struct smq_ring *ring, uint32_t *size)
{
	return smq_ring_peek_at(ring, ring->position, size);
}

/* Is there a message of at most SMQ_SMALL bytes in `record`? One comparison answers both. */
static inline bool smq_ring_peek_small(const struct smq_record *record, uint32_t *size)
{
	/* Acquire, and once, as above. The 0 of "not published" becomes UINT32_MAX, which is not small. */
	*size = atomic_load_explicit(&record->size_plus_1, memory_order_acquire) - 1;
	return *size <= SMQ_SMALL;
}

/* The type of a message. Relaxed: it follows the acquire of the size word. */
static inline uint32_t smq_record_type(const struct smq_record *record)
{
	return atomic_load_explicit(&record->type, memory_order_relaxed);
}

static inline uint32_t smq_ring_type(const struct smq_ring *ring, uint32_t position)
{
	return smq_record_type(smq_record_at(ring, position));
}

/* Is there a jump at `position`? If so, `*target` is where it leads to in the other ring: not checked. */
static inline bool smq_ring_jumps(const struct smq_ring *ring, uint32_t position, uint32_t *target)
{
	const struct smq_record *record = smq_record_at(ring, position);

	/* Acquire: with the release in smq_ring_jump(). */
	if (atomic_load_explicit(&record->size_plus_1, memory_order_acquire) != SMQ_JUMP)
		return false;
	*target = smq_record_type(record);
	return true;
}

/* Did an earlier consumer hold the message at `position`? */
static inline bool smq_ring_redelivered(const struct smq_ring *ring, uint32_t position)
{
	return smq_unlikely(ring->redelivering) && (int32_t)(ring->redelivered_end - position) > 0;
}

/*
 * Units. It is checked where the room is stored: so the lease may lag by this, nearly a step (2^24), and one operation
 * (at most a message of 1 GiB), which together stay below 2^31.
 */
#define SMQ_LEASE_LAG_MAX (1 << 29)

/*
 * Notes that messages before `end` have been handed out, so that the next consumer can mark them as redelivered. It
 * only moves forward: a message that was handed out stays so. Relaxed: the next consumer reads it when this one's claim
 * has ended, or, on a SHARED end, under the owner lock.
 */
static inline void smq_ring_lease(struct smq_ring *ring, uint32_t end)
{
	if ((int32_t)(end - ring->lease) > 0) {
		ring->lease = end;
		atomic_store_explicit(&ring->moved->lease_units, end, memory_order_relaxed);
	}
}

/*
 * On a SHARED end a handle holds nothing after it has unlocked the owner lock: the lease of messages that were handed
 * out and not released goes back to what it was. To be called after the release.
 */
static inline void smq_ring_return_lease(struct smq_ring *ring)
{
	ring->lease = ring->redelivering ? ring->redelivered_end : ring->position;
	atomic_store_explicit(&ring->moved->lease_units, ring->lease, memory_order_relaxed);
}

/*
 * Stores the head as the room: when that is due, and before the consumer waits or closes, so that a producer that spins
 * sees all of it.
 */
void smq_ring_store_room(struct smq_ring *ring);

/* The same if the room has not been stored for this head. Relaxed: this end's own word. */
static inline void smq_ring_flush_room(struct smq_ring *ring)
{
	if (atomic_load_explicit(ring->room, memory_order_relaxed) != ring->position)
		smq_ring_store_room(ring);
}

/*
 * Moves the head to `end`: gives `count` messages, of `bytes` bytes without headers and padding, back to the producer.
 * For messages that no earlier consumer has held. true: the room is due to be stored.
 */
static inline bool smq_ring_release_new(struct smq_ring *ring, uint32_t end, uint32_t count, uint32_t bytes)
{
	smq_ring_move(ring, end, count, bytes);
	return smq_unlikely((int32_t)(end - ring->room_due) >= 0);
}

/* The same for any messages. */
static inline bool smq_ring_release(struct smq_ring *ring, uint32_t end, uint32_t count, uint32_t bytes)
{
	ring->redelivering = smq_ring_redelivered(ring, end);
	return smq_ring_release_new(ring, end, count, bytes);
}

#endif
