/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "want.h"

#include "guess.h"

/*
 * Have the messages before `position` been popped, where the tail was when the call began? `anew`: both ends' positions
 * in this ring may have been set to the tail, and the consumer not have come there (smq_jump_rebase()).
 */
static bool is_popped(const struct smq_ring *ring, uint32_t position, bool anew)
{
	uint32_t tail = atomic_load_explicit(&ring->moved->position_units, memory_order_relaxed);
	uint32_t head = smq_ring_guess_head(ring, tail), before = position - head;

	/* The head cannot be further before that tail than a ring: so it is after it, or garbage, which a call that
	 * has the owner lock reports. If so much has been popped meanwhile that it has come round, the ring's being
	 * empty tells. Relaxed: only compared. */
	return before > ring->mask || (!anew && (before == 0 || tail == head));
}

bool smq_guess(struct shmemq *q, const struct smq_want *want, bool exact)
{
	bool there;

	if (want->kind == SMQ_WANT_EMPTY)
		return is_popped(want->found == smq_is_extended(q) ? &q->ring : &q->more->other, want->need,
				 want->found != 0 && smq_extension_is_ahead(q)) ||
		       (smq_is_elastic(q) && smq_extension_is_drained(q, want->found, want->need));
	there = smq_is_elastic(q) ? smq_extension_guess(q, want->need, want->patient && exact)
				  : smq_ring_guess(&q->ring, q->producer, want->need, exact);
	return there && (!(q->state & SMQ_LIMITED) || smq_limit_guess(q));
}

void smq_find_tail(const struct shmemq *q, struct smq_want *want)
{
	const struct smq_progress *progress = &q->header->producer_progress;

	/* Acquire: if other handles take the end to the other ring meanwhile, the tail here stays after what had been
	 * pushed before. Relaxed: this handle's pushes, and those that it knows of, come before. */
	want->found = atomic_load_explicit(&progress->extended, memory_order_acquire) != 0 && smq_is_elastic(q);
	if (want->found)
		progress = &smq_extension_of(q->header)->producer_progress;
	want->need = atomic_load_explicit(&progress->moved.position_units, memory_order_relaxed);
}

enum smq_ring_status smq_check_more(struct shmemq *q, const struct smq_want *want, bool exact)
{
	enum smq_ring_status status;
	bool switched = false;

	if (want->kind == SMQ_WANT_EMPTY && smq_is_elastic(q))
		return smq_extension_is_drained(q, q->more->extended, q->ring.position) ? SMQ_READY : SMQ_NOT_YET;
	if (want->kind == SMQ_WANT_EMPTY)
		return smq_ring_space(&q->ring, want->need);
	status = q->state & SMQ_LIMITED ? smq_limit_check(q) : SMQ_READY;
	if (status != SMQ_READY)
		return status;
	/* Always by the head: the queue is to grow and not to wait. */
	if (smq_is_elastic(q))
		status = smq_extension_space(q, want->need, want->patient && exact, &switched);
	else
		status = exact ? smq_ring_space(&q->ring, want->need) : smq_ring_room(&q->ring, want->need);
	/* A consumer that waits follows the jump, even if no message comes after it: then the other ring is empty. */
	if (switched)
		smq_notify_fenced(q);
	return status == SMQ_READY ? smq_limit_follow(q) : status;
}

enum smq_ring_status smq_check_jump(struct shmemq *q, struct smq_want *want)
{
	enum smq_ring_status status;
	uint32_t target;
	bool switched;

	/* It is followed when what comes before it has been released. */
	if (want->need != 0) {
		want->found = SMQ_JUMP;
		return smq_ring_jumps(&q->ring, q->ring.position + want->need, &target) ? SMQ_READY : SMQ_BAD;
	}
	status = smq_extension_peek(q, &want->found, &switched);
	/* It has left a ring, which is free now: no pop tells the producer of that. */
	if (switched)
		smq_notify_fenced(q);
	return status;
}
