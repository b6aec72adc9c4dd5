/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tracee.h"

/* The thread sanitizer makes a hundred instructions of one: stepping through them takes minutes. */
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
	struct tracee tracee;

	return tracee_start(&tracee, NULL, nothing, NULL) && tracee_kill_at(&tracee, request, 1) == 1;
}

static int add_one(void *word)
{
	atomic_fetch_add((_Atomic unsigned *)word, 1);
	return 0;
}

/*
 * Without atomic instructions (ARMv8.0, say) it is a load and a store, which fails if the kernel has run since the
 * load: it does at each step, so they are repeated for ever.
 */
static bool steps_through_atomics(void)
{
	const uint64_t many = 50000; /* a thousand would do, most of them to find the functions */
	_Atomic unsigned word = 0;
	struct tracee tracee;

	return tracee_start(&tracee, NULL, add_one, &word) && tracee_kill_at(&tracee, PTRACE_SINGLESTEP, many) < many;
}

bool tracee_may_step(void)
{
#if defined TRACEE_TSAN
	printf("skipped: single-stepping what the thread sanitizer has instrumented takes minutes\n");
	return false;
#endif
	if (!tracee_permitted(PTRACE_SINGLESTEP)) {
		printf("skipped: ptrace(2) cannot single-step here\n");
		return false;
	}
	if (!steps_through_atomics()) {
		printf("skipped: single-stepping does not get past an atomic operation on this processor\n");
		return false;
	}
	return true;
}

bool tracee_start(struct tracee *tracee, int (*prepare)(void *), int (*act)(void *), void *argument)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (prepare != NULL && prepare(argument) != 0)
			_exit(1);
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(1);
		raise(SIGSTOP);
		_exit(act(argument));
	}
	*tracee = (struct tracee){ .pid = pid };
	if (pid < 0 || waitpid(pid, &tracee->status, 0) != pid || !WIFSTOPPED(tracee->status))
		return false;
	/* If this process dies, its tracee must not stay stopped for ever. */
	ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD));
	return true;
}

bool tracee_go(struct tracee *tracee, int request)
{
	int number = WIFSTOPPED(tracee->status) ? WSTOPSIG(tracee->status) & 0x7f : 0;

	/* These two are the tracing's own. Any other signal is the child's: it would run into its cause again. */
	if (number == SIGTRAP || number == SIGSTOP)
		number = 0;
	if (ptrace(request, tracee->pid, NULL, (void *)(intptr_t)number) != 0)
		return false;
	return waitpid(tracee->pid, &tracee->status, 0) == tracee->pid && WIFSTOPPED(tracee->status);
}

void tracee_finish(struct tracee *tracee)
{
	while (tracee_go(tracee, PTRACE_CONT))
		;
}

void tracee_kill(struct tracee *tracee)
{
	if (!WIFSTOPPED(tracee->status))
		return;
	kill(tracee->pid, SIGKILL);
	waitpid(tracee->pid, &tracee->status, 0);
}

uint64_t tracee_kill_at(struct tracee *tracee, int request, uint64_t stops)
{
	uint64_t seen = 0;

	while (seen < stops && tracee_go(tracee, request))
		seen++;
	tracee_kill(tracee);
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

void tracee_fail_call(struct tracee *tracee, int err)
{
	/* No system call has this number. At the exit from it the result can be set. */
	ptrace(PTRACE_POKEUSER, tracee->pid, (void *)CALL_NUMBER, (void *)-1L);
	if (tracee_go(tracee, PTRACE_SYSCALL))
		ptrace(PTRACE_POKEUSER, tracee->pid, (void *)CALL_RESULT, (void *)(long)-err);
}
#else
bool tracee_fails_calls(void)
{
	return false;
}

static long read_number(pid_t pid)
{
#if defined PTRACE_GET_SYSCALL_INFO
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof info, &info) > 0 &&
	    info.op == PTRACE_SYSCALL_INFO_ENTRY)
		return (long)info.entry.nr;
#else
	(void)pid;
#endif
	return -1;
}

void tracee_fail_call(struct tracee *tracee, int err)
{
	(void)tracee;
	(void)err;
}
#endif

bool tracee_tells_calls(void)
{
	struct tracee tracee;
	long number;

	if (!tracee_start(&tracee, NULL, nothing, NULL))
		return false;
	number = tracee_to_call(&tracee, 0); /* its exit */
	tracee_kill(&tracee);
	return number != -1;
}

long tracee_to_call(struct tracee *tracee, uint64_t n)
{
	/* Each call stops it twice, before and after. */
	for (uint64_t stops = 0; stops <= 2 * n; stops++) {
		if (!tracee_go(tracee, PTRACE_SYSCALL))
			return -1;
	}
	return read_number(tracee->pid);
}
