/* SPDX-License-Identifier: MIT */
/* Sleeping on a process-shared POSIX semaphore (--disable-futex). eventcount.h has the protocol. */
#ifndef SMQ_OS_SEM_H
#define SMQ_OS_SEM_H

#include <errno.h>
#include <semaphore.h>
#include <stdbool.h>
#include <time.h>

#include "clock.h"
#include "format.h"

/* The layout of sem_t depends on the libc and the word size, so the mechanism's id contains both. */
#if defined __GLIBC__
#define SMQ_SEM_LIBC 1u
#else
#define SMQ_SEM_LIBC 2u
#endif
#define SMQ_MECHANISM (SMQ_MECHANISM_SEM | SMQ_SEM_LIBC << 8 | (uint32_t)sizeof(void *) << 16)

/* The bits of the handles that smq_os_wake() wakes. Followers look every millisecond. */
#define SMQ_OS_SLEEPERS SMQ_WAIT_SLEEPER

_Static_assert(sizeof(sem_t) <= sizeof(((struct smq_wait *)0)->sem[0]), "a sem_t fits into the format");

#if defined HAVE_SEM_CLOCKWAIT
#define SMQ_SEM_CLOCK                 CLOCK_MONOTONIC
#define smq_sem_wait_until(sem, when) sem_clockwait(sem, CLOCK_MONOTONIC, when)
#else
/* This libc offers no other clock. If it is set back, one slice lasts longer, and a death or a timeout shows late. */
#define SMQ_SEM_CLOCK                 CLOCK_REALTIME
#define smq_sem_wait_until(sem, when) sem_timedwait(sem, when)
#endif

/* Semaphore 0: to wait for the peer. 1: to wait for the owner lock. */
static inline sem_t *smq_sem(struct smq_wait *wait, int which)
{
	return (sem_t *)(void *)wait->sem[which];
}

static inline int smq_os_init(struct smq_wait *wait)
{
	return sem_init(smq_sem(wait, 0), 1, 0) != 0 || sem_init(smq_sem(wait, 1), 1, 0) != 0 ? -1 : 0;
}

/*
 * Counts one handle of a SHARED end that may sleep here, because a post wakes only one. A handle that was killed stays
 * counted: the posts for it are in vain. Relaxed: a miscount costs a post in vain, or a slice.
 */
static inline void smq_os_join(struct smq_wait *wait)
{
	atomic_fetch_add_explicit(&wait->sleepers, 1, memory_order_relaxed);
}

static inline void smq_os_leave(struct smq_wait *wait)
{
	atomic_fetch_sub_explicit(&wait->sleepers, 1, memory_order_relaxed);
}

/*
 * Before a sleep of a handle that sleeps here alone: takes back the posts that earlier sleeps did not use, so that they
 * do not add up. Bounded, because a hostile peer may post without end.
 */
static inline void smq_os_prepare(struct smq_wait *wait)
{
	for (int i = 0; i < 64 && sem_trywait(smq_sem(wait, 0)) == 0; i++)
		;
}

static inline int smq_sem_sleep(sem_t *sem, int64_t ns)
{
	struct timespec when;

	clock_gettime(SMQ_SEM_CLOCK, &when);
	ns += when.tv_nsec;
	when.tv_sec += (time_t)(ns / SMQ_NS_PER_S);
	when.tv_nsec = (long)(ns % SMQ_NS_PER_S);
	return smq_sem_wait_until(sem, &when) != 0 && errno == EINTR ? EINTR : 0;
}

/* Sleeps until posted; at most `ns`. 0: check again. EINTR. */
static inline int smq_os_sleep(struct smq_wait *wait, uint32_t expected, int64_t ns)
{
	(void)expected; /* a post before the sleep is not lost: the semaphore counts it */
	return smq_sem_sleep(smq_sem(wait, 0), ns);
}

#define SMQ_POSTS_MAX 1024u /* a hostile peer may have written any count */

/* Async-signal-safe. An EOVERFLOW may be ignored: that many posts keep all sleepers awake. */
static inline void smq_os_wake(struct smq_wait *wait)
{
	uint32_t sleepers = atomic_load_explicit(&wait->sleepers, memory_order_relaxed), posts = 0;

	do
		sem_post(smq_sem(wait, 0));
	while (++posts < sleepers && posts < SMQ_POSTS_MAX);
}

/* The same for the waiters of an owner lock. */
static inline int smq_os_owner_sleep(struct smq_wait *wait, smq_word *word, uint32_t expected, int64_t ns)
{
	(void)word, (void)expected;
	return smq_sem_sleep(smq_sem(wait, 1), ns);
}

/* Unless `all`, one is woken; it wakes the next one later. All: 64, more handles than usually share an end. */
static inline void smq_os_owner_wake(struct smq_wait *wait, smq_word *word, bool all)
{
	(void)word;
	for (int posts = all ? 64 : 1; posts > 0; posts--)
		sem_post(smq_sem(wait, 1));
}

#endif
