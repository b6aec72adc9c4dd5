/* SPDX-License-Identifier: MIT */
/*
 * The shared memory of a queue, format version 1. shmemq(5) documents the same for users.
 *
 * A queue has two ends, the producer's and the consumer's. A process opens a handle, which claims an end: one handle,
 * or several if all of them open the end SHARED. The handles of the other end are the peer; a side is an end with its
 * handles. The holder of an end, or of a lock, is the handle that has it now.
 *
 *	0             header_bytes                 header_bytes + capacity
 *	+-------------+----------------------------+
 *	| header page | ring                       |    the file
 *	+-------------+----------------------------+
 *	| header page | ring                       | the same ring again |    as a handle maps it
 *	+-------------+----------------------------+---------------------+
 *
 * The ring is mapped twice, back to back, so that every record is contiguous wherever it starts. A ring that may grow
 * has an extension: a second ring, after the first one in the file and mapped twice too, which gets memory when the
 * first one is full.
 *
 * A record is a header of two words, the message, and padding to a multiple of the queue's alignment, at least 8 bytes:
 *
 *	+----------+------+--------------------+-----+
 *	| size + 1 | type | message            | pad |   next record
 *	+----------+------+--------------------+-----+
 *
 * The ring is counted in units of 8 bytes, the size of a record's header. Positions are free-running uint32 counts of
 * units, compared by their difference, never by value. A position modulo the capacity is an offset in the ring. The
 * first record starts one unit before the first multiple of the alignment, so that messages are aligned, not headers.
 *
 *	head                 tail
 *	 v                    v
 *	 [ABCD][EF][GHIJKLMN] 0 . . . . . . . .        size word 0: nothing is committed here yet
 *
 * Push, at the producer's tail t, of a record of r units:
 *	1. wait until t + r + 1 - head <= capacity (the 1 is the next record's header)
 *	2. write the message and its type
 *	3. zero the size word at t + r: the end of what the consumer may read
 *	4. store size + 1 to the size word at t, with release: the message is published
 *	5. store t + r as the tail
 *	6. count the message, and wake the peer if it waits (eventcount.h)
 * Pop, at the consumer's head h:
 *	1. load the size word at h, with acquire: 0 means empty
 *	2. read the message
 *	3. store h + r as the head, with release: the producer may overwrite the record
 *	4. every 64th of the capacity, and before it waits: store the head as the room too, with release
 *	5. count the message, and wake the peer if it waits
 * Steps 4 and 5 of a push together commit the message.
 *
 * So the consumer reads the tail only when it attaches, and a small message crosses between two cores in the cache line
 * of its size word. When its private copy of the head says that the ring is full, the producer reads the room, whose
 * line the consumer seldom writes: a read of the head would take away a line that the consumer writes with every
 * message. The room may lag, so before the producer sleeps or fails, it reads the head. The tail serves shmemq_stat(),
 * a consumer that attaches, the other handles of a SHARED end, and the next producer, which walks from it over records
 * that were published and not yet counted.
 *
 * Followers read without a position that holds the producer up. So before the producer writes to a further 64th of the
 * ring, it stores the limit: the position up to which it may write from now on. What lies less than a ring before the
 * limit is intact. And for each 64th it stores the position and the number of the record that it enters it with: the
 * index. Of the last such record it stores both once more, for the next producer: the count.
 *
 * Every word that changes is 32 bits wide, naturally aligned and native-endian. What one side writes with every message
 * lies in other groups of 128 bytes than anything that the other side writes: two cache lines, because processors
 * prefetch them in pairs.
 */
#ifndef SMQ_FORMAT_H
#define SMQ_FORMAT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* The bytes "shmemq\0\1" as two little-endian words, stored natively: a file of the other byte order does not match. */
#define SMQ_MAGIC_0 0x656d6873u
#define SMQ_MAGIC_1 0x0100716du
#define SMQ_VERSION 1u

#define SMQ_UNIT             8u /* bytes: what positions count, and the size of a record's header */
#define SMQ_CAPACITY_MAX     ((uint64_t)8 << 30)
#define SMQ_CAPACITY_DEFAULT ((uint64_t)1 << 20)
#define SMQ_MESSAGE_MAX      (1u << 30)
#define SMQ_ALIGNMENT_MAX    4096u

/*
 * The size word of a jump, by which the producer goes on in the other ring of a queue that may grow: the next record
 * stands there, at the position that is the jump's type. A jump takes up as much of the ring as an empty message.
 */
