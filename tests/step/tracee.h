/* SPDX-License-Identifier: MIT */
/* A child under ptrace(2), run to its n-th system call or instruction and killed there. */
#ifndef TESTS_TRACEE_H
#define TESTS_TRACEE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/types.h>

/* May this process trace its children (PTRACE_SYSCALL, PTRACE_SINGLESTEP)? */
bool tracee_permitted(int request);

/* May it step through them (PTRACE_SINGLESTEP), in reasonable time? If not, says why. */
bool tracee_may_step(void);

/*
 * Starts a child: it runs `prepare` (unless NULL) at full speed, stops, and then runs `act` and exits with what that
 * returns. -1: it could not be started, or `prepare` failed.
 */
pid_t tracee_start(int (*prepare)(void *), int (*act)(void *), void *argument);

/* Lets it execute one instruction. false: it has ended, with `*status`; to be 0 before the first step. */
bool tracee_step(pid_t pid, int *status);

/* Lets it run to its end. `*status` as above. */
void tracee_finish(pid_t pid, int *status);

/*
 * Lets it go on for `stops` stops: at each entry to and each exit from a system call (PTRACE_SYSCALL), or after each
 * instruction (PTRACE_SINGLESTEP); then kills and reaps it. How many stops it had; less than `stops`: it ended by
 * itself before, with `*status`. 0 stops asked for: it is killed where it stands.
 */
uint64_t tracee_kill_at(pid_t pid, int request, uint64_t stops, int *status);

/* Can system calls be made to fail here? */
bool tracee_fails_calls(void);

/* Lets it go on to its n-th system call from here (from 0), and stand before it. Its number; -1: it ended before. */
long tracee_to_call(pid_t pid, uint64_t n, int *status);

/* Where it stands before a system call: the kernel leaves it out, and it fails with `err`. */
void tracee_fail_call(pid_t pid, int err, int *status);

#endif
