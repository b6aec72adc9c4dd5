/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tracee.h"

/* Where the thread sanitizer makes a hundred instructions of one, stepping through them takes minutes. */
#if defined __has_feature
#if __has_feature(thread_sanitizer)
#define TRACEE_TSAN 1
#endif
#elif defined __SANITIZE_THREAD__
#define TRACEE_TSAN 1
#endif

static int nothing(void *argument)
{
	(void)argument;
	return 0;
}

bool tracee_permitted(int request)
{
	pid_t pid = tracee_start(NULL, nothing, NULL);
	int status;

	return pid > 0 && tracee_kill_at(pid, request, 1, &status) == 1;
}

bool tracee_may_step(void)
{
#if defined TRACEE_TSAN
	printf("skipped: single-stepping what the thread sanitizer has instrumented takes minutes\n");
	return false;
#endif
	if (tracee_permitted(PTRACE_SINGLESTEP))
		return true;
	printf("skipped: ptrace(2) cannot single-step here\n");
	return false;
}

pid_t tracee_start(int (*prepare)(void *), int (*act)(void *), void *argument)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (prepare != NULL && prepare(argument) != 0)
			_exit(1);
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(1);
		raise(SIGSTOP);
		_exit(act(argument));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return -1;
	/* A tracee of a parent that dies is not to be left stopped. */
	ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD));
	return pid;
}

enum outcome {
	STOPPED,
	ENDED,
	REFUSED, /* it still stands where it stood */
};

/* `*status`: of the last stop, and then of the next. */
static enum outcome go_on(pid_t pid, int request, int *status)
{
	int number = WIFSTOPPED(*status) ? WSTOPSIG(*status) & 0x7f : 0;

	/* The tracing's own stops. Any other signal is meant for the child: without it, it would run into it again. */
	if (number == SIGTRAP || number == SIGSTOP)
		number = 0;
	if (ptrace(request, pid, NULL, (void *)(intptr_t)number) != 0)
		return REFUSED;
	return waitpid(pid, status, 0) == pid && WIFSTOPPED(*status) ? STOPPED : ENDED;
}

bool tracee_step(pid_t pid, int *status)
{
	return go_on(pid, PTRACE_SINGLESTEP, status) == STOPPED;
}

void tracee_finish(pid_t pid, int *status)
{
	while (go_on(pid, PTRACE_CONT, status) == STOPPED)
		;
}

uint64_t tracee_kill_at(pid_t pid, int request, uint64_t stops, int *status)
{
	uint64_t seen = 0;

	*status = 0;
	while (seen < stops) {
		enum outcome outcome = go_on(pid, request, status);

		if (outcome == ENDED)
			return seen;
		if (outcome == REFUSED)
			break;
		seen++;
	}
	kill(pid, SIGKILL);
	waitpid(pid, status, 0);
	return seen;
}

#if defined __x86_64__ || defined __i386__
#include <stddef.h>
#include <sys/user.h>

#if defined __x86_64__
#define CALL_NUMBER offsetof(struct user_regs_struct, orig_rax)
#define CALL_RESULT offsetof(struct user_regs_struct, rax)
#else
#define CALL_NUMBER offsetof(struct user_regs_struct, orig_eax)
#define CALL_RESULT offsetof(struct user_regs_struct, eax)
#endif

bool tracee_fails_calls(void)
{
	return tracee_permitted(PTRACE_SYSCALL);
}

static long read_number(pid_t pid)
{
	return ptrace(PTRACE_PEEKUSER, pid, (void *)CALL_NUMBER, NULL);
}

void tracee_fail_call(pid_t pid, int err, int *status)
{
	/* No call has this number. At the exit from it the result can be set. */
	ptrace(PTRACE_POKEUSER, pid, (void *)CALL_NUMBER, (void *)-1L);
	if (go_on(pid, PTRACE_SYSCALL, status) == STOPPED)
		ptrace(PTRACE_POKEUSER, pid, (void *)CALL_RESULT, (void *)(long)-err);
}
#else
bool tracee_fails_calls(void)
{
	return false;
}

static long read_number(pid_t pid)
{
	(void)pid;
	return -1;
}

void tracee_fail_call(pid_t pid, int err, int *status)
{
	(void)pid;
	(void)err;
	(void)status;
}
#endif

long tracee_to_call(pid_t pid, uint64_t n, int *status)
{
	/* Each call stops it twice, before and after. */
	for (uint64_t stops = 0; stops <= 2 * n; stops++) {
		if (go_on(pid, PTRACE_SYSCALL, status) != STOPPED)
			return -1;
	}
	return read_number(pid);
}
