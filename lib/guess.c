/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "guess.h"

#include "extent.h"
#include "jump.h"

/*
 * As smq_ring_guess(). In the extension by the words alone: when other handles have left it, its memory may be given
 * back at any time, and a look would take it again, or be SIGBUS. So it may miss a message of a producer that was
 * killed before it stored its tail, until the next one has counted it.
 */
static bool guess_message(const struct shmemq *q, uint32_t extended)
{
	const struct smq_ring *ring = extended == q->more->extended ? &q->ring : &q->more->other;
	const struct smq_header *in_extension = smq_extension_of(q->header);

	if (!extended)
		return smq_ring_guess(ring, false, 0, true);
	/* The producer has left it: then there is a jump at least. */
	return smq_load(&q->header->producer_progress.extended) == 0 ||
	       (int32_t)(smq_load(&in_extension->producer_progress.moved.position_units) -
			 smq_load(&ring->moved->position_units)) > 0;
}

/*
 * Is the head after the tail? So it is if the holder of the owner lock was killed before it stored its tail, and what
 * it had published has been popped. Only the next holder mends that, and all others may be waiting for space, with
 * nobody left to notify them: so it is worth taking the lock. Garbage gives "yes" too. `most`: units between the two.
 */
static bool is_after(uint32_t head, uint32_t tail, uint32_t most)
{
	return tail - head > most;
}

bool smq_extension_guess(const struct shmemq *q, uint32_t need, bool patient)
{
	struct smq_header *in_ring = q->header, *in_extension = smq_extension_of(q->header);
	const struct smq_more *more = q->more;
	const struct smq_progress *words = &in_extension->producer_progress;
	uint32_t extended = smq_load(&smq_own_progress(q)->extended) != 0, kept, reserved, tail, head, end,
		 jump = smq_jump_units(q);

	if (!q->producer)
		return guess_message(q, extended);
	tail = smq_load(&in_ring->producer_progress.moved.position_units);
	head = smq_load(&in_ring->consumer_progress.moved.position_units);
	if (is_after(head, tail, smq_first_ring(q)->mask) ||
	    tail + (extended ? jump : 0) + need - head <= smq_first_ring(q)->mask)
		return true;
	kept = smq_load(&words->kept_units);
	reserved = smq_load(&words->reserved_units);
	if (!extended && (kept == reserved || smq_jump_has_left(q, tail, head, smq_load(&words->returned_units))))
		return smq_extent_is_worth_a_try(q, patient);
	tail = smq_load(&words->moved.position_units);
	head = smq_load(&in_extension->consumer_progress.moved.position_units);
	if (is_after(head, tail, more->window_units))
		return true;
	head &= ~(more->page_units - 1);
	end = smq_extent_end(tail, need) + (extended ? 0 : jump);
	if (end - head > more->window_units)
		return false;
	return end - kept <= reserved - kept || head != kept || smq_extent_is_worth_a_try(q, patient);
}
