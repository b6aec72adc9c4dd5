/* SPDX-License-Identifier: MIT */
/* The handle: what a process needs to use an end of a queue, or to observe it. No peer can write this memory. */
#ifndef SMQ_HANDLE_H
#define SMQ_HANDLE_H

#include <stdbool.h>

#include "eventcount.h"
#include "format.h"
#include "ownerlock.h"
#include "pollable.h"
#include "probe.h"
#include "ring.h"

/*
 * The state of a handle: SHMEMQ_PRODUCER, _CONSUMER, _OBSERVER or _FOLLOWER, with these bits. It is one word, so that a
 * call checks it by one comparison with the state it needs.
 */
#define SMQ_STATE_END 0xffu
#define SMQ_STARTED   0x100u /* between push_start and push_end, or pop_start and pop_end */
#define SMQ_BROKEN    0x200u /* garbage was seen in the shared memory: EBADMSG from now on */
#define SMQ_BATCH     0x400u /* between popm_start and popm_end */
#define SMQ_SHARED    0x800u /* the end is SHARED: it is never in the state of the frequent case (acquire.h) */

/* A queue with messages_max: a producer that has more to check than the space is never in that state either. */
#define SMQ_LIMITED 0x1000u

/* A mark is drafted, and comes into force with the next commit or release: never in the state of the frequent case. */
#define SMQ_MARKED 0x4000u

/* A SHARED end of a queue that may grow: other handles may have taken the end to the other ring. */
#define SMQ_SWITCHING 0x2000u

#define SMQ_NOT_QUIET SMQ_CLAIM_STATE /* no claim word: its state would be SHMEMQ_END_DEAD */

/* A call with timeout 0 that fails reads the clock every so often, and then checks whether the peer lives. */
#define SMQ_TRIES_A_CLOCK_READING 64

/* What this side knows of the other end. */
struct smq_peer {
	uint32_t dead_claim; /* the claim word whose holder was found dead; 0: none */
	/* The claim word with which a call with timeout 0 has failed with EAGAIN. SMQ_NOT_QUIET: the next such call is
	 * to look at more; always so on a SHARED end, and with a pollable descriptor, which may have to be cleared. */
	uint32_t quiet_claim;
	uint32_t tries;            /* calls with timeout 0 that failed, here or for the owner lock */
	uint32_t messages_at_wait; /* ring.messages_lo when a call last waited for it, or failed without */
	int64_t probed_at;         /* ns, CLOCK_MONOTONIC: the last check of the holder */
};

struct smq_follow;

/* What few handles need. */
struct smq_more {
	struct smq_follow *follow; /* a follower's */
	uint32_t messages_max;     /* of the queue */
	/* A producer: `limited_messages` messages, of the end's total, had been pushed before the one at
	 * `limited_units`, and all those have been popped. */
	uint32_t limited_units;
	uint32_t limited_messages;
	uint32_t limited_extended; /* in which ring that is */
	/* Of a queue that may grow; else 0. */
	uint32_t extended;     /* in which ring this end is: 1, the extension */
	struct smq_ring other; /* the ring that it is not in */
	uint64_t capacity_max;
	uint32_t window_units; /* of the extension, that may be in use */
	uint32_t page_units;
	/* A producer: as the extension's words have them (struct smq_progress). */
	uint32_t kept, reserved;
	uint32_t own_from, own_to; /* within these two: the pages that this handle has itself reserved (extent.h) */
	uint32_t returned;
	uint32_t arrived;
	int64_t no_memory_at; /* ns, CLOCK_MONOTONIC: when no more could be reserved; 0: that was not so */
};

struct shmemq {
	const smq_word *generation_now; /* see process.h */
	uint32_t generation;
	uint32_t state;
	struct smq_ring ring; /* an observer's or a follower's is not attached, and nothing of it is mapped */
	uint32_t held_bytes;  /* SMQ_STARTED: the size of the started message; SMQ_BATCH: of all its messages */
	uint32_t batch;       /* SMQ_BATCH: messages held, */
	uint32_t batch_end;   /* and the position after them */
	bool redelivered;     /* the last message popped */
	bool observer : 1; /* maps nothing; constant, as the three below: shmemq_interrupt() runs beside other calls */
	bool follower : 1; /* as state says; it is an observer too */
	bool nospin : 1;   /* SHMEMQ_NOSPIN: sleep at once */
	bool producer;     /* as state says */
	bool nonblock;     /* SHMEMQ_NONBLOCK: the timeout of calls without such an argument is 0 */
	uint8_t note_step; /* how much it moves until the next note: note.h */
	bool stay;      /* go on waiting when the peer has closed or died: SHMEMQ_STAY, a broadcast queue's producer */
	uint16_t flags; /* of the queue: SHMEMQ_ATTR_* */
	int directory;  /* TEMPORARY: of its name, which must be found after a chroot(2) too; else -1 */
	struct smq_eventcount eventcount;
	struct smq_peer peer;
	struct smq_ownerlock ownerlock;
	uint32_t noted;   /* the position up to which this handle has noted that it moves: note.h */
	uint32_t spin_ns; /* adaptive, both: see wait.c */
	uint32_t spin_misses;
	uint32_t forks;                /* of the process, before `fd` was opened: see smq_endlock_open_fd() */
	struct smq_pollable *pollable; /* NULL: never polled, and in no set */
	struct smq_more *more; /* a producer's with messages_max, a follower's, of a queue that may grow; else NULL */
	union {
		struct smq_header *header; /* an end's: mapped, with the ring after it */
		uint64_t observed_id;      /* an observer's or a follower's, which map nothing: the queue's id */
	};
	uint32_t inode; /* the number's lower half: does the name still refer to what `fd` had open? */
	int fd; /* holds no end lock: for probes, for raising the peer's descriptor, for short locks; see smq_fd() */
	char path[]; /* "/dev/shm/..."; empty: opened by descriptor */
};

