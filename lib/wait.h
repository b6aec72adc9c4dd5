/* SPDX-License-Identifier: MIT */
/* Waiting for the peer: wait.c has the one loop in which all calls wait. */
#ifndef SMQ_WAIT_H
#define SMQ_WAIT_H

#include "want.h"

/*
 * A sleep and its wake add some 50 us (doc/design.md): a longer spin costs more than the sleep that it saves. If a wait
 * that slept was over within twice that time, a spin of this length would about have caught it.
 */
#define SMQ_SPIN_MAX_NS 50000
/*
 * After so many such waits in a row that spun in vain a side stops spinning, but for one in SMQ_SPIN_AGAIN of them: a
 * spin now and then costs little.
 */
#define SMQ_SPIN_MISSES 8
#define SMQ_SPIN_AGAIN  128

/* Sets what a new handle knows of spinning. */
void smq_await_init(struct shmemq *q);

/*
 * Waits, after the caller's own check returned `status`, SMQ_NOT_YET or SMQ_BAD. 0, or the errno that the call fails
 * with: EAGAIN EBADMSG ECANCELED EINTR EOWNERDEAD EPIPE ETIMEDOUT. After 0 what it wants is there, and the caller of an
 * unshared end must not check again: a hostile peer that takes messages back would keep it waiting for ever. On a
 * SHARED end without the owner lock 0 is a guess: the caller locks and checks.
 */
int smq_await(struct shmemq *q, enum smq_ring_status status, struct smq_want *want, int64_t timeout);

/* Waits for a peer, on any end and in any state. 0, or EAGAIN ECANCELED EINTR ETIMEDOUT. */
int smq_await_peer(struct shmemq *q, int64_t timeout);

/* Has shmemq_interrupt() been called? Clears that. */
bool smq_take_interrupt(struct shmemq *q);

#endif
