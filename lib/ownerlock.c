/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "ownerlock.h"

#include <errno.h>

#include "endlock.h"
#ifdef SMQ_USE_FUTEX
#include "os_futex.h"
#else
#include "os_sem.h"
#endif

/* Attempts to change a word that other handles change too. So many fail only beside a hostile writer. */
#define ATTEMPTS 1000

/* Acquire: with the release in smq_ownerlock_exchange(), what the last holder stored is seen. */
static bool compare_exchange(struct smq_ownerlock *lock, uint32_t from, uint32_t to)
{
	return atomic_compare_exchange_strong_explicit(lock->word, &from, to, memory_order_acquire,
						       memory_order_relaxed);
}

bool smq_ownerlock_trylock(struct smq_ownerlock *lock)
{
	/* A handle that was woken cannot tell whether others still sleep, so it will wake one more. */
	if (smq_load(lock->word) != 0 ||
	    !compare_exchange(lock, 0, lock->number | (lock->slept ? SMQ_OWNER_SLEEPER : 0)))
		return false;
	lock->slept = false;
	lock->held = true;
	return true;
}

void smq_ownerlock_wake(const struct smq_ownerlock *lock, struct smq_wait *wait)
{
	smq_os_owner_wake(wait, lock->word, false);
}

bool smq_ownerlock_has_own_number(const struct smq_ownerlock *lock)
{
	return (smq_load(lock->word) & SMQ_HANDLES_MAX) == lock->number;
}

uint32_t smq_ownerlock_unlock(struct smq_ownerlock *lock)
{
	if (!lock->held)
		return 0;
	lock->held = false;
	return smq_ownerlock_exchange(lock);
}

/*
 * Is the holder with this number dead? A word with no number, or with this handle's although it does not hold the lock,
 * is garbage, and counts as dead.
 */
static bool is_dead(const struct smq_ownerlock *lock, uint32_t number, int fd, bool producer)
{
	return number == 0 || number == lock->number || !smq_endlock_number_held(fd, producer, number);
}

/* Puts this handle's number in place of `number`. */
static bool replace(struct smq_ownerlock *lock, uint32_t number)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		uint32_t now = smq_load(lock->word);

		if (now == 0 || (now & SMQ_HANDLES_MAX) != number)
			return false;
		/* Sleepers and pollers go on waiting. */
		if (compare_exchange(lock, now, (now & ~SMQ_HANDLES_MAX) | lock->number)) {
			lock->held = lock->recovered = true;
			return true;
		}
	}
	return false;
}

int smq_ownerlock_recover(struct smq_ownerlock *lock, int fd, uint32_t forks, bool producer)
{
	uint32_t now = smq_load(lock->word), number = now & SMQ_HANDLES_MAX;
	int lock_fd, err = EAGAIN;

	if (now == 0 || !is_dead(lock, number, fd, producer))
		return EBUSY;
	/* Only then is a file opened: its close raises the descriptors of all pollers, this handle's too. */
	lock_fd = smq_endlock_open_fd(fd, forks);
	if (smq_endlock_begin_recovery(lock_fd, producer, number)) {
		/* Still dead? The number may be a new handle's by now, which other handles are not to rob. */
		err = is_dead(lock, number, fd, producer) && replace(lock, number) ? 0 : EBUSY;
		smq_endlock_end_recovery(lock_fd, producer, number);
	}
	smq_endlock_close_fd(lock_fd, fd);
	return err;
}

uint32_t smq_ownerlock_prepare(struct smq_ownerlock *lock, uint32_t bit)
{
	lock->slept |= bit == SMQ_OWNER_SLEEPER;
	for (int i = 0; i < ATTEMPTS; i++) {
		/* Acquire: with the fence in smq_eventcount_interrupt(), a handle that sees the count of interrupts
		 * changed also sees its own flag. */
		uint32_t now = atomic_load_explicit(lock->word, memory_order_acquire);

		if (now == 0)
			break;
		if ((now & bit) || compare_exchange(lock, now, now | bit))
			return now | bit;
	}
	return 0;
}

int smq_ownerlock_wait(struct smq_ownerlock *lock, struct smq_wait *wait, uint32_t expected, int64_t ns)
{
	return smq_os_owner_sleep(wait, lock->word, expected, ns);
}

void smq_ownerlock_interrupt(const struct smq_ownerlock *lock, struct smq_wait *wait)
{
	/* Relaxed: the fence in smq_eventcount_interrupt() came before. */
	uint32_t now = smq_load(lock->word);

	for (int i = 0; now != 0 && i < ATTEMPTS; i++) {
		uint32_t interrupts = (now + SMQ_OWNER_INTERRUPT_ONE) & SMQ_OWNER_INTERRUPT_MASK;

		/* A count: with a bit, the second of two interrupts would undo the change of the first. */
		if (atomic_compare_exchange_strong_explicit(lock->word, &now,
							    (now & ~SMQ_OWNER_INTERRUPT_MASK) | interrupts,
							    memory_order_relaxed, memory_order_relaxed))
			break;
	}
	smq_os_owner_wake(wait, lock->word, true);
}