/*
 * The handle's descriptor of the queue, after a check that it still is that. If the program has closed it, the queue is
 * opened by its name again. -1: that cannot be done. No other function uses `fd` without this one.
 */
int smq_fd(struct shmemq *q);

/* Gives a handle its descriptor, opened after `forks` was set. */
void smq_handle_set_fd(struct shmemq *q, int fd);

/* The descriptor of the directory that has a TEMPORARY queue's name, after a check likewise, and after smq_fd(). -1. */
int smq_handle_directory(const struct shmemq *q);

/* Frees what it has beside its block. */
void smq_handle_free_more(struct shmemq *q);

/* Closes all descriptors that are still the handle's. In a forked child too. */
void smq_handle_close_fds(struct shmemq *q);

/* Makes what a handle needs to be polled, once, and without descriptors. false: no memory. */
bool smq_handle_make_pollable(struct shmemq *q);
/* Frees that, unless it has descriptors or is in a set: tries then need not clear anything. */
void smq_handle_free_pollable(struct shmemq *q);

/* The claim of the other end. */
static inline struct smq_claim *smq_peer_claim(const struct shmemq *q)
{
	return (struct smq_claim *)(void *)((unsigned char *)q->eventcount.peer_fence -
					    offsetof(struct smq_claim, fence));
}

/* This end's words, of which the queue's own header has those that are not of one ring: `owner`, `extended`, marks. */
static inline struct smq_progress *smq_own_progress(const struct shmemq *q)
{
	return q->producer ? &q->header->producer_progress : &q->header->consumer_progress;
}

/* The words of the ring, or of the extension. */
static inline struct smq_header *smq_header_of_ring(const struct shmemq *q, uint32_t extended)
{
	return extended ? smq_extension_of(q->header) : q->header;
}

/* For probes: the queue's id, of which a 32-bit machine has the lower half; */
static inline unsigned long smq_probed_id(const struct shmemq *q)
{
	return (unsigned long)(q->observer ? q->observed_id : q->header->identity.id);
}

/* and SHMEMQ_PRODUCER, _CONSUMER or _FOLLOWER. */
static inline uint32_t smq_probed_end(const struct shmemq *q)
{
	return q->state & SMQ_STATE_END;
}

/* May the queue grow? Then it has a second ring. */
static inline bool smq_is_elastic(const struct shmemq *q)
{
	return q->more != NULL && q->more->capacity_max != 0;
}

/* In which ring is this end: 1, the extension; else 0? */
static inline uint32_t smq_is_extended(const struct shmemq *q)
{
	return q->more != NULL ? q->more->extended : 0;
}

/* The ring that every queue has: `ring` unless this end is in the extension. */
static inline const struct smq_ring *smq_first_ring(const struct shmemq *q)
{
	return smq_is_extended(q) ? &q->more->other : &q->ring;
}

/*
 * A producer: units of a ring, up to its tail and with the header there, that have memory. Only there may records be
 * read: see extent.h.
 */
static inline uint32_t smq_units_with_memory(const struct shmemq *q, uint32_t extended)
{
	const struct smq_ring *ring = extended == smq_is_extended(q) ? &q->ring : &q->more->other;
	uint32_t units;

	if (!extended)
		return ring->mask + 1;
	units = ring->position - q->more->kept;
	return units < q->more->reserved - q->more->kept ? units + 1 : 0;
}

/* Bytes of the header page, which is mapped before the ring. */
static inline uint32_t smq_header_bytes(const struct shmemq *q)
{
	return (uint32_t)((const char *)smq_first_ring(q)->records - (const char *)q->header);
}

/* Bytes of the ring. */
static inline uint64_t smq_capacity(const struct shmemq *q)
{
	return ((uint64_t)smq_first_ring(q)->mask + 1) * SMQ_UNIT;
}

/* Bytes of the extension's addresses; 0: there is none. */
static inline uint64_t smq_extension_bytes(const struct shmemq *q)
{
	return q->more != NULL ? q->more->capacity_max : 0;
}

/* Bytes of the largest message: for that of the ring alone, see smq_ring_init(). */
static inline uint32_t smq_message_max(const struct shmemq *q)
{
	return smq_is_elastic(q) && !q->more->extended ? q->more->other.message_max : q->ring.message_max;
}

/* A budget (doc/performance.md): a handle costs 256 bytes and its name. */
_Static_assert(sizeof(struct shmemq) <= 256, "a handle's block is 256 bytes and its name");

#endif
