/* SPDX-License-Identifier: MIT */
/* The general case: a SHARED end, where a call first takes its turn; and waiting for the peer. */
#include "config.h"

#include "acquire.h"

#include "announce.h"
#include "attach.h"
#include "note.h"
#include "turn.h"

/* Other handles want the same lock and messages. A call with no time left may lose so many races, and fails then. */
#define LOST_MAX 4

enum smq_ring_status smq_attach(struct shmemq *q)
{
	enum smq_ring_status status;

	if (smq_is_elastic(q))
		status = smq_extension_attach(q);
	else if (q->producer)
		status = smq_ring_attach_producer(&q->ring, q->header);
	else
		status = smq_ring_attach_consumer(&q->ring, q->header);
	if (q->producer && status == SMQ_READY && !smq_is_elastic(q))
		smq_ring_recount(&q->ring, 0, smq_units_with_memory(q, 0));
	if (status == SMQ_READY)
		smq_marks_settle(q);
	if (SMQ_PROBES && status == SMQ_READY && !q->producer && q->ring.redelivering)
		SMQ_PROBE(redelivery, smq_probed_id(q), (q->ring.redelivered_end - q->ring.position) * 1ul * SMQ_UNIT);
	return status == SMQ_READY && q->state & SMQ_LIMITED ? smq_limit_attach(q) : status;
}

/* With the lock: loads what other handles of the end have left. */
static enum smq_ring_status resume(struct shmemq *q)
{
	enum smq_ring_status status =
		smq_is_elastic(q) ? smq_extension_resume(q) : smq_ring_resume(&q->ring, q->producer);

	return status == SMQ_READY && q->state & SMQ_LIMITED ? smq_limit_resume(q) : status;
}

/* With the lock: loads what the other handles have left, and checks. */
static enum smq_ring_status check_locked(struct shmemq *q, struct smq_want *want)
{
	uint32_t moved = smq_note_moved(q);
	enum smq_ring_status status;

	if (q->ownerlock.recovered) {
		q->ownerlock.recovered = false;
		status = smq_attach(q);
	} else {
		status = resume(q);
	}
	q->noted = q->ring.position - moved; /* what the others have moved they note themselves */
	if (status == SMQ_READY)
		status = smq_check(q, want, true);
	if (!q->producer && status == SMQ_NOT_YET)
		smq_ring_flush_room(&q->ring); /* as smq_await() does on an end that is not SHARED */
	return status;
}

/* Gets the lock and what it is for, or neither. 0 or errno. */
static int acquire_shared(struct shmemq *q, struct smq_want *want, int64_t timeout)
{
	int64_t deadline = timeout > 0 ? smq_deadline(smq_now_ns(), timeout) : INT64_MAX, left = timeout;
	int lost = 0;

	for (;;) {
		int err = smq_await_turn(q, timeout, deadline);
		enum smq_ring_status status;

		if (err != 0)
			return err;
		status = check_locked(q, want);
		if (status == SMQ_READY) {
			/* The last holder's part of the ring is not this handle's. */
			if (smq_note_ends_soon(q))
				smq_note_next(q, want->need);
			return 0;
		}
		smq_unlock_owner(q);
		/* Also here, because smq_await() looks for an interrupt only when its guess is "no", and a hostile peer
		 * may make it "yes" every time. */
		if (status == SMQ_NOT_YET && timeout != 0 && smq_take_interrupt(q))
			return ECANCELED;
		if (timeout > 0)
			left = deadline - smq_now_ns();
		if (status == SMQ_NOT_YET && timeout >= 0 && left <= 0 && lost++ == LOST_MAX)
			break;
		err = smq_await(q, status, want, timeout > 0 && left <= 0 ? 1 : left); /* 0 would mean a try */
		if (err != 0)
			return err;
	}
	if (timeout > 0)
		return ETIMEDOUT;
	if (q->pollable != NULL)
		smq_pollable_raise_at(q->pollable, SMQ_AT_ONCE);
	return EAGAIN;
}

static int acquire(struct shmemq *q, struct smq_want *want, int64_t timeout)
{
	enum smq_ring_status status;

	if (q->state & SMQ_SHARED)
		return acquire_shared(q, want, timeout);
	status = smq_check(q, want, false);
	return status == SMQ_READY ? 0 : smq_await(q, status, want, timeout);
}

