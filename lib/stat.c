/* SPDX-License-Identifier: MIT */
/* What a queue says of itself: getattr, stat; and the library's version. */
#include "config.h"

#include <string.h>

#include "call.h"
#include "endlock.h"
#include "follow.h"
#include "marks.h"
#include "note.h"
#include "readers.h"
#include "survey.h"
#include "words.h"

/* `*identity`: what cannot be asked of the handle. false: an observer's file is no longer the queue that it opened. */
static bool copy_identity(const struct shmemq *q, struct smq_identity *identity)
{
	if (!smq_words_copy(q, 0, identity, sizeof *identity))
		return false;
	return !q->observer || (identity->magic[0] == SMQ_MAGIC_0 && identity->magic[1] == SMQ_MAGIC_1 &&
				identity->id == q->observed_id);
}

int shmemq_getattr(struct shmemq *q, struct shmemq_attr *attr)
{
	struct smq_identity identity;

	if (!smq_in_process(q))
		return smq_refuse(q, SMQ_ROLES);
	if (attr == NULL)
		return smq_fail(EINVAL);
	smq_fd(q);
	if (!copy_identity(q, &identity))
		return smq_fail(EBADMSG);
	*attr = (struct shmemq_attr){
		.capacity = smq_capacity(q),
		.capacity_max = smq_is_elastic(q) ? q->more->capacity_max : smq_capacity(q),
		.message_max = smq_message_max(q),
		.messages_max = identity.messages_max,
		.alignment = q->ring.align_mask + 1,
		.flags = q->flags,
		.id = identity.id,
	};
	memcpy(attr->user, identity.user, sizeof attr->user);
	return 0;
}

/* A claim's first words. */
struct claim {
	uint32_t word, pid;
};

static bool copy_claim(const struct shmemq *q, bool producer, struct claim *claim)
{
	size_t offset =
		producer ? offsetof(struct smq_header, producer_claim) : offsetof(struct smq_header, consumer_claim);

	return smq_words_copy(q, offset, claim, sizeof *claim);
}

/* Stores an end's state and pid. */
static bool look_at_end(const struct shmemq *q, bool producer, uint32_t *state, uint32_t *pid)
{
	struct claim claim, now;

	/* The acquire of the word: its release is in smq_claim_open() and smq_claim_close(). */
	if (!copy_claim(q, producer, &claim))
		return false;
	*pid = claim.pid;
	*state = smq_claim_state(claim.word);
	if (*state == SHMEMQ_END_DEAD)
		*state = SHMEMQ_END_NEVER; /* garbage: no handle stores it */
	if (*state == SHMEMQ_END_OPEN && !smq_endlock_held(q->fd, producer)) {
		if (!copy_claim(q, producer, &now))
			return false;
		/* A close stores CLOSED before it unlocks, so a claim that is still the same has died. */
		*state = now.word == claim.word ? SHMEMQ_END_DEAD : smq_claim_state(now.word);
	}
	return true;
}

/* The first words of an end's progress. */
struct moved {
	uint32_t position_units, lease_units;
	uint32_t messages_lo, messages_hi;
	uint32_t moved_lo, moved_hi;
};
_Static_assert(offsetof(struct moved, moved_hi) == offsetof(struct smq_moved, moved_hi), "as the format has them");

struct totals {
	uint32_t position_units;
	uint64_t messages, bytes;
};

static size_t offset_of_moved(bool producer, bool extended)
{
	return (producer ? offsetof(struct smq_header, producer_progress)
			 : offsetof(struct smq_header, consumer_progress)) +
	       (extended ? SMQ_EXTENSION_OFFSET : 0);
}

/*
 * Reads a position and totals, from `offset` on, while their end is in use. The upper word of a total is stored before
 * the lower one. So an upper word that was read after the lower one belongs to it or is one ahead, which
 * smq_ring_total() corrects; one that was read before it may be one short. So everything is copied twice, and the lower
 * words are taken from the first copy, the upper ones from the second. If the upper words differ, more may have
 * been moved between. Two rounds are enough for an honest writer (2^31 lie between two changes), and a hostile one gets
 * no more.
 */
static bool count_moved(const struct shmemq *q, size_t offset, struct totals *totals)
{
	struct moved first, second;

	for (int i = 0; i < 2; i++) {
		if (!smq_words_copy(q, offset, &first, sizeof first) ||
		    !smq_words_copy(q, offset, &second, sizeof second))
			return false;
		if (first.messages_hi == second.messages_hi && first.moved_hi == second.moved_hi)
			break;
	}
	totals->position_units = second.position_units;
	totals->messages = smq_ring_total(first.messages_lo, second.messages_hi);
	totals->bytes = smq_ring_total(first.moved_lo, second.moved_hi);
	return true;
}

/*
 * Of a broadcast queue: finds the live consumer that is furthest back. `*totals`: what it has popped, and what had been
 * pushed before it came.
 */
static bool count_slowest(const struct shmemq *q, struct shmemq_stat *st, struct totals *totals)
{
	struct totals now, tail;

	if (!count_moved(q, offset_of_moved(true, false), &tail))
		return false;
	for (uint32_t number = 1; number <= SMQ_READERS_MAX; number++) {
		size_t offset = SMQ_READERS_OFFSET + (number - 1) * sizeof(struct smq_reader);
		struct claim claim;

		if (!smq_words_copy(q, offset, &claim, sizeof claim))
			return false;
		if (smq_claim_state(claim.word) != SHMEMQ_END_OPEN || !smq_endlock_number_held(q->fd, false, number))
			continue;
		if (!count_moved(q, offset + offsetof(struct smq_reader, moved), &now))
			return false;
		/* By their distance from one tail, which some may have passed meanwhile. */
		if (st->slowest_pid != 0 && (int32_t)(tail.position_units - now.position_units) <=
						    (int32_t)(tail.position_units - totals->position_units))
			continue;
		*totals = now;
		st->slowest_pid = claim.pid;
	}
	return true;
}

