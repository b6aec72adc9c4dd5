/* SPDX-License-Identifier: MIT */
/* Forked children, as other users and in namespaces of their own. What a child does is checked there, by CHECK. */
#ifndef TESTS_CHILD_H
#define TESTS_CHILD_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* Exit status of a child that could not do what it was to test. */
#define CHILD_SKIP 77

/* Check's own assertions belong to the process that Check forked: in its children this one. */
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

/* The same, waits for it, and fails the test unless it returned 0; CHILD_SKIP: says so, and goes on. */
void child_run(int (*body)(const void *argument), const void *argument);

/* Starts a peer that holds this end ("producer" or "consumer") until it is killed, and waits until it does. */
pid_t child_hold(const char *name, const char *end);

/* Sends SIGKILL and waits. */
void child_kill(pid_t pid);

/* Zeroed memory that a test shares with the children it starts from then on. */
void *child_shared(size_t bytes);

/* In a child: gives up root, where it is root, so that file modes count. */
void child_drop_root(void);

/*
 * In a child: a /dev/shm of its own, a tmpfs with these mount options. Or instead of it what is found at `source`
 * (NULL options). false: not permitted here.
 */
bool child_own_shm(const char *options);
bool child_bind_shm(const char *source);

/* In a /dev/shm of its own: is there no file, under whatever name, and no page in use? */
bool child_shm_is_empty(void);

/* In a child: the children that it starts from then on are in a pid namespace of their own. false: not permitted. */
bool child_own_pids(void);

#endif
