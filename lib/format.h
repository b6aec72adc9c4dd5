/* SPDX-License-Identifier: MIT */
/*
 * The shared memory of a queue, format version 1. shmemq(5) tells the same to the world.
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
 * Positions are free-running uint32 counts of ring bytes, multiples of 8, compared by unsigned
 * difference; a position modulo capacity is the offset in the ring.
 *
 *	head                 tail
 *	 v                    v
 *	 [ABCD][EF][GHIJKLMN] 0 . . . . . . . .        size word 0: nothing committed here yet
 *
 * Push, at the producer's tail t, of a record of r bytes:
 *	1. wait until t + r + 8 - head <= capacity (the 8 are the next header)
 *	2. zero the size word at t + r: the end of what the consumer may read
 *	3. fill the message and its type
 *	4. store-release size + 1 to the size word at t: the message is published
 *	5. store t + r as the tail
 * Pop, at the consumer's head h:
 *	1. load-acquire the size word at h: 0 means empty
 *	2. read the message
 *	3. store-release h + r as the head: the licence to overwrite
 *
 * So the consumer never reads the tail, the producer reads the head only when its copy of it says full,
 * and a message crosses between two cores with its flag. The tail is for the next producer, which walks on
 * from it over committed records, and for shmemq_stat().
 *
 * Every word that changes is 32 bits wide, naturally aligned and native-endian. What one side writes on
 * every message shares no 128 bytes (two lines: adjacent-line prefetch) with anything the other writes.
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
/* What a full-size message cannot use: its own header and the zeroed next one. */
#define SMQ_CAPACITY_OVERHEAD 16u

/* Wait mechanisms: see wait.h. A queue of another one is refused with EPROTO. */
#define SMQ_MECHANISM_FUTEX 1u
#define SMQ_MECHANISM_SEM   2u /* | libc << 8 | bytes of a pointer << 16: what decides the shape of sem_t */

#define SMQ_GROUP_BYTES 128 /* bytes between groups of different writers */

typedef _Atomic uint32_t smq_word;

/* Lock bytes: open-file-description locks on the queue's own file, at these offsets. */
enum smq_lock_byte {
	SMQ_LOCK_INIT = 0,     /* claim, close and removal of the name run under it */
	SMQ_LOCK_PRODUCER = 1, /* each end: a write lock of its only holder, */
	SMQ_LOCK_CONSUMER = 2, /* or read locks of all that share it */
	SMQ_LOCK_PRODUCER_HANDLES =
		1 << 16, /* plus 1 to SMQ_HANDLES_MAX: a handle of a SHARED producer end; write lock */
	SMQ_LOCK_CONSUMER_HANDLES = 2 << 16, /* the same of a SHARED consumer end */
};
#define SMQ_HANDLES_MAX 0xffffu /* that may share an end */

/* Constant once the name exists. */
struct smq_identity {
	uint32_t magic[2];
	uint32_t version;
	uint32_t header_bytes; /* the page size of the machine; where the ring starts */
	uint32_t capacity;     /* ring bytes: a power of two, header_bytes to SMQ_CAPACITY_MAX */
	uint32_t mechanism;    /* SMQ_MECHANISM_* */
	uint32_t flags;        /* SHMEMQ_ATTR_* */
	uint32_t zero;
};

/*
 * What a side writes on every message. Written by: the holder of that end. Read by: shmemq_stat(), the next
 * holder; the consumer's position by the producer; the producer's by a new consumer.
 */
struct smq_progress {
	smq_word position_bytes; /* producer: tail; consumer: head. Stored after every operation */
	smq_word lease_bytes;    /* consumer: end of what was handed out; over head: a view not ended. Producer: 0 */
	smq_word messages_lo;    /* messages moved through this end; a killed holder may leave it one operation short */
	smq_word messages_hi;    /* counts every 2^31: its lowest bit is messages_lo's highest (ring.h) */
	smq_word moved_lo;       /* message bytes, likewise both */
	smq_word moved_hi;
};

/* An end's claim. Written by: its holder, under the init lock. Read by: everybody, when they would wait. */
struct smq_claim {
	smq_word claim; /* claims so far << 2 | SHMEMQ_END_NEVER, _OPEN or _CLOSED */
	smq_word pid;   /* of the last claim, as it saw itself */
	smq_word fence; /* 1: the holder fences between publishing and reading the peer's wait word (wait.h) */
	smq_word owner; /* of a SHARED end: which handle is in it, and who waits for its turn (turn.h); 0: nobody */
};

/*
 * Written by: the end's holder when it goes to sleep (and awakes), the peer when it wakes it. Read by: the
 * peer after every publication. Futex: `word` is the futex. Semaphore: `sem` holds a sem_t, posted after
 * `word` said that somebody sleeps.
 */
struct smq_wait {
	smq_word word;     /* SMQ_WAIT_* (wait.h) */
	smq_word sleepers; /* semaphore, SHARED end: handles that sleep */
	uint32_t zero[14];
	unsigned char sem[2][SMQ_GROUP_BYTES / 4]; /* a sem_t for the wait and one for the turn */
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
	smq_word size_plus_1; /* by the producer: zeroed, later released. By the consumer: acquired. 0: not committed */
	smq_word type;        /* the caller's tag; published by size_plus_1 */
};

_Static_assert(sizeof(smq_word) == 4, "an atomic word is 32 bits without a lock");
_Static_assert(sizeof(struct smq_record) == SMQ_RECORD_HEADER, "record header");
_Static_assert(offsetof(struct smq_header, producer_progress) == 128, "format");
_Static_assert(offsetof(struct smq_header, producer_claim) == 256, "format");
_Static_assert(offsetof(struct smq_header, consumer_progress) == 384, "format");
_Static_assert(offsetof(struct smq_header, consumer_claim) == 512, "format");
_Static_assert(offsetof(struct smq_header, producer_wait) == 640, "format");
_Static_assert(offsetof(struct smq_header, consumer_wait) == 768, "format");
_Static_assert(sizeof(struct smq_header) == 896, "format");

#endif