#define SMQ_JUMP UINT32_MAX

/*
 * A queue that may grow: the producer goes on in the extension when the ring is full, or too small for a message, and
 * goes back when there is space in the ring again. An end's position in the ring that it is not in is that of the jump
 * by which it has left that ring.
 *
 * The producer, from the tail t of one ring to the position p of the other:
 *	1. reserve memory, if that is the extension; store the other ring's limit and index, and p as its count
 *	2. zero the size word at p
 *	3. store p as the type at t, and SMQ_JUMP as the size word at t, with release: the end is there now
 *	4. store p as the other ring's tail, then in which ring the end is
 * p is one empty message after the other ring's tail, at which the jump back stands. If nothing of the extension is
 * needed any more, it is at the start of a page instead, more than a ring after all that was there: before 2 the
 * producer then stores p as both ends' positions in the extension, its own first, and as the lease and the room.
 *
 * The consumer, at a jump to p:
 *	1. store p as the lease, as the head and as the room of the other ring
 *	2. store in which ring the end is, with release
 * So an end that is killed in the middle has not left, or its successor meets the jump again. And between the position
 * of a ring's count and the producer's tail, while it is in that ring, there is no jump.
 *
 * The extension's memory is reserved before it is touched. What lies before its head is given back in steps, and all of
 * it when both ends have left: the producer is in the ring, and the consumer too, at the position that the last jump
 * led to or after it. Before that the producer stores the limit, so that nothing in it counts as intact. Before it
 * gives back memory in the extension that it is in, it stores its tail as the count, so that this is not before what is
 * kept.
 */

/* Wait mechanisms (eventcount.h). A queue made for another one is refused with EPROTO. */
#define SMQ_MECHANISM_FUTEX 1u
#define SMQ_MECHANISM_SEM   2u /* | libc << 8 | sizeof(void *) << 16, which decide the layout of sem_t */

#define SMQ_GROUP_BYTES 128 /* alignment of a group of words: two cache lines */

typedef _Atomic uint32_t smq_word;

/*
 * Locks: open-file-description locks on bytes of the queue's own file, most of them after its end. Byte 0 is the init
 * lock: held during claim, close and removal of the name.
 *
 * Each handle of an end has a number, and write-locks a range in the slot of that number. Where the range begins and
 * ends says which process has the handle: the kernel tells it to any process that asks about the slot.
 *
 *	slot                        slot + 2^33                 slot + 2^34 - 1
 *	|   mode + pid . . . . . . . . . | . . . . + pid namespace        recovery |
 *	          [------------ the handle's lock -----------]
 *
 * mode: 2^32 if the handle shares its end, else 0. pid namespace: the inode of /proc/self/ns/pid, in which alone the
 * pid means something; 0 if that is not known. Recovery: locked by a handle that recovers the owner lock of the handle
 * with this number (ownerlock.h).
 */
#define SMQ_LOCK_INIT       0
#define SMQ_LOCK_SHARED     ((int64_t)1 << 32)
#define SMQ_LOCK_MIDDLE     ((int64_t)1 << 33)
#define SMQ_LOCK_SLOT_BYTES ((int64_t)1 << 34)
#define SMQ_HANDLES_MAX     0xffffu /* handles of an end, numbered from 1 */

/* Where the slot of a number begins. */
static inline int64_t smq_lock_slot(int producer, uint32_t number)
{
	return ((int64_t)(producer ? 0 : SMQ_HANDLES_MAX) + number) * SMQ_LOCK_SLOT_BYTES;
}

/*
 * Written by: the creator, before any other process can open the queue; constant from then on. Read by: each open,
 * once, by pread(2).
 */
struct smq_identity {
	uint32_t magic[2];
	uint32_t version;
	uint32_t header_bytes; /* where the ring starts: a page; of a broadcast queue, the readers' pages too */
	uint64_t capacity;     /* ring bytes: a power of two, a page to SMQ_CAPACITY_MAX, at least 2 * alignment */
	/* Bytes to which the ring may grow: likewise, at least `capacity`. If it is more, an extension follows the ring
	 * in the file, of capacity_max bytes, of which capacity_max - capacity may be in use at a time. */
	uint64_t capacity_max;
	uint64_t id;            /* random: a queue made anew under the same name has another */
	uint32_t messages_max;  /* messages that may be queued; 0: as many as fit */
	uint32_t alignment;     /* of messages, in bytes: a power of two, SMQ_UNIT to SMQ_ALIGNMENT_MAX */
	uint32_t mechanism;     /* SMQ_MECHANISM_* */
	uint32_t flags;         /* SHMEMQ_ATTR_* */
	unsigned char user[64]; /* the creator's */
	uint32_t zero[2];
};

