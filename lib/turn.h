/* SPDX-License-Identifier: MIT */
/*
 * How a call waits for its turn on a SHARED end: it tries for the owner lock, sleeps until the lock is unlocked, and
 * asks once a slice whether its holder lives.
 */
#ifndef SMQ_TURN_H
#define SMQ_TURN_H

#include "handle.h"

/*
 * Locks the owner lock, by `deadline`. 0; EAGAIN, with timeout 0; ECANCELED, EINTR or ETIMEDOUT. After EAGAIN the
 * descriptor is raised when the lock is unlocked, or its holder dead.
 */
int smq_await_turn(struct shmemq *q, int64_t timeout, int64_t deadline);

#endif
