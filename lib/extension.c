/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "extension.h"

#include "announce.h"
#include "attach.h"
#include "jump.h"
#include "limit.h"

/*
 * Jumps in a row that a consumer follows at once. A producer that has pushed nothing since it came to a ring leaves it
 * only for a message that does not fit there, so there are never many.
 */
#define JUMPS_MAX 1000

void smq_extension_init(struct shmemq *q, const struct smq_identity *identity, void *records)
{
	struct smq_more *more = q->more;
	unsigned char *extension = records != NULL ? (unsigned char *)records + 2 * identity->capacity : NULL;
	uint64_t window = identity->capacity_max - identity->capacity, page = identity->header_bytes;
	/* Fits into the ring after a jump, or the extension, wherever the consumer has left an empty one: that may be
	 * at the end of a page, and its jump is in use too. */
	uint64_t in_ring = identity->capacity - identity->alignment, in_extension = window - page;
	uint64_t largest = (in_ring > in_extension ? in_ring : in_extension) - identity->alignment - SMQ_UNIT;
	uint32_t message_max = largest < SMQ_MESSAGE_MAX ? (uint32_t)largest : SMQ_MESSAGE_MAX;

	more->capacity_max = identity->capacity_max;
	more->window_units = (uint32_t)(window / SMQ_UNIT);
	more->page_units = (uint32_t)(page / SMQ_UNIT);
	more->extended = 0;
	smq_ring_init(&more->other, extension, identity->capacity_max, identity->alignment);
	more->other.message_max = message_max;
	if (q->ring.message_max > message_max)
		q->ring.message_max = message_max;
	if (q->state & SMQ_SHARED)
		q->state |= SMQ_SWITCHING;
}

/* The producer. */

static enum smq_ring_status enter(struct shmemq *q, uint32_t need, bool patient)
{
	struct smq_ring *extension = &q->more->other;
	bool anew = !smq_extent_in_use(q);
	uint32_t target = smq_jump_target(q), start = smq_jump_next_start(q, extension);
	enum smq_ring_status status;

	if (anew) {
		target = start + smq_start_units(extension->align_mask + 1);
		smq_extent_begin(q, start);
	} else if (smq_ring_load_head(extension, 0) != SMQ_READY) {
		return SMQ_BAD;
	}
	status = smq_extent_reserve(q, anew ? target : extension->head, smq_extent_end(target, need), patient);
	if (status == SMQ_READY)
		status = smq_limit_follow(q); /* it writes there */
	if (status != SMQ_READY)
		return status;
	if (anew)
		smq_jump_rebase(extension, target);
	smq_jump_to(q, target, need);
	smq_extension_narrow(q, need);
	return SMQ_READY;
}

/* In the ring: gives back what is not needed any more. */
static enum smq_ring_status tend(struct shmemq *q)
{
	struct smq_ring *extension = &q->more->other;

	if (!smq_extent_in_use(q))
		return SMQ_READY;
	if (smq_ring_load_head(&q->ring, 0) != SMQ_READY || smq_ring_load_head(extension, 0) != SMQ_READY)
		return SMQ_BAD;
	if (smq_jump_has_left(q, q->ring.position, q->ring.head, q->more->returned))
		smq_extent_forget(q, smq_jump_next_start(q, extension));
	else
		smq_extent_advance(q, extension->head);
	return SMQ_READY;
}

enum smq_ring_status smq_extension_space(struct shmemq *q, uint32_t need, bool patient, bool *switched)
{
	enum smq_ring_status status;
	uint32_t half;

	if (!q->more->extended) {
		status = tend(q);
		if (status == SMQ_READY)
			status = smq_ring_space(&q->ring, need);
		if (status == SMQ_NOT_YET)
			*switched = (status = enter(q, need, patient)) == SMQ_READY;
		return status;
	}
	if (smq_ring_load_head(&q->ring, 0) != SMQ_READY || smq_ring_load_head(&q->more->other, 0) != SMQ_READY)
		return SMQ_BAD;
	/* Not for every message that is popped there: each change costs a jump, and system calls. */
	half = q->more->other.mask / 2;
	*switched = q->ring.position != q->more->arrived && smq_jump_has_space(q, need > half ? need : half);
	if (!*switched) {
		status = smq_extent_reserve(q, q->ring.head, smq_extent_end(q->ring.position, need), patient);
		if (status != SMQ_NOT_YET)
			return status;
		*switched = smq_jump_has_space(q, need);
	}
	if (!*switched)
		return SMQ_NOT_YET;
	if (smq_limit_follow(q) != SMQ_READY)
		return SMQ_BAD;
	smq_jump_to(q, smq_jump_target(q), need);
	return tend(q);
}

void smq_extension_narrow(struct shmemq *q, uint32_t need)
{
	uint32_t end;

	if (!smq_is_elastic(q) || !q->more->extended)
		return;
	end = smq_extent_end(q->ring.position, need) + smq_room_step(&q->more->other);
	if (end - q->more->kept > q->more->reserved - q->more->kept)
		end = q->more->reserved;
	smq_ring_narrow(&q->ring, end);
}

/*
 * Goes on where the last producer was, in the ring that the end is in. In the extension only after it has reserved what
 * there is to read.
 */
static enum smq_ring_status attach_there(struct shmemq *q, bool *jump)
{
	struct smq_header *words = smq_header_of_ring(q, q->more->extended);
	struct smq_span span;

