/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "try.h"

#include <errno.h>

#include "note.h"
#include "peer.h"

bool smq_is_decided(struct shmemq *q, struct smq_want *want, int *err)
{
	enum smq_ring_status status;
	int gone = 0;

	if (want->kind == SMQ_WANT_PEER) {
		*err = 0;
		return smq_peer_present(q);
	}
	status = smq_check(q, want, true);
	/* After the peer is seen to have gone the ring is checked once more: what it published before comes first. */
	if (status == SMQ_NOT_YET && (gone = smq_peer_gone(q)) != 0)
		status = smq_check(q, want, true);
	*err = status == SMQ_READY ? 0 : status == SMQ_BAD ? EBADMSG : gone;
	return status != SMQ_NOT_YET || gone != 0;
}

int smq_fail_try(struct shmemq *q, struct smq_want *want)
{
	/* Relaxed: only compared. Before smq_is_decided(), so that a claim that this has not seen is not noted. */
	uint32_t claim = atomic_load_explicit(&smq_peer_claim(q)->state, memory_order_relaxed);
	int err;

	if (++q->peer.tries % SMQ_TRIES_A_CLOCK_READING == 0) {
		int64_t now = smq_now_ns();

		if (now - q->peer.probed_at >= SMQ_SLICE_NS)
			smq_peer_begin_slice(q, now);
	}
	if (smq_is_decided(q, want, &err))
		return err;
	if (!(q->state & SMQ_SHARED) && q->pollable == NULL)
		q->peer.quiet_claim = claim;
	if (want->kind == SMQ_WANT_MESSAGE)
		smq_note_failed_try(q);
	return EAGAIN;
}

bool smq_poll_again(struct shmemq *q)
{
	if (smq_pollable_clear(q->pollable))
		smq_pollable_watch(q->pollable, smq_fd(q), q->producer);
	return !smq_pollable_is_forgotten(q->pollable);
}

/* If the descriptor has reported a death or a close: asks about the peer, and sets the time of the next check. */
static void recheck_peer(struct shmemq *q)
{
	struct smq_recheck *recheck = &q->pollable->peer;
	bool asks = !q->stay || smq_is_broadcaster(q);

	if (asks && smq_recheck_due(recheck)) {
		smq_peer_probe(q, smq_now_ns());
		smq_recheck_done(recheck, true);
	}
	if (!asks || smq_peer_gone(q) != 0)
		recheck->since = 0; /* no more checks: a peer that comes back raises the descriptor */
	if (recheck->since != 0)
		smq_pollable_raise_at(q->pollable, recheck->at);
}

int smq_poll_peer(struct shmemq *q, struct smq_want *want, int err)
{
	bool known;
	int outcome;

	if (!smq_poll_again(q))
		return err;
	recheck_peer(q);
	if (smq_eventcount_prepare_poll(&q->eventcount) == SMQ_SLICE_UNFENCED_NS)
		smq_pollable_raise_at(q->pollable, smq_now_ns() + SMQ_SLICE_UNFENCED_NS);
	known = smq_is_decided(q, want, &outcome);
	/* The peer has raised nothing for what it published before the bit was set. So after a success here the
	 * descriptor is made readable again; likewise when the peer was gone (`err`) and is back now. */
	if (known ? outcome == 0 : err != EAGAIN)
		smq_pollable_raise_at(q->pollable, SMQ_AT_ONCE);
	return known ? outcome : err;
}
