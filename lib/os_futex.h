/* SPDX-License-Identifier: MIT */
/* Sleeping on a shared futex: the wait word itself, or the owner word. eventcount.h has the protocol. */
#ifndef SMQ_OS_FUTEX_H
#define SMQ_OS_FUTEX_H

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "format.h"

#define SMQ_MECHANISM SMQ_MECHANISM_FUTEX

/* The bits of the handles that smq_os_wake() wakes. */
#define SMQ_OS_SLEEPERS (SMQ_WAIT_SLEEPER | SMQ_WAIT_FOLLOWER)

/* What only semaphores need: see os_sem.h. */
static inline int smq_os_init(struct smq_wait *wait)
{
	(void)wait; /* a zero word is a futex */
	return 0;
}

static inline void smq_os_join(struct smq_wait *wait)
{
	(void)wait;
}

static inline void smq_os_leave(struct smq_wait *wait)
{
	(void)wait;
}

static inline void smq_os_prepare(struct smq_wait *wait)
{
	(void)wait;
}

/*
 * The kernel's timespec, not libc's: they differ on 32-bit systems. Sleeps are short, so either structure can hold
 * them.
 */
struct smq_futex_time64 {
	int64_t tv_sec, tv_nsec;
};

struct smq_futex_time {
	__kernel_long_t tv_sec, tv_nsec;
};

/* Not FUTEX_PRIVATE: processes share the word. */
static inline long smq_futex_wait(smq_word *word, uint32_t expected, int64_t ns)
{
#ifdef SYS_futex_time64
	struct smq_futex_time64 time64 = { ns / SMQ_NS_PER_S, ns % SMQ_NS_PER_S };
	long ret = syscall(SYS_futex_time64, word, FUTEX_WAIT, expected, &time64, NULL, 0);

	if (ret == 0 || errno != ENOSYS)
		return ret;
#endif
#ifdef SYS_futex
	struct smq_futex_time time = { (__kernel_long_t)(ns / SMQ_NS_PER_S), (__kernel_long_t)(ns % SMQ_NS_PER_S) };

	return syscall(SYS_futex, word, FUTEX_WAIT, expected, &time, NULL, 0);
#else
	return -1;
#endif
}

/* `second` and `operation`: of FUTEX_WAKE_OP. false: errno. */
static inline bool smq_futex_call(smq_word *word, int command, int sleepers, smq_word *second, int operation)
{
#ifdef SYS_futex
	if (syscall(SYS_futex, word, command, sleepers, NULL, second, operation) >= 0)
		return true;
	if (errno != ENOSYS)
		return false;
#endif
#ifdef SYS_futex_time64
	return syscall(SYS_futex_time64, word, command, sleepers, NULL, second, operation) >= 0;
#else
	return false;
#endif
}

static inline void smq_futex_wake(smq_word *word, int sleepers)
{
	(void)smq_futex_call(word, FUTEX_WAKE, sleepers, NULL, 0);
}

/*
 * Changes a word without an access to it, which may be SIGBUS: the kernel does it, atomically, before it wakes those
 * that sleep on another word, and none on this one, if it was -1. false: errno.
 */
static inline bool smq_futex_change(smq_word *woken, int sleepers, smq_word *word, int operation, uint32_t operand)
{
	return smq_futex_call(woken, FUTEX_WAKE_OP, sleepers, word,
			      FUTEX_OP(operation, (int)operand, FUTEX_OP_CMP_EQ, 0xfff));
}

/* Sets bits, and wakes nobody. */
static inline bool smq_futex_set(smq_word *word, uint32_t bits)
{
	smq_word nobody = 0;

	return smq_futex_change(&nobody, 1, word, FUTEX_OP_OR, bits);
}

/* Adds to a word, and then wakes all that sleep on it. Async-signal-safe. */
static inline void smq_futex_add_and_wake(smq_word *word, uint32_t operand)
{
	(void)smq_futex_change(word, INT_MAX, word, FUTEX_OP_ADD, operand);
}

/* Sleeps until woken, unless the word is no longer `expected`; at most `ns`. 0: check again. EINTR. */
static inline int smq_os_sleep(struct smq_wait *wait, uint32_t expected, int64_t ns)
{
	/* 0 may be spurious, EAGAIN means that the waker was faster, ETIMEDOUT ends a slice. After each of them the
	 * caller checks the ring and the clock. */
	return smq_futex_wait(&wait->word, expected, ns) != 0 && errno == EINTR ? EINTR : 0;
}

/* Wakes all that sleep there. Async-signal-safe. */
static inline void smq_os_wake(struct smq_wait *wait)
{
	smq_futex_wake(&wait->word, INT_MAX);
}

/* The same for the waiters of an owner lock, whose word is the futex. */
static inline int smq_os_owner_sleep(struct smq_wait *wait, smq_word *word, uint32_t expected, int64_t ns)
{
	(void)wait;
	return smq_futex_wait(word, expected, ns) != 0 && errno == EINTR ? EINTR : 0;
}

/* Unless `all`, one is woken; it wakes the next one later. */
static inline void smq_os_owner_wake(struct smq_wait *wait, smq_word *word, bool all)
{
	(void)wait;
	smq_futex_wake(word, all ? INT_MAX : 1);
}

#endif
