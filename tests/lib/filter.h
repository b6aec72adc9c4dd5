/* SPDX-License-Identifier: MIT */
/* System calls that the calling thread, and whatever it starts, can make no more. */
#ifndef TESTS_FILTER_H
#define TESTS_FILTER_H

#include <stdbool.h>
#include <sys/types.h>

/* Does this kernel permit filters here? Tried in a child. */
bool filter_works(void);

/* The call `number` fails with `err` from now on. */
bool filter_deny(int number, int err);

/* Every system call but _exit() and reading a clock ends the process with SIGSYS from now on. */
bool filter_forbid_all(void);

/*
 * Starts a child that exits with what `body` returns, and makes no other system call after `body`, which calls
 * filter_forbid_all().
 */
pid_t filter_start(int (*body)(const char *name), const char *name);

#endif
