/* SPDX-License-Identifier: MIT */
/*
 * A call that does not wait, or not yet: whether it is known how the call ends, and what is left to do when a try
 * fails. One in 64 tries reads the clock, and asks about the peer if that was last done a slice ago.
 */
#ifndef SMQ_TRY_H
#define SMQ_TRY_H

#include "want.h"

/* Is it known, without waiting, how the call ends? `*err`: 0, EBADMSG, EPIPE or EOWNERDEAD. */
bool smq_is_decided(struct shmemq *q, struct smq_want *want, int *err);

/* Ends a call with timeout 0, whose check found nothing. 0, EAGAIN, EBADMSG, EPIPE or EOWNERDEAD. */
int smq_fail_try(struct shmemq *q, struct smq_want *want);

/* Clears the descriptor, before this side says what it is to be raised for. false: the program has closed it. */
bool smq_poll_again(struct shmemq *q);

/*
 * A try has failed with `err`: clears the descriptor, and has it raised when a call is worth another try. Returns 0 if
 * that is so already, or the errno that the call fails with.
 */
int smq_poll_peer(struct shmemq *q, struct smq_want *want, int err);

#endif
