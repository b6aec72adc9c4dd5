/* SPDX-License-Identifier: MIT */
/*
 * A follower's reading: messages and words by pread(2), whatever the producer does meanwhile. So another process that
 * truncates the file causes no SIGBUS, and a follower needs no more than read permission.
 *
 *	follower                                 producer
 *	 F1  read the tail (acquire)              P1  store the limit, if the record ends after it
 *	 F2  copy records up to it                P2  release fence
 *	 F3  acquire fence                        P3  write the record
 *	 F4  read the limit                       P4  store the size word, and then the tail (release)
 *
 * F1 finds all records before the tail complete: P4. If F2 has copied any byte that P3 wrote over such a record, F4
 * reads the limit that P1 stored before: by the two fences. That limit is more than a ring after the record, so the
 * follower drops what it has copied. With the limit it reads the producer's totals: positions come round, totals do
 * not.
 *
 * A record at the tail, or after it, may be published although the tail has not been stored. There the follower reads
 * the size word as a consumer does, and then the record.
 *
 * What is read is kept in a buffer, from which many small messages are taken.
 */
#ifndef SMQ_FOLLOWER_H
#define SMQ_FOLLOWER_H

#include "ring.h"

#define SMQ_FOLLOWER_BYTES 65536

/* A ring, and how far the follower has come in it. */
struct smq_track {
	uint64_t records; /* where the ring begins in the file */
	uint64_t words;   /* and its words: struct smq_header */
	struct smq_ring ring;
	uint64_t messages, bytes; /* the producer's totals, as last read */
};

struct smq_follower {
	uint64_t id;               /* of the queue */
	struct smq_track track[2]; /* of the ring, and of the extension */
	uint32_t rings;            /* 1: it has no extension */
	bool broadcast;            /* the queue */
	uint32_t extended;         /* which of them the follower is in */
	uint32_t claim;            /* the producer's claim word, as last read: before what was found was looked for */
	uint64_t number;           /* messages pushed before the next one */
	uint64_t popped;           /* the same, just after the last pop; at first where the follower started */
	bool overtaken;            /* that has been told: where it goes on is to be found out */
	bool untold;               /* that has not been told, but is so: it has no place */
	uint32_t from, units;      /* what the buffer holds of the ring that the follower is in */
	uint32_t fills;            /* times that the buffer was filled, since a search for a place began */
	unsigned char buffer[SMQ_FOLLOWER_BYTES];
};

/* What a producer says of itself in a ring's words. */
struct smq_producer_words {
	uint32_t tail;
	uint32_t limit;
	uint32_t kept;     /* nothing before this position has memory: of the extension; else what the limit says */
	uint32_t extended; /* of the queue, whichever ring's words these are, */
	uint32_t claim;    /* likewise */
	uint32_t messages_lo, messages_hi;
	uint32_t bytes_lo, bytes_hi;
	uint32_t counted, counted_messages, counted_again; /* the count: see struct smq_progress */
};

void smq_follower_init(struct smq_follower *follower, const struct smq_identity *identity);

/* Copies a part of the file. false: it has been truncated, or cannot be read. */
bool smq_follower_read(int fd, void *to, size_t bytes, uint64_t offset);

/* Reads the producer's words of a ring, with acquire. false: likewise, or the file is another queue by now. */
bool smq_follower_words(const struct smq_follower *follower, int fd, uint32_t extended,
			struct smq_producer_words *words);

/* Is what stands there intact, and `slack` units or more from being written over? By words that were read later. */
static inline bool smq_follower_is_intact(const struct smq_ring *ring, const struct smq_producer_words *words,
					  uint32_t position, uint32_t slack)
{
	return words->limit - position <= ring->mask + 1 - slack && (int32_t)(position - words->kept) >= 0;
}

/* Puts the follower there, in the ring that `extended` says, before the message with this number. */
void smq_follower_place(struct smq_follower *follower, uint32_t extended, uint32_t position, uint64_t number);

/* Is there a message in the buffer? `*size`: its bytes. */
bool smq_follower_has(const struct smq_follower *follower, uint32_t *size);

/*
 * Is there a message? `*size`: its bytes. SMQ_READY, SMQ_NOT_YET, SMQ_OVERTAKEN or SMQ_BAD. A jump is followed. Bounded
 * work, whatever is read.
 */
enum smq_ring_status smq_follower_peek(struct smq_follower *follower, int fd, uint32_t *size);

/* Is a message of this size read from the file when it is taken? Else it is in the buffer. */
static inline bool smq_follower_is_large(uint32_t size)
{
	return size > SMQ_FOLLOWER_BYTES - SMQ_UNIT;
}

/* Copies that message, of `size` bytes, and goes on to the next one. SMQ_READY, SMQ_OVERTAKEN or SMQ_BAD. */
enum smq_ring_status smq_follower_take(struct smq_follower *follower, int fd, void *to, uint32_t size, uint32_t *type);

/* Goes on to the next one without a copy. */
void smq_follower_skip(struct smq_follower *follower, uint32_t size);

#endif
