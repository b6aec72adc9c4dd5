/* SPDX-License-Identifier: MIT */
/* What every Check program here shares: queue names that are removed, a watchdog, peers in processes of their own. */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#include "shmemq.h"

#define MS ((int64_t)1000000) /* ns */

/* Sanitizers slow the long loops down, so they do a part of the work. */
#if defined __has_feature
#if __has_feature(thread_sanitizer)
#define TEST_TSAN 1
#elif __has_feature(address_sanitizer)
#define TEST_ASAN 1
#endif
#elif defined __SANITIZE_THREAD__
#define TEST_TSAN 1
#elif defined __SANITIZE_ADDRESS__
#define TEST_ASAN 1
#endif
#if defined TEST_TSAN || defined TEST_ASAN
#define TEST_SANITIZED 1
#else
#define TEST_SANITIZED 0
#endif
/* The thread sanitizer makes system calls of its own at any time. */
#if defined TEST_TSAN
#define TEST_QUIET 0
#else
#define TEST_QUIET 1
#endif
#if defined TEST_TSAN
#define TEST_PART(count) ((count) / 5)
#elif defined TEST_ASAN
#define TEST_PART(count) ((count) / 2)
#else
#define TEST_PART(count) (count)
#endif

/*
 * A long loop ends after this time, with the rounds that fitted in, at least one: each hand-over takes a time slice on
 * a busy machine. So a watchdog ends only what hangs.
 */
#define TEST_BOX (5000 * MS)

/*
 * Runs the suite and returns main's status. Check forks for each test, and ends whatever a test leaves running. After
 * `seconds` the suite is ended. Queues named by test_name() are removed in any case.
 */
int test_run(Suite *suite, unsigned seconds);

/* A queue name that no other test uses, valid until the test ends. */
const char *test_name(void);

/* The seed of random choices: $TEST_SEED, or a new one. It is printed. */
uint64_t test_seed(void);

/* Opens, or fails the test. Capacity 0: the default. */
struct shmemq *test_open(const char *name, unsigned flags, uint64_t capacity);

/* The same; 0: the default alignment. */
struct shmemq *test_open_aligned(const char *name, unsigned flags, uint64_t capacity, uint32_t alignment);

/* Creates a queue and claims its producer end. NULL: errno. */
struct shmemq *test_create(const char *name, uint64_t capacity);

/* Open, as test_open() does, or fail the test. */
struct shmemq *test_fdopen(int fd, unsigned flags);
int test_memfd(uint64_t capacity);

/*
 * Starts tests/lib/peer with these arguments (the last one NULL) by fork and exec, so that its mappings lie elsewhere.
 * peer.c has its commands.
 */
pid_t test_peer(const char *argument, ...);

/* Waits for a child and returns its exit status, or 128 + the signal that ended it. */
int test_wait(pid_t pid);

int64_t test_now(void); /* ns, CLOCK_MONOTONIC */
void test_sleep(int64_t ns);

/* ck_assert() writes to a file each time it holds: too much in a loop of a million. */
#define ck_fast(condition)                                      \
	do {                                                    \
		if (!(condition))                               \
			ck_abort_msg("not so: %s", #condition); \
	} while (0)

/* `expression` fails as its type does, with -1 or NULL, and with this errno. */
#define ck_fails(expression, expected)                                                                               \
	do {                                                                                                         \
		errno = 0;                                                                                           \
		intptr_t ck_result = (intptr_t)(expression);                                                         \
		int ck_errno = errno;                                                                                \
		ck_assert_msg(ck_result == _Generic((expression), void * : 0, const void * : 0, struct shmemq * : 0, \
						    struct shmemq_set * : 0, default                                 \
						    : -1) &&                                                         \
				      ck_errno == (expected),                                                        \
			      "%s: returned %ld with errno %s, expected %s", #expression, (long)ck_result,           \
			      strerror(ck_errno), strerror(expected));                                               \
	} while (0)

#endif