	if (!q->more->extended)
		return smq_ring_attach_growing(&q->ring, words, NULL, jump);
	if (smq_extent_attach(q, smq_load(&words->consumer_progress.moved.position_units),
			      smq_load(&words->producer_progress.moved.position_units)) != SMQ_READY)
		return SMQ_BAD;
	span = (struct smq_span){ q->more->kept, q->more->reserved - q->more->kept };
	return smq_ring_attach_growing(&q->ring, words, &span, jump);
}

/* What of the extension's memory is needed. */
static enum smq_ring_status settle_memory(struct shmemq *q)
{
	struct smq_ring *extension = q->more->extended ? &q->ring : &q->more->other;
	const struct smq_progress *words = &smq_extension_of(q->header)->producer_progress;
	bool anew = extension->position - extension->head > extension->mask;
	/* Since the last handle gave it back, or for ever: what lies there is not reserved, nor intact. */
	bool unused = smq_load(&words->kept_units) == smq_load(&words->reserved_units);

	q->more->arrived = extension->position;
	if (q->more->extended)
		return smq_extent_trim(q, extension->head, smq_extent_end(extension->position, 0));
	q->more->returned = q->ring.position;
	/* A consumer that comes after this position has left. So has every one if the last producer was killed in
	 * smq_jump_rebase(). */
	if (!smq_jump_has_left(q, q->ring.position, q->ring.head, q->ring.position) && !anew && !unused)
		return smq_extent_trim(q, extension->head, smq_extent_end(extension->position, 0));
	return smq_extent_trim(q, smq_jump_next_start(q, extension), smq_jump_next_start(q, extension));
}

/* Before memory that lies before the consumer's position is given back, and before the end goes to another ring. */
static void recount(struct shmemq *q)
{
	uint32_t others = q->more->other.messages_lo;

	smq_ring_recount(&q->ring, others, smq_units_with_memory(q, q->more->extended));
	smq_ring_count(&q->ring, others);
	/* Seen before what is stored of the memory that is kept: then that is not after the count. */
	atomic_thread_fence(memory_order_release);
}

static enum smq_ring_status attach_producer(struct shmemq *q)
{
	struct smq_ring *other = &q->more->other;
	enum smq_ring_status status;
	bool jump = false;

	if (smq_ring_attach_away(other, smq_header_of_ring(q, !q->more->extended), true) != SMQ_READY)
		return SMQ_BAD;
	status = attach_there(q, &jump);
	if (status == SMQ_READY && jump) {
		status = smq_jump_finish(q);
		if (status == SMQ_READY)
			status = attach_there(q, NULL);
	}
	/* Not of the extension: see settle_memory(). */
	if (status != SMQ_READY || (q->more->extended && other->position - other->head > other->mask))
		return SMQ_BAD;
	recount(q);
	status = settle_memory(q);
	/* Then the memory can be given back, once the consumer has followed. */
	if (status == SMQ_READY && q->more->extended && q->ring.position == q->ring.head && smq_jump_has_space(q, 1))
		smq_jump_to(q, smq_jump_target(q), 1);
	return status;
}

/* The consumer. */

enum smq_ring_status smq_extension_peek(struct shmemq *q, uint32_t *size, bool *switched)
{
	uint32_t target;

	*switched = false;
	for (int i = 0; i < JUMPS_MAX; i++) {
		enum smq_ring_status status = smq_ring_peek(&q->ring, size);

		if (status != SMQ_BAD)
			return status;
		if (!smq_ring_jumps(&q->ring, q->ring.position, &target) || smq_jump_follow(q, target) != SMQ_READY)
			return SMQ_BAD;
		*switched = true;
	}
	return SMQ_NOT_YET;
}

/* Of a position that was loaded: is there memory? */
static enum smq_ring_status check_memory(const struct shmemq *q)
{
	return !q->more->extended || smq_extent_claims(q, q->ring.position) ? SMQ_READY : SMQ_BAD;
}

/* Both. */

enum smq_ring_status smq_extension_attach(struct shmemq *q)
{
	enum smq_ring_status status;

	if (!smq_jump_find_ring(q))
		return SMQ_BAD;
	if (q->producer)
		return attach_producer(q);
	if (smq_ring_attach_away(&q->more->other, smq_header_of_ring(q, !q->more->extended), false) != SMQ_READY)
		return SMQ_BAD;
	status = smq_ring_attach_consumer(&q->ring, smq_header_of_ring(q, q->more->extended));
	return status == SMQ_READY ? check_memory(q) : status;
}

void smq_extension_attach_shared(struct shmemq *q)
{
	smq_ring_attach_shared(&q->ring, smq_header_of_ring(q, q->more->extended), q->producer);
	smq_ring_attach_shared(&q->more->other, smq_header_of_ring(q, !q->more->extended), q->producer);
}

enum smq_ring_status smq_extension_resume(struct shmemq *q)
{
	enum smq_ring_status status;

	if (!smq_jump_find_ring(q))
		return SMQ_BAD;
	status = smq_ring_resume(&q->ring, q->producer);
	if (status == SMQ_READY)
		status = smq_ring_attach_away(&q->more->other, smq_header_of_ring(q, !q->more->extended), q->producer);
	if (status == SMQ_READY && q->producer) {
		status = smq_extent_resume(q);
		smq_extension_narrow(q, 0);
	} else if (status == SMQ_READY) {
		status = check_memory(q);
	}
	return status;
}
