/* SPDX-License-Identifier: MIT */
/*
 * The end locks, the claim words and the init lock: which handle holds an end, and whether it lives.
 *
 * A handle holds its end by an open-file-description lock on a byte of the queue's own file. Only the handle's mapping
 * keeps that description open: its descriptor is closed, and forked children do not get the mapping. So the kernel
 * releases the lock when the process ends, for whatever reason, and whatever children it has forked. No pid decides
 * anything, and the locks work across pid namespaces. A SHARED end is held by read locks, and each of its handles by a
 * write lock on a byte of its own.
 *
 * The claim word in the header says the rest: if it says OPEN and no lock is held, the holder has died.
 */
#ifndef SMQ_ENDLOCK_H
#define SMQ_ENDLOCK_H

#include <stdbool.h>

#include "format.h"

/*
 * Lock the init lock for fd's own description, trying for 1 s, or once. 0, ETIMEDOUT, ENOMEM (the kernel cannot give
 * the lock). It must be unlocked explicitly: a child forked since fd was opened keeps the description, and so the lock.
 */
int smq_initlock_lock(int fd);
bool smq_initlock_trylock(int fd);
void smq_initlock_unlock(int fd);

/*
 * A descriptor for the init lock of a handle that has `fd` open since its process had forked `forks` times. A child
 * forked since then has `fd` too: if this process were killed while it holds the lock through `fd`, the child would
 * keep the lock, and with it the queue, for as long as it lives. So after a fork this is a newly opened descriptor; or
 * `fd` all the same, where no file can be opened any more.
 */
int smq_initlock_fd(int fd, uint32_t forks);
void smq_initlock_close_fd(int lock_fd, int fd);

/* Claims a whole end for fd's own description. 0, EBUSY, ENOMEM. Under the init lock. */
int smq_endlock_claim(int fd, enum smq_lock_byte end);

/* Claims a share of an end. `*alone`: no other handle has one. 0, EBUSY, ENOMEM. Under the init lock. */
int smq_endlock_share(int fd, enum smq_lock_byte end, bool *alone);

/*
 * Claims a number among the handles of a SHARED end for fd's own description: the first free one after `last`, going
 * round, that is not `except`. 0, EBUSY (all are taken), ENOMEM. Under the init lock.
 */
int smq_endlock_claim_number(int fd, bool producer, uint32_t last, uint32_t except, uint32_t *number);

/* Does a description other than fd's hold this number? */
bool smq_endlock_number_held(int fd, bool producer, uint32_t number);

/* Does one hold a number of this end other than `number`? */
bool smq_endlock_others_held(int fd, bool producer, uint32_t number);

/* Does a description other than fd's hold this end? */
bool smq_endlock_held(int fd, enum smq_lock_byte end);

/* Does one hold either end? */
bool smq_endlock_any_held(int fd);

/*
 * Store a new claim, and the close of the current one. By the holder; under the init lock, but for a close without it.
 */
void smq_claim_open(struct smq_claim *claim);
void smq_claim_close(struct smq_claim *claim);

static inline struct smq_claim *smq_claim_of(struct smq_header *header, bool producer)
{
	return producer ? &header->producer_claim : &header->consumer_claim;
}

/* SHMEMQ_END_* of a claim word. */
static inline uint32_t smq_claim_state(uint32_t claim)
{
	return claim & SMQ_CLAIM_STATE;
}

/* Removes the name if it still refers to the file that fd has open, and neither end is held. Under the init lock. */
void smq_endlock_unlink_unused(const char *path, int fd);

#endif
