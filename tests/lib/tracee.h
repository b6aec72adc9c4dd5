/* SPDX-License-Identifier: MIT */
/* A child under ptrace(2), run to its n-th system call or instruction, and killed or disturbed there. */
#ifndef TESTS_TRACEE_H
#define TESTS_TRACEE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/types.h>

struct tracee {
	pid_t pid;
	int status; /* of its last stop, or of its end, as waitpid(2) tells it */
};

/* Can this process trace its children with this request (PTRACE_SYSCALL, PTRACE_SINGLESTEP)? */
bool tracee_permitted(int request);

/* Can it single-step them, in reasonable time? If not, it prints why. */
bool tracee_may_step(void);

/*
 * Starts a child: it runs `prepare` (unless NULL) at full speed, stops, and later runs `act` and exits with what that
 * returns. false: it could not be started, or `prepare` failed.
 */
bool tracee_start(struct tracee *tracee, int (*prepare)(void *), int (*act)(void *), void *argument);

/*
 * Lets it run to its next stop: an entry to or exit from a system call (PTRACE_SYSCALL), or the next instruction
 * (PTRACE_SINGLESTEP). false: it has ended.
 */
bool tracee_go(struct tracee *tracee, int request);

/* Lets it run to its end. */
void tracee_finish(struct tracee *tracee);

/* Kills it, unless it has ended. */
void tracee_kill(struct tracee *tracee);

/* Lets it run for `stops` stops, then kills it. How many stops it had; less than `stops`: it ended by itself before. */
uint64_t tracee_kill_at(struct tracee *tracee, int request, uint64_t stops);

/* Does tracee_to_call() work here? */
bool tracee_tells_calls(void);

/* Can system calls be made to fail here? */
bool tracee_fails_calls(void);

/* Lets it run to its n-th system call from here (from 0), and stop before it. Its number; -1: it ended before. */
long tracee_to_call(struct tracee *tracee, uint64_t n);

/* Where it has stopped before a system call: the kernel does not execute it, and it fails with `err`. */
void tracee_fail_call(struct tracee *tracee, int err);

#endif
