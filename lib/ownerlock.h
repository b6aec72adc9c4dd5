/* SPDX-License-Identifier: MIT */
/*
 * The handles of a SHARED end take turns: one is in it at a time, from the start of a message to its end.
 *
 *	enter	turn 0 -> own number, by compare-and-exchange (acquire)
 *	leave	turn -> 0, by an exchange (release); wake one who sleeps, ring who polls
 *
 * What the last one in it stored (position, totals, view) is read after entering and kept by no one: a handle that is
 * not in it knows nothing for certain. So nothing of an unshared end's way changes.
 *
 * Each handle holds a lock on the byte of its number as long as it lives. A turn whose holder's byte is free has been
 * left by a death: the next one takes it over, and takes the end up as a new holder of an unshared end does. It does so
 * under the init lock, under which numbers are given out: so the number found dead is not that of a new handle.
 * Who is stopped, or keeps a message for long, is waited for.
 */
#ifndef SMQ_OWNERLOCK_H
#define SMQ_OWNERLOCK_H

#include <stdbool.h>

#include "format.h"

/* Bits of a turn word beside the number. */
#define SMQ_OWNER_SLEEPER    0x80000000u /* somebody sleeps until it is left */
#define SMQ_OWNER_POLLER     0x40000000u /* somebody polls: the doorbell of this end is to be rung */
#define SMQ_OWNER_INTERRUPT  0x00010000u /* counted above the number, to turn sleepers back: says nothing */
#define SMQ_OWNER_INTERRUPTS 0x3fff0000u

struct smq_ownerlock {
	smq_word *word;
	uint32_t number;   /* this handle's, 1 to SMQ_HANDLES_MAX; 0: the end is not shared */
	bool mine;         /* this handle is in it, */
	bool inherited;    /* and the last one died there */
	bool slept;        /* and others may sleep: nobody knows who else was woken */
	int64_t probed_at; /* ns, CLOCK_MONOTONIC: the last question for the holder */
};

/* Enters if nobody is in it. */
bool smq_ownerlock_trylock(struct smq_ownerlock *turn);

/* Leaves, if this handle is in it. What `room` and `fd` are for: the sleepers and pollers of this end. */
void smq_ownerlock_unlock(struct smq_ownerlock *turn, struct smq_wait *wait, int fd, bool producer);

/*
 * Takes over the turn of a handle that died in it. `fd` holds no lock; `forks`: see smq_initlock_fd(). 0,
 * EBUSY (it lives, or nobody is in it), EAGAIN (the init lock is not to be had now, so nobody can say).
 */
int smq_ownerlock_recover(struct smq_ownerlock *turn, int fd, uint32_t forks, bool producer);

/* Says that this handle sleeps, or polls. What the word then is; 0: nobody is in it any more, so look again. */
uint32_t smq_ownerlock_prepare(struct smq_ownerlock *turn, uint32_t bit);

/* Sleeps until the turn is left, at most `ns`. 0: look again. EINTR. */
int smq_ownerlock_wait(struct smq_ownerlock *turn, struct smq_wait *wait, uint32_t expected, int64_t ns);

/* Turns back whoever sleeps. From any thread and signal handler. */
void smq_ownerlock_interrupt(const struct smq_ownerlock *turn, struct smq_wait *wait);

#endif
