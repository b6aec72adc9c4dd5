/* SPDX-License-Identifier: MIT */
/* A child ends by _exit(), which does not write the counts of --enable-coverage: this does. */
#ifndef TESTS_COVERAGE_H
#define TESTS_COVERAGE_H

#include <unistd.h>

#if defined ENABLE_COVERAGE
void __gcov_dump(void);
#else
#define __gcov_dump() ((void)0)
#endif

static inline _Noreturn void coverage_exit(int status)
{
	__gcov_dump();
	_exit(status);
}

#endif