/*
 * How far an end has come in a ring. Written by: the end's handle; on a SHARED end, the holder of the owner lock; of a
 * broadcast queue's consumers, each its own. Read by: shmemq_stat() and the end's next handle; on a SHARED end each
 * handle that takes the owner lock or waits; the consumer's position by the producer, when it attaches or would sleep
 * or fail; the producer's position by a consumer that attaches. Orderings: ring.h.
 */
struct smq_moved {
	smq_word position_units; /* producer: tail; consumer: head. Stored after every operation */
	/* Consumer: the position after the last message handed out in place. If that is after the head, the messages
	 * between are not released yet, and the next consumer gets them marked as redelivered. Producer: always 0. */
	smq_word lease_units;
	/* Messages moved through this end; a handle that is killed may leave it one operation short, and the next
	 * producer counts by `counted_units`. The upper word is the total divided by 2^31, not 2^32: so its lowest bit
	 * equals the highest bit of the lower word (ring.h). */
	smq_word messages_lo;
	smq_word messages_hi;
	/* Bytes of these messages, likewise. */
	smq_word moved_lo;
	smq_word moved_hi;
};

/* What an end's handle writes, as above, unless said otherwise. */
struct smq_progress {
	struct smq_moved moved;
	/* SHARED end: the number of the handle that holds the owner lock, and SMQ_OWNER_* (ownerlock.h). Written and
	 * read by: this end's handles. Here, so that who gets the lock gets all that it needs in one cache line, from
	 * the last holder and not from the peer, which reads the claim. */
	smq_word owner;
	/* Producer: up to where it may be writing. Read by: followers; on a SHARED end the next holder. */
	smq_word limit_units;
	/* In which ring the end is: 0, or 1 for the extension. */
	smq_word extended;
	/* Producer, messages_max: `limited_messages` messages had been pushed before the one at `limited_units`, in the
	 * ring `limited_extended`. All messages before that one have been popped. */
	smq_word limited_units;
	smq_word limited_extended;
	smq_word limited_messages;
	/* Producer, of the extension's words: what of its memory is reserved, from `kept_units` on, whole pages. While
	 * both are equal, neither end needs the extension. On a SHARED end read by the next holder; the first also by
	 * followers: nothing before it is intact. */
	smq_word kept_units;
	smq_word reserved_units;
	/* Likewise: a consumer that is in the ring, at this position or after it, has left the extension. */
	smq_word returned_units;
	/* Likewise: where the producer last came into the extension. */
	smq_word arrived_units;
	/* The end's mark. */
	struct smq_marks {
		/* One of them is in force; the next mark is drafted in the other one: in each part 22 bits of it, the
		 * lowest ones first, above the lowest 10 bits of the draft's number. So a reader that reads the parts
		 * in any order, while they change, knows which belong together. */
		struct smq_mark {
			smq_word part[3];
		} slot[2];
		/* Number of the draft in force << 3 | its slot << 2 | SMQ_MARK_*. */
		smq_word now;
		smq_word drafts;   /* number of the last draft, which is in the other slot unless it is in force */
		smq_word at_units; /* when it comes into force: see below */
	} marks;
	/* Producer: the count. `counted_messages` messages, in both rings and modulo 2^32, had been pushed before the
	 * record at `counted_units`, which was the tail then. Stored in this order, each with release, the position
	 * twice, with the limit and the index. If the positions differ, the holder was killed between these stores, and
	 * its total is exact. Read by: the next producer; followers, if the producer rests. */
	smq_word counted_units;
	smq_word counted_messages;
	smq_word counted_again;
};

/*
 * Marks: 64 bits of the caller's that come into force together with an operation of the end, whenever its process is
 * killed. Written by: the end's handle, if the end is not SHARED. Read by: shmemq_stat(), and the end's next handle.
 *
 *	1. draft: store the number, then the parts, in the slot that is not in force
 *	2. store the position that the operation leads to in at_units, then SMQ_MARK_PENDING, with the ring, in `now`
 *	3. the operation: the message is published, or the head stored, with release
 *	4. store the draft as the one in force in `now`, with release; without an operation this is all
 *
 * While `now` says that it is pending, the draft is in force if the end's position in that ring is at_units; or,
 * of the producer, if a message is published at the position. What a killed process left, the next handle settles.
 */