/* Not on a SHARED end, whatever the peer's claim word says: this handle may have the owner lock. */
static bool may_be_quiet(const struct shmemq *q, int64_t timeout)
{
	return timeout == 0 && !(q->state & SMQ_SHARED) && smq_try_is_quiet(q);
}

smq_noinline int smq_fail_quiet(struct shmemq *q)
{
	q->peer.tries++;
	if (!q->producer)
		smq_ring_flush_room(&q->ring);
	smq_note_failed_try(q);
	return smq_fail(EAGAIN);
}

/* There is space for a record of `need` units: makes it fit. */
static void announce(struct shmemq *q, uint32_t need)
{
	if (smq_ring_fits(&q->ring, need))
		return;
	smq_ring_announce(&q->ring, need, smq_is_elastic(q) ? q->more->other.messages_lo : 0);
	smq_extension_narrow(q, need);
	if (smq_note_ends_soon(q))
		smq_note_next(q, need);
}

enum smq_ring_status smq_try_space(struct shmemq *q, uint32_t need)
{
	struct smq_want want = { .need = need };
	enum smq_ring_status status = smq_check(q, &want, true);

	if (status == SMQ_READY)
		announce(q, need);
	return status;
}

/* There is space for a record of `need` units, which the call may push at once. */
static int found_space(struct shmemq *q, uint32_t need)
{
	announce(q, need);
	if (smq_unlikely(q->state & SMQ_MARKED))
		smq_marks_begin(q, q->ring.position + need);
	return 0;
}

smq_noinline int smq_acquire_space_slow(struct shmemq *q, size_t size, int64_t timeout)
{
	struct smq_want want = { 0 };
	int err;

	if (!smq_in_state(q, SHMEMQ_PRODUCER))
		return smq_refuse(q, SHMEMQ_PRODUCER);
	if (size > smq_message_max(q))
		return smq_fail(EMSGSIZE);
	want.patient = timeout != 0;
	want.need = smq_record_units(&q->ring, (uint32_t)size);
	/* Each time that a 64th of the ring has been filled. */
	if (smq_likely(!(q->state & SMQ_SHARED) && q->more == NULL && smq_ring_fits_head(&q->ring, want.need)))
		return found_space(q, want.need);
	if (may_be_quiet(q, timeout) && (smq_is_elastic(q) || !smq_ring_fits_head(&q->ring, want.need)) &&
	    smq_check(q, &want, true) == SMQ_NOT_YET)
		return smq_fail_quiet(q);
	err = acquire(q, &want, timeout);
	return err != 0 ? smq_fail(err) : found_space(q, want.need);
}

smq_noinline int smq_acquire_message_slow(struct shmemq *q, uint32_t *size, int64_t timeout)
{
	struct smq_want want = { 0 };
	int err;

	if (!smq_in_state(q, SHMEMQ_CONSUMER))
		return smq_refuse(q, SHMEMQ_CONSUMER);
	if (may_be_quiet(q, timeout) && smq_ring_peek(&q->ring, &want.found) == SMQ_NOT_YET)
		return smq_fail_quiet(q);
	err = acquire(q, &want, timeout);
	*size = want.found;
	if (err != 0)
		return smq_fail(err);
	if (smq_unlikely(q->state & SMQ_MARKED))
		smq_marks_begin(q, q->ring.position + smq_record_units(&q->ring, *size));
	return 0;
}

void smq_wake_waiters(struct shmemq *q, uint32_t waiters)
{
	if (waiters & SMQ_OWNER_SLEEPER)
		smq_ownerlock_wake(&q->ownerlock, q->eventcount.own);
	if (waiters & SMQ_OWNER_POLLER)
		smq_pollable_raise(smq_fd(q), !q->producer); /* as the peer does */
}

ssize_t smq_notify_waiters(struct shmemq *q, uint32_t waiters, ssize_t result)
{
	smq_wake_waiters(q, waiters);
	return smq_eventcount_look(&q->eventcount) ? smq_notify_slow(q, result) : result;
}

int smq_finish_other(struct shmemq *q)
{
	if (q->state & SMQ_MARKED) { /* not SHARED */
		smq_marks_end(q);
		return (int)smq_notify(q, 0);
	}
	q->ownerlock.held = false;
	return (int)smq_finish_once(q, 0);
}

smq_noinline ssize_t smq_finish_due(struct shmemq *q, ssize_t result)
{
	smq_note_pop(q);
	smq_finish(q);
	return result;
}
