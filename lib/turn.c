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

int smq_turn_inherit(struct smq_turn *turn, int fd, bool producer)
{
	uint32_t now = load(turn->word), number = now & SMQ_HANDLES;
	bool dead;

	if (now == 0)
		return EBUSY;
	if (!smq_end_try_lock_init(fd))
		return EAGAIN;
	/* Nobody's number, or its own while it is not in it: garbage. */
	dead = number == 0 || number == turn->number || !smq_end_handle_held(fd, producer, number);
	while (dead && (now = load(turn->word)) != 0 && (now & SMQ_HANDLES) == number) {
		/* Who sleeps and polls does so on. */
		if (exchange(turn, now, (now & ~SMQ_HANDLES) | turn->number)) {
			turn->mine = turn->inherited = true;
			break;
		}
	}
	smq_end_unlock_init(fd);
	return turn->mine ? 0 : EBUSY;
}

uint32_t smq_turn_announce(struct smq_turn *turn, uint32_t bit)
{
	uint32_t now;

	do {
		now = load(turn->word);
		if (now == 0 || (now & bit))
			break;
	} while (!exchange(turn, now, now | bit));
	turn->slept |= bit == SMQ_TURN_SLEEPS;
	return now == 0 ? 0 : now | bit;
}

int smq_turn_sleep(struct smq_turn *turn, struct smq_wait_room *room, uint32_t expected, int64_t ns)
{
	return smq_mechanism_turn_sleep(room, turn->word, expected, ns);
}

void smq_turn_nudge(const struct smq_turn *turn, struct smq_wait_room *room)
{
	uint32_t now = load(turn->word);

	while (now != 0 && !atomic_compare_exchange_weak_explicit(turn->word, &now, now ^ SMQ_TURN_NUDGE,
								  memory_order_relaxed, memory_order_relaxed))
		;
	smq_mechanism_turn_wake(room, turn->word, true);
}
