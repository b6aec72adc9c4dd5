/* SPDX-License-Identifier: MIT */
/*
 * The shared memory of a queue, format version 1. shmemq(5) documents the same for users.
 *
 *	0             header_bytes                 header_bytes + capacity
 *	+-------------+----------------------------+
 *	| header page | ring                       |    the file
 *	+-------------+----------------------------+
 *	| header page | ring                       | the same ring again |    as a handle maps it
 *	+-------------+----------------------------+---------------------+
 *
 * The ring is mapped twice, back to back, so that every record is contiguous wherever it starts.
 *
 * A record is a header of two words, the message, and padding to 8 bytes:
 *
 *	+----------+------+--------------------+-----+
 *	| size + 1 | type | message            | pad |   next record
 *	+----------+------+--------------------+-----+
 *
 * Positions are free-running uint32 counts of ring bytes, multiples of 8, compared by unsigned difference. A position
 * modulo the capacity is an offset in the ring.
 *
 *	head                 tail
 *	 v                    v
 *	 [ABCD][EF][GHIJKLMN] 0 . . . . . . . .        size word 0: nothing is committed here yet
 *
 * Push, at the producer's tail t, of a record of r bytes:
 *	1. wait until t + r + 8 - head <= capacity (the 8 are the next record's header)
 *	2. zero the size word at t + r: the end of what the consumer may read
 *	3. write the message and its type
 *	4. store size + 1 to the size word at t, with release: the message is published
 *	5. store t + r as the tail
 * Pop, at the consumer's head h:
 *	1. load the size word at h, with acquire: 0 means empty
 *	2. read the message
 *	3. store h + r as the head, with release: the producer may overwrite the record
 *
 * So the consumer never reads the tail, the producer reads the head only when its private copy says that the ring is
 * full, and a small message crosses between two cores in the cache line of its size word. The tail serves
 * shmemq_stat() and the next producer, which walks from it over records that were committed and not yet counted.
 *
 * Every word that changes is 32 bits wide, naturally aligned and native-endian. What one side writes with every message
 * is at least 128 bytes away from anything that the other side writes: two cache lines, because processors prefetch
 * them in pairs.
 */
#ifndef SMQ_FORMAT_H
#define SMQ_FORMAT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* "shmemq\0\1" as two native words: a file of the other byte order does not match. */
#define SMQ_MAGIC_0 0x656d6873u
#define SMQ_MAGIC_1 0x0100716du
#define SMQ_VERSION 1u

#define SMQ_RECORD_HEADER    8u
#define SMQ_CAPACITY_MAX     (1u << 30)
#define SMQ_CAPACITY_DEFAULT (1u << 20)
/* What the largest message leaves unused: its own header and the zeroed header after it. */
#define SMQ_CAPACITY_OVERHEAD 16u

/* Wait mechanisms (eventcount.h). A queue made for another one is refused with EPROTO. */
#define SMQ_MECHANISM_FUTEX 1u
#define SMQ_MECHANISM_SEM   2u /* | libc << 8 | sizeof(void *) << 16, which decide the layout of sem_t */

#define SMQ_GROUP_BYTES 128 /* between words of different writers: a pair of cache lines */

typedef _Atomic uint32_t smq_word;

/* Lock bytes: open-file-description locks on the queue's own file, at these offsets. */
enum smq_lock_byte {
	SMQ_LOCK_INIT = 0,     /* the init lock: held during claim, close, and removal of the name */
	SMQ_LOCK_PRODUCER = 1, /* one byte an end: write lock of its only handle, */
	SMQ_LOCK_CONSUMER = 2, /* or read locks of all handles that share it */
	/* Plus its number, 1 to SMQ_HANDLES_MAX: write lock of each handle of a SHARED end. */
	SMQ_LOCK_PRODUCER_HANDLES = 1 << 16,
	SMQ_LOCK_CONSUMER_HANDLES = 2 << 16,
};
#define SMQ_HANDLES_MAX 0xffffu /* handles that may share an end */

