/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "peer.h"

#include <errno.h>

#include "endlock.h"
#include "readers.h"
#include "shmemq.h"

/* Acquire: its release is in smq_claim_open() and smq_claim_close(). What a peer that closed did before is seen. */
static uint32_t load_claim(const struct shmemq *q)
{
	return atomic_load_explicit(&smq_peer_claim(q)->state, memory_order_acquire);
}

int smq_peer_gone(const struct shmemq *q)
{
	uint32_t claim = load_claim(q);

	if (q->stay)
		return 0;
	if (smq_claim_state(claim) == SHMEMQ_END_CLOSED)
		return EPIPE;
	return claim != 0 && claim == q->peer.dead_claim ? EOWNERDEAD : 0;
}

static void ask(struct shmemq *q)
{
	/* Loaded before the kernel is asked, so that "not held" is recorded for this claim and not for a later one.
	 * It is loaded again afterwards: if the peer closed in between, it has stored CLOSED before it unlocked, so
	 * that is found and not taken for a death (doc/model/claim.pml). */
	uint32_t claim = load_claim(q);

	if (smq_claim_state(claim) == SHMEMQ_END_OPEN && !smq_endlock_held(smq_fd(q), !q->producer)) {
		if (SMQ_PROBES && claim != q->peer.dead_claim) /* relaxed: for display only */
			SMQ_PROBE(death, smq_probed_id(q), q->producer ? SHMEMQ_CONSUMER : SHMEMQ_PRODUCER,
				  smq_load(&smq_peer_claim(q)->pid));
		q->peer.dead_claim = claim;
		q->peer.quiet_claim = SMQ_NOT_QUIET;
	}
}

void smq_peer_probe(struct shmemq *q, int64_t now)
{
	q->peer.probed_at = now;
	if (smq_is_broadcaster(q))
		smq_readers_probe(q);
	if (!q->stay)
		ask(q);
}

void smq_peer_begin_slice(struct shmemq *q, int64_t now)
{
	smq_eventcount_new_slice(&q->eventcount);
	smq_peer_probe(q, now);
}

/* As far as is known. */
static bool seems_present(const struct shmemq *q)
{
	uint32_t claim = load_claim(q);

	return smq_claim_state(claim) == SHMEMQ_END_OPEN && claim != q->peer.dead_claim;
}

bool smq_peer_present(struct shmemq *q)
{
	int64_t now;

	if (!seems_present(q))
		return false;
	now = smq_now_ns();
	if (now - q->peer.probed_at >= SMQ_SLICE_NS)
		smq_peer_begin_slice(q, now);
	if (q->stay)
		ask(q); /* the probes do not */
	return seems_present(q);
}
