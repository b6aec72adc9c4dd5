/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "filter.h"
#include "support.h"

#define LOAD_NUMBER               BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define RETURN_IF(number, action) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, action)
#define RETURN(action)            BPF_STMT(BPF_RET | BPF_K, action)

static bool install(struct sock_filter *filter, size_t bytes)
{
	struct sock_fprog program = { .len = (unsigned short)(bytes / sizeof *filter), .filter = filter };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool filter_works(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(!filter_deny(SYS_membarrier, ENOSYS));
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

bool filter_deny(int number, int err)
{
	struct sock_filter filter[] = {
		LOAD_NUMBER,
		RETURN_IF((unsigned)number, SECCOMP_RET_ERRNO | (unsigned)err),
		RETURN(SECCOMP_RET_ALLOW),
	};

	return install(filter, sizeof filter);
}

bool filter_forbid_all(void)
{
	/* Reading the clock is a system call only where the vDSO cannot read it. */
	struct sock_filter filter[] = {
		LOAD_NUMBER,
		RETURN_IF(SYS_exit_group, SECCOMP_RET_ALLOW),
#ifdef SYS_clock_gettime
		RETURN_IF(SYS_clock_gettime, SECCOMP_RET_ALLOW),
#endif
#ifdef SYS_clock_gettime64
		RETURN_IF(SYS_clock_gettime64, SECCOMP_RET_ALLOW),
#endif
		RETURN(SECCOMP_RET_KILL),
	};

	return install(filter, sizeof filter);
}

/* container.txt */
static const int container_calls[] = {
#include "container.inc"
};

/* What Docker's profile did not allow at the end of 2019. */
static const int later_calls[] = {
#ifdef SYS_close_range
	SYS_close_range,
#endif
#ifdef SYS_faccessat2
	SYS_faccessat2,
#endif
#ifdef SYS_openat2
	SYS_openat2,
#endif
#ifdef SYS_pidfd_open
	SYS_pidfd_open,
#endif
	SYS_membarrier,
};

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static size_t add_if(struct sock_filter *filter, size_t at, int number, unsigned action)
{
	const struct sock_filter two[] = { RETURN_IF((unsigned)number, action) };

	memcpy(filter + at, two, sizeof two);
	return at + LENGTH(two);
}

bool filter_as_container(bool old)
{
	struct sock_filter filter[2 + 2 * (LENGTH(container_calls) + LENGTH(later_calls) + 1)] = { LOAD_NUMBER };
	size_t at = 1;

	for (size_t i = 0; old && i < LENGTH(later_calls); i++)
		at = add_if(filter, at, later_calls[i], SECCOMP_RET_ERRNO | EPERM);
	for (size_t i = 0; i < LENGTH(container_calls); i++)
		at = add_if(filter, at, container_calls[i], SECCOMP_RET_ALLOW);
#ifdef SYS_clone3
	at = add_if(filter, at, SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS); /* so that libc uses clone() */
#endif
	filter[at++] = (struct sock_filter)RETURN(SECCOMP_RET_ERRNO | EPERM);
	return install(filter, at * sizeof filter[0]);
}

int filter_run(int (*body)(const char *name), const char *name)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		syscall(SYS_exit_group, body(name)); /* sanitizers have hooks in _exit */
	return test_wait(pid);
}
