/* SPDX-License-Identifier: MIT */
/* How a follower pops, and waits. */
#include "config.h"

#include "follow.h"

#include <stdlib.h>

#include "cancel.h"
#include "endlock.h"
#include "try.h"
#include "wait.h"

int smq_follow_open(struct shmemq *q, const struct smq_identity *identity, bool writable)
{
	struct smq_follower *follower;

	q->more->follow = malloc(sizeof *q->more->follow);
	if (q->more->follow == NULL)
		return ENOMEM;
	follower = smq_follower_of(q);
	smq_follower_init(follower, identity);
	/* If it is overtaken again and again, what it has lost is counted from about here. */
	if (smq_place_newest(follower, q->fd) == SMQ_BAD)
		return EBADMSG; /* the caller frees it */
	follower->popped = follower->number;
	smq_alarm_open(&q->more->follow->alarm, q->fd, identity->header_bytes, writable);
	return 0;
}

void smq_follow_close(struct shmemq *q)
{
	smq_alarm_close(&q->more->follow->alarm);
}

/* What is known of the producer, as of the last look: 0 (present, or to be waited for), EPIPE or EOWNERDEAD. */
static int producer_gone(const struct shmemq *q)
{
	uint32_t claim = smq_follower_of(q)->claim;

	if (q->stay)
		return 0;
	if (smq_claim_state(claim) == SHMEMQ_END_CLOSED)
		return EPIPE;
	return claim != 0 && claim == q->peer.dead_claim ? EOWNERDEAD : 0;
}

/* Asks the kernel whether the producer lives whose claim was read last. Once in a slice. */
static void begin_slice(struct shmemq *q, int64_t now)
{
	uint32_t claim = smq_follower_of(q)->claim;

	smq_alarm_new_slice(&q->more->follow->alarm);
	q->peer.probed_at = now;
	/* Another claim may have come since. Then this one is over too, and the new one is another word. */
	if (!q->stay && smq_claim_state(claim) == SHMEMQ_END_OPEN && !smq_endlock_held(smq_fd(q), true))
		q->peer.dead_claim = claim;
}

/*
 * The follower has no place any more: is the next message to be found all the same? Of a queue that grows, what is gone
 * may be a jump alone, in an extension that has been given back.
 */
static bool finds_again(struct smq_follower *follower, int fd)
{
	uint64_t next = follower->number;

	if (follower->rings == 1)
		return false;
	if (smq_place_number(follower, fd, next) == SMQ_READY ||
	    (smq_place_oldest(follower, fd, next) == SMQ_READY && follower->number == next))
		return true;
	follower->number = next;
	return false;
}

/* If the follower has been overtaken and not been moved since, it goes on at the oldest message. */
static enum smq_ring_status look(struct shmemq *q, uint32_t *size)
{
	struct smq_follower *follower = smq_follower_of(q);
	enum smq_ring_status status;
	int fd;

	if (follower->untold) {
		follower->untold = false;
		follower->overtaken = true;
		return SMQ_OVERTAKEN;
	}
	if (!follower->overtaken && smq_follower_has(follower, size))
		return SMQ_READY;
	fd = smq_fd(q);
	if (follower->overtaken)
		return smq_place_again(follower, fd, size);
	status = smq_follower_peek(follower, fd, size);
	if (status == SMQ_OVERTAKEN && finds_again(follower, fd))
		status = smq_follower_peek(follower, fd, size);
	if (status == SMQ_OVERTAKEN)
		follower->overtaken = true;
	return status;
}

/*
 * Is it known, without waiting, how the call ends? `*err`: 0, EBADMSG, EOVERFLOW, EPIPE or EOWNERDEAD. The look reads
 * the producer's claim before it looks for a message: so whatever the producer pushed before it went comes first.
 */
static bool is_decided(struct shmemq *q, uint32_t *size, int *err)
{
	switch (look(q, size)) {
	case SMQ_READY:
		*err = 0;
		return true;
	case SMQ_OVERTAKEN:
		*err = EOVERFLOW;
		return true;
	case SMQ_BAD:
		*err = EBADMSG;
		return true;
	case SMQ_NOT_YET:
		break;
	}
	*err = producer_gone(q);
	return *err != 0;
}

static bool is_over(struct shmemq *q, uint32_t *size, int *err)
{
	if (is_decided(q, size, err))
		return true;
	if (!smq_take_interrupt(q))
		return false;
	*err = ECANCELED;
	return true;
}

