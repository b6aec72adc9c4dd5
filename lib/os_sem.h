/* SPDX-License-Identifier: MIT */
/* Sleeping on a process-shared POSIX semaphore (--disable-futex). wait.h tells the protocol. */
#ifndef SMQ_OS_SEM_H
#define SMQ_OS_SEM_H

#include <errno.h>
#include <semaphore.h>
#include <stdbool.h>
#include <time.h>

#include "format.h"

/* sem_t is private to a libc and a word size, so both are in the mechanism's id. */
#if defined __GLIBC__
#define SMQ_SEM_LIBC 1u
#else
#define SMQ_SEM_LIBC 2u
#endif
#define SMQ_MECHANISM (SMQ_MECHANISM_SEM | SMQ_SEM_LIBC << 8 | (uint32_t)sizeof(void *) << 16)

_Static_assert(sizeof(sem_t) <= sizeof(((struct smq_wait *)0)->sem[0]), "sem_t fits into its room");

#if defined HAVE_SEM_CLOCKWAIT
#define SMQ_SEM_CLOCK                 CLOCK_MONOTONIC
#define smq_sem_wait_until(sem, when) sem_clockwait(sem, CLOCK_MONOTONIC, when)
#else
/* Where libc has no other, a clock set back prolongs one slice: a death or a timeout is then noticed late. */
#define SMQ_SEM_CLOCK                 CLOCK_REALTIME
#define smq_sem_wait_until(sem, when) sem_timedwait(sem, when)
#endif

/* 0: of the wait, 1: of the turn. */
static inline sem_t *smq_sem(struct smq_wait *wait, int which)
{
	return (sem_t *)(void *)wait->sem[which];
}

static inline int smq_os_init(struct smq_wait *wait)
{
	return sem_init(smq_sem(wait, 0), 1, 0) != 0 || sem_init(smq_sem(wait, 1), 1, 0) != 0 ? -1 : 0;
}

/* One of several that may sleep here comes or goes: a post wakes one. A killed one stays counted, for posts in vain. */
static inline void smq_os_join(struct smq_wait *wait)
{
	atomic_fetch_add_explicit(&wait->sleepers, 1, memory_order_relaxed);
}

static inline void smq_os_leave(struct smq_wait *wait)
{
	atomic_fetch_sub_explicit(&wait->sleepers, 1, memory_order_relaxed);
}

/*
 * Before announcing, where nobody else sleeps: takes what posts earlier announcements have left, so that they do not
 * pile up. Bounded, because a hostile peer may post without end.
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
	when.tv_sec += (time_t)(ns / 1000000000);
	when.tv_nsec = (long)(ns % 1000000000);
	return smq_sem_wait_until(sem, &when) != 0 && errno == EINTR ? EINTR : 0;
}

/* Sleeps until posted; at most `ns`. 0: look again. EINTR. */
static inline int smq_os_sleep(struct smq_wait *wait, uint32_t expected, int64_t ns)
{
	(void)expected; /* a post before the sleep is not lost: the semaphore counts it */
	return smq_sem_sleep(smq_sem(wait, 0), ns);
}

#define SMQ_POSTS_MAX 1024u /* a hostile peer may have written any count */

/* Async-signal-safe. EOVERFLOW: it is awake for a long time to come. */
static inline void smq_os_wake(struct smq_wait *wait)
{
	uint32_t sleepers = atomic_load_explicit(&wait->sleepers, memory_order_relaxed), posts = 0;

	do
		sem_post(smq_sem(wait, 0));
	while (++posts < sleepers && posts < SMQ_POSTS_MAX);
}

/* The same for who waits for the turn; one is woken, who wakes the next one when it leaves. */
static inline int smq_os_owner_sleep(struct smq_wait *wait, smq_word *word, uint32_t expected, int64_t ns)
{
	(void)word, (void)expected;
	return smq_sem_sleep(smq_sem(wait, 1), ns);
}

/* `all`: or as good as all. */
static inline void smq_os_owner_wake(struct smq_wait *wait, smq_word *word, bool all)
{
	(void)word;
	for (int posts = all ? 64 : 1; posts > 0; posts--)
		sem_post(smq_sem(wait, 1));
}

#endif
