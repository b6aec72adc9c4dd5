/* SPDX-License-Identifier: MIT */
/*
 * A ring as one end sees it, and where its records stand. What the ends do with it: ring.h.
 */
#ifndef SMQ_RECORD_H
#define SMQ_RECORD_H

#include <stdbool.h>

#include "format.h"

enum smq_ring_status {
	SMQ_READY,
	SMQ_NOT_YET,   /* full, or empty */
	SMQ_BAD,       /* garbage in the shared memory */
	SMQ_OVERTAKEN, /* a follower: the producer has written over the message, or may have */
};

/* One end's private state. Counts of the ring are in units (format.h), sizes of messages in bytes. */
struct smq_ring {
	struct smq_record *records;        /* the ring, mapped twice: valid for 2 * capacity units */
	struct smq_moved *moved;           /* this end's own, in shared memory */
	uint32_t mask;                     /* units, less 1: also how many units records may take up together */
	uint32_t align_mask;               /* the alignment in bytes, less 1 */
	uint32_t message_max;              /* bytes */
	uint32_t position;                 /* this end's own: tail or head */
	uint32_t messages_lo, messages_hi; /* totals, as progress has them */
	uint32_t moved_lo, moved_hi;
	union {
		struct { /* producer */
			struct smq_header *header;
			uint32_t head; /* the consumer's last position that passed the check */
			/* The same, or a position before it, so that a record fits only if it ends within the
			 * limit that has been announced. */
			uint32_t cached_head;
			struct smq_reader *readers; /* of a broadcast queue: its consumers; else NULL */
		};
		struct {                          /* consumer */
			smq_word *room;           /* its own, in shared memory */
			uint32_t room_due;        /* the position at which the room is to be stored again */
			uint32_t lease;           /* what moved->lease_units holds */
			uint32_t redelivered_end; /* an earlier consumer held the messages before this position, */
			bool redelivering;        /* if this is set */
		};
	};
};

/* Sets what is constant: of a ring of `capacity` bytes, mapped at `records`. */
void smq_ring_init(struct smq_ring *ring, void *records, uint64_t capacity, uint32_t alignment);

/* Units of the record that holds a message of `size` bytes, right up to message_max. */
static inline uint32_t smq_units(uint32_t size, uint32_t align_mask)
{
	return ((SMQ_UNIT + size + align_mask) & ~align_mask) / SMQ_UNIT;
}

static inline uint32_t smq_record_units(const struct smq_ring *ring, uint32_t size)
{
	return smq_units(size, ring->align_mask);
}

/* Can a record stand there? */
static inline bool smq_position_is_aligned(const struct smq_ring *ring, uint32_t position)
{
	return ((position + 1) * SMQ_UNIT & ring->align_mask) == 0;
}

/* Units after which a consumer stores the room. */
static inline uint32_t smq_room_step(const struct smq_ring *ring)
{
	return (ring->mask + 1) / 64;
}

static inline struct smq_record *smq_record_at(const struct smq_ring *ring, uint32_t position)
{
	return ring->records + (position & ring->mask);
}

/* The record `units` further on, at most a ring's capacity: the second mapping continues after the ring's end. */
static inline struct smq_record *smq_record_after(struct smq_record *record, uint32_t units)
{
	return record + units;
}

static inline unsigned char *smq_message_at(const struct smq_ring *ring, uint32_t position)
{
	return (unsigned char *)(smq_record_at(ring, position) + 1);
}

#endif