#define SMQ_MARK_PENDING   1u /* in the ring, */
#define SMQ_MARK_EXTENSION 2u /* or, with this one as well, in the extension */
#define SMQ_MARK_SLOT      4u
#define SMQ_MARK_NUMBER    3 /* shift */
#define SMQ_MARK_TAG_BITS  10
#define SMQ_MARK_PART_BITS 22

/*
 * An end's claim. Written by: a handle that claims or closes the end, under the init lock (a close that could not get
 * the lock within 1 s does without); `fence` as said below. Read by: the peer, when a call would have to wait; a handle
 * that claims the end; shmemq_stat().
 */
struct smq_claim {
	smq_word state; /* SHMEMQ_END_NEVER, _OPEN or _CLOSED, plus SMQ_CLAIM_ONE for each claim so far */
	smq_word pid;   /* of the last claim, as the claiming process sees itself; for display only */
	/* 1: this end fences between publishing and reading the peer's wait word (eventcount.h). Written by: this end's
	 * handle when it attaches, acknowledges, or stops fencing. Read by: a peer that prepares to sleep. */
	smq_word fence;
};
#define SMQ_CLAIM_STATE 3u /* mask */
#define SMQ_CLAIM_ONE   4u
/*
 * The claim of a broadcast queue's consumer (struct smq_reader) has two states more: with this one it has been claimed,
 * and its words are not valid yet. A word that is 0 was never claimed. SHMEMQ_END_DEAD: a producer has let it go.
 */
#define SMQ_CLAIM_JOINING 0u

/*
 * Where an end's handles sleep. Written by: these handles when they go to sleep, poll or are interrupted; a new claim,
 * which resets it; the peer when it wakes them. Read by: the peer after every publication; shmemq_stat(). Futex
 * mechanism: `word` is the futex. Semaphore mechanism: the waker posts `sem[0]` if `word` says that a handle sleeps.
 */
struct smq_wait {
	smq_word word;     /* SMQ_WAIT_* (eventcount.h) */
	smq_word sleepers; /* semaphore, SHARED end: handles that sleep */
	uint32_t zero[14];
	/* A sem_t to wait for the peer, and one to wait for the owner lock. */
	unsigned char sem[2][SMQ_GROUP_BYTES / 4];
};

/*
 * The head, as of a moment ago: at most a 64th of the capacity before the head; in the middle of a pop, and that pop.
 * Written by: the consumer's handle; on a SHARED end, the holder of the owner lock. Read by: the producer, when its
 * private copy of the head says that the ring is full. Of a broadcast queue: written and read by the producers, the
 * position of the consumer that was furthest back when one of them last looked.
 */
struct smq_room {
	smq_word position_units;
};

/* What an end notes on its slow paths (note.h). Written by: the end's handles. Read by: shmemq_stat(). */
struct smq_counts {
	smq_word blocked;       /* calls that found the ring full, or empty, modulo 2^32 */
	smq_word slept;         /* calls that slept for that, likewise */
	smq_word moved_at_s;    /* seconds, CLOCK_REALTIME: the last push or pop, give or take a second of activity */
	smq_word most_units;    /* producer: most units queued so far; */
	smq_word reserved_now;  /* ring units reserved now, */
	smq_word reserved_most; /* and at most so far */
};

/*
 * For each 64th of the ring the first record that reaches into it, and so begins in it or before. Written by: the
 * producer, before it writes that record, once the limit is stored: first a position that is not valid, then the
 * number, then the position, both with release. Read by: followers, which find the oldest record by it, and count what
 * they have lost. An entry is valid if its record begins before the 64th's end, which is the last one before the limit,
 * and at most a ring before both; but not one with the position 0, unless it is the first message's: it may be half
 * set.
 */
struct smq_index {
	smq_word position_units;
	smq_word messages_lo; /* messages pushed before that record, in both rings, modulo 2^32 */
};
#define SMQ_INDEX_ENTRIES 64

/*
 * A consumer of a broadcast queue: 64 of these, from the offset SMQ_READERS_OFFSET on, that of number 1 first. Written
 * by: the handle with that number; `claim` also by a producer that finds it dead.
 */
struct smq_reader {
	struct smq_claim claim;
	smq_word extended; /* as in smq_progress, for this consumer */
	uint32_t zero_claim[4];
	struct smq_room room[2]; /* of the ring, and of the extension; */
	uint32_t zero_room[6];
	struct smq_moved moved[2]; /* likewise */
	uint32_t zero[4];
};
#define SMQ_READERS_OFFSET 4096
#define SMQ_READERS_MAX    64u

