/* SPDX-License-Identifier: MIT */
/* Forked children, as other users and in namespaces of their own. A child checks with CHECK. */
#ifndef TESTS_CHILD_H
#define TESTS_CHILD_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <unistd.h>

/* Exit status of a child that could not do what it was to test. */
#define CHILD_SKIP 77

/* Check's assertions belong to the process that Check forked. The children of that process use this one. */
#define CHECK(condition)                                                                                          \
	do {                                                                                                      \
		if (!(condition)) {                                                                               \
			fprintf(stderr, "%s:%d: child: not so: %s (errno: %s)\n", __FILE__, __LINE__, #condition, \
				strerror(errno));                                                                 \
			_exit(1);                                                                                 \
		}                                                                                                 \
	} while (0)

/* Starts a child that exits with what `body` returns. */
pid_t child_start(int (*body)(const void *argument), const void *argument);

/* The same, waits for the child, and fails the test unless it returned 0. CHILD_SKIP is printed and passes. */
void child_run(int (*body)(const void *argument), const void *argument);

/* Starts a peer that holds this end ("producer" or "consumer") until it is killed, and returns when it holds it. */
pid_t child_hold(const char *name, const char *end);

/* Sends SIGKILL and waits. */
void child_kill(pid_t pid);

/* Zeroed memory that a test shares with the children that it starts afterwards. */
void *child_shared(size_t bytes);

/* In a child: sets its soft limit. */
void child_limit(int resource, rlim_t value);

/* In a child whose memory is limited to less: can it map so much? An emulator may not pass the limit on. */
bool child_can_map(size_t bytes);

/* In a child: becomes another user if this one is root, so that file modes count. */
void child_drop_root(void);

/*
 * In a child: mounts a tmpfs with these options (NULL: none) at /dev/shm, for this child alone; or binds `source`
 * there. false: not permitted.
 */
bool child_own_shm(const char *options);
bool child_bind_shm(const char *source);

/* In a child: has no /proc from now on. false: not permitted. */
bool child_hide_proc(void);

/* In a child with a /dev/shm of its own: is there no file, under any name, and no page in use? */
bool child_shm_is_empty(void);

/* In a child: puts the children that it starts afterwards into a pid namespace of their own. false: not permitted. */
bool child_own_pids(void);

/* The same for a time namespace, whose CLOCK_MONOTONIC is 1000000 s ahead. */
bool child_own_clock(void);

#endif
