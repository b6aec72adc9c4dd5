/* SPDX-License-Identifier: MIT */
/* Whether a pollfd has been raised. */
#ifndef TESTS_POLLING_H
#define TESTS_POLLING_H

#include <stdbool.h>

struct shmemq;

#define SOON_MS (-1) /* no limit but the time that the test has, which is longer on slow machines */

/* Is this pollfd readable, or does it become so within so many ms? */
bool raised(int fd, int ms);

/* Fails the test unless it is raised soon. */
void await_raised(int fd);

/* Tries on this end whenever the pollfd is readable, and fails with EAGAIN, until it stays unreadable. */
void fail_until_quiet(struct shmemq *q, unsigned end, int fd);

/*
 * Does the kernel end the watch of a file that is open, when the file has lost its names and another name's dentry has
 * gone? Linux 6.12.117 did not. It is asked without the library, which may not hide that it has not noticed.
 */
bool kernel_ends_watches(void);

#endif
