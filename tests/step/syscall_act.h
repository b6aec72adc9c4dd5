/* SPDX-License-Identifier: MIT */
/* Creates, opens, closes and removals in which a process is disturbed, and what must be left whatever happened. */
#ifndef TESTS_SYSCALL_ACT_H
#define TESTS_SYSCALL_ACT_H

#include <stdbool.h>
#include <stdint.h>

struct syscall_act {
	const char *what;
	bool polls;      /* needs an inotify instance */
	bool exists;     /* the queue is made before, with QUEUED messages; its producer is dead */
	bool may_vanish; /* the call may leave no name */
	bool once;       /* it cannot be tried again, even if it failed */
	uint32_t attr_flags;
	int (*prepare)(void *); /* in the victim, at full speed */
	int (*run)(void *);     /* in the victim; not 0: errno says why */
	const int *errnos;      /* that it may fail with, up to a 0; NULL: as an open */
	unsigned redelivered;   /* of the messages, the victim held so many */
};

#define SYSCALL_ACTS 20
extern const struct syscall_act syscall_acts[SYSCALL_ACTS];

/* The present one, and the queue it is about. */
extern const struct syscall_act *act;
extern const char *act_queue;

/* Makes what the act needs. */
void act_make_queue(void);

/* Fails unless what bears the name, if anything does, is as it should be; then removes it. */
void act_check_left(void);

/* In a /dev/shm of one's own: fails if there is a file under whatever name, or a page of a file without one. */
void act_check_empty(void);

#endif
