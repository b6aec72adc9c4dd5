/* SPDX-License-Identifier: MIT */
/* The handle: one process's claim on one end, private memory that no peer can write. */
#ifndef SMQ_HANDLE_H
#define SMQ_HANDLE_H

#include <errno.h>
#include <sys/types.h>

#include "clock.h"
#include "pollable.h"
#include "ring.h"
#include "shmemq.h"
#include "ownerlock.h"
#include "eventcount.h"

/*
 * The state of a handle, SHMEMQ_PRODUCER, SHMEMQ_CONSUMER or SHMEMQ_OBSERVER with these: one word, which every
 * call compares with the state it needs.
 */
#define SMQ_ENDS    (SHMEMQ_PRODUCER | SHMEMQ_CONSUMER | SHMEMQ_OBSERVER)
#define SMQ_STARTED 0x100u /* between push_start and push_end, or pop_start and pop_end */
#define SMQ_BROKEN  0x200u /* garbage was seen in the shared memory: EBADMSG from now on */
#define SMQ_BATCH   0x400u /* between popm_start and popm_end */
#define SMQ_SHARED  0x800u /* a handle of many: so no frequent path takes it for an unshared one (turn.h) */

/*
 * A sleep and its wake cost some 50 us of latency (doc/design.md); spinning longer than that for what comes
 * later gains nothing. A wait of less than twice that shows that spinning would have been about right.
 */
#define SMQ_SPIN_MAX_NS 50000
/* Failing tries read the clock every so often, and ask who lives when it says so: within 1 s or 256 tries. */
#define SMQ_TRIES_A_CLOCK_READING 64
/* Spins in a row that saw nothing, although it came soon: then spinning is given up, */
#define SMQ_SPIN_MISSES 8
#define SMQ_SPIN_AGAIN  128 /* but for one wait in as many: a spin of SMQ_SPIN_MAX_NS now and then costs little */

/* What this side knows of the other end. */
struct smq_peer {
	struct smq_claim *claim;
	uint32_t dead_claim; /* the claim word whose holder was found dead; 0: none */
	uint32_t tries;      /* zero-timeout tries that failed */
	int64_t probed_at;   /* ns, CLOCK_MONOTONIC */
};

struct shmemq {
	const smq_word *generation_now; /* see process.h */
	uint32_t generation;
	uint32_t state;
	int64_t timeout; /* of the calls without a timeout argument: -1 or, with NONBLOCK, 0 */
	struct smq_ring ring;
	uint32_t held_bytes; /* SMQ_STARTED: the size of what was started; SMQ_BATCH: of all its messages */
	uint32_t batch;      /* SMQ_BATCH: messages held, */
	uint32_t batch_end;  /* and the position behind them */
	bool redelivered;    /* the last message taken */
	bool observer;       /* as state says, but constant: shmemq_interrupt() runs beside other calls */
	bool stay;
	struct smq_eventcount eventcount;
	struct smq_peer peer;
	struct smq_ownerlock owner;
	uint32_t waited_at; /* ring.messages_lo at the last wait */
	int64_t spin_ns;    /* both adaptive: see spin.h and await.c */
	uint32_t spin_misses;
	uint32_t forks;                /* of the process, before `fd` was opened: see smq_initlock_fd() */
	struct smq_pollable *pollable; /* NULL: nobody asked for a pollfd */
	struct smq_header *header;
	uint32_t flags; /* of the queue: SHMEMQ_ATTR_* */
	uint32_t header_bytes;
	uint32_t capacity;
	int fd; /* holds no lock: for probes and for the init lock of a close */
	char path[];
};

_Static_assert(sizeof(struct shmemq) <= 256, "a handle's block is 256 bytes and its name");

static inline bool smq_has_name(const struct shmemq *q)
{
	return q->path[0] != '\0';
}

static inline int smq_fail(int err)
{
	errno = err;
	return -1;
}

/*
 * Fails a call of the end `role` with the first reason that applies: EPERM (a forked child), EBADF (another end),
 * EBADMSG (broken), else EINVAL: a start or end out of order, or an argument that the caller found bad.
 */
int smq_refuse(const struct shmemq *q, uint32_t role);

static inline bool smq_in_process(const struct shmemq *q)
{
	return q != NULL && atomic_load_explicit(q->generation_now, memory_order_relaxed) == q->generation;
}

static inline bool smq_in_state(const struct shmemq *q, uint32_t state)
{
	return smq_in_process(q) && q->state == state;
}

/* The same for an end that may be shared. */
static inline bool smq_in_shared_state(const struct shmemq *q, uint32_t state)
{
	return smq_in_process(q) && (q->state & ~SMQ_SHARED) == state;
}

/* Of the calls without a timeout argument. */
static inline int64_t smq_timeout(const struct shmemq *q)
{
	return q != NULL ? q->timeout : 0;
}

/* A pause in a loop that waits for another processor. */
static inline void smq_cpu_relax(void)
{
#if defined __x86_64__ || defined __i386__
	__builtin_ia32_pause();
#elif defined __aarch64__ || (defined __ARM_ARCH && __ARM_ARCH >= 7)
	__asm__ __volatile__("yield" ::: "memory");
#elif defined __powerpc__
	__asm__ __volatile__("or 27,27,27" ::: "memory");
#else
	atomic_signal_fence(memory_order_seq_cst);
#endif
}

/* Takes up the ring as the end's new holder: of what the last one left half done, the rest. SMQ_READY or SMQ_BAD. */
enum smq_ring_status smq_take_ring(struct shmemq *q);

/* Has shmemq_interrupt() been called? Then that is dealt with. */
bool smq_take_interrupt(struct shmemq *q);

/*
 * Waits until the ring has room for a record of `*bytes` (producer), or for a message, whose size goes to `*bytes`
 * (consumer). 0, or the errno that the call fails with: EAGAIN EBADMSG ECANCELED EINTR EOWNERDEAD EPIPE ETIMEDOUT.
 * `seen` is what the caller's own look said. After 0 the caller need not look again, and must not: a peer that takes
 * messages back would have it wait for ever.
 */
int smq_await(struct shmemq *q, enum smq_ring_status seen, uint32_t *bytes, int64_t timeout);

/*
 * The same on a SHARED end, and 0 is in its turn, until smq_shared_leave(). Of an end that is not shared, or out of its
 * turn, leave does nothing.
 */
int smq_shared_enter(struct shmemq *q, uint32_t *bytes, int64_t timeout);
static inline void smq_shared_leave(struct shmemq *q)
{
	if (smq_unlikely(q->state & SMQ_SHARED))
		smq_ownerlock_unlock(&q->owner, q->eventcount.own, q->fd, q->eventcount.producer);
}

/* Either of them, as the end is: how a call that moves messages begins. `*bytes` as above. 0, or -1 and errno. */
int smq_enter(struct shmemq *q, uint32_t *bytes, int64_t timeout);

/* Makes room at the tail for a message of `size` bytes. 0, or -1 and errno. */
int smq_make_room(struct shmemq *q, size_t size, int64_t timeout);

/* Waits for a message at the head: `*size` gets its bytes. 0, or -1 and errno. */
int smq_await_message(struct shmemq *q, uint32_t *size, int64_t timeout);

#endif
