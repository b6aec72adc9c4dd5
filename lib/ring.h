/* SPDX-License-Identifier: MIT */
/*
 * The ring's protocol on given memory: no system call, no allocation, no waiting. layout.h tells the steps.
 *
 * Both sides keep capacity and positions privately. A word that the peer writes is loaded once, checked
 * against private values, and only then used; a word that fails the check is SMQ_BAD.
 */
#ifndef SMQ_RING_H
#define SMQ_RING_H

#include <stdbool.h>

#include "layout.h"

#if defined __GNUC__
#define smq_likely(x) __builtin_expect(!!(x), 1)
#define smq_unlikely(x) __builtin_expect(!!(x), 0)
#else
#define smq_likely(x) (x)
#define smq_unlikely(x) (x)
#endif

enum smq_look {
	SMQ_READY,
	SMQ_NOT_YET, /* full, or empty */
	SMQ_BAD,     /* garbage in the shared memory */
};

/* One end's private view. */
struct smq_ring {
	unsigned char *records;        /* the ring, mapped twice: valid for 2 * capacity bytes */
	struct smq_progress *progress; /* this side's own */
	uint32_t capacity;
	uint32_t position; /* this side's own: tail or head */
	union {
		struct {                           /* the producer's */
			smq_word *head;            /* the consumer's position, in shared memory */
			uint32_t head_seen;        /* the last value of it that passed the check */
		};
		struct {                           /* the consumer's */
			uint32_t view;             /* what progress->view_bytes holds */
			uint32_t redelivered_end;  /* messages before it were held by an earlier consumer, */
			bool redelivering;         /* while this is set */
		};
	};
	uint64_t messages; /* totals, stored to progress word by word */
	uint64_t moved;
};

/* Bytes of the record that holds a message of `size` bytes (<= capacity - 16, so no overflow). */
static inline uint32_t smq_record_bytes(uint32_t size)
{
	return (SMQ_RECORD_HEADER + size + 7u) & ~7u;
}

static inline uint32_t smq_message_max(const struct smq_ring *ring)
{
	return ring->capacity - SMQ_CAPACITY_OVERHEAD;
}

static inline struct smq_record *smq_record_at(const struct smq_ring *ring, uint32_t position)
{
	return (struct smq_record *)(void *)(ring->records + (position & (ring->capacity - 1)));
}

static inline unsigned char *smq_message_at(const struct smq_ring *ring, uint32_t position)
{
	return (unsigned char *)smq_record_at(ring, position) + SMQ_RECORD_HEADER;
}

/*
 * Counts one operation and stores the totals, this side's own words, relaxed: only shmemq_stat() and this
 * end's next holder read them. The upper half is stored when the lower one has wrapped.
 */
static inline void smq_ring_count(struct smq_ring *ring, uint32_t size)
{
	ring->messages++;
	ring->moved += size;
	atomic_store_explicit(&ring->progress->messages_lo, (uint32_t)ring->messages, memory_order_relaxed);
	atomic_store_explicit(&ring->progress->moved_lo, (uint32_t)ring->moved, memory_order_relaxed);
	if (smq_unlikely((uint32_t)ring->messages == 0))
		atomic_store_explicit(&ring->progress->messages_hi, (uint32_t)(ring->messages >> 32), memory_order_relaxed);
	if (smq_unlikely((uint32_t)ring->moved < size))
		atomic_store_explicit(&ring->progress->moved_hi, (uint32_t)(ring->moved >> 32), memory_order_relaxed);
}

/* A total as stat and recovery read it: the halves are two words, so read until the upper one stands still. */
uint64_t smq_ring_total(const smq_word *lo, const smq_word *hi);

/*
 * Producer.
 */

/* Takes up the tail where the last producer left it: SMQ_READY or SMQ_BAD. */
enum smq_look smq_ring_produce(struct smq_ring *ring, struct smq_header *header, unsigned char *records, uint32_t capacity);

/* Reads the consumer's position anew. Split from smq_ring_room(): the hot path seldom needs it. */
enum smq_look smq_ring_room_slow(struct smq_ring *ring, uint32_t record_bytes);

