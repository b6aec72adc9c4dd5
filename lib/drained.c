/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "drained.h"

#include "extent.h"
#include "words.h"

/* Jumps in a row that are looked at, as in extension.c. */
#define JUMPS_MAX 1000

static const struct smq_moved *consumer_in(const struct shmemq *q, uint32_t extended)
{
	return &smq_header_of_ring(q, extended)->consumer_progress.moved;
}

/*
 * The same as smq_ring_jumps() at a position of the extension, without the owner lock: by pread(2), since other handles
 * may give its memory back at any time. A look through the mapping would take it again, or be SIGBUS. A handle whose
 * descriptors the program has closed, and whose queue has no name, finds no jump until the consumer has followed it.
 */
static bool jumps_in_file(struct shmemq *q, const struct smq_ring *extension, uint32_t position, uint32_t *target)
{
	uint64_t at = smq_header_bytes(q) + smq_capacity(q) + (uint64_t)(position & extension->mask) * SMQ_UNIT;
	uint32_t size_plus_1;

	/* The type after the size word, as smq_ring_jumps() does: each call has an acquire fence. If the memory was
	 * given back meanwhile, the words have told so before: see keep_from() of extent.c. */
	return smq_fd(q) >= 0 && smq_words_read(q, at, &size_plus_1, sizeof size_plus_1) && size_plus_1 == SMQ_JUMP &&
	       smq_words_read(q, at + offsetof(struct smq_record, type), target, sizeof *target) &&
	       smq_extent_claims(q, position);
}

static bool jumps(struct shmemq *q, uint32_t extended, uint32_t position, uint32_t *target)
{
	const struct smq_ring *ring = extended == q->more->extended ? &q->ring : &q->more->other;

	if (!smq_position_is_aligned(ring, position) || (extended && !smq_extent_claims(q, position)))
		return false;
	if (extended && q->state & SMQ_SHARED && !q->ownerlock.held)
		return jumps_in_file(q, ring, position, target);
	return smq_ring_jumps(ring, position, target);
}

bool smq_extension_is_drained(struct shmemq *q, uint32_t extended, uint32_t position)
{
	/* Acquire, both: what the consumer did with the messages is seen by the caller. */
	uint32_t in = atomic_load_explicit(&q->header->consumer_progress.extended, memory_order_acquire) != 0;
	uint32_t at = atomic_load_explicit(&consumer_in(q, in)->position_units, memory_order_acquire);

	for (int i = 0; i < JUMPS_MAX && (in != extended || at != position); i++) {
		if (!jumps(q, in, at, &at))
			return false;
		in = !in;
	}
	return in == extended && at == position;
}

bool smq_extension_is_ahead(const struct shmemq *q)
{
	const struct smq_progress *words = &smq_extension_of(q->header)->producer_progress;

	/* Acquire: its release is in store_ring() of jump.c. The caller has found the tail there: so if the
	 * consumer has not come since, memory is in use until it has come and left again. */
	return atomic_load_explicit(&q->header->consumer_progress.extended, memory_order_acquire) == 0 &&
	       (smq_load(&q->header->producer_progress.extended) != 0 ||
		smq_load(&words->kept_units) != smq_load(&words->reserved_units));
}
