/* SPDX-License-Identifier: MIT */
/*
 * Claims on ends, and who is there.
 *
 * An end is held by an open-file-description lock on a byte of the queue's own file. The description that holds
 * it is kept alive by the mapping alone: its descriptor is closed, and the mapping is not given to children. So
 * the kernel ends the claim when the process ends, whatever the cause and whoever was forked. No pid decides
 * anything; it works across pid namespaces. A SHARED end is held by read locks, and each handle by one of its own.
 *
 * `claim` in the header says the rest: a claim that says OPEN while nobody holds the lock is a death.
 */
#ifndef SMQ_ENDLOCK_H
#define SMQ_ENDLOCK_H

#include <stdbool.h>

#include "format.h"

/*
 * Locks SMQ_LOCK_INIT for fd's own description, trying for 1 s: 0, ETIMEDOUT, ENOMEM (no lock to be had). To be
 * unlocked by hand: a child that was forked meanwhile, or since fd was opened, keeps the description after a close.
 */
int smq_initlock_lock(int fd);
void smq_initlock_unlock(int fd);

/* The same without waiting. */
bool smq_initlock_trylock(int fd);

/*
 * A descriptor for the init lock, for a handle with `fd`, opened after `forks` forks. A child that was forked since has
 * `fd` too: if this process were killed with the lock, the child would keep it, and the queue, for as long as it lives.
 * So then it is one that no child has; or, where no file can be opened any more, `fd` all the same.
 */
int smq_initlock_fd(int fd, uint32_t forks);
void smq_initlock_close_fd(int lock_fd, int fd);

/* Takes a whole end for fd's own description. 0, EBUSY, ENOMEM. Under the init lock. */
int smq_endlock_claim(int fd, enum smq_lock_byte end);

/* Takes a part in an end. `*alone`: nobody else has one. 0, EBUSY, ENOMEM. Under the init lock. */
int smq_endlock_share(int fd, enum smq_lock_byte end, bool *alone);

/*
 * Takes a number among the handles of a shared end, for fd's own description: a free one from `first` on, and not
 * `except`. 0, EBUSY (all are taken), ENOMEM. Under the init lock.
 */
int smq_endlock_claim_number(int fd, bool producer, uint32_t first, uint32_t except, uint32_t *number);

/* Does another description than fd's hold this number? Any but this one? */
bool smq_endlock_number_held(int fd, bool producer, uint32_t number);
bool smq_endlock_others_held(int fd, bool producer, uint32_t number);

/* Does another description than fd's hold this end (or, for both, one of the ends)? */
bool smq_endlock_held(int fd, enum smq_lock_byte end);
bool smq_endlock_any_held(int fd);

/* Stores a new claim, or the close of the present one. By the holder; under the init lock. */
void smq_claim_open(struct smq_claim *claim);
void smq_claim_close(struct smq_claim *claim);

static inline struct smq_claim *smq_claim_of(struct smq_header *header, bool producer)
{
	return producer ? &header->producer_claim : &header->consumer_claim;
}

/* SHMEMQ_END_* of a claim word. */
static inline uint32_t smq_claim_state(uint32_t claim)
{
	return claim & 3u;
}

/* Removes the name if it still is fd's and nobody holds an end. Under the init lock. */
void smq_endlock_unlink_unused(const char *path, int fd);

#endif
