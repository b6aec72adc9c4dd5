/* SPDX-License-Identifier: MIT */
/* The library's calls in which a process is disturbed, and what must be left whatever happened to it. */
#ifndef TESTS_SYSCALL_ACT_H
#define TESTS_SYSCALL_ACT_H

#include <stdbool.h>
#include <stdint.h>

struct syscall_act {
	const char *what;
	bool polls;      /* needs an inotify instance */
	bool exists;     /* the queue is made before, with messages; its producer is dead */
	bool may_vanish; /* the call may leave no name */
	bool once;       /* it cannot be tried again, even if it failed */
	uint32_t attr_flags;
	int (*prepare)(void); /* runs in the victim, at full speed; not 0: failed */
	int (*run)(void);     /* runs in the victim, disturbed; not 0: errno says why */
	const int *errnos;    /* that it may fail with, up to a 0; NULL: those of shmemq_open() */
	unsigned redelivered; /* the victim held so many of the messages */
};

#define SYSCALL_ACTS 20
extern const struct syscall_act syscall_acts[SYSCALL_ACTS];

/* The present one, and the name of its queue. */
extern const struct syscall_act *act;
extern const char *act_queue;

/* Makes the queue, if the act needs one. */
void act_make_queue(void);

/* Does the manual have this errno for the call? */
bool act_documented(int err);

/* Fails unless the queue of that name, if there is one, is as it should be; then removes it. */
void act_check_left(void);

/* If this process has a /dev/shm of its own: fails if there is a file in it, or a page of a file without a name. */
void act_check_empty(void);

#endif