/* Units in use of a ring, whose ends' positions were read while both sides ran: no more than is possible. */
static uint32_t used_units(const struct totals *pushed, const struct totals *popped, uint32_t mask, bool extended)
{
	uint32_t units = pushed->position_units - popped->position_units;

	if ((int32_t)units < 0)
		return 0; /* the stored tail lags */
	if (units > mask)
		return extended ? 0 : mask; /* an extension that is to be used anew, and is empty */
	return units;
}

/* The words are read one after the other while both sides run, so their differences are clamped to what is possible. */
static bool count(const struct shmemq *q, struct shmemq_stat *st)
{
	const uint32_t rings = smq_is_elastic(q) ? 2 : 1;
	bool broadcast = q->flags & SHMEMQ_ATTR_BROADCAST;
	struct totals popped[2] = { { 0 } }, pushed[2];
	uint64_t units = 0;

	/* Popped first: of a queue in motion, pushed is then not less than that. */
	for (uint32_t i = 0; i < rings; i++) {
		if (!(broadcast ? count_slowest(q, st, &popped[i])
				: count_moved(q, offset_of_moved(false, i == 1), &popped[i])))
			return false;
	}
	for (uint32_t i = 0; i < rings; i++) {
		if (!count_moved(q, offset_of_moved(true, i == 1), &pushed[i]))
			return false;
		if (broadcast && st->slowest_pid == 0)
			popped[i] = pushed[i]; /* nobody is to pop it */
		st->popped_messages += popped[i].messages;
		st->popped_bytes += popped[i].bytes;
		st->pushed_messages += pushed[i].messages;
		st->pushed_bytes += pushed[i].bytes;
		units += used_units(&pushed[i], &popped[i],
				    i == 0 ? smq_first_ring(q)->mask : q->more->window_units - 1, i == 1);
	}
	st->queued_bytes = units * SMQ_UNIT;
	if (st->pushed_messages > st->popped_messages)
		st->queued_messages = st->pushed_messages - st->popped_messages;
	if (st->queued_messages > units)
		st->queued_messages = units;
	st->slowest_bytes = broadcast ? st->queued_bytes : 0;
	st->slowest_messages = broadcast ? st->queued_messages : 0;
	return true;
}

/* How many handles has this end, which is in `state`? */
static uint32_t count_handles(const struct shmemq *q, bool producer, uint32_t state)
{
	return state == SHMEMQ_END_OPEN ? smq_endlock_count(q->fd, producer) : 0;
}

/* What is reserved of the ring and the extension. */
static bool count_reserved(const struct shmemq *q, struct shmemq_stat *st)
{
	struct smq_counts counts;
	uint64_t most = smq_is_elastic(q) ? (uint64_t)q->more->window_units * SMQ_UNIT : 0, now, so_far;

	if (!smq_words_copy(q, offsetof(struct smq_header, producer_counts), &counts, sizeof counts))
		return false;
	now = (uint64_t)atomic_load_explicit(&counts.reserved_now, memory_order_relaxed) * SMQ_UNIT;
	so_far = (uint64_t)atomic_load_explicit(&counts.reserved_most, memory_order_relaxed) * SMQ_UNIT;
	st->reserved_bytes = st->capacity + (now < most ? now : most);
	st->reserved_bytes_most = st->capacity + (so_far < most ? so_far : most);
	return true;
}

/* Does a handle of this end, which is in `state`, sleep? A handle that was killed asleep has left its bits. */
static bool look_for_sleepers(const struct shmemq *q, bool producer, uint32_t state, uint32_t *waiting)
{
	size_t offset =
		producer ? offsetof(struct smq_header, producer_wait) : offsetof(struct smq_header, consumer_wait);
	uint32_t word = 0;

	if (state == SHMEMQ_END_OPEN && !smq_words_copy(q, offset, &word, sizeof word))
		return false;
	if (word & SMQ_WAIT_SLEEPER)
		*waiting |= producer ? SHMEMQ_WAIT_PRODUCER : SHMEMQ_WAIT_CONSUMER;
	return true;
}

int shmemq_stat(struct shmemq *q, struct shmemq_stat *st)
{
	struct smq_identity identity;
	struct shmemq_stat now = { .waiting = 0 };

	if (!smq_in_process(q))
		return smq_refuse(q, SMQ_ROLES);
	if (st == NULL)
		return smq_fail(EINVAL);
	smq_fd(q);
	now.capacity = smq_capacity(q);
	/* The states first: an end that is closed or dead by then has moved nothing since. */
	if (!copy_identity(q, &identity) || !look_at_end(q, true, &now.producer, &now.producer_pid) ||
	    !look_at_end(q, false, &now.consumer, &now.consumer_pid) || !count(q, &now) || !count_reserved(q, &now) ||
	    !smq_note_tell(q, &now) || !look_for_sleepers(q, true, now.producer, &now.waiting) ||
	    !look_for_sleepers(q, false, now.consumer, &now.waiting) ||
	    !smq_marks_look(q, true, identity.header_bytes, &now.producer_mark) ||
	    !smq_marks_look(q, false, identity.header_bytes, &now.consumer_mark))
		return smq_fail(EBADMSG);
	now.producers = count_handles(q, true, now.producer);
	now.consumers = count_handles(q, false, now.consumer);
	if (q->follower && !smq_survey_lag(smq_follower_of(q), q->fd, &now.lag_messages, &now.lag_bytes))
		return smq_fail(EBADMSG);
	*st = now;
	return 0;
}

const char *shmemq_version(void)
{
	return PACKAGE_VERSION;
}
