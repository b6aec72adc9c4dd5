/* SPDX-License-Identifier: MIT */
/* What a test may need, and a machine, a kernel or a build may lack. */
#ifndef TESTS_NEEDS_H
#define TESTS_NEEDS_H

enum {
	NEEDS_PROC = 1 << 0,        /* /proc/self/fd, by which shmemq_fdopen() claims an end */
	NEEDS_POLLFD = 1 << 1,      /* that, and an inotify instance left to the user */
	NEEDS_FILTERS = 1 << 2,     /* seccomp filters */
	NEEDS_MEMBARRIER = 1 << 3,  /* membarrier(2) with its global expedited command */
	NEEDS_FORKS_APART = 1 << 4, /* children lack what madvise(2) keeps from them */
	NEEDS_NO_CALLS = 1 << 5,    /* no system calls but the library's and the test's */
	NEEDS_NO_MAPPINGS = 1 << 6, /* no large mappings but the library's and the test's */
	NEEDS_ROOT = 1 << 7,
	NEEDS_OWN_SHM = 1 << 8,        /* child_own_shm() */
	NEEDS_OWN_PIDS = 1 << 9,       /* child_own_pids() */
	NEEDS_PTRACE = 1 << 10,        /* a tracee that stops at its system calls */
	NEEDS_ADDRESSES = 1 << 11,     /* 64 GiB of them */
	NEEDS_OWN_CLOCK = 1 << 13,     /* child_own_clock() */
	NEEDS_CANCELLATION = 1 << 12,  /* threads that can be cancelled */
	NEEDS_SHARED_MEMORY = 1 << 14, /* a process that shares another one's memory */
};

/* NULL if all of these are there, or the first one that is missing, in words. */
const char *needs_missing(unsigned needs);

#endif