/* Constant once the name exists. */
struct smq_identity {
	uint32_t magic[2];
	uint32_t version;
	uint32_t header_bytes; /* where the ring starts: the page size of the machine */
	uint32_t capacity;     /* ring bytes: a power of two, header_bytes to SMQ_CAPACITY_MAX */
	uint32_t mechanism;    /* SMQ_MECHANISM_* */
	uint32_t flags;        /* SHMEMQ_ATTR_* */
	uint32_t zero;
};

/*
 * What an end writes with every message. Written by: the end's handle; on a SHARED end, the holder of the owner lock.
 * Read by: shmemq_stat() and the end's next handle; the consumer's position by the producer, when its private copy says
 * that the ring is full; the producer's position by a consumer that attaches. Orderings: ring.h.
 */
struct smq_progress {
	smq_word position_bytes; /* producer: tail; consumer: head. Stored after every operation */
	smq_word lease_bytes; /* consumer: position after the last message handed out in place; after the head: not yet
				 released. Producer: 0 */
	smq_word messages_lo; /* messages moved through this end; a killed handle may leave it one operation short */
	smq_word messages_hi; /* counts every 2^31, so its lowest bit equals the highest of messages_lo (ring.h) */
	smq_word moved_lo;    /* bytes of these messages; the two words as above */
	smq_word moved_hi;
};

/*
 * An end's claim. Written by: the handle that claims or closes the end, under the init lock; `fence` and `owner` as
 * said below. Read by: both sides, when a call would have to wait, and shmemq_stat().
 */
struct smq_claim {
	smq_word claim; /* claims so far << 2 | SHMEMQ_END_NEVER, _OPEN or _CLOSED */
	smq_word pid;   /* of the last claim, in its own pid namespace; for display only */
	smq_word fence; /* 1: this end fences between publishing and reading the peer's wait word (eventcount.h) */
	smq_word owner; /* SHARED end: the number of the handle that holds the owner lock (ownerlock.h), and flags */
};

/*
 * Where an end's handles sleep. Written by: these handles when they go to sleep; the peer when it wakes them. Read by:
 * the peer after every publication. Futex mechanism: `word` is the futex. Semaphore mechanism: the waker posts `sem`
 * if `word` says that a handle sleeps.
 */
struct smq_wait {
	smq_word word;     /* SMQ_WAIT_* (eventcount.h) */
	smq_word sleepers; /* semaphore, SHARED end: handles that sleep */
	uint32_t zero[14];
	unsigned char sem[2]
			 [SMQ_GROUP_BYTES / 4]; /* a sem_t to wait for the peer, and one to wait for the owner lock */
};

struct smq_header {
	_Alignas(SMQ_GROUP_BYTES) struct smq_identity identity;
	_Alignas(SMQ_GROUP_BYTES) struct smq_progress producer_progress;
	_Alignas(SMQ_GROUP_BYTES) struct smq_claim producer_claim;
	_Alignas(SMQ_GROUP_BYTES) struct smq_progress consumer_progress;
	_Alignas(SMQ_GROUP_BYTES) struct smq_claim consumer_claim;
	_Alignas(SMQ_GROUP_BYTES) struct smq_wait producer_wait;
	_Alignas(SMQ_GROUP_BYTES) struct smq_wait consumer_wait;
};

struct smq_record {
	smq_word size_plus_1; /* 0: not committed. Producer: zeroes it, later stores it with release. Consumer: acquires
			       */
	smq_word type;        /* the caller's tag; size_plus_1 publishes it */
};

_Static_assert(sizeof(smq_word) == 4, "an atomic word is 32 bits and has no lock");
_Static_assert(sizeof(struct smq_record) == SMQ_RECORD_HEADER, "record header");
_Static_assert(offsetof(struct smq_header, producer_progress) == 128, "format");
_Static_assert(offsetof(struct smq_header, producer_claim) == 256, "format");
_Static_assert(offsetof(struct smq_header, consumer_progress) == 384, "format");
_Static_assert(offsetof(struct smq_header, consumer_claim) == 512, "format");
_Static_assert(offsetof(struct smq_header, producer_wait) == 640, "format");
_Static_assert(offsetof(struct smq_header, consumer_wait) == 768, "format");
_Static_assert(sizeof(struct smq_header) == 896, "format");

#endif
