/* SPDX-License-Identifier: MIT */
/*
 * The end locks, the claim words and the init lock: which handles hold an end, and whether they live.
 *
 * A handle holds its end by an open-file-description lock on a range of the queue's own file (format.h). Only the
 * handle's mapping keeps that description open: its descriptor is closed, and forked children do not get the mapping.
 * So the kernel releases the lock when the process ends, for whatever reason, and whatever children it has forked; and
 * it works across pid namespaces.
 *
 * But another process can delay the release: a read of /proc/PID/cmdline, say, keeps the memory of PID, and with it the
 * lock, for as long as the read takes. So the range that is locked also tells the pid. A process of the same pid
 * namespace that finds the lock asks the kernel whether that process has ended. If so, the handle is dead. This can
 * only add a death: if the pid means nothing here, or belongs to another process by now, the lock alone decides. The
 * lock of a dead handle keeps nothing but its number from the next one.
 *
 * The claim word in the header says the rest: if it says OPEN and no handle lives, the last one has died.
 */
#ifndef SMQ_ENDLOCK_H
#define SMQ_ENDLOCK_H

#include <stdbool.h>

#include "format.h"

/*
 * Lock the init lock for fd's own description, trying for 1 s, or once. 0, ETIMEDOUT, ENOMEM (the kernel cannot give
 * the lock). It must be unlocked explicitly: a child forked since fd was opened keeps the description, and so the lock.
 * Not for a description that a mapping keeps: see above.
 */
int smq_initlock_lock(int fd);
void smq_initlock_unlock(int fd);

/*
 * A descriptor for a short lock of a handle that has `fd` open since its process had forked `forks` times. A child
 * forked since then has `fd` too: if this process were killed while it holds the lock through `fd`, the child would
 * keep the lock, and with it the queue, for as long as it lives. So after a fork this is a newly opened descriptor; or
 * `fd` all the same, where no file can be opened any more.
 */
int smq_endlock_open_fd(int fd, uint32_t forks);
void smq_endlock_close_fd(int lock_fd, int fd);

/*
 * May a handle claim this end, as the only one or as one of many? 0, and `*alone`: no other handle has it. EBUSY. Under
 * the init lock, until smq_endlock_claim().
 */
int smq_endlock_look(int fd, bool producer, bool shared, bool *alone);

/*
 * Claims the end for fd's own description, with the first free number after `last`, going round at `most`. `owner`:
 * the end's owner word. 0, EBUSY (no number is free), ENOMEM.
 */
int smq_endlock_claim(int fd, bool producer, bool shared, uint32_t most, uint32_t last, const smq_word *owner,
		      uint32_t *number);

/*
 * Does a handle live that has claimed this end? With this number? With another number? Of another description than
 * fd's. If that cannot be asked, it lives.
 */
bool smq_endlock_held(int fd, bool producer);
bool smq_endlock_number_held(int fd, bool producer, uint32_t number);
bool smq_endlock_others_held(int fd, bool producer, uint32_t number);

/*
 * The process that lives and has the handle with this number; 0: that has an end which is not SHARED. As this process's
 * pid namespace knows it; 0: none, or not known.
 */
uint32_t smq_endlock_holder(int fd, bool producer, uint32_t number);

/* How many handles that live have claimed this end. Beside thousands of them, only those found in half a second. */
uint32_t smq_endlock_count(int fd, bool producer);

/*
 * Keeps this number, of a handle that has died, from being given out, and other handles from recovering from its death.
 * false: another handle is recovering.
 */
bool smq_endlock_begin_recovery(int fd, bool producer, uint32_t number);
void smq_endlock_end_recovery(int fd, bool producer, uint32_t number);

/* Removes the name if it still refers to the file that fd has open, and neither end is held. Under the init lock. */
void smq_endlock_unlink_unused(int directory, const char *path, int fd);

/* Stores a new claim. By its holder; under the init lock. */
void smq_claim_open(struct smq_claim *claim);
/* Stores the close of the current claim. By the end's only holder; on a SHARED end, under the init lock. */
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

#endif
