/* SPDX-License-Identifier: MIT */
/*
 * No call is a cancellation point. A thread that pthread_cancel() ended in the middle of one would leave the init lock
 * or the owner lock held, descriptors open, or a peer asleep that was to be woken. So what makes system calls runs
 * between these two. A wait that is over before it sleeps makes none, and does not pay for them.
 */
#ifndef SMQ_CANCEL_H
#define SMQ_CANCEL_H

#include <pthread.h>

/* Returns what smq_cancel_restore() needs. They may be nested. */
static inline int smq_cancel_disable(void)
{
	int was;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &was);
	return was;
}

static inline void smq_cancel_restore(int was)
{
	(void)pthread_setcancelstate(was, &was); /* not NULL: not every libc takes it */
}

#endif
