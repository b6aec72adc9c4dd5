/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "turn.h"

#include <errno.h>

#include "doorbell.h"
#include "end.h"
#ifdef SMQ_USE_FUTEX
#include "futex.h"
#else
#include "sem.h"
#endif

/* Attempts to change a word that others change too. Only a hostile writer makes as many fail. */
#define ATTEMPTS 1000

static uint32_t load(const smq_word *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

/* Acquire: with the release of smq_turn_leave(), what the last one in it stored is seen. */
static bool exchange(struct smq_turn *turn, uint32_t from, uint32_t to)
{
	return atomic_compare_exchange_strong_explicit(turn->word, &from, to, memory_order_acquire,
						       memory_order_relaxed);
}

bool smq_turn_enter(struct smq_turn *turn)
{
	/* Who was woken does not know whether others still sleep, so it will wake one more. */
	if (load(turn->word) != 0 || !exchange(turn, 0, turn->number | (turn->slept ? SMQ_TURN_SLEEPS : 0)))
		return false;
	turn->slept = false;
	turn->mine = true;
	return true;
}

void smq_turn_leave(struct smq_turn *turn, struct smq_wait_room *room, int fd, bool producer)
{
	uint32_t was;

	if (!turn->mine)
		return;
	turn->mine = false;
	/* Release: what this handle stored is seen by whoever enters next. Its acquire: exchange(). */
	was = atomic_exchange_explicit(turn->word, 0, memory_order_release);
	if (was & SMQ_TURN_SLEEPS)
		smq_mechanism_turn_wake(room, turn->word, false);
	if (was & SMQ_TURN_POLLS)
		smq_doorbell_ring(fd, !producer); /* as the peer would */
}

/* Is the holder with this number gone? Nobody's number, or its own while it is not in it: garbage. */
static bool gone(const struct smq_turn *turn, uint32_t number, int fd, bool producer)
{
	return number == 0 || number == turn->number || !smq_end_handle_held(fd, producer, number);
}

/* Takes the turn over from `number`. */
static void replace(struct smq_turn *turn, uint32_t number)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		uint32_t now = load(turn->word);

		if (now == 0 || (now & SMQ_HANDLES) != number)
			return;
		/* Who sleeps and polls does so on. */
		if (exchange(turn, now, (now & ~SMQ_HANDLES) | turn->number)) {
			turn->mine = turn->inherited = true;
			return;
		}
	}
}

int smq_turn_inherit(struct smq_turn *turn, int fd, uint32_t forks, bool producer)
{
	uint32_t now = load(turn->word), number = now & SMQ_HANDLES;
	int lock_fd, err = EAGAIN;

	if (now == 0 || !gone(turn, number, fd, producer))
		return EBUSY;
	/* Before anything is opened: its close would ring all who poll, this handle too. */
	if (smq_end_held(fd, SMQ_LOCK_INIT))
		return EAGAIN;
	lock_fd = smq_end_lock_fd(fd, forks);
	if (smq_end_try_lock_init(lock_fd)) {
		if (gone(turn, number, fd, producer)) /* still: it may have been given out again */
			replace(turn, number);
		smq_end_unlock_init(lock_fd);
		err = turn->mine ? 0 : EBUSY;
	}
	smq_end_close_lock_fd(lock_fd, fd);
	return err;
}

uint32_t smq_turn_announce(struct smq_turn *turn, uint32_t bit)
{
	turn->slept |= bit == SMQ_TURN_SLEEPS;
	for (int i = 0; i < ATTEMPTS; i++) {
		/* Acquire: who finds a nudge finds what it is for, by the fence in smq_wait_interrupt(). */
		uint32_t now = atomic_load_explicit(turn->word, memory_order_acquire);

		if (now == 0)
			break;
		if ((now & bit) || exchange(turn, now, now | bit))
			return now | bit;
	}
	return 0;
}

int smq_turn_sleep(struct smq_turn *turn, struct smq_wait_room *room, uint32_t expected, int64_t ns)
{
	return smq_mechanism_turn_sleep(room, turn->word, expected, ns);
}

void smq_turn_nudge(const struct smq_turn *turn, struct smq_wait_room *room)
{
	uint32_t now = load(turn->word);

	for (int i = 0; now != 0 && i < ATTEMPTS; i++) {
		uint32_t nudges = (now + SMQ_TURN_NUDGE) & SMQ_TURN_NUDGES;

		/* Counted: of two at once, one would take back the other's change. */
		if (atomic_compare_exchange_strong_explicit(turn->word, &now, (now & ~SMQ_TURN_NUDGES) | nudges,
							    memory_order_relaxed, memory_order_relaxed))
			break;
	}
	smq_mechanism_turn_wake(room, turn->word, true);
}
