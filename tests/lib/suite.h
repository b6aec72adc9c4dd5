/* SPDX-License-Identifier: MIT */
/*
 * A Check program is a table of its tests, `const struct suite suite`, and suite.c has the main() that runs it. Each
 * run of a test is a process of its own.
 */
#ifndef TESTS_SUITE_H
#define TESTS_SUITE_H

#include "needs.h"
#include "support.h"

/* Defines a test: TEST(pops_in_order) { ... }. `_i` is the number of the run, from 0. */
#define TEST(name)                                                                   \
	static void name##_test(int _i);                                             \
	static const TTest name[1] = { { #name, name##_test, __FILE__, __LINE__ } }; \
	static void name##_test(int _i CK_ATTRIBUTE_UNUSED)

#define SUITE_TESTS_MAX  24
#define SUITE_SETUPS_MAX 3

struct suite {
	const char *name;
	unsigned seconds;                       /* after which the whole suite is ended */
	unsigned test_seconds;                  /* after which one test is ended; 0: 20 */
	unsigned needs;                         /* of all tests */
	void (*begin)(void);                    /* runs once, before the tests are forked, */
	void (*end)(void);                      /* and after all of them, whatever became of them */
	void (*setup)(void);                    /* before each test, in its process, */
	void (*teardown)(void);                 /* and after it */
	void (*setups[SUITE_SETUPS_MAX])(void); /* in place of `setup`: all tests run with the first, the second, ... */
	struct {
		const TTest *test;
		int loops;      /* how often it runs */
		unsigned needs; /* NEEDS_...: without one of them it is skipped */
	} tests[SUITE_TESTS_MAX];
};

extern const struct suite suite;

#endif