struct smq_header {
	_Alignas(SMQ_GROUP_BYTES) struct smq_identity identity;
	_Alignas(SMQ_GROUP_BYTES) struct smq_progress producer_progress;
	_Alignas(SMQ_GROUP_BYTES) struct smq_claim producer_claim;
	_Alignas(SMQ_GROUP_BYTES) struct smq_progress consumer_progress;
	_Alignas(SMQ_GROUP_BYTES) struct smq_claim consumer_claim;
	_Alignas(SMQ_GROUP_BYTES) struct smq_wait producer_wait;
	_Alignas(SMQ_GROUP_BYTES) struct smq_wait consumer_wait;
	_Alignas(SMQ_GROUP_BYTES) struct smq_room consumer_room;
	_Alignas(SMQ_GROUP_BYTES) struct smq_counts producer_counts;
	_Alignas(SMQ_GROUP_BYTES) struct smq_counts consumer_counts;
	_Alignas(SMQ_GROUP_BYTES) struct smq_index index[SMQ_INDEX_ENTRIES];
};

/*
 * Where the extension's words stand: the same structure once more, of which only the positions and totals, the limit,
 * the room and the index are used.
 */
#define SMQ_EXTENSION_OFFSET 2048

static inline struct smq_header *smq_extension_of(struct smq_header *header)
{
	return (struct smq_header *)(void *)((unsigned char *)header + SMQ_EXTENSION_OFFSET);
}

/* Bytes of the extension in the file; 0: there is none. */
static inline uint64_t smq_extension_length(const struct smq_identity *identity)
{
	return identity->capacity_max > identity->capacity ? identity->capacity_max : 0;
}

static inline struct smq_reader *smq_reader_of(struct smq_header *header, uint32_t number)
{
	return (struct smq_reader *)(void *)((unsigned char *)header + SMQ_READERS_OFFSET) + number - 1;
}

struct smq_record {
	/* 0: not published. The producer zeroes it, later stores size + 1 (with release; relaxed for the later records
	 * of a batch). The consumer loads it with acquire. */
	smq_word size_plus_1;
	smq_word type; /* the caller's; size_plus_1 publishes it */
};

/* 1 is armel, where the kernel helps: also between processes. */
_Static_assert(sizeof(smq_word) == 4 && ATOMIC_INT_LOCK_FREE != 0, "atomic words work between processes");
_Static_assert(sizeof(struct smq_record) == SMQ_UNIT, "record header");
_Static_assert(sizeof(struct smq_identity) == 128, "format");
_Static_assert(offsetof(struct smq_header, producer_progress) == 128, "format");
_Static_assert(offsetof(struct smq_progress, marks) == 64, "format");
_Static_assert(offsetof(struct smq_progress, marks.now) == 88, "format");
_Static_assert(offsetof(struct smq_progress, counted_units) == 100, "format");
_Static_assert(offsetof(struct smq_header, producer_claim) == 256, "format");
_Static_assert(offsetof(struct smq_header, consumer_progress) == 384, "format");
_Static_assert(offsetof(struct smq_header, consumer_claim) == 512, "format");
_Static_assert(offsetof(struct smq_header, producer_wait) == 640, "format");
_Static_assert(offsetof(struct smq_header, consumer_wait) == 768, "format");
_Static_assert(offsetof(struct smq_header, consumer_room) == 896, "format");
_Static_assert(offsetof(struct smq_header, producer_counts) == 1024, "format");
_Static_assert(offsetof(struct smq_header, consumer_counts) == 1152, "format");
_Static_assert(offsetof(struct smq_header, index) == 1280, "format");
_Static_assert(sizeof(struct smq_header) <= SMQ_EXTENSION_OFFSET, "format");
_Static_assert(SMQ_EXTENSION_OFFSET + sizeof(struct smq_header) <= SMQ_READERS_OFFSET, "format");
_Static_assert(sizeof(struct smq_reader) == SMQ_GROUP_BYTES, "format");

/* A word that no ordering is needed of: the caller says why. */
static inline uint32_t smq_load(const smq_word *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static inline void smq_store(smq_word *word, uint32_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
}

/* Where both ends of a new queue stand, in each ring. */
static inline uint32_t smq_start_units(uint32_t alignment)
{
	return alignment / SMQ_UNIT - 1;
}

#endif
