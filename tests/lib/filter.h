/* SPDX-License-Identifier: MIT */
/* System calls that the calling thread, and whatever it starts, can make no more. */
#ifndef TESTS_FILTER_H
#define TESTS_FILTER_H

#include <stdbool.h>

/* Does this kernel permit filters here? Tried in a child. */
bool filter_works(void);

/* The call `number` fails with `err` from now on. */
bool filter_deny(int number, int err);

/* Every system call but _exit() and reading a clock ends the process with SIGSYS from now on. */
bool filter_forbid_all(void);

/* Only what a Docker container may call. `old`: with Docker of 2019, also without membarrier() and pidfd_open(). */
bool filter_as_container(bool old);

/*
 * Runs `body`, which calls filter_forbid_all(), in a child that makes no system call after it but _exit(). Returns what
 * `body` returned, or 128 + the signal that ended the child.
 */
int filter_run(int (*body)(const char *name), const char *name);

#endif
