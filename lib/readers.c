/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "readers.h"

#include <unistd.h>

#include "attach.h"
#include "endlock.h"

enum smq_ring_status smq_readers_join(struct shmemq *q, uint32_t number)
{
	struct smq_reader *reader = smq_reader_of(q->header, number);
	/* Relaxed, this and the stores: the number's lock orders them for consumers, OPEN for producers. */
	uint32_t last = atomic_load_explicit(&reader->claim.state, memory_order_relaxed);
	uint32_t claim = (last & ~SMQ_CLAIM_STATE) + SMQ_CLAIM_ONE;

	if (claim == 0) /* the count has come round: that would be no claim */
		claim = SMQ_CLAIM_ONE;
	atomic_store_explicit(&reader->claim.pid, (uint32_t)getpid(), memory_order_relaxed);
	atomic_store_explicit(&reader->claim.state, claim + SMQ_CLAIM_JOINING, memory_order_relaxed);
	/* JOINING is seen before the tail is read. Partner: the fence in smq_slowest_load(), which has the
	 * argument. Without it this consumer could start where the producer writes already. */
	atomic_thread_fence(memory_order_seq_cst);
	if (smq_ring_join(&q->ring, q->header, reader) != SMQ_READY) {
		smq_claim_close(&reader->claim);
		return SMQ_BAD;
	}
	/* Release: its acquire is in lag_of() of slowest.c, and in stat.c. */
	atomic_store_explicit(&reader->claim.state, claim + SHMEMQ_END_OPEN, memory_order_release);
	return SMQ_READY;
}

uint32_t smq_readers_number(const struct shmemq *q)
{
	size_t offset = (size_t)((const char *)q->ring.moved - (const char *)q->header) - SMQ_READERS_OFFSET;

	return (uint32_t)(offset / sizeof(struct smq_reader)) + 1;
}

void smq_readers_leave(struct shmemq *q)
{
	smq_claim_close(&smq_reader_of(q->header, smq_readers_number(q))->claim);
}

void smq_readers_probe(struct shmemq *q)
{
	int fd = smq_fd(q);

	for (uint32_t number = 1; number <= SMQ_READERS_MAX; number++) {
		struct smq_claim *of = &smq_reader_of(q->header, number)->claim;
		/* Before the kernel is asked, as in ask() of peer.c: "not held" is said of this claim alone. A
		 * consumer stores its claim after it has the lock, and CLOSED before it unlocks. Relaxed: the
		 * exchange compares it. */
		uint32_t claim = atomic_load_explicit(&of->state, memory_order_relaxed), now = claim & SMQ_CLAIM_STATE;

		if (claim == 0 || (now != SHMEMQ_END_OPEN && now != SMQ_CLAIM_JOINING) ||
		    smq_endlock_number_held(fd, false, number))
			continue;
		/* Release: its acquire is in lag_of() of slowest.c. The reads of the process that has ended come before
		 * another producer's writes. */
		if (atomic_compare_exchange_strong_explicit(&of->state, &claim,
							    (claim & ~SMQ_CLAIM_STATE) + SHMEMQ_END_DEAD,
							    memory_order_release, memory_order_relaxed))
			SMQ_PROBE(death, smq_probed_id(q), SHMEMQ_CONSUMER, smq_load(&of->pid));
	}
}
