/* SPDX-License-Identifier: MIT */
/* What every Check program here shares: queue names that go away, a watchdog, peers in processes of their own. */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <check.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#include "shmemq.h"

#define MS ((int64_t)1000000) /* ns */

/*
 * Runs the suite and returns main's status. Check forks for each test. Queues named by test_name() are removed when
 * it returns, whatever the tests did; after `seconds` the program ends itself and its children.
 */
int test_run(Suite *suite, unsigned seconds);

/* A queue name that nobody else uses, valid until the test ends. */
const char *test_name(void);

/* Opens or fails the test. Capacity 0: the default. */
struct shmemq *test_open(const char *name, unsigned flags, uint64_t capacity);

/*
 * Starts tests/peer with these arguments (the last one NULL): fork and exec, so that its mappings lie elsewhere. Its
 * commands stand in peer.c.
 */
pid_t test_peer(const char *argument, ...);

/* Waits for a child: its exit status, or 128 + the signal that ended it. */
int test_wait(pid_t pid);

int64_t test_now(void); /* ns, CLOCK_MONOTONIC */
void test_sleep(int64_t ns);

/* CPU time of this process so far, ns. */
int64_t test_cpu(void);

/* `expression` returns -1 (or NULL cast to intptr_t) with this errno. */
#define ck_fails(expression, expected)                                                                                 \
	do {                                                                                                           \
		errno = 0;                                                                                             \
		intptr_t ck_result = (intptr_t)(expression);                                                           \
		int ck_errno = errno;                                                                                  \
		ck_assert_msg((ck_result == -1 || ck_result == 0) && ck_errno == (expected),                           \
			      "%s: returned %ld with errno %s, expected %s", #expression, (long)ck_result,             \
			      strerror(ck_errno), strerror(expected));                                                 \
	} while (0)

#endif
