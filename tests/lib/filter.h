/* SPDX-License-Identifier: MIT */
/* System calls taken away from the calling thread, and from what it starts, for good. */
#ifndef TESTS_FILTER_H
#define TESTS_FILTER_H

#include <stdbool.h>
#include <sys/types.h>

/* Can this kernel filter, here? Asked in a child. */
bool filter_works(void);

/* The call `number` fails with `err` from now on. */
bool filter_deny(int number, int err);

/* Every call but _exit, and a reading of a clock, ends the process with SIGSYS. */
bool filter_forbid_all(void);

/* Starts a child that makes no call but _exit when `body`, which forbids itself all others, returns its status. */
pid_t filter_start(int (*body)(const char *name), const char *name);

#endif