/* As in wait.c, after a look that found nothing. `*slept`: it has. */
static int sleep_until(struct shmemq *q, uint32_t *size, int64_t deadline, bool *slept)
{
	struct smq_alarm *alarm = &q->more->follow->alarm;
	int err;

	for (;;) {
		int64_t slice = smq_alarm_set(alarm, smq_fd(q), false), now, probe_at;

		if (is_over(q, size, &err))
			return err;
		now = smq_now_ns();
		probe_at = q->peer.probed_at + SMQ_SLICE_NS;
		if (now >= probe_at) {
			begin_slice(q, now);
			probe_at = now + SMQ_SLICE_NS;
			if (is_over(q, size, &err))
				return err;
		}
		if (now >= deadline)
			return ETIMEDOUT;
		if (slice > deadline - now)
			slice = deadline - now;
		if (slice > probe_at - now)
			slice = probe_at - now;
		if (!*slept)
			SMQ_PROBE(sleep, smq_probed_id(q), SHMEMQ_FOLLOWER, SMQ_PROBED_MESSAGE);
		*slept = true;
		if (smq_alarm_wait(alarm, slice) == EINTR)
			return smq_take_interrupt(q) ? ECANCELED : EINTR;
	}
}

static int fail_try(struct shmemq *q, uint32_t *size)
{
	int64_t now = smq_now_ns();
	int err;

	if (now - q->peer.probed_at < SMQ_SLICE_NS)
		return EAGAIN;
	begin_slice(q, now);
	return is_decided(q, size, &err) ? err : EAGAIN;
}

/* If the descriptor has reported a death or a close: asks about the producer, and sets the time of the next check. */
static void recheck_producer(struct shmemq *q)
{
	struct smq_recheck *recheck = &q->pollable->peer;

	if (!q->stay && smq_recheck_due(recheck)) {
		begin_slice(q, smq_now_ns());
		smq_recheck_done(recheck, true);
	}
	if (q->stay || producer_gone(q) != 0)
		recheck->since = 0;
	if (recheck->since != 0)
		smq_pollable_raise_at(q->pollable, recheck->at);
}

/* As smq_poll_peer(). */
static int poll_producer(struct shmemq *q, uint32_t *size, int err)
{
	int64_t slice;
	bool known;
	int outcome;

	if (!smq_poll_again(q))
		return err;
	recheck_producer(q);
	slice = smq_alarm_set(&q->more->follow->alarm, smq_fd(q), true);
	if (slice != SMQ_SLICE_NS)
		smq_pollable_raise_at(q->pollable, smq_now_ns() + slice);
	known = is_decided(q, size, &outcome);
	/* Also for a failure that is none of those which the descriptor waits after. */
	if (known ? outcome != EPIPE && outcome != EOWNERDEAD : err != EAGAIN)
		smq_pollable_raise_at(q->pollable, SMQ_AT_ONCE);
	return known ? outcome : err;
}

/* 0, and there is a message of `*size` bytes; or errno. */
static int await(struct shmemq *q, uint32_t *size, int64_t timeout)
{
	bool slept = false;
	int err;

	if (!is_decided(q, size, &err))
		err = timeout == 0 ? fail_try(q, size)
				   : sleep_until(q, size, smq_deadline(smq_now_ns(), timeout), &slept);
	if (slept)
		SMQ_PROBE(wake, smq_probed_id(q), SHMEMQ_FOLLOWER, err);
	if (q->pollable != NULL && (err == EAGAIN || err == EPIPE || err == EOWNERDEAD))
		err = poll_producer(q, size, err);
	return err;
}

static int pop(struct shmemq *q, void *buf, size_t size, uint32_t *type, int64_t timeout, uint32_t *bytes)
{
	int err = await(q, bytes, timeout);

	if (err == 0 && *bytes > size)
		return EMSGSIZE;
	if (err == 0) {
		int fd = smq_follower_is_large(*bytes) ? smq_fd(q) : -1;

		switch (smq_follower_take(smq_follower_of(q), fd, buf, *bytes, type)) {
		case SMQ_READY:
			return 0;
		case SMQ_OVERTAKEN:
			smq_follower_of(q)->overtaken = true;
			err = EOVERFLOW;
			break;
		default:
			err = EBADMSG;
		}
	}
	if (err == EBADMSG)
		q->state |= SMQ_BROKEN;
	return err;
}

ssize_t smq_follow_pop(struct shmemq *q, void *buf, size_t size, uint32_t *type, int64_t timeout)
{
	uint32_t bytes;
	int err, cancel;

	if (!smq_in_state(q, SHMEMQ_FOLLOWER) || (buf == NULL && size != 0))
		return smq_refuse(q, SHMEMQ_FOLLOWER);
	cancel = smq_cancel_disable();
	err = pop(q, buf, size, type, timeout, &bytes);
	smq_cancel_restore(cancel);
	return err != 0 ? smq_fail(err) : (ssize_t)bytes;
}

void smq_follow_interrupt(struct shmemq *q)
{
	atomic_store_explicit(&q->eventcount.interrupted, true, memory_order_relaxed);
	smq_alarm_interrupt(&q->more->follow->alarm);
}
