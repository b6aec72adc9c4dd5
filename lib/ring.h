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
#include <string.h>

#include "format.h"

#if defined __GNUC__
#define smq_likely(x)   __builtin_expect(!!(x), 1)
#define smq_unlikely(x) __builtin_expect(!!(x), 0)
/* Keeps a rare path's registers out of a frequent one. */
#define smq_noinline __attribute__((noinline))
/* Into each public function: a call more is a tenth of a push. */
#define smq_always_inline inline __attribute__((always_inline))
#else
#define smq_likely(x)   (x)
#define smq_unlikely(x) (x)
#define smq_noinline
#define smq_always_inline inline
#endif

enum smq_ring_status {
	SMQ_READY,
	SMQ_NOT_YET, /* full, or empty */
	SMQ_BAD,     /* garbage in the shared memory */
};

/* One end's private view. */
struct smq_ring {
	unsigned char *records;        /* the ring, mapped twice: valid for 2 * capacity bytes */
	struct smq_progress *progress; /* this side's own */
	uint32_t capacity;
	uint32_t position;                 /* this side's own: tail or head */
	uint32_t messages_lo, messages_hi; /* totals, as progress has them */
	union {
		struct {                      /* the producer's */
			smq_word *head;       /* the consumer's position, in shared memory */
			uint32_t cached_head; /* the last value of it that passed the check */
		};
		struct {                          /* the consumer's */
			uint32_t view;            /* what progress->lease_bytes holds */
			uint32_t redelivered_end; /* messages before it were held by an earlier consumer, */
			bool redelivering;        /* while this is set */
		};
	};
	uint32_t moved_lo, moved_hi;
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

/* What stands so many bytes behind a record: at most a ring, which is mapped again behind its end. */
static inline struct smq_record *smq_record_after(struct smq_record *record, uint32_t bytes)
{
	return (struct smq_record *)(void *)((unsigned char *)record + bytes);
}

static inline unsigned char *smq_message_at(const struct smq_ring *ring, uint32_t position)
{
	return (unsigned char *)smq_record_at(ring, position) + SMQ_RECORD_HEADER;
}

#define SMQ_SMALL 64u

/* Copies up to SMQ_SMALL bytes by a few moves, of which some may overlap: they cost less than a call of memcpy(). */
static inline void smq_copy_small(unsigned char *to, const unsigned char *from, size_t bytes)
{
	struct {
		uint64_t low, high;
	} first, second, third, last;

	if (bytes >= 8 && bytes <= 16) {
		memcpy(&first, from, 8);
		memcpy(&last, from + bytes - 8, 8);
		memcpy(to, &first, 8);
		memcpy(to + bytes - 8, &last, 8);
	} else if (bytes > 32) {
		memcpy(&first, from, 16);
		memcpy(&second, from + 16, 16);
		memcpy(&third, from + bytes - 32, 16);
		memcpy(&last, from + bytes - 16, 16);
		memcpy(to, &first, 16);
		memcpy(to + 16, &second, 16);
		memcpy(to + bytes - 32, &third, 16);
		memcpy(to + bytes - 16, &last, 16);
	} else if (bytes > 16) {
		memcpy(&first, from, 16);
		memcpy(&last, from + bytes - 16, 16);
		memcpy(to, &first, 16);
		memcpy(to + bytes - 16, &last, 16);
	} else if (bytes >= 4) {
		memcpy(&first, from, 4);
		memcpy(&last, from + bytes - 4, 4);
		memcpy(to, &first, 4);
		memcpy(to + bytes - 4, &last, 4);
	} else if (bytes != 0) {
		to[0] = from[0];
		to[bytes / 2] = from[bytes / 2];
		to[bytes - 1] = from[bytes - 1];
	}
}

static inline void smq_copy(unsigned char *to, const unsigned char *from, size_t bytes)
{
	if (bytes <= SMQ_SMALL)
		smq_copy_small(to, from, bytes);
	else
		memcpy(to, from, bytes);
}

/* A lower word's highest bit has changed. */
static inline void smq_ring_carry(smq_word *hi, uint32_t upper)
{
	atomic_store_explicit(hi, upper, memory_order_relaxed);
	/* Release: who finds the new lower word finds the upper one. Its acquire: smq_ring_total(). */
	atomic_thread_fence(memory_order_release);
}

/*
 * Counts what an operation has moved and stores the totals, this side's own words, relaxed: only shmemq_stat() and this
 * end's next holder read them. The upper word of one counts every 2^31, so that its lowest bit is the lower word's
 * highest, too: a process that is killed between the two leaves words that do not agree, and they can be put right.
 */
static inline void smq_ring_count(struct smq_ring *ring, uint32_t count, uint32_t bytes)
{
	struct smq_progress *progress = ring->progress;
	uint32_t messages = ring->messages_lo + count, moved = ring->moved_lo + bytes;

	/* No operation moves as many as 2^31. */
	if (smq_unlikely((messages ^ ring->messages_lo) >> 31))
		smq_ring_carry(&progress->messages_hi, ++ring->messages_hi);
	if (smq_unlikely((moved ^ ring->moved_lo) >> 31))
		smq_ring_carry(&progress->moved_hi, ++ring->moved_hi);
	ring->messages_lo = messages;
	ring->moved_lo = moved;
	atomic_store_explicit(&progress->messages_lo, messages, memory_order_relaxed);
	atomic_store_explicit(&progress->moved_lo, moved, memory_order_relaxed);
}

/* A total as stat and recovery read it. */
uint64_t smq_ring_total(const smq_word *lo, const smq_word *hi);

/*
 * Producer.
 */

/* Takes up the tail where the last producer left it: SMQ_READY or SMQ_BAD. */
enum smq_ring_status smq_ring_attach_producer(struct smq_ring *ring, struct smq_header *header, unsigned char *records,
					      uint32_t capacity);

/*
 * Either side, of a SHARED end. Join: as produce and consume do, but others have a part in the end already, so the
 * position is read by resume only: in its turn, by each handle, before it looks. Nobody has died in between.
 */
void smq_ring_attach_shared(struct smq_ring *ring, struct smq_header *header, unsigned char *records, uint32_t capacity,
			    bool producer);
enum smq_ring_status smq_ring_resume(struct smq_ring *ring, bool producer);

/* Reads the consumer's position anew. Split from smq_ring_space(): the hot path seldom needs it. */
enum smq_ring_status smq_ring_space_slow(struct smq_ring *ring, uint32_t record_bytes);

/*
 * Is there room for a record of `record_bytes` and the zeroed header behind it, by the last head seen? All of these are
 * multiples of 8: what is less than the capacity leaves room for that header.
 */
static inline bool smq_ring_fits(const struct smq_ring *ring, uint32_t record_bytes)
{
	return ring->position + record_bytes - ring->cached_head < ring->capacity;
}

/* The same, by the head as it is now if need be. */
static inline enum smq_ring_status smq_ring_space(struct smq_ring *ring, uint32_t record_bytes)
{
	return smq_ring_fits(ring, record_bytes) ? SMQ_READY : smq_ring_space_slow(ring, record_bytes);
}

#define SMQ_PREFETCH_BYTES 256u /* four lines of 64 bytes */

/*
 * Asks for a line that small messages will go to soon, which the consumer's core has last: on its way, a line costs the
 * producer nothing. A request only; any address will do, and behind the ring's end there is the ring again.
 */
static inline void smq_ring_prefetch(const struct smq_record *tail)
{
	const unsigned char *ahead = (const unsigned char *)tail + SMQ_PREFETCH_BYTES;

#if defined __x86_64__
	/* Written out, since __builtin_prefetch() asks for a line to write only on machines newer than the baseline. */
	__asm__ __volatile__("prefetchw %0" : : "m"(*ahead));
#elif defined __GNUC__
	__builtin_prefetch(ahead, 1);
#else
	(void)ahead;
#endif
}

/*
 * Where a record at the tail begins and ends. Worked out before anything is stored in it: a compiler cannot know that
 * no message lies over the handle, and would load it anew.
 */
struct smq_reservation {
	struct smq_record *record;
	struct smq_record *next; /* the header behind it */
	uint32_t end;            /* the position of that */
};

/* Of a message of `size` bytes. */
static inline struct smq_reservation smq_ring_reserve(const struct smq_ring *ring, uint32_t size)
{
	uint32_t bytes = smq_record_bytes(size);
	struct smq_record *record = smq_record_at(ring, ring->position);

	return (struct smq_reservation){ record, smq_record_after(record, bytes), ring->position + bytes };
}

/*
 * Publishes what stands at the tail: a record with a message of `size` bytes, complete but for its size word, and, in a
 * batch, whole records behind it.
 */
static inline void smq_ring_publish(struct smq_ring *ring, struct smq_reservation place, uint32_t size)
{
	/* Relaxed: the release below publishes it with the rest. Later than that, the consumer would take the old
	 * bytes behind these records for a committed header. */
	atomic_store_explicit(&place.next->size_plus_1, 0, memory_order_relaxed);
	/* The publication. Its acquire: smq_ring_peek(). Orders the messages, their types, the size words of the later
	 * records and the zeroed next header before this size word. */
	atomic_store_explicit(&place.record->size_plus_1, size + 1, memory_order_release);
	ring->position = place.end;
	/* Release: whoever reads a tail finds the records before it committed. Nobody needs that today: the next
	 * producer comes by the kernel's lock, and stat reads no records. Seen late, or not stored at all by a killed
	 * producer, it only makes the next one walk further. */
	atomic_store_explicit(&ring->progress->position_bytes, place.end, memory_order_release);
}

/* Publishes the message of `size` bytes that stands at the tail, where smq_ring_space() said READY for it. */
static inline void smq_ring_commit_at(struct smq_ring *ring, struct smq_reservation place, uint32_t size, uint32_t type)
{
	/* Relaxed: published by the size word. */
	atomic_store_explicit(&place.record->type, type, memory_order_relaxed);
	smq_ring_publish(ring, place, size);
	smq_ring_count(ring, 1, size);
}

static inline void smq_ring_commit(struct smq_ring *ring, uint32_t size, uint32_t type)
{
	smq_ring_commit_at(ring, smq_ring_reserve(ring, size), size, type);
}

/*
 * Consumer.
 */

/* Takes up the head where the last consumer left it: SMQ_READY or SMQ_BAD. */
enum smq_ring_status smq_ring_attach_consumer(struct smq_ring *ring, struct smq_header *header, unsigned char *records,
					      uint32_t capacity);

/*
 * Out of its turn, on a SHARED end: may there be room for a record of `record_bytes`, or a message? A guess, since the
 * words are read one after the other while others go on. It is never no for good: what changed after the first of them
 * was read is followed by a wake. Garbage is a yes, for the look in turn to find.
 */
static inline bool smq_ring_guess(const struct smq_ring *ring, bool producer, uint32_t record_bytes)
{
	uint32_t position = atomic_load_explicit(&ring->progress->position_bytes, memory_order_relaxed) & ~7u, used;

	if (!producer)
		return atomic_load_explicit(&smq_record_at(ring, position)->size_plus_1, memory_order_relaxed) != 0;
	used = position - atomic_load_explicit(ring->head, memory_order_relaxed);
	return used > ring->capacity || used + record_bytes + SMQ_RECORD_HEADER <= ring->capacity;
}

/* Is there a message at `position`? `*size` gets its bytes, checked to lie within the mapping. */
static inline enum smq_ring_status smq_ring_peek_at(const struct smq_ring *ring, uint32_t position, uint32_t *size)
{
	/* Acquire: with the release in smq_ring_publish(), the message and its type are read as they were published.
	 * Read once: the producer (or whoever else writes there) may change it any time. */
	uint32_t size_plus_1 = atomic_load_explicit(&smq_record_at(ring, position)->size_plus_1, memory_order_acquire);

	if (size_plus_1 == 0)
		return SMQ_NOT_YET;
	if (smq_unlikely(size_plus_1 - 1 > smq_message_max(ring)))
		return SMQ_BAD;
	*size = size_plus_1 - 1;
	return SMQ_READY;
}

#define SMQ_NOTHING UINT32_MAX

/* Is there a message of at most SMQ_SMALL bytes? One comparison says both. If not: SMQ_NOTHING, or what size it has. */
static inline bool smq_ring_peek_small(const struct smq_record *record, uint32_t *size)
{
	/* Acquire, and once, as above. */
	*size = atomic_load_explicit(&record->size_plus_1, memory_order_acquire) - 1;
	return *size <= SMQ_SMALL;
}

static inline enum smq_ring_status smq_ring_peek(const struct smq_ring *ring, uint32_t *size)
{
	return smq_ring_peek_at(ring, ring->position, size);
}

/* The tag of a message. Relaxed: the acquire of the look at it came before. */
static inline uint32_t smq_record_type(const struct smq_record *record)
{
	return atomic_load_explicit(&record->type, memory_order_relaxed);
}

static inline uint32_t smq_ring_type(const struct smq_ring *ring, uint32_t position)
{
	return smq_record_type(smq_record_at(ring, position));
}

/* Was the message at `position` held by an earlier consumer? */
static inline bool smq_ring_redelivered(const struct smq_ring *ring, uint32_t position)
{
	return smq_unlikely(ring->redelivering) && (int32_t)(ring->redelivered_end - position) > 0;
}

#define SMQ_LEASE_LAG_MAX (1 << 30) /* bytes; with a ring's 1 GiB that is half of what a position can count */

/*
 * Notes that messages up to `end` have been handed out, so that the next consumer can mark them. It only moves
 * forward: a message once held stays so. Relaxed: the next consumer reads it after this one's claim is gone.
 */
static inline void smq_ring_lease(struct smq_ring *ring, uint32_t end)
{
	if ((int32_t)(end - ring->view) > 0) {
		ring->view = end;
		atomic_store_explicit(&ring->progress->lease_bytes, end, memory_order_relaxed);
	}
}

/*
 * Out of its turn a handle of a SHARED end holds nothing: what it took and has not released is as it was before. To be
 * called after the release.
 */
static inline void smq_ring_return_lease(struct smq_ring *ring)
{
	ring->view = ring->redelivering ? ring->redelivered_end : ring->position;
	atomic_store_explicit(&ring->progress->lease_bytes, ring->view, memory_order_relaxed);
}

/*
 * Gives what lies between the head and `end`, `count` messages of `bytes` together, back to the producer as room. To be
 * called where no earlier consumer held any of it.
 */
static inline void smq_ring_release_new(struct smq_ring *ring, uint32_t end, uint32_t count, uint32_t bytes)
{
	ring->position = end;
	/* Its acquire: smq_ring_space_slow(). Orders this side's reads of the messages before the producer's writes
	 * over them. */
	atomic_store_explicit(&ring->progress->position_bytes, end, memory_order_release);
	/* A view behind the head marks nothing. Copying pops leave it there, but not so far that it would come up in
	 * front again, since the two are compared by difference. */
	if (smq_unlikely((int32_t)(end - ring->view) > SMQ_LEASE_LAG_MAX))
		smq_ring_lease(ring, end);
	smq_ring_count(ring, count, bytes);
}

/* The same of any messages. */
static inline void smq_ring_release(struct smq_ring *ring, uint32_t end, uint32_t count, uint32_t bytes)
{
	ring->redelivering = smq_ring_redelivered(ring, end);
	smq_ring_release_new(ring, end, count, bytes);
}

#endif
