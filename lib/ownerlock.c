/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "ownerlock.h"

#include <errno.h>

#include "pollable.h"
#include "endlock.h"
#ifdef SMQ_USE_FUTEX
#include "os_futex.h"
#else
#include "os_sem.h"
#endif

/* Attempts to change a word that others change too. Only a hostile writer makes as many fail. */
#define ATTEMPTS 1000

static uint32_t load(const smq_word *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

/* Acquire: with the release of smq_ownerlock_unlock(), what the last one in it stored is seen. */
static bool exchange(struct smq_ownerlock *turn, uint32_t from, uint32_t to)
{
	return atomic_compare_exchange_strong_explicit(turn->word, &from, to, memory_order_acquire,
						       memory_order_relaxed);
}

bool smq_ownerlock_trylock(struct smq_ownerlock *turn)
{
	/* Who was woken does not know whether others still sleep, so it will wake one more. */
	if (load(turn->word) != 0 || !exchange(turn, 0, turn->number | (turn->slept ? SMQ_OWNER_SLEEPER : 0)))
		return false;
	turn->slept = false;
	turn->mine = true;
	return true;
}

void smq_ownerlock_unlock(struct smq_ownerlock *turn, struct smq_wait *wait, int fd, bool producer)
{
	uint32_t was;

	if (!turn->mine)
		return;
	turn->mine = false;
	/* Release: what this handle stored is seen by whoever enters next. Its acquire: exchange(). */
	was = atomic_exchange_explicit(turn->word, 0, memory_order_release);
	if (was & SMQ_OWNER_SLEEPER)
		smq_os_owner_wake(wait, turn->word, false);
	if (was & SMQ_OWNER_POLLER)
		smq_pollable_raise(fd, !producer); /* as the peer would */
}

/* Is the holder with this number gone? Nobody's number, or its own while it is not in it: garbage. */
static bool gone(const struct smq_ownerlock *turn, uint32_t number, int fd, bool producer)
{
	return number == 0 || number == turn->number || !smq_endlock_number_held(fd, producer, number);
}

/* Takes the turn over from `number`. */
static void replace(struct smq_ownerlock *turn, uint32_t number)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		uint32_t now = load(turn->word);

		if (now == 0 || (now & SMQ_HANDLES_MAX) != number)
			return;
		/* Who sleeps and polls does so on. */
		if (exchange(turn, now, (now & ~SMQ_HANDLES_MAX) | turn->number)) {
			turn->mine = turn->inherited = true;
			return;
		}
	}
}

int smq_ownerlock_recover(struct smq_ownerlock *turn, int fd, uint32_t forks, bool producer)
{
	uint32_t now = load(turn->word), number = now & SMQ_HANDLES_MAX;
	int lock_fd, err = EAGAIN;

	if (now == 0 || !gone(turn, number, fd, producer))
		return EBUSY;
	/* Before anything is opened: its close would ring all who poll, this handle too. */
	if (smq_endlock_held(fd, SMQ_LOCK_INIT))
		return EAGAIN;
	lock_fd = smq_initlock_fd(fd, forks);
	if (smq_initlock_trylock(lock_fd)) {
		if (gone(turn, number, fd, producer)) /* still: it may have been given out again */
			replace(turn, number);
		smq_initlock_unlock(lock_fd);
		err = turn->mine ? 0 : EBUSY;
	}
	smq_initlock_close_fd(lock_fd, fd);
	return err;
}

uint32_t smq_ownerlock_prepare(struct smq_ownerlock *turn, uint32_t bit)
{
	turn->slept |= bit == SMQ_OWNER_SLEEPER;
	for (int i = 0; i < ATTEMPTS; i++) {
		/* Acquire: who finds a nudge finds what it is for, by the fence in smq_eventcount_interrupt(). */
		uint32_t now = atomic_load_explicit(turn->word, memory_order_acquire);

		if (now == 0)
			break;
		if ((now & bit) || exchange(turn, now, now | bit))
			return now | bit;
	}
	return 0;
}

int smq_ownerlock_wait(struct smq_ownerlock *turn, struct smq_wait *wait, uint32_t expected, int64_t ns)
{
	return smq_os_owner_sleep(wait, turn->word, expected, ns);
}

void smq_ownerlock_interrupt(const struct smq_ownerlock *turn, struct smq_wait *wait)
{
	uint32_t now = load(turn->word);

	for (int i = 0; now != 0 && i < ATTEMPTS; i++) {
		uint32_t nudges = (now + SMQ_OWNER_INTERRUPT) & SMQ_OWNER_INTERRUPTS;

		/* Counted: of two at once, one would take back the other's change. */
		if (atomic_compare_exchange_strong_explicit(turn->word, &now, (now & ~SMQ_OWNER_INTERRUPTS) | nudges,
							    memory_order_relaxed, memory_order_relaxed))
			break;
	}
	smq_os_owner_wake(wait, turn->word, true);
}