/* Is there room for a record of `record_bytes`, and the zeroed header behind it? */
static inline enum smq_look smq_ring_room(struct smq_ring *ring, uint32_t record_bytes)
{
	if (smq_likely(ring->position - ring->head_seen + record_bytes + SMQ_RECORD_HEADER <= ring->capacity))
		return SMQ_READY;
	return smq_ring_room_slow(ring, record_bytes);
}

/* Publishes the message of `size` bytes that stands at the tail, where smq_ring_room() said READY for it. */
static inline void smq_ring_commit(struct smq_ring *ring, uint32_t size, uint32_t type)
{
	struct smq_record *record = smq_record_at(ring, ring->position);
	uint32_t next = ring->position + smq_record_bytes(size);

	/* Relaxed: the release below publishes it with the rest. Later than that, the consumer would take the old
	 * bytes behind this record for a committed header. */
	atomic_store_explicit(&smq_record_at(ring, next)->size_plus_1, 0, memory_order_relaxed);
	atomic_store_explicit(&record->type, type, memory_order_relaxed);
	/* The publication. Its acquire: smq_ring_look(). Orders the message, its type and the zeroed next header
	 * before the size word. */
	atomic_store_explicit(&record->size_plus_1, size + 1, memory_order_release);
	ring->position = next;
	/* Relaxed: the next producer reads it after this one's claim is gone, which the kernel orders; before it
	 * is visible, that producer only walks one record more. */
	atomic_store_explicit(&ring->progress->position_bytes, next, memory_order_relaxed);
	smq_ring_count(ring, size);
}

/*
 * Consumer.
 */

/* Takes up the head where the last consumer left it: SMQ_READY or SMQ_BAD. */
enum smq_look smq_ring_consume(struct smq_ring *ring, struct smq_header *header, unsigned char *records, uint32_t capacity);

/* Is there a message at the head? `*size` gets its bytes, checked to lie within the mapping. */
static inline enum smq_look smq_ring_look(struct smq_ring *ring, uint32_t *size)
{
	/* Acquire: with the release in smq_ring_commit(), the message and its type are read as they were published.
	 * Read once: the producer (or whoever else writes there) may change it any time. */
	uint32_t size_plus_1 = atomic_load_explicit(&smq_record_at(ring, ring->position)->size_plus_1, memory_order_acquire);

	if (size_plus_1 == 0)
		return SMQ_NOT_YET;
	if (smq_unlikely(size_plus_1 - 1 > smq_message_max(ring)))
		return SMQ_BAD;
	*size = size_plus_1 - 1;
	return SMQ_READY;
}

/* The tag of the message at the head. Relaxed: the acquire of smq_ring_look() came before. */
static inline uint32_t smq_ring_type(const struct smq_ring *ring)
{
	return atomic_load_explicit(&smq_record_at(ring, ring->position)->type, memory_order_relaxed);
}

/* Was the message at the head held by an earlier consumer? Ends the marking behind the last such message. */
static inline bool smq_ring_redelivered(struct smq_ring *ring)
{
	if (smq_likely(!ring->redelivering))
		return false;
	ring->redelivering = (int32_t)(ring->redelivered_end - ring->position) > 0;
	return ring->redelivering;
}

/*
 * Notes that messages up to `end` have been handed out, so that the next consumer can mark them. It only moves
 * forward: a message once held stays so. Relaxed: the next consumer reads it after this one's claim is gone.
 */
static inline void smq_ring_view(struct smq_ring *ring, uint32_t end)
{
	if ((int32_t)(end - ring->view) > 0) {
		ring->view = end;
		atomic_store_explicit(&ring->progress->view_bytes, end, memory_order_relaxed);
	}
}

/* Gives the message of `size` bytes at the head back to the producer as room. */
static inline void smq_ring_release(struct smq_ring *ring, uint32_t size)
{
	uint32_t next = ring->position + smq_record_bytes(size);

	ring->position = next;
	/* Its acquire: smq_ring_room_slow(). Orders this side's reads of the message before the producer's writes
	 * over it. */
	atomic_store_explicit(&ring->progress->position_bytes, next, memory_order_release);
	/* After the head: if this process is killed in between, the view is behind the head and marks nothing.
	 * Kept beside the head by copying pops too, since the two are compared by difference. */
	smq_ring_view(ring, next);
	smq_ring_count(ring, size);
}

#endif
