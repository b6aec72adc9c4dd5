/* SPDX-License-Identifier: MIT */
/*
 * The owner lock of a SHARED end. One handle at a time holds it, from the start of a message to its end.
 *
 *	trylock	word 0 -> own number, by compare-and-exchange (acquire)
 *	unlock	word -> 0, by an exchange (release); wakes one sleeper, raises the descriptor of pollers
 *	recover	word of a dead holder -> own number
 *
 * What the last holder stored (position, totals, lease) is read after the lock is taken: between its locks a handle's
 * private copies are out of date. With the lock it works like the handle of an unshared end, by the same functions.
 *
 * If the handle whose number the word holds does not live (endlock.h), it has died as the lock's holder: another handle
 * takes the owner lock over and attaches to the end as a new handle of an unshared end does. Meanwhile it locks the
 * recovery byte of that number, so that the number is not given to a new handle between the question and the answer. It
 * does not need the init lock, for which it would wait if many processes open and close. If the holder is stopped, or
 * keeps a message for long, the others wait.
 */
#ifndef SMQ_OWNERLOCK_H
#define SMQ_OWNERLOCK_H

#include <stdbool.h>

#include "compiler.h"
#include "format.h"

/* Bits of the word beside the number. */
#define SMQ_OWNER_SLEEPER 0x80000000u /* a handle sleeps until it is unlocked */
#define SMQ_OWNER_POLLER  0x40000000u /* a handle polls: the descriptor of this end is to be raised */
#define SMQ_OWNER_INTERRUPT_ONE \
	0x00010000u /* one interrupt: each change of the word keeps handles from sleeping on it */
#define SMQ_OWNER_INTERRUPT_MASK 0x3fff0000u

struct smq_ownerlock {
	smq_word *word;
	uint32_t number;   /* this handle's, 1 to SMQ_HANDLES_MAX; 0: the end is not SHARED */
	bool held;         /* this handle has the lock */
	bool recovered;    /* it took the lock from a dead holder, and has to attach before anything else */
	bool slept;        /* this wait has set SLEEPER: other handles may sleep too */
	int64_t probed_at; /* ns, CLOCK_MONOTONIC: the last check of the lock's holder */
};

bool smq_ownerlock_trylock(struct smq_ownerlock *lock);

/* Does the word say that this handle holds it? It may do so although a call that locked it was left. */
bool smq_ownerlock_has_own_number(const struct smq_ownerlock *lock);

/* Does nothing unless this handle holds it. Returns SMQ_OWNER_SLEEPER and _POLLER, for the caller to wake and raise. */
uint32_t smq_ownerlock_unlock(struct smq_ownerlock *lock);

/*
 * The frequent case of the two, for a call that makes both and nothing in between that looks at `held`, which they
 * leave alone. One exchange, without a load before it: if the word is in another processor's cache, the line is fetched
 * once. Not if this handle has slept, since the word is to get SLEEPER too, or has to attach.
 */
static inline bool smq_ownerlock_trylock_once(const struct smq_ownerlock *lock)
{
	uint32_t unlocked = 0;

	/* Acquire: with the release in smq_ownerlock_exchange(), what the last holder stored is seen. */
	return !lock->slept && !lock->recovered &&
	       atomic_compare_exchange_strong_explicit(lock->word, &unlocked, lock->number, memory_order_acquire,
						       memory_order_relaxed);
}

/* Unlocks. Returns SMQ_OWNER_SLEEPER and _POLLER, as above. smq_fence_after_exchange() may follow. */
static inline uint32_t smq_ownerlock_exchange(const struct smq_ownerlock *lock)
{
	/* Release: the next holder sees what this one stored. Its acquire: smq_ownerlock_trylock(). */
	return atomic_exchange_explicit(lock->word, 0, memory_order_release) & (SMQ_OWNER_SLEEPER | SMQ_OWNER_POLLER);
}

/* Wakes a handle that sleeps. `wait`: this end's. */
void smq_ownerlock_wake(const struct smq_ownerlock *lock, struct smq_wait *wait);

/*
 * Takes the lock over from a holder that died. `fd` holds no lock; `forks`: see smq_endlock_open_fd(). 0, EBUSY (the
 * holder lives, or there is none), EAGAIN (another handle is about to do it).
 */
int smq_ownerlock_recover(struct smq_ownerlock *lock, int fd, uint32_t forks, bool producer);

/*
 * Sets SMQ_OWNER_SLEEPER or _POLLER. Returns the word as it is then. 0: it was unlocked, or a hostile writer keeps
 * changing it; try again.
 */
uint32_t smq_ownerlock_prepare(struct smq_ownerlock *lock, uint32_t bit);

/* Sleeps until it is unlocked, at most `ns`. 0: try again. EINTR. */
int smq_ownerlock_wait(struct smq_ownerlock *lock, struct smq_wait *wait, uint32_t expected, int64_t ns);

/* Wakes all sleepers (semaphores: 64 of them, the others at the end of a slice). From any thread or signal handler. */
void smq_ownerlock_interrupt(const struct smq_ownerlock *lock, struct smq_wait *wait);

#endif
